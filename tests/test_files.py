"""digits.files: IDX files and npz, right ones and broken ones, with a few made-up digits."""

import gzip

import numpy as np
import pytest
from idx import (
    NAMES,
    OTHER,
    assert_holds,
    forbid,
    idx_bytes,
    made_up,
    same,
    write_idx,
    write_npz,
)

import mnist_data
from digits import files


def load_fails(folder):
    """The one line with which a folder is refused."""
    with pytest.raises(files.DataError) as caught:
        mnist_data.load_folder(folder)
    message = str(caught.value)
    assert message.startswith(f"--data {folder}: ") and "\n" not in message
    return message


# ---- bytes to arrays ----


@pytest.mark.parametrize("shape", [(7,), (2, 3), (2, 28, 28), (2, 3, 4, 5), (0,), (0, 28, 28)])
def test_an_idx_file_gives_the_array_that_was_written(shape):
    array = np.arange(np.prod(shape), dtype=np.uint8).reshape(shape)
    for content in (idx_bytes(array), gzip.compress(idx_bytes(array))):
        parsed = files.from_idx(content)
        assert parsed.dtype == np.uint8 and parsed.shape == shape
        assert np.array_equal(parsed, array)
    assert files.to_idx(array) == idx_bytes(array)


GOOD = idx_bytes(np.zeros([2, 28, 28]))


@pytest.mark.parametrize("pack", [bytes, gzip.compress], ids=["raw", "gz"])
@pytest.mark.parametrize(
    "raw, says",
    [
        (b"", "not an IDX file"),
        (b"<!DOCTYPE html><html>", "not an IDX file"),
        (b"\1" + GOOD[1:], "not an IDX file"),
        (b"\0\0\x0d" + GOOD[3:], "not an IDX file"),  # floats
        (b"\0\0\x08\0" + GOOD[4:], "not an IDX file"),
        (b"\0\0\x08\xc8" + bytes(800), "not an IDX file"),  # 200 axes
        (GOOD[:15], "not an IDX file"),
        (GOOD[:-1], "1,567 values, by its header 1,568"),
        (GOOD + b"\0", "1,569 values, by its header 1,568"),
        (GOOD[:4] + b"\xff" * 12, "header 79,228,162,458,924,105,385,300,197,375"),
    ],
)
def test_other_bytes_are_refused(raw, says, pack):
    with pytest.raises(files.DataError, match="a-file") as caught:
        files.from_idx(pack(raw), "a-file")
    assert says in str(caught.value) and len(str(caught.value)) < 150


# ---- folders ----


@pytest.mark.parametrize("dotted", [False, True], ids=["dash", "dot"])
@pytest.mark.parametrize("gz", [False, True], ids=["raw", "gz"])
def test_folder_with_idx_files(tmp_path, gz, dotted):
    for path in write_idx(tmp_path, *OTHER, gz=gz):
        if dotted:
            path.rename(path.with_name(path.name.replace("-idx", ".idx")))
    assert same(files.read(tmp_path), OTHER)


def test_gzip_is_told_by_the_bytes_not_by_the_name(tmp_path):
    for path, array in zip(write_idx(tmp_path, *OTHER, gz=True), OTHER, strict=True):
        path.write_bytes(idx_bytes(array))  # as a browser that unpacks what it saves
    assert same(files.read(tmp_path), OTHER)


MISFITS = [  # arrays that do not fit, and what is to be said of them
    ({0: np.zeros([5, 32, 32])}, "train-images", "(5, 32, 32)"),
    ({2: np.zeros([3, 28, 27])}, "t10k-images", "(3, 28, 27)"),
    ({0: np.zeros([5, 783])}, "train-images", "(5, 783)"),
    ({0: OTHER[1]}, "train-images", "(5,)"),
    ({1: np.zeros([5, 28, 28])}, "train-labels", "(5, 28, 28)"),
    ({3: np.zeros(4)}, "t10k-labels", "(4,)"),
    ({0: np.zeros([26, 28, 28]), 1: np.arange(26)}, "train-labels", "10"),
    ({3: np.array([1, 10, 2])}, "t10k-labels", "10"),
    ({2: np.zeros([0, 28, 28]), 3: np.zeros(0)}, "t10k-images", "empty"),
]


@pytest.mark.parametrize(("changed", "name", "says"), MISFITS)
def test_folder_whose_files_do_not_fit(tmp_path, changed, name, says):
    write_idx(tmp_path, *(dict(enumerate(OTHER)) | changed).values())
    message = load_fails(tmp_path)
    assert name in message and says in message


def test_folder_without_a_test_set(tmp_path):
    for path in write_idx(tmp_path, *OTHER)[2:]:
        path.unlink()
    message = load_fails(tmp_path)
    assert "test set" in message and NAMES[2] in message and NAMES[3] in message
    assert NAMES[0] not in message and NAMES[1] not in message


def test_folder_that_is_empty_or_none_or_a_file(tmp_path):
    message = load_fails(tmp_path)
    assert all(name in message for name in NAMES) and "mnist.npz" in message
    assert "No such file" in load_fails(tmp_path / "none")
    assert "Not a directory" in load_fails(write_npz(tmp_path / "mnist.npz", OTHER))


@pytest.mark.parametrize("damage", ["cut", "bits", "trailer"])
def test_folder_with_a_damaged_file(tmp_path, damage):
    path = write_idx(tmp_path, *OTHER, gz=True)[0]
    good = path.read_bytes()
    damages = {"cut": good[: len(good) // 2], "trailer": good[:-8] + bytes(8)}
    path.write_bytes((damages | {"bits": good[:50] + bytes(100) + good[150:]})[damage])
    message = load_fails(tmp_path)
    assert NAMES[0] in message and "damaged" in message


@pytest.mark.parametrize("fault", ["no zip", "cut", "key", "npy"])
def test_npz_that_is_broken(tmp_path, fault):
    path = write_npz(tmp_path / "mnist.npz", OTHER)
    if fault == "no zip":
        path.write_bytes(b"<html>403</html>")
    elif fault == "cut":
        path.write_bytes(path.read_bytes()[:-100])
    elif fault == "npy":  # one array, no archive
        with path.open("wb") as file:
            np.save(file, made_up(3)[0])
    else:
        np.savez(path, x_train=OTHER[0])
    message = load_fails(tmp_path)
    assert "mnist.npz" in message and ("y_train" if fault == "key" else "new copy") in message


def test_npz_of_any_integers_columns_first_uncompressed(tmp_path):
    arrays = dict(zip(files.NPZ_KEYS, OTHER, strict=True))
    arrays |= {key: np.asfortranarray(arrays[key], np.int64) for key in ("x_test", "y_train")}
    np.savez(tmp_path / "mnist.npz", **arrays)
    assert same(files.read(tmp_path), OTHER)
    mnist = mnist_data.load_folder(tmp_path)
    assert mnist.test.images.dtype == mnist.train.labels.dtype == np.uint8


@pytest.mark.parametrize("npz", [False, True], ids=["idx", "npz"])
def test_a_file_that_cannot_be_read_is_not_called_damaged(tmp_path, monkeypatch, npz):
    path = write_npz(tmp_path / "mnist.npz", OTHER) if npz else write_idx(tmp_path, *OTHER)[2]
    forbid(monkeypatch, path)
    message = load_fails(tmp_path)
    assert path.name in message and "Permission denied" in message
    assert "damaged" not in message


def test_a_folder_that_cannot_be_opened_is_not_called_empty(tmp_path, nobody):
    write_idx(tmp_path / "closed", *OTHER)
    (tmp_path / "closed").chmod(0)
    for parent in tmp_path.parents[:2]:  # pytest's own folders are closed to others
        parent.chmod(0o755)
    tmp_path.chmod(0o755)
    nobody()
    message = load_fails(tmp_path / "closed")
    assert "Permission denied" in message and "lacks" not in message


# ---- arrays that a program brings ----


def refused(arrays, capsys):
    """The one line with which a program ends that brings these arrays."""
    with pytest.raises(SystemExit) as ended:
        mnist_data.to_mnist(arrays, "mine")
    (line,) = capsys.readouterr().err.splitlines()
    assert ended.value.code == 2
    return line


def with_array(i, array):
    return [*OTHER[:i], array, *OTHER[i + 1 :]]


@pytest.mark.parametrize("dtype", ["int8", "uint8", "int64", "uint64", ">u2", "float32"])
def test_labels_and_pixels_of_any_whole_numbers_are_taken(dtype):
    arrays = [np.minimum(array, 127) for array in OTHER]
    mnist = mnist_data.to_mnist([array.astype(dtype) for array in arrays], "mine")
    for part, images, labels in ((mnist.train, *arrays[:2]), (mnist.test, *arrays[2:])):
        assert part.images.dtype == part.labels.dtype == np.uint8
        assert same([part.images, part.labels], [images, labels])


class Tensor:
    """What numpy knows of a tensor of TensorFlow or PyTorch."""

    def __init__(self, array):
        self.array = array

    def __array__(self, dtype=None, copy=None):
        return np.asarray(self.array, dtype)


@pytest.mark.parametrize(
    "brought",
    {
        "lists": [array.tolist() for array in OTHER],
        "tensors": [Tensor(array) for array in OTHER],
        "as load_data() returns them": (tuple(OTHER[:2]), tuple(OTHER[2:])),
        "with a channel": with_array(0, OTHER[0][..., None]),
        "divided, in half precision": with_array(0, (OTHER[0] / 255).astype(np.float16)),
        "rows of pixels": with_array(2, OTHER[2].reshape(-1, 784)),
        "a column of labels": with_array(1, OTHER[1][:, None]),
        "one-hot labels": with_array(3, np.eye(10)[OTHER[3]]),
        "pixels divided by 255": with_array(0, OTHER[0] / 255),
        "the same in float32": with_array(2, OTHER[2] / np.float32(255)),
    }.items(),
    ids=lambda brought: brought[0],
)
def test_what_is_clear_is_taken(brought):
    assert_holds(mnist_data.to_mnist(brought[1], "mine"), OTHER)


@pytest.mark.parametrize(
    ("labels", "says"),
    [
        ([2, -1, 3], "-1"),
        ([2, 0.5, 3], "0.5"),
        ([np.nan, 2, 3], "nan"),
        ([True, False, True], "bool"),
        ([1, 2, 256], "256"),
        (["1", "2", "3"], "U1"),
        ([[1], [2, 3]], "no array"),
    ],
)
def test_labels_that_are_no_digits_are_refused(labels, says, capsys):
    line = refused(with_array(3, labels), capsys)
    assert "t10k-labels" in line and says in line and "whole numbers from 0 to 9" in line


@pytest.mark.parametrize(
    "pixels",
    [
        OTHER[0] - 1.0,
        OTHER[0].astype(int) + 1000,
        OTHER[0] / 256,
        OTHER[0] / 255 - 0.5,
        np.where(OTHER[0] > 200, np.nan, OTHER[0]),
        OTHER[0] > 127,
    ],
    ids=["-1", "1000", "256ths", "around 0", "NaN", "bool"],
)
def test_pixels_that_are_not_0_to_255_are_refused(pixels, capsys):
    line = refused(with_array(0, pixels), capsys)
    assert "train-images" in line and "whole numbers from 0 to 255" in line


@pytest.mark.parametrize(
    ("brought", "says"),
    [
        (with_array(1, np.ones([5, 10])), "(5, 10)"),
        (OTHER[:3], "x_train, y_train, x_test, y_test"),
        (None, "x_train, y_train, x_test, y_test"),
    ],
)
def test_other_arrays_are_told_apart(brought, says, capsys):
    assert says in refused(brought, capsys)


def test_black_digits_on_white_are_said(capsys):
    drawn = np.pad(np.full([3, 24, 24], 200, np.uint8), ((0, 0), (2, 2), (2, 2)))
    for test in drawn, 255 - drawn:
        mnist_data.to_mnist((drawn, range(3), test, range(3)), "mine")
    (line,) = capsys.readouterr().err.splitlines()
    assert "255 - images" in line


def test_black_and_white_pixels_are_not_nearly_black_ones():
    digits = mnist_data.to_mnist(with_array(0, OTHER[0] // 128), "mine").train
    assert np.array_equal(digits.images, np.where(OTHER[0] < 128, 0, 255))
