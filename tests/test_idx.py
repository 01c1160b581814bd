"""digits.idx: IDX files and npz, right ones and broken ones, with a few made-up digits."""

import gzip
import io
import tracemalloc
import zipfile

import numpy as np
import pytest
from idx import NAMES, OTHER, forbid, idx_bytes, made_up, same, write_idx, write_npz
from mirrors import bomb

import mnist_data
from digits import idx


def load_fails(folder):
    """The one line with which a folder is refused."""
    with pytest.raises(idx.DataError) as caught:
        mnist_data.load_folder(folder)
    message = str(caught.value)
    assert message.startswith(f"--data {folder}: ") and "\n" not in message
    return message


# ---- bytes to arrays ----


@pytest.mark.parametrize("shape", [(7,), (2, 3), (2, 28, 28), (2, 3, 4, 5), (0,), (0, 28, 28)])
def test_an_idx_file_gives_the_array_that_was_written(shape):
    array = np.arange(np.prod(shape), dtype=np.uint8).reshape(shape)
    for content in (idx_bytes(array), gzip.compress(idx_bytes(array))):
        parsed = idx.from_idx(content)
        assert parsed.dtype == np.uint8 and parsed.shape == shape
        assert np.array_equal(parsed, array)
    assert idx.to_idx(array) == idx_bytes(array)


GOOD = idx_bytes(np.zeros([2, 28, 28]))


@pytest.mark.parametrize("pack", [bytes, gzip.compress], ids=["raw", "gz"])
@pytest.mark.parametrize(
    "raw, says",
    [
        (b"", "not an IDX file"),
        (b"\0\0\x08", "not an IDX file"),
        (b"<!DOCTYPE html><html>", "not an IDX file"),
        (b"\1" + GOOD[1:], "not an IDX file"),
        (b"\0\0\x0d" + GOOD[3:], "not an IDX file"),  # floats
        (b"\0\0\x08\0" + GOOD[4:], "not an IDX file"),
        (b"\0\0\x08\xc8" + bytes(800), "not an IDX file"),  # 200 axes
        (GOOD[:4], "not an IDX file"),
        (GOOD[:15], "not an IDX file"),
        (GOOD[:-1], "1,567 values, by its header 1,568"),
        (GOOD + b"\0", "more than 1,568 values"),
        (GOOD[:4] + b"\0\0\0\3" + GOOD[8:], "1,568 values, by its header 2,352"),
        (GOOD[:4] + b"\xff" * 12, "79,228,162,458,924,105,385,300,197,375 values"),
    ],
)
def test_other_bytes_are_refused(raw, says, pack):
    with pytest.raises(idx.DataError, match="a-file") as caught:
        idx.from_idx(pack(raw), "a-file")
    assert says in str(caught.value) and len(str(caught.value)) < 150


@pytest.mark.parametrize("announced", [5, 10**6], ids=["too little announced", "all announced"])
def test_a_gzip_bomb_is_not_unpacked(announced):
    content = bomb(announced, 3 * 10**7)
    tracemalloc.start()
    with pytest.raises(idx.DataError):
        idx.from_idx(content, most=5 * 784)
    assert tracemalloc.get_traced_memory()[1] < 10**6
    tracemalloc.stop()


@pytest.mark.parametrize("held", [10**7, 0])
@pytest.mark.parametrize("claimed", [10, 10**7, 10**15], ids="{:.0e} values claimed".format)
def test_a_zip_bomb_is_not_unpacked(tmp_path, monkeypatch, claimed, held):
    path = write_npz(tmp_path / "mnist.npz", OTHER)
    monkeypatch.setattr(idx, "MOST_BYTES", 10**6)
    start = io.BytesIO()
    header = {"descr": "|u1", "fortran_order": False, "shape": (claimed,)}
    np.lib.format.write_array_header_1_0(start, header)
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as file:
        for key in idx.NPZ_KEYS:
            file.writestr(f"{key}.npy", start.getvalue() + bytes(held))
    tracemalloc.start()
    assert "mnist.npz: x_train has" in load_fails(tmp_path)
    assert tracemalloc.get_traced_memory()[1] < 10**6
    tracemalloc.stop()


# ---- folders ----


@pytest.mark.parametrize("dotted", [False, True], ids=["dash", "dot"])
@pytest.mark.parametrize("gz", [False, True], ids=["raw", "gz"])
def test_folder_with_idx_files(tmp_path, gz, dotted):
    for path in write_idx(tmp_path, *OTHER, gz=gz):
        if dotted:
            path.rename(path.with_name(path.name.replace("-idx", ".idx")))
    assert same(idx.read(idx.data_paths(tmp_path)), OTHER)


def test_gzip_is_told_by_the_bytes_not_by_the_name(tmp_path):
    for path, array in zip(write_idx(tmp_path, *OTHER, gz=True), OTHER, strict=True):
        path.write_bytes(idx_bytes(array))  # as a browser that unpacks what it saves
    assert same(idx.read(idx.data_paths(tmp_path)), OTHER)


def with_array(i, array):
    return [*OTHER[:i], array, *OTHER[i + 1 :]]


MISFITS = [  # arrays that do not fit, and what is to be said of them
    ({0: np.zeros([5, 32, 32])}, "train-images", "(5, 32, 32)"),
    ({2: np.zeros([3, 28, 27])}, "t10k-images", "(3, 28, 27)"),
    ({0: np.zeros([5, 784])}, "train-images", "(5, 784)"),
    ({0: OTHER[1]}, "train-images", "(5,)"),
    ({1: OTHER[0]}, "train-labels", "(5, 28, 28)"),
    ({1: np.zeros(4)}, "train-labels", "(4,)"),
    ({3: np.zeros(4)}, "t10k-labels", "(4,)"),
    ({0: np.zeros([26, 28, 28]), 1: np.arange(26)}, "train-labels", "26"),
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


def test_folder_that_is_empty_or_none(tmp_path):
    message = load_fails(tmp_path)
    assert all(name in message for name in NAMES) and "mnist.npz" in message
    assert "no such folder" in load_fails(tmp_path / "none")


def test_file_where_the_folder_should_be(tmp_path):
    file = write_npz(tmp_path / "mnist.npz", OTHER)
    assert "this is a file" in load_fails(file)


@pytest.mark.parametrize("damage", ["cut", "bits", "trailer"])
def test_folder_with_a_damaged_file(tmp_path, damage):
    path = write_idx(tmp_path, *OTHER, gz=True)[0]
    good = path.read_bytes()
    path.write_bytes(
        {
            "cut": good[: len(good) // 2],
            "bits": good[:50] + bytes(100) + good[150:],
            "trailer": good[:-8] + bytes(8),
        }[damage]
    )
    assert NAMES[0] in load_fails(tmp_path)


class Trap:
    """An object whose unpickling leaves a file behind."""

    def __init__(self, path):
        self.path = str(path)

    def __reduce__(self):
        return (open, (self.path, "w"))


def test_npz_with_pickled_objects_is_refused(tmp_path):
    sprung = tmp_path / "sprung"
    write_npz(tmp_path / "mnist.npz", OTHER, x_train=np.array([Trap(sprung)], dtype=object))
    assert "mnist.npz" in load_fails(tmp_path)
    assert not sprung.exists()
    with np.load(tmp_path / "mnist.npz", allow_pickle=True) as npz:  # the trap is a real one
        _ = npz["x_train"]
    assert sprung.exists()


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
    assert "mnist.npz" in message
    assert ("y_train" if fault == "key" else "File is not a zip file") in message


@pytest.mark.parametrize(
    ("key", "dtype", "needed"),
    [("x_test", "float64", "0 to 255"), ("x_train", "int64", "0 to 255"), ("y_test", "O", "0 to 9")]
    + [("y_train", "int64", "0 to 9")],
)
def test_npz_of_another_type_says_which_array_and_what_to_save(tmp_path, key, dtype, needed):
    arrays = dict(zip(idx.NPZ_KEYS, OTHER, strict=True))
    write_npz(tmp_path / "mnist.npz", OTHER, **{key: arrays[key].astype(dtype)})
    message = load_fails(tmp_path)
    assert f"{key} is {np.dtype(dtype)}" in message and f"save as uint8, {needed}" in message
    assert "damaged" not in message and "cannot be read" not in message


def test_npz_with_columns_first_and_with_uncompressed_arrays(tmp_path):
    arrays = dict(zip(idx.NPZ_KEYS, map(np.asfortranarray, OTHER), strict=True))
    np.savez(tmp_path / "mnist.npz", **arrays)
    assert same(idx.read(idx.data_paths(tmp_path)), OTHER)


@pytest.mark.parametrize("npz", [False, True], ids=["idx", "npz"])
def test_a_file_that_cannot_be_read_is_not_called_damaged(tmp_path, monkeypatch, npz):
    path = write_npz(tmp_path / "mnist.npz", OTHER) if npz else write_idx(tmp_path, *OTHER)[2]
    forbid(monkeypatch, path)
    message = load_fails(tmp_path)
    assert path.name in message and "Permission denied" in message and "permissions" in message
    assert "damaged" not in message


def test_a_folder_that_cannot_be_opened_is_not_called_empty(tmp_path, nobody):
    write_idx(tmp_path / "closed", *OTHER)
    (tmp_path / "closed").chmod(0)
    for parent in tmp_path.parents[:2]:  # pytest's own folders are closed to others
        parent.chmod(0o755)
    tmp_path.chmod(0o755)
    nobody()
    message = load_fails(tmp_path / "closed")
    assert "cannot be read" in message and "lacks" not in message
