"""Finds or downloads MNIST, checks it, and returns it as numpy arrays.

The training scripts call `mnist_data.load(args.data)`. Run `python mnist_data.py` before a lecture:
it looks for MNIST, downloads what is missing, and prints where it is stored and how to share it.
"""

import argparse
import functools
import gzip
import os
import sys
from contextlib import contextmanager
from dataclasses import dataclass

import numpy as np

from digits import cache, download, idx
from digits.bar import Bar
from digits.idx import DataError

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
NO_MEMORY = "Too little memory for the data: close other programs, or use a smaller data set"


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


@functools.cache  # a restart with another seed runs the script's text once more
def load(source="auto"):
    """Returns the data set `source` as a Mnist, or ends the program: message on stderr, status 2.

    source: "mnist" for MNIST, from this machine or the network; "drawn" for digits drawn by this
    program; "auto" for MNIST if it can be had, else drawn digits; or a folder with any data in the
    shape of MNIST, as four files with MNIST's names (gzipped or not) or as one `mnist.npz`.
    """
    known = {"auto": load_auto, "mnist": load_mnist, "drawn": load_drawn}
    with _ending_the_program():
        return known[source]() if source in known else load_folder(source)


def load_auto():
    """Returns MNIST, or drawn digits with a prominent warning on stderr, as a Mnist."""
    try:
        return load_mnist()
    except DataError:
        print(NOT_MNIST, file=sys.stderr)
    return load_drawn()


def load_mnist():
    """Returns MNIST as a Mnist. Raises DataError."""
    return to_mnist(find_mnist(TOTAL)[0], "MNIST")


def load_folder(folder):
    """Returns the data set in a folder as a Mnist, named after the folder. Raises DataError."""
    folder = idx.full_path(folder)
    try:
        return to_mnist(idx.read(idx.data_paths(folder)), idx.printable(folder.name or str(folder)))
    except DataError as error:
        raise DataError(f"--data {folder}: {error}") from None


def load_drawn():
    """Returns 60,000 + 10,000 drawn digits as a Mnist; they are drawn and saved if need be."""
    folder = cache.datasets() / DRAWN_FOLDER
    try:
        return to_mnist(idx.read(idx.data_paths(folder)), DRAWN)
    except DataError as error:
        if os.path.isdir(folder):
            print(f"{folder} is ignored: {error}", file=sys.stderr)
    return to_mnist(draw(folder), DRAWN)


def draw(folder):
    """Draws digits and saves them in a folder if possible. Returns their four uint8 arrays."""
    from digits import drawn  # its tables take time to build, and few runs need them

    print("Drawing 70,000 digits (only once) ...", end="", file=sys.stderr, flush=True)
    bar = Bar("\n")
    arrays = drawn.make(progress=bar)
    bar.end()
    print(" done", file=sys.stderr, flush=True)
    cache.sweep(folder)
    try:
        for name, array in zip(idx.NAMES, arrays, strict=True):
            content = gzip.compress(idx.to_idx(array), compresslevel=1)  # for its checksum
            cache.save(folder, name, content)
    except OSError as error:
        cache.say_not_saved("The drawing", folder, error)
    return arrays


def find_mnist(total):
    """Finds MNIST in one of places(), or else downloads what our own folder lacks.

    total: seconds for the download. Returns its four uint8 arrays, checked, and the folder in which
    they are stored. Raises DataError.
    """
    own = cache.datasets() / OWN_FOLDER
    for place in places(own):
        try:
            arrays = idx.read(idx.data_paths(place))
            return [*map(download.checked, idx.NAMES, arrays)], place
        except DataError as error:
            if place != own:  # there the download names each file that it cannot use
                print(f"{place} is ignored: {error}", file=sys.stderr)
    return download.complete(own, total), own


def places(own):
    """Returns the folders that may hold all of MNIST: $MNIST_DIR, our own, Keras's, our old one."""
    named = os.environ.get("MNIST_DIR")
    found = [idx.full_path(named)] if named else []
    if has_data(own):
        found.append(own)
    if os.path.isfile(own.parent / idx.NPZ):
        found.append(own.parent)
    if has_data(own.parent / OLD_FOLDER):
        found.append(own.parent / OLD_FOLDER)
    return found


def has_data(folder):
    """Whether a folder has all the files of a data set, of whatever content."""
    try:
        return bool(idx.data_paths(folder))
    except DataError:
        return False


def to_mnist(arrays, name):
    """Returns four uint8 arrays, in the order of idx.NAMES, as a Mnist. Raises DataError."""
    return Mnist(to_digits(*arrays[:2], "train"), to_digits(*arrays[2:], "t10k"), name)


def to_digits(pixels, labels, part):
    """Returns pixels [n, 28, 28] uint8, 0 to 255, and labels [n] uint8, 0 to 9, as Digits.

    Raises DataError if they are anything else; part: their name in its message.
    """
    if pixels.ndim != 3 or pixels.shape[1:] != (28, 28):
        raise DataError(f"{part}-images has shape {pixels.shape}, needed is (n, 28, 28)")
    if pixels.dtype != np.uint8:
        raise DataError(f"{part}-images must be uint8, 0 to 255, not {pixels.dtype}")
    if labels.shape != pixels.shape[:1]:
        needed = f"needed is ({len(pixels)},), one for each image"
        raise DataError(f"{part}-labels has shape {labels.shape}, {needed}")
    if len(labels) == 0:
        raise DataError(f"{part}-images is empty, needed is one digit or more")
    if labels.max() > 9:
        found = f"{len(np.unique(labels))} classes, the last is {labels.max()}"
        raise DataError(f"{part}-labels has {found}; needed are ten at most, 0 to 9")
    return Digits(pixels, labels)


@contextmanager
def _ending_the_program():
    """Within it errors end the program: status 2 and one message, or after Ctrl-C status 130."""
    try:
        yield
    except DataError as error:
        print(error, file=sys.stderr)
        sys.exit(2)
    except MemoryError:
        print(NO_MEMORY, file=sys.stderr)
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
        print(sharing(folder))


def sharing(folder):
    """Returns where MNIST is stored and how a class can share it, as a text.

    Raises DataError if it could not be saved.
    """
    try:
        paths = idx.data_paths(folder)
    except DataError:
        raise DataError("MNIST is not saved: each run would have to download it again.") from None
    files = "these four files" if len(paths) > 1 else "this file"
    size = sum(path.stat().st_size for path in paths)
    names = "\n".join(f"  {path}" for path in paths)
    return (
        f"MNIST is complete and checked: {size / 1e6:.1f} MB, in\n{names}\n"
        f"To share it with a class, copy {files} to a USB stick. For one script, then use\n"
        "  --data /media/stick\nor, for all scripts, MNIST_DIR=/media/stick"
    )


if __name__ == "__main__":
    main()
