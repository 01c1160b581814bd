"""Gets MNIST onto this machine, checked, and hands it out as numpy arrays.

The training scripts call `mnist_data.load(args.data)`. Run `python mnist_data.py` before a lecture:
it looks for the data, downloads what is missing and says where it lies.
"""

import argparse
import contextlib
import gzip
import hashlib
import math
import os
import socket
import struct
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

import numpy as np

# MNIST's four files and the SHA-256 of their raw bytes (those of the .gz differ between copies).
SHA256 = {
    "train-images-idx3-ubyte": "ba891046e6505d7aadcbbe25680a0738ad16aec93bde7f9b65e87a2fc25776db",
    "train-labels-idx1-ubyte": "65a50cbbf4e906d70832878ad85ccda5333a97f0f4c3dd2ef09a8a9eef7101c5",
    "t10k-images-idx3-ubyte": "0fa7898d509279e482958e8ce81c8e77db3f2f8254e26661ceb7762c4d494ce7",
    "t10k-labels-idx1-ubyte": "ff7bcfd416de33731a308c3f266cc351222c34898ecbeaf847f06e48f7ec33f2",
}
NPZ_KEYS = ("x_train", "y_train", "x_test", "y_test")  # the same four in an mnist.npz
MIRRORS = (
    "https://ossci-datasets.s3.amazonaws.com/mnist/",
    "https://storage.googleapis.com/cvdf-datasets/mnist/",
    "https://azureopendatastorage.blob.core.windows.net/mnist/",
    "https://github.com/fgnt/mnist/raw/master/",
)
TIMEOUT = 10  # seconds a mirror may stay silent


class DataError(Exception):
    """The data is missing or wrong; the message says what is wrong and what to do."""


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


def load(source="mnist"):
    """Returns the data set `source` as a Mnist, or ends the program: message on stderr, status 2.

    source: "mnist" for MNIST itself, from this machine or the network; or a folder with any data in
    the shape of MNIST, as four files with MNIST's names (gzipped or not) or as one `mnist.npz`.
    """
    try:
        if source == "mnist":
            return to_mnist(find_mnist()[0], "MNIST")
        return load_folder(source)
    except DataError as error:
        print(error, file=sys.stderr)
        sys.exit(2)


def load_folder(folder):
    """Returns the data set in a folder as a Mnist, named after the folder. Raises DataError."""
    folder = full_path(folder)
    try:
        return to_mnist(read_folder(folder), folder.name or str(folder))
    except DataError as error:
        raise DataError(f"--data {folder}: {error}") from None


def find_mnist():
    """Looks for MNIST in $MNIST_DIR, Keras's cache and our own; downloads what our own lacks.

    Returns the four raw files (name -> bytes, checked) and where they lie. Raises DataError.
    """
    datasets = full_path(os.environ.get("KERAS_HOME") or "~/.keras") / "datasets"
    places = []
    if os.environ.get("MNIST_DIR"):
        places.append((read_folder, full_path(os.environ["MNIST_DIR"])))
    if os.path.isfile(datasets / "mnist.npz"):
        places.append((read_npz, datasets / "mnist.npz"))
    for read, place in places:
        try:
            return checked(read(place)), place
        except DataError as error:
            print(f"{place} is passed over: {error}", file=sys.stderr)
    return complete(datasets / "mnist"), datasets / "mnist"


# ---- the network and our own cache ----


def complete(cache):
    """Returns the four raw files of our own cache, checked; what it lacks is downloaded first.

    Whatever is wrong with a mirror, the next one is tried. Raises DataError if none is left.
    """
    files = read_cache(cache)
    reasons = []
    for mirror in MIRRORS:
        try:
            cache.mkdir(parents=True, exist_ok=True)
            for name in SHA256:
                if name not in files:
                    files[name] = download(mirror, name, cache)
            return files
        except Exception as error:
            # Keras says "URL fetch failure on <address>: 404 -- Not Found": the end is enough.
            reasons.append(f"  {mirror}: {str(error).rpartition(' -- ')[2] or repr(error)}")
    raise DataError(no_data_message(cache, reasons))


def read_cache(cache):
    """Returns the raw files of our own cache that are right (name -> bytes), deletes the others."""
    files = {}
    for name in SHA256:
        for path in idx_paths(cache, name):
            try:
                files |= checked({name: read_raw(path)})
            except DataError:
                print(f"{path} is damaged and will be fetched anew", file=sys.stderr)
                with contextlib.suppress(OSError):
                    path.unlink()
    return files


def download(mirror, name, cache):
    """Downloads a file into our own cache, checked or not at all; returns its bytes or raises."""
    from keras.utils import get_file  # importing Keras takes seconds: only when needed

    timeout = socket.getdefaulttimeout()
    socket.setdefaulttimeout(TIMEOUT)  # get_file has none of its own
    try:
        with tempfile.TemporaryDirectory(dir=cache) as part:
            path = Path(get_file(f"{name}.gz", origin=f"{mirror}{name}.gz", cache_subdir=part))
            files = checked({name: read_raw(path)})
            os.replace(path, cache / path.name)
            return files[name]
    finally:
        socket.setdefaulttimeout(timeout)


def no_data_message(cache, reasons):
    """Returns what to tell a person who has no MNIST; reasons: one line for each mirror."""
    names = "\n".join(f"  {name}.gz" for name in SHA256)
    return "\n".join(["MNIST is not on this machine, and no mirror gives it:", *reasons]) + (
        f"\nPut these four files\n{names}\nfrom {MIRRORS[0]} or {MIRRORS[1]} into\n  {cache}\n"
        "or into any other folder, and say so to the script: --data FOLDER"
    )


# ---- files in, raw bytes out (of IDX files, gunzipped) ----


def full_path(path):
    """Returns the absolute Path of a path that may start with "~" or hold links."""
    return Path(os.path.realpath(os.path.expanduser(path)))


def idx_paths(folder, name):
    """Returns the paths at which a folder has MNIST's file `name`: raw or .gz, with "-" or "."."""
    stems = (name, name.replace("-idx", ".idx"))
    paths = [folder / (stem + end) for end in ("", ".gz") for stem in stems]
    return [path for path in paths if os.path.isfile(path)]


def read_folder(folder):
    """Returns the raw files (name -> bytes) of a folder. Raises DataError if one is missing."""
    if not os.path.isdir(folder):
        raise DataError("there is no such folder")
    paths = {name: idx_paths(folder, name) for name in SHA256}
    if not any(paths.values()) and os.path.isfile(folder / "mnist.npz"):
        return read_npz(folder / "mnist.npz")
    missing = [name for name in SHA256 if not paths[name]]
    if missing:
        raise DataError(f"needs {', '.join(missing)} (gzipped or not), or one mnist.npz")
    return {name: read_raw(paths[name][0]) for name in SHA256}


def read_raw(path):
    """Returns the bytes of a file, gunzipped if need be. Raises DataError if it is broken."""
    try:
        content = path.read_bytes()
        return gzip.decompress(content) if content[:2] == b"\x1f\x8b" else content
    except Exception as error:  # gzip has many ways to fail
        raise DataError(f"{path.name} is unreadable ({error}), get it anew") from None


def read_npz(path):
    """Returns Keras's `mnist.npz` as the raw files (name -> bytes) that it was made of.

    Raises DataError if it is broken or holds anything but bytes: pickles can run code, no pickles.
    """
    try:
        with np.load(path, allow_pickle=False) as npz:
            return {name: to_idx(npz[key]) for name, key in zip(SHA256, NPZ_KEYS, strict=True)}
    except Exception as error:  # and so have zip and numpy
        raise DataError(f"{path.name} is unreadable ({error}), get it anew") from None


# ---- raw bytes in, arrays out ----


def checked(files):
    """Returns the raw files (name -> bytes) if they are MNIST's to the byte; else DataError."""
    for name, raw in files.items():
        if hashlib.sha256(raw).hexdigest() != SHA256[name]:
            raise DataError(f"{name} is not MNIST's, its SHA-256 differs")
    return files


def parse_idx(raw, name="this"):
    """Returns the uint8 array in the raw bytes of an IDX file, in its own shape, not copied.

    IDX is the format of LeCun, Cortes and Burges's MNIST page: 0, 0, 8 (for uint8), the number of
    axes; each axis's length as a big-endian uint32; the values. Raises DataError for other bytes.
    """
    if len(raw) < 4 or raw[:3] != b"\0\0\x08" or raw[3] not in (1, 2, 3, 4):
        raise DataError(f"{name} is not an IDX file of bytes, it starts with {raw[:4]}")
    start = 4 + 4 * raw[3]
    shape = struct.unpack(f">{raw[3]}I", raw[4:start].ljust(start - 4, b"\0"))
    size = start + math.prod(shape)
    if len(raw) != size:
        raise DataError(f"{name} has {len(raw):,} bytes, by its header {size:,}: get it anew")
    return np.frombuffer(raw, np.uint8, offset=start).reshape(shape)


def to_idx(array):
    """Returns the raw bytes of the IDX file of a uint8 array. Raises DataError for other types."""
    if array.dtype != np.uint8:
        raise DataError(f"its values are {array.dtype}, not uint8")
    header = struct.pack(f">4B{array.ndim}I", 0, 0, 8, array.ndim, *array.shape)
    return header + array.tobytes()


def to_mnist(files, name):
    """Returns four raw files (name -> bytes) as a Mnist. Raises DataError if they do not fit."""
    arrays = [parse_idx(files[file], file) for file in SHA256]
    return Mnist(to_digits(*arrays[:2], "train"), to_digits(*arrays[2:], "t10k"), name)


def to_digits(pixels, labels, part):
    """Returns pixels [n, 28, 28] uint8, 0 to 255, and labels [n] uint8, 0 to 9, as Digits.

    Raises DataError if they are anything else; part: what they are called in its message.
    """
    if pixels.ndim != 3 or pixels.shape[1:] != (28, 28):
        raise DataError(f"{part}-images has shape {pixels.shape}, needed is (n, 28, 28)")
    if labels.shape != pixels.shape[:1]:
        raise DataError(f"{part}-images has {len(pixels):,} of them, {part}-labels {labels.shape}")
    if len(labels) == 0:
        raise DataError(f"{part}-images is empty, needed is one digit or more")
    if labels.max() > 9:
        raise DataError(f"{part}-labels has the label {labels.max()}, needed is 0 to 9")
    images = _empty((*pixels.shape, 1))
    np.divide(pixels[..., np.newaxis], 255, out=images, dtype=np.float32)
    return Digits(images, np.eye(10, dtype=np.float32)[labels])


def _empty(shape):
    """A float32 array, not filled, at a multiple of 64 bytes: there TensorFlow needs no copy."""
    size = math.prod(shape)
    room = np.empty(size + 16, np.float32)
    start = -room.ctypes.data % 64 // 4
    return room[start : start + size].reshape(shape)


def main():
    """What `python mnist_data.py` does. Returns the exit status."""
    argparse.ArgumentParser(description=__doc__).parse_args()
    try:
        _, place = find_mnist()
    except DataError as error:
        print(error, file=sys.stderr)
        return 2
    print(f"MNIST is complete and checked. It lies in {place}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
