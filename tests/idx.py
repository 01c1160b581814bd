"""Small data sets, and how to write them in MNIST's formats: tests need no MNIST, no network."""

import builtins
import errno
import gzip
import io
import os
import struct
from pathlib import Path

import numpy as np

NAMES = (
    "train-images-idx3-ubyte",
    "train-labels-idx1-ubyte",
    "t10k-images-idx3-ubyte",
    "t10k-labels-idx1-ubyte",
)


def idx_bytes(array):
    """Returns the raw bytes of the IDX file of an array, its values as uint8."""
    header = struct.pack(">HBB", 0, 8, array.ndim)
    lengths = b"".join(struct.pack(">I", n) for n in array.shape)
    return header + lengths + np.ascontiguousarray(array, np.uint8).tobytes()


def write_idx(folder, train_images, train_labels, test_images, test_labels, gz=False):
    """Writes the four files into a folder, which is made if need be, and returns their paths.

    images: [n, 28, 28] uint8; labels: [n] uint8, 0 to 9. Not checked: a test may want others.
    """
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    paths = []
    for name, array in zip(
        NAMES, (train_images, train_labels, test_images, test_labels), strict=True
    ):
        raw = idx_bytes(np.asarray(array))
        paths.append(folder / (name + ".gz" if gz else name))
        paths[-1].write_bytes(gzip.compress(raw, mtime=0) if gz else raw)
    return paths


def write_npz(path, arrays, **changed):
    """Writes four arrays, in the order of NAMES, as Keras's `mnist.npz`; returns its path."""
    path.parent.mkdir(parents=True, exist_ok=True)
    keys = ("x_train", "y_train", "x_test", "y_test")
    np.savez_compressed(path, **dict(zip(keys, arrays, strict=True)) | changed)
    return path


def made_up(seed, train=5, test=3):
    """Four uint8 arrays in the order of NAMES: images [n, 28, 28] and labels [n]."""
    rng = np.random.default_rng(seed)
    arrays = []
    for n in (train, test):
        arrays.append(rng.integers(0, 256, [n, 28, 28], dtype=np.uint8))
        arrays.append(rng.integers(0, 10, n, dtype=np.uint8))
    return arrays


STAND_IN = made_up(seed=1)  # what the tests take for MNIST
OTHER = made_up(seed=2)  # sound, but not MNIST


def same(arrays, others):
    """Whether two data sets, four arrays each, are the same."""
    return all(np.array_equal(a, b) for a, b in zip(arrays, others, strict=True))


def forbid(monkeypatch, *paths):
    """From now on these files cannot be opened, as those of mode 000, for root neither."""
    really_open, closed = io.open, {os.path.realpath(path) for path in paths}

    def open_or_refuse(file, *args, **kwargs):
        if not isinstance(file, int) and os.path.realpath(file) in closed:
            raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), file)
        return really_open(file, *args, **kwargs)

    monkeypatch.setattr(io, "open", open_or_refuse)
    monkeypatch.setattr(builtins, "open", open_or_refuse)


def contents(folder):
    """What lies in a folder: {name: bytes}."""
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def own_cache_is_whole(folder):
    """Whether it holds STAND_IN's four files, right, and nothing half-done beside them."""
    return sorted(path.name for path in folder.iterdir()) == sorted(f"{n}.gz" for n in NAMES) and (
        all(
            gzip.decompress((folder / f"{name}.gz").read_bytes()) == idx_bytes(array)
            for name, array in zip(NAMES, STAND_IN, strict=True)
        )
    )


def assert_holds(mnist, arrays=STAND_IN):
    """The data set holds these arrays, checked digit by digit without the code under test."""
    for digits, pixels, labels in ((mnist.train, *arrays[:2]), (mnist.test, *arrays[2:])):
        assert digits.images.dtype == digits.labels.dtype == np.uint8
        assert np.array_equal(digits.images, pixels)
        assert np.array_equal(digits.labels, labels)
