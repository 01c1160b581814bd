"""Gets MNIST onto this machine, checked, and hands it out as numpy arrays.

The training scripts call `mnist_data.load(args.data)`. Run `python mnist_data.py` before a lecture:
it looks for the data, downloads what is missing, and says where it lies and how to share it.
"""

import gzip
import math
import os
import sys
from contextlib import contextmanager
from dataclasses import dataclass

import numpy as np

from digits import cache, download, idx
from digits.bar import Bar
from digits.idx import DataError
from visu.cli import Parser

TOTAL = 30  # seconds in which the mirrors must deliver to a script
PATIENCE = 600  # the same for `python mnist_data.py`
DRAWN = "DRAWN DIGITS, not MNIST"
DRAWN_FOLDER = "drawn-digits-1"  # another drawing, another number
NOT_MNIST = """\
NOT MNIST: it is not on this machine, and no mirror gives it. This run takes drawn digits.
For MNIST: python mnist_data.py with a network, or --data FOLDER. Not to search: --data drawn"""


@dataclass(frozen=True, eq=False)
class Digits:
    """images: [n, 28, 28, 1] float32, 0 to 1; labels: [n, 10] float32, one-hot."""

    images: np.ndarray
    labels: np.ndarray


@dataclass(frozen=True, eq=False)
class Mnist:
    """A data set in the shape of MNIST; name is for people to read."""

    train: Digits
    test: Digits
    name: str


def load(source="auto"):
    """Returns the data set `source` as a Mnist, or ends the program: message on stderr, status 2.

    source: "mnist" for MNIST itself, from this machine or the network; "drawn" for digits that are
    drawn here; "auto" for MNIST, or without it drawn digits; or a folder with any data in the shape
    of MNIST, as four files with MNIST's names (gzipped or not) or as one `mnist.npz`.
    """
    known = {"auto": load_auto, "mnist": load_mnist, "drawn": load_drawn}
    with _ending_the_program():
        return known[source]() if source in known else load_folder(source)


def load_auto():
    """Returns MNIST, or drawn digits with a loud word on stderr, as a Mnist."""
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
        return to_mnist(idx.read(idx.data_paths(folder)), folder.name or str(folder))
    except DataError as error:
        raise DataError(f"--data {folder}: {error}") from None


def load_drawn():
    """Returns 60,000 + 10,000 drawn digits as a Mnist: those kept here, or drawn now and kept."""
    folder = cache.datasets() / DRAWN_FOLDER
    try:
        return to_mnist(idx.read(idx.data_paths(folder)), DRAWN)
    except DataError:  # none yet, or damaged
        return to_mnist(draw(folder), DRAWN)


def draw(folder):
    """Draws digits and keeps them in a folder, if it lets us. Returns their four uint8 arrays."""
    from digits import drawn  # only where they are wanted

    print("Drawing 70,000 digits, once ...", end="", file=sys.stderr, flush=True)
    bar = Bar("digit")
    arrays = drawn.make(progress=bar)
    bar.end()
    print(" done", file=sys.stderr, flush=True)
    cache.sweep(folder)
    try:
        for name, array in zip(idx.NAMES, arrays, strict=True):
            content = gzip.compress(idx.to_idx(array), compresslevel=1)  # with a check sum
            cache.keep(folder / f"{name}.gz", content)
    except OSError as error:
        cache.say_not_kept("The drawing", folder, error)
    return arrays


def find_mnist(total):
    """Looks for MNIST in $MNIST_DIR, Keras's cache and our own; downloads what our own lacks.

    total: seconds for the download. Returns its four uint8 arrays, checked, and the folder that
    they lie in. Raises DataError.
    """
    datasets = cache.datasets()
    places = []
    if os.environ.get("MNIST_DIR"):
        places.append(idx.full_path(os.environ["MNIST_DIR"]))
    if os.path.isfile(datasets / idx.NPZ):
        places.append(datasets)
    for place in places:
        try:
            arrays = idx.read(idx.data_paths(place))
            return [*map(download.checked, idx.NAMES, arrays)], place
        except DataError as error:
            print(f"{place} is passed over: {error}", file=sys.stderr)
    return download.complete(datasets / "mnist", total), datasets / "mnist"


def to_mnist(arrays, name):
    """Returns four uint8 arrays as a Mnist. Raises DataError if they do not fit."""
    return Mnist(to_digits(*arrays[:2], "train"), to_digits(*arrays[2:], "t10k"), name)


def to_digits(pixels, labels, part):
    """Returns pixels [n, 28, 28] uint8, 0 to 255, and labels [n] uint8, 0 to 9, as Digits.

    Raises DataError if they are anything else; part: what they are called in its message.
    """
    if pixels.ndim != 3 or pixels.shape[1:] != (28, 28):
        raise DataError(f"{part}-images has shape {pixels.shape}, needed is (n, 28, 28)")
    if labels.shape != pixels.shape[:1]:
        needed = f"needed is ({len(pixels)},), one for each image"
        raise DataError(f"{part}-labels has shape {labels.shape}, {needed}")
    if len(labels) == 0:
        raise DataError(f"{part}-images is empty, needed is one digit or more")
    if labels.max() > 9:
        found = f"{len(np.unique(labels))} classes, the last is {labels.max()}"
        raise DataError(f"{part}-labels has {found}; needed are ten at most, 0 to 9")
    images = _empty((*pixels.shape, 1))
    np.divide(pixels[..., np.newaxis], 255, out=images, dtype=np.float32)
    return Digits(images, np.eye(10, dtype=np.float32)[labels])


def _empty(shape):
    """A float32 array, not filled, at a multiple of 64 bytes: there TensorFlow needs no copy."""
    size = math.prod(shape)
    room = np.empty(size + 16, np.float32)
    start = -room.ctypes.data % 64 // 4
    return room[start : start + size].reshape(shape)


@contextmanager
def _ending_the_program():
    """Within it a DataError ends the program with its message and status 2, Ctrl-C with 130."""
    try:
        yield
    except DataError as error:
        print(error, file=sys.stderr)
        sys.exit(2)
    except KeyboardInterrupt:
        print("\nStopped while the data was on its way.", file=sys.stderr)
        sys.exit(130)


def main():
    """What `python mnist_data.py` does."""
    Parser(description=__doc__).parse_args()
    with _ending_the_program():
        _, folder = find_mnist(PATIENCE)
        print(sharing(folder))


def sharing(folder):
    """Returns where MNIST lies and how a class can share it, to be read by people.

    Raises DataError if it could not be kept.
    """
    try:
        paths = idx.data_paths(folder)
    except DataError:
        raise DataError("It is not kept: each run would have to fetch it again.") from None
    files = "its four files" if len(paths) > 1 else "that file"
    place = folder if len(paths) > 1 else paths[0]
    size = sum(path.stat().st_size for path in paths)
    return (
        f"MNIST is complete and checked: {size / 1e6:.1f} MB, in\n  {place}\n"
        f"To share it with a class, copy {files} to a stick. From there each script takes it with\n"
        "  --data /media/stick\nand all of them, checked again, with MNIST_DIR=/media/stick"
    )


if __name__ == "__main__":
    main()
