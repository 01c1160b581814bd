"""Finds or downloads MNIST, checks it, and returns it as numpy arrays.

The training scripts call `mnist_data.load(args.data)`. Run `python mnist_data.py` before a lecture:
it looks for MNIST, downloads what is missing, and prints where it is stored and how to share it.
"""

import argparse
import gzip
import math
import os
import sys
from contextlib import contextmanager
from dataclasses import dataclass

import numpy as np

from digits import download, files
from digits.files import DataError

TOTAL = 30  # seconds that a script allows for the download
PATIENCE = 600  # the same for `python mnist_data.py`
DRAWN = "DRAWN DIGITS, not MNIST"
OWN_FOLDER = "mnist-ladder"
OLD_FOLDER = "mnist"  # where MNIST was saved before; other programs use that name too
DRAWN_FOLDER = "drawn-digits-1"  # a new number whenever the drawing changes
NOT_MNIST = """\
NOT MNIST: it is not on this machine, and no mirror delivered it. This run uses drawn digits.
For MNIST: python mnist_data.py with a network, or --data FOLDER. To skip the search: --data drawn\
"""


@dataclass(frozen=True, eq=False)
class Digits:
    """images: [n, 28, 28] uint8, 0 to 255, the background is 0; labels: [n] uint8, 0 to 9."""

    images: np.ndarray
    labels: np.ndarray


@dataclass(frozen=True, eq=False)
class Mnist:
    """A data set in the shape of MNIST; name: to be displayed."""

    train: Digits
    test: Digits
    name: str


def load(source="auto"):
    """Returns the data set `source` as a Mnist, or ends the program: message on stderr, status 2.

    source: "mnist" for MNIST, from this machine or the network; "drawn" for digits drawn by this
    program; "auto" for MNIST if it can be had, else drawn digits; or a folder with any data in the
    shape of MNIST, as four files with MNIST's names (gzipped or not) or as one `mnist.npz`.
    """
    with _ending_the_program():
        if source == "drawn":
            return load_drawn()
        if source not in ("auto", "mnist"):
            return load_folder(source)
        try:
            return checked(find_mnist(TOTAL)[0], "MNIST")
        except DataError:
            if source == "mnist":
                raise
            print(NOT_MNIST, file=sys.stderr)
            return load_drawn()


def load_folder(folder):
    """Returns the data set in a folder as a Mnist, named after the folder. Raises DataError."""
    folder = files.full_path(folder)
    name = "".join(letter if letter.isprintable() else "?" for letter in folder.name)
    try:
        return checked(files.read(folder), name or str(folder))
    except DataError as error:
        raise DataError(f"--data {folder}: {error}") from None


def load_drawn():
    """Returns 60,000 + 10,000 drawn digits as a Mnist; they are drawn and saved if need be."""
    folder = files.datasets() / DRAWN_FOLDER
    try:
        return checked(files.read(folder), DRAWN)
    except DataError as error:
        if os.path.isdir(folder):
            print(f"{folder} is ignored: {error}", file=sys.stderr)
    from digits import drawn  # its tables take time to build, and few runs need them

    print("Drawing 70,000 digits (only once) ...", end="", file=sys.stderr, flush=True)
    bar = download.Bar("\n")
    arrays = drawn.make(progress=bar)
    bar.end()
    print(" done", file=sys.stderr, flush=True)
    try:
        for name, array in zip(files.NAMES, arrays, strict=True):
            files.save(folder, name, gzip.compress(files.to_idx(array), compresslevel=1, mtime=0))
    except OSError as error:
        print(files.not_saved("The drawing", folder, error), file=sys.stderr)
    return checked(arrays, DRAWN)


def find_mnist(total):
    """Finds MNIST in $MNIST_DIR, our own folder, Keras's or our old one, or else downloads it.

    total: seconds for the download. Returns its four uint8 arrays, checked, and the folder in which
    they are stored. Raises DataError.
    """
    named, datasets = os.environ.get("MNIST_DIR"), files.datasets()
    own = datasets / OWN_FOLDER
    places = [place for place in (own, datasets, datasets / OLD_FOLDER) if has_data(place)]
    for place in [files.full_path(named), *places] if named else places:
        try:
            return [*map(download.checked, files.NAMES, files.read(place))], place
        except DataError as error:
            print(f"{place} is ignored: {error}", file=sys.stderr)
    return download.complete(own, total), own


def has_data(folder):
    """Whether a folder has all the files of a data set, of whatever content."""
    try:
        return bool(files.data_paths(folder))
    except DataError:
        return False


def to_mnist(arrays, name):
    """Returns your own data as a Mnist, or ends the program: message on stderr, status 2.

    arrays: train images, train labels, test images, test labels; or ((images, labels), (images,
    labels)), as Keras's load_data() returns them; numpy arrays, tensors or lists. Images: n of
    28 x 28 pixels, whole numbers from 0 to 255, or these divided by 255; the background is 0.
    Labels: n whole numbers from 0 to 9, or one-hot.
    """
    with _ending_the_program():
        return checked(arrays, name)


def checked(arrays, name):
    """Returns the same, but raises DataError where the arrays are anything else."""
    try:
        parts = [*arrays]
        x_train, y_train, x_test, y_test = [*parts[0], *parts[1]] if len(parts) == 2 else parts
    except (TypeError, ValueError):
        raise DataError(f"{name}: needed are x_train, y_train, x_test, y_test") from None
    train, test = to_digits(x_train, y_train, "train"), to_digits(x_test, y_test, "t10k")
    data = Mnist(train, test, str(name))
    if any(np.median(part.images[:, ::27, ::27]) > 170 for part in (data.train, data.test)):
        inverted = "those of MNIST are white on black. 255 - images inverts them"
        print(f"{name}: the digits seem to be black on white; {inverted}.", file=sys.stderr)
    return data


def to_digits(images, labels, part):
    """Returns images and labels as Digits; part: their name in the message of a DataError."""
    images = to_uint8(images, 255, f"{part}-images")
    labels = to_uint8(labels, 9, f"{part}-labels")
    if math.prod(images.shape[1:]) != 28 * 28:
        raise DataError(f"{part}-images has shape {images.shape}, needed is (n, 28, 28)")
    if labels.shape == (len(images), 10) and (labels.sum(axis=1) == 1).all():  # one-hot
        labels = labels.argmax(axis=1).astype(np.uint8)
    if labels.size != len(images) or labels.shape[0] != len(images):
        needed = f"needed is ({len(images)},), one for each image"
        raise DataError(f"{part}-labels has shape {labels.shape}, {needed}")
    if len(labels) == 0:
        raise DataError(f"{part}-images is empty, needed is one digit or more")
    return Digits(images.reshape(-1, 28, 28), labels.reshape(-1))


def to_uint8(numbers, most, name):
    """Returns whole numbers, 0 to `most`, as a uint8 array. Raises DataError if they are not.

    Pixels from 0 to 1 are multiplied by 255.
    """
    needed = f"needed are whole numbers from 0 to {most}"
    try:
        numbers = np.asarray(numbers)
    except (ValueError, TypeError) as error:  # rows of several lengths
        raise DataError(f"{name} is no array of numbers, {needed}") from error
    if numbers.dtype.kind not in "iuf":
        raise DataError(f"{name} has {numbers.dtype}, {needed}")
    values = numbers
    if most == 255 and numbers.max(initial=0) <= 1:
        pixels = numbers * 255.0
        if (abs(pixels - np.round(pixels)) < 0.2).all():  # in half precision they are 0.13 off
            values = np.round(pixels)
    with np.errstate(invalid="ignore"):  # of NaN and what is out of range, which then differ
        whole = values.astype(np.uint8, copy=False)
    wrong = numbers[(whole != values) | (whole > most)]
    if wrong.size:
        raise DataError(f"{name} has {wrong[0]}, {needed}")
    return whole


@contextmanager
def _ending_the_program():
    """Within it errors end the program: status 2 and one message, or after Ctrl-C status 130."""
    try:
        yield
    except DataError as error:
        print(error, file=sys.stderr)
        sys.exit(2)
    except KeyboardInterrupt:
        print("\nStopped while loading the data.", file=sys.stderr)
        sys.exit(130)


def main():
    """Runs `python mnist_data.py`."""
    parser = argparse.ArgumentParser(
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        usage=argparse.SUPPRESS,  # errors are one line
    )
    parser.parse_args()
    if hasattr(sys.stdout, "reconfigure"):
        sys.stdout.reconfigure(errors="backslashreplace")  # for paths that it cannot encode
    with _ending_the_program():
        _, folder = find_mnist(PATIENCE)
        if not has_data(folder):
            raise DataError("MNIST is not saved: each run would have to download it again.")
    paths = files.data_paths(folder)
    size = sum(path.stat().st_size for path in paths)
    print(f"MNIST is complete and checked: {size / 1e6:.1f} MB, in")
    print(*(f"  {path}" for path in paths), sep="\n")
    what = "these four files" if len(paths) > 1 else "this file"
    print(f"To share it with a class, copy {what} to a USB stick. For one script, then use")
    print("  --data /media/stick\nor, for all scripts, MNIST_DIR=/media/stick")


if __name__ == "__main__":
    main()
