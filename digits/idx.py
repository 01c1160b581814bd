"""Reads IDX files, gzipped or not, and Keras's mnist.npz as uint8 arrays; writes IDX files.

IDX is the format of LeCun, Cortes and Burges's MNIST page: 0, 0, 8 (for uint8), the number of axes;
the length of each axis as a big-endian uint32; the values.
"""

import gzip
import io
import math
import os
import struct
import zipfile
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
MOST_BYTES = 2**30  # bytes of an array: a million digits are 0.8 of it, a zip bomb is more


class DataError(Exception):
    """The data is missing or wrong; the message says what is wrong and what to do."""


class DamagedError(DataError):
    """The bytes of a file are not what its format or its own header requires."""


def full_path(path):
    """Returns the absolute Path of a path that may start with "~" or contain links."""
    return Path(os.path.realpath(os.path.expanduser(path)))


def printable(text):
    """Returns text without what a terminal or a window cannot show, such as undecodable bytes."""
    return "".join(letter if letter.isprintable() else "?" for letter in text)


def idx_paths(folder, name):
    """Returns the paths at which a folder has MNIST's file `name`: raw or .gz, with "-" or "."."""
    stems = (name, name.replace("-idx", ".idx"))
    paths = [folder / (stem + end) for end in ("", ".gz") for stem in stems]
    return [path for path in paths if os.path.isfile(path)]


def data_paths(folder):
    """Returns the paths of a folder's data: four IDX files in the order of NAMES, or one npz.

    Raises DataError if one is missing.
    """
    check_folder(folder)
    found = {name: idx_paths(folder, name) for name in NAMES}
    if not any(found.values()) and os.path.isfile(folder / NPZ):
        return [folder / NPZ]
    missing = [name for name in NAMES if not found[name]]
    if missing:
        raise DataError(f"lacks {', '.join(missing)} (t10k: the test set), or one {NPZ}")
    return [found[name][0] for name in NAMES]


def check_folder(folder):
    """Raises DataError if this is not a folder, or one whose files cannot be opened."""
    if os.path.isfile(folder):
        raise DataError("this is a file; give the folder that it is in")
    try:
        os.stat(os.path.join(folder, "."))  # also fails if the files in it cannot be opened
    except PermissionError:
        raise DataError("this folder cannot be read; check its permissions") from None
    except OSError:
        what = f"no such folder; give the one that holds the four IDX files or {NPZ}"
        raise DataError(what) from None


def read(paths):
    """Returns the four uint8 arrays, in the order of NAMES, of what data_paths has found.

    Raises DataError if a file is unreadable or damaged.
    """
    return read_npz(*paths) if len(paths) == 1 else [read_idx(path) for path in paths]


def read_idx(path):
    """Returns the uint8 array of an IDX file, gzipped or not.

    Raises DamagedError if it is damaged, another DataError if it cannot be read.
    """
    try:
        with open(path, "rb") as file:
            return parse(file, path.name)
    except OSError as error:
        raise unreadable(path, error) from None


def is_damaged(path):
    """Whether this is a file that can be read and is not a complete IDX file."""
    try:
        if os.path.isfile(path):
            read_idx(path)
    except DataError as error:
        return isinstance(error, DamagedError)
    return False


def unreadable(path, error):
    """Returns the DataError for a file that an OSError keeps from being read."""
    hint = "; check its permissions" if isinstance(error, PermissionError) else ""
    return DataError(f"{path.name} cannot be read ({error.strerror}){hint}")


def read_npz(path):
    """Returns the four uint8 arrays, in the order of NAMES, of Keras's `mnist.npz`.

    Raises DataError if it is unreadable or damaged, or has arrays of another type.
    """
    try:
        with zipfile.ZipFile(path) as file:
            return [read_npy(file, key, path.name) for key in NPZ_KEYS]
    except (DataError, MemoryError):
        raise
    except OSError as error:
        raise unreadable(path, error) from None
    except Exception as error:  # zipfile and numpy have many ways to fail
        raise DamagedError(f"{path.name} is damaged ({error}); get a new copy") from None


def read_npy(file, key, name):
    """Returns the uint8 array `key` of an open npz, which messages call `name`.

    Not by np.load: it unpickles objects, which can run code, and unpacks whatever size it finds.
    """
    if f"{key}.npy" not in file.namelist():
        raise DataError(f"{name} has no array {key}; needed are {', '.join(NPZ_KEYS)}")
    with file.open(f"{key}.npy") as stream:
        if np.lib.format.read_magic(stream) != (1, 0):
            raise DamagedError(f"{name}: the format of {key} is not supported; save it as uint8")
        shape, fortran, dtype = np.lib.format.read_array_header_1_0(stream)
        if dtype != np.uint8:
            values = "0 to 255" if key.startswith("x") else "0 to 9"
            raise DataError(f"{name}: {key} is {dtype}; save as uint8, {values}")
        values = read_values(stream, shape, f"{name}: {key}", MOST_BYTES)
    return values.reshape(shape, order="F" if fortran else "C")


def parse(file, name, most=MOST_BYTES):
    """Returns the uint8 array of an open IDX file, gzipped or not, in its own shape.

    Unpacks one byte more than the IDX header announces, and nothing if that is more than `most`.
    Raises DamagedError, in which it is called `name`, for other bytes.
    """
    zipped = file.read(2) == b"\x1f\x8b"
    file.seek(0)
    try:
        stream = gzip.GzipFile(fileobj=file) if zipped else file
        start = stream.read(4)
        axes = start[3] if len(start) == 4 and start[:3] == b"\0\0\x08" else 0
        lengths = stream.read(4 * axes)
        if axes not in (1, 2, 3, 4) or len(lengths) < 4 * axes:
            first = (start + lengths)[:16]
            raise DamagedError(f"{name} is not an IDX file of bytes, it starts with {first}")
        shape = struct.unpack(f">{axes}I", lengths)
        return read_values(stream, shape, name, most).reshape(shape)
    except (gzip.BadGzipFile, EOFError, zlib.error) as error:
        raise DamagedError(f"{name} is damaged ({error}); get a new copy") from None


def read_values(stream, shape, name, most):
    """Returns the values of an array of this shape, flat, from a stream that ends with them."""
    size = math.prod(shape)
    if size > most:
        raise DamagedError(f"{name} has {size:,} values by its header, which is too many")
    values = stream.read(size + 1)
    if len(values) != size:
        found = f"more than {size:,}" if len(values) > size else f"{len(values):,}"
        raise DamagedError(f"{name} has {found} values, by its header {size:,}; get a new copy")
    return np.frombuffer(values, np.uint8)


def header(array):
    """Returns what an IDX file says before the values of a uint8 array; else DataError."""
    if array.dtype != np.uint8:
        raise DataError(f"its values are {array.dtype}, not uint8")
    return struct.pack(f">4B{array.ndim}I", 0, 0, 8, array.ndim, *array.shape)


def to_idx(array):
    """Returns the raw bytes of the IDX file of a uint8 array. Raises DataError for other types."""
    return header(array) + array.tobytes()


def from_idx(content, name="this", most=MOST_BYTES):
    """Returns the uint8 array in the bytes of an IDX file, gzipped or not; see parse."""
    return parse(io.BytesIO(content), name, most)
