"""Files in, arrays out: IDX files, gzipped or not, and Keras's mnist.npz. And back again.

IDX is the format of LeCun, Cortes and Burges's MNIST page: 0, 0, 8 (for uint8), the number of axes;
each axis's length as a big-endian uint32; the values.
"""

import gzip
import io
import math
import os
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
MOST = 2**30  # bytes of a file, unpacked: a million digits are 0.8 of it, a zip bomb is more


class DataError(Exception):
    """The data is missing or wrong; the message says what is wrong and what to do."""


def full_path(path):
    """Returns the absolute Path of a path that may start with "~" or hold links."""
    return Path(os.path.realpath(os.path.expanduser(path)))


def idx_paths(folder, name):
    """Returns the paths at which a folder has MNIST's file `name`: raw or .gz, with "-" or "."."""
    stems = (name, name.replace("-idx", ".idx"))
    paths = [folder / (stem + end) for end in ("", ".gz") for stem in stems]
    return [path for path in paths if os.path.isfile(path)]


def data_paths(folder):
    """Returns the paths of a folder's data: four IDX files in the order of NAMES, or one npz.

    Raises DataError if one is missing.
    """
    if not os.path.isdir(folder):
        what = "this is a file" if os.path.exists(folder) else "there is no such folder"
        raise DataError(f"{what}, needed is the folder that the data lies in")
    found = {name: idx_paths(folder, name) for name in NAMES}
    if not any(found.values()) and os.path.isfile(folder / NPZ):
        return [folder / NPZ]
    missing = [name for name in NAMES if not found[name]]
    if missing:
        raise DataError(f"lacks {', '.join(missing)} (t10k: the test set), or one {NPZ}")
    return [found[name][0] for name in NAMES]


def read(paths):
    """Returns the four uint8 arrays, in the order of NAMES, of what data_paths has found.

    Raises DataError if a file is broken.
    """
    return read_npz(*paths) if len(paths) == 1 else [read_idx(path) for path in paths]


def read_idx(path):
    """Returns the uint8 array of an IDX file, gzipped or not. Raises DataError if it is broken."""
    try:
        with open(path, "rb") as file:
            return parse(file, path.name)
    except OSError as error:
        raise DataError(f"{path.name} is unreadable ({error.strerror}), get it anew") from None


def read_npz(path):
    """Returns the four uint8 arrays, in the order of NAMES, of Keras's `mnist.npz`.

    Raises DataError if it is broken or holds anything but bytes: pickles can run code, no pickles.
    """
    try:
        # Not np.load, which takes whatever is no zip file for a pickle, and advises to load it.
        with np.lib.npyio.NpzFile(path, allow_pickle=False) as npz:
            if sum(member.file_size for member in npz.zip.infolist()) > MOST:
                raise DataError(f"it unpacks to more than {MOST:,} bytes")
            arrays = [npz[key] for key in NPZ_KEYS]
        for array in arrays:
            header(array)
        return arrays
    except Exception as error:  # zip and numpy have many ways to fail
        raise DataError(f"{path.name} is unreadable ({error}), get it anew") from None


def parse(file, name, most=MOST):
    """Returns the uint8 array, in its own shape, of an open IDX file, gzipped or not.

    Unpacks one byte more than the IDX header announces, and nothing if that is more than `most`.
    Raises DataError, in which it is called `name`, for other bytes.
    """
    zipped = file.read(2) == b"\x1f\x8b"
    file.seek(0)
    try:
        stream = gzip.GzipFile(fileobj=file) if zipped else file
        start = stream.read(4)
        axes = start[3] if len(start) == 4 and start[:3] == b"\0\0\x08" else 0
        lengths = stream.read(4 * axes)
        if axes not in (1, 2, 3, 4) or len(lengths) < 4 * axes:
            head = (start + lengths)[:16]
            raise DataError(f"{name} is not an IDX file of bytes, it starts with {head}")
        shape = struct.unpack(f">{axes}I", lengths)
        size = math.prod(shape)
        if size > most:
            raise DataError(f"{name} has {size:,} values by its header, which is too many")
        values = stream.read(size + 1)
    except (OSError, EOFError, zlib.error) as error:
        raise DataError(f"{name} is damaged ({error}), get it anew") from None
    if len(values) != size:
        found = f"more than {size:,}" if len(values) > size else f"{len(values):,}"
        raise DataError(f"{name} has {found} values, by its header {size:,}: get it anew")
    return np.frombuffer(values, np.uint8).reshape(shape)


def header(array):
    """Returns what an IDX file says before the values of a uint8 array; else DataError."""
    if array.dtype != np.uint8:
        raise DataError(f"its values are {array.dtype}, not uint8")
    return struct.pack(f">4B{array.ndim}I", 0, 0, 8, array.ndim, *array.shape)


def to_idx(array):
    """Returns the raw bytes of the IDX file of a uint8 array. Raises DataError for other types."""
    return header(array) + array.tobytes()


def from_idx(content, name="this", most=MOST):
    """Returns the uint8 array in the bytes of an IDX file, gzipped or not; see parse."""
    return parse(io.BytesIO(content), name, most)
