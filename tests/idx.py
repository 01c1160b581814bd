"""Writes small data sets in MNIST's format, IDX, so that tests need no MNIST and no network."""

import gzip
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
