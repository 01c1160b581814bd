"""Reads IDX files, gzipped or not, and Keras's mnist.npz; saves files in our own folders.

IDX is the format of LeCun, Cortes and Burges's MNIST page: 0, 0, 8 (for uint8), the number of axes;
the length of each axis as a big-endian uint32; the values.
"""

import gzip
import math
import os
import secrets
import struct
import zlib
from pathlib import Path

import numpy as np

NAMES = (
    "train-images-idx3-ubyte",
    "train-labels-idx1-ubyte",
    "t10k-images-idx3-ubyte",
    "t10k-labels-idx1-ubyte",
)
NPZ = "mnist.npz"
NPZ_KEYS = ("x_train", "y_train", "x_test", "y_test")  # the same four in an mnist.npz


class DataError(Exception):
    """The data is missing or wrong; the message says what is wrong and what to do."""


def full_path(path):
    """Returns the absolute Path of a path that may start with "~" or contain links."""
    return Path(os.path.realpath(os.path.expanduser(path)))


def datasets():
    """Returns the folder in which Keras stores data sets. Our own folders are in it."""
    return full_path(os.environ.get("KERAS_HOME") or "~/.keras") / "datasets"


# ---- reading ----


def idx_paths(folder, name):
    """Returns the paths at which a folder has MNIST's file `name`: raw or .gz, with "-" or "."."""
    stems = (name, name.replace("-idx", ".idx"))
    paths = [folder / (stem + end) for end in ("", ".gz") for stem in stems]
    return [path for path in paths if os.path.isfile(path)]


def data_paths(folder):
    """Returns the paths of a folder's data: four IDX files in the order of NAMES, or one npz.

    Raises DataError if one is missing, or the folder itself.
    """
    try:
        os.listdir(folder)
    except OSError as error:
        what = f"give the folder that holds the four IDX files or {NPZ}"
        raise DataError(f"this is no folder that can be read ({error.strerror}); {what}") from None
    found = {name: idx_paths(folder, name) for name in NAMES}
    if not any(found.values()) and os.path.isfile(folder / NPZ):
        return [folder / NPZ]
    missing = [name for name in NAMES if not found[name]]
    if missing:
        raise DataError(f"lacks {', '.join(missing)} (t10k: the test set), or one {NPZ}")
    return [found[name][0] for name in NAMES]


def read(folder):
    """Returns the four arrays in a folder, in the order of NAMES. Raises DataError.

    Those of IDX files are uint8; those of an npz are of any type.
    """
    paths = data_paths(folder)
    return read_npz(*paths) if len(paths) == 1 else [read_idx(path) for path in paths]


def read_idx(path):
    """Returns the uint8 array of an IDX file, gzipped or not. Raises DataError."""
    try:
        return from_idx(path.read_bytes(), path.name)
    except OSError as error:
        raise DataError(f"{path.name} cannot be read ({error.strerror})") from None


def read_npz(path):
    """Returns the four arrays, in the order of NAMES, of Keras's `mnist.npz`. Raises DataError."""
    try:
        with np.load(path, allow_pickle=False) as file:
            return [file[key] for key in NPZ_KEYS]
    except KeyError as error:
        raise DataError(f"{path.name}: {error.args[0]}; needed are {', '.join(NPZ_KEYS)}") from None
    except OSError as error:
        raise DataError(f"{path.name} cannot be read ({error.strerror or error})") from None
    except Exception as error:  # zipfile and numpy have many ways to fail
        raise DataError(f"{path.name} is damaged ({error}); get a new copy") from None


def from_idx(content, name="this"):
    """Returns the uint8 array in the bytes of an IDX file, gzipped or not, in its own shape.

    Raises DataError, in which it is called `name`, for other bytes.
    """
    try:
        raw = gzip.decompress(content) if content[:2] == b"\x1f\x8b" else content
    except (OSError, EOFError, zlib.error) as error:
        raise DataError(f"{name} is damaged ({error}); get a new copy") from None
    axes = raw[3] if raw[:3] == b"\0\0\x08" and len(raw) > 3 else 0
    start = 4 + 4 * axes
    if axes not in (1, 2, 3, 4) or len(raw) < start:
        raise DataError(f"{name} is not an IDX file of bytes, it starts with {raw[:16]}")
    shape = struct.unpack(f">{axes}I", raw[4:start])
    found, needed = len(raw) - start, math.prod(shape)
    if found != needed:
        raise DataError(f"{name} has {found:,} values, by its header {needed:,}; get a new copy")
    return np.frombuffer(raw, np.uint8, offset=start).reshape(shape)


# ---- writing ----


def to_idx(array):
    """Returns the raw bytes of the IDX file of a uint8 array."""
    return struct.pack(f">4B{array.ndim}I", 0, 0, 8, array.ndim, *array.shape) + array.tobytes()


def save(folder, name, content):
    """Saves the bytes of a .gz as `name`.gz in one of our own folders, whole or not at all.

    Creates the folder. The same file, if it is there already, stays; any other, such as a damaged
    one, is renamed. Raises OSError, with the folder's files as they were.
    """
    folder.mkdir(parents=True, exist_ok=True)
    path, unique = folder / f"{name}.gz", secrets.token_hex(4)
    part = path.with_name(f"{path.name}.{unique}.part")
    try:
        part.write_bytes(content)
        if os.path.lexists(path):
            if path.read_bytes() == content:
                return
            os.rename(path, path.with_name(f"{path.name}.old-{unique}"))
        os.replace(part, path)
    finally:
        part.unlink(missing_ok=True)


def not_saved(what, folder, error):
    """Returns in one line that a folder takes no files, why, and what to do."""
    return (
        f"{what} could not be saved in {folder} ({error.strerror or error}). This run uses it "
        "all the same. To save it elsewhere, set KERAS_HOME=FOLDER."
    )
