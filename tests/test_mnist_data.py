"""mnist_data: where it looks, MNIST or drawn digits or a folder, and `python mnist_data.py`.

With a few made-up digits; one test wants the real MNIST: it runs where $MNIST_DIR names its folder.
"""

import gzip
import os
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from conftest import TOP
from idx import (
    NAMES,
    OTHER,
    STAND_IN,
    assert_holds,
    idx_bytes,
    made_up,
    own_cache_is_whole,
    same,
    write_idx,
    write_npz,
)
from mirrors import offline_environment, page

import mnist_data
from digits import download, idx

REAL_MNIST = os.environ.get("MNIST_DIR")
DRAWN = made_up(seed=3, train=7, test=4)  # what the tests take for drawn digits


def test_images_are_scaled_and_labels_one_hot():
    pixels = np.zeros([2, 28, 28], np.uint8)
    pixels[0, 3, 5] = 51
    pixels[1, 27, 0] = 255
    digits = mnist_data.to_digits(pixels, np.array([3, 9], np.uint8), "train")
    expected = np.zeros([2, 28, 28, 1], np.float32)
    expected[0, 3, 5, 0] = 0.2
    expected[1, 27, 0, 0] = 1
    assert np.array_equal(digits.images, expected)
    assert digits.labels.tolist() == [[0, 0, 0, 1, 0, 0, 0, 0, 0, 0], [0] * 9 + [1]]


# ---- a folder ----


@pytest.mark.parametrize("npz", [False, True], ids=["idx", "npz"])
def test_a_folder_gives_its_name(tmp_path, npz):
    if npz:
        write_npz(tmp_path / "fashion" / "mnist.npz", OTHER)
    else:
        write_idx(tmp_path / "fashion", *OTHER)
    for folder in (tmp_path / "fashion", str(tmp_path / "fashion")):
        mnist = mnist_data.load(folder)
        assert_holds(mnist, OTHER)
        assert mnist.name == "fashion"


@pytest.mark.parametrize("name", ["here", "auto", "mnist", "drawn"])
def test_folders_in_the_working_directory(tmp_path, monkeypatch, name):
    write_idx(tmp_path / name, *OTHER)
    monkeypatch.chdir(tmp_path)
    assert mnist_data.load(f"./{name}").name == name
    monkeypatch.chdir(name)
    assert mnist_data.load(".").name == name


# ---- MNIST itself: $MNIST_DIR, the two caches ----


def fill(place, datasets, monkeypatch, arrays=STAND_IN):
    """Puts a data set into one of the three places; returns where find_mnist says it lies."""
    if place == "MNIST_DIR":
        folder = datasets.parent.parent / "stick"
        write_idx(folder, *arrays)
        monkeypatch.setenv("MNIST_DIR", str(folder))
        return folder
    if place == "keras":
        return write_npz(datasets / "mnist.npz", arrays).parent
    write_idx(datasets / "mnist", *arrays, gz=True)
    return datasets / "mnist"


PLACES = ("MNIST_DIR", "keras", "own")


@pytest.mark.parametrize("source", ["mnist", "auto"])
@pytest.mark.parametrize("place", PLACES)
def test_mnist_is_found_in_each_place(machine, offline, monkeypatch, capsys, place, source):
    where = fill(place, machine, monkeypatch)
    mnist = mnist_data.load(source)
    assert_holds(mnist)
    assert mnist.name == "MNIST"
    assert mnist_data.find_mnist(1)[1] == where
    assert capsys.readouterr() == ("", "")


@pytest.mark.parametrize("first", [0, 1])
def test_places_are_looked_through_in_order(machine, offline, monkeypatch, first):
    wanted = [fill(place, machine, monkeypatch) for place in PLACES[first:]][0]
    assert mnist_data.find_mnist(1)[1] == wanted


@pytest.mark.parametrize("first", [0, 1])
def test_wrong_data_is_passed_over_and_left_alone(machine, offline, monkeypatch, capsys, first):
    wrong = fill(PLACES[first], machine, monkeypatch, OTHER)
    right = fill(PLACES[first + 1], machine, monkeypatch)
    arrays, where = mnist_data.find_mnist(1)
    assert where == right and same(arrays, STAND_IN)
    assert f"{wrong} is passed over: {NAMES[0]} is not MNIST's" in capsys.readouterr().err
    assert idx.data_paths(wrong)


def test_mnist_dir_that_is_not_there_is_said(machine, offline, monkeypatch, capsys, tmp_path):
    fill("own", machine, monkeypatch)
    monkeypatch.setenv("MNIST_DIR", str(tmp_path / "none"))
    assert_holds(mnist_data.load("mnist"))
    assert f"{tmp_path / 'none'} is passed over" in capsys.readouterr().err


def test_files_put_into_our_own_cache_by_hand(machine, offline):
    for path in write_idx(machine / "mnist", *STAND_IN):
        path.rename(path.with_name(path.name.replace("-idx", ".idx")))
    assert_holds(mnist_data.load("mnist"))


def test_mnist_is_downloaded_where_it_is_nowhere(machine, server, monkeypatch):
    monkeypatch.setattr(download, "MIRRORS", (server.mirror("first"),))
    assert_holds(mnist_data.load())
    assert own_cache_is_whole(machine / "mnist")


# ---- the ends of a script ----


def run_python(code, tmp_path):
    """Runs code in a fresh Python at the top of the project, offline."""
    return subprocess.run(
        [sys.executable, *code],
        cwd=TOP,
        env=offline_environment(tmp_path),
        capture_output=True,
        text=True,
        timeout=120,
    )


@pytest.mark.parametrize(
    "code",
    [["-c", "import mnist_data; mnist_data.load('mnist')"], ["mnist_data.py"]],
    ids=["script", "main"],
)
def test_no_data_ends_a_program_with_one_clear_message(tmp_path, code):
    done = run_python(code, tmp_path)
    assert (done.returncode, done.stdout) == (2, "")
    assert "Traceback" not in done.stderr
    tried, _, message = done.stderr.partition("MNIST is not on this machine")
    assert tried.count("refused") == len(download.MIRRORS)
    for part in (*[f"{name}.gz" for name in NAMES], *download.MIRRORS[:2], "--data FOLDER"):
        assert part in message
    assert str(tmp_path / "datasets" / "mnist") in message
    assert not (tmp_path / "datasets").exists()


def test_bad_folder_ends_a_script_with_one_line_and_without_keras(tmp_path):
    code = (
        "import atexit, sys, mnist_data\n"
        "atexit.register(lambda: print('keras' in sys.modules))\n"
        f"mnist_data.load({str(tmp_path / 'none')!r})"
    )
    done = run_python(["-c", code], tmp_path)
    assert done.returncode == 2
    (line,) = done.stderr.splitlines()
    assert line.startswith(f"--data {tmp_path / 'none'}: there is no such folder")
    assert done.stdout == "False\n"


def test_ctrl_c_in_a_download_is_one_line_and_status_130(machine, monkeypatch, capsys):
    def interrupt(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr(download, "fetch", interrupt)
    with pytest.raises(SystemExit) as ended:
        mnist_data.load()
    assert ended.value.code == 130
    assert capsys.readouterr().err.splitlines()[-1].startswith("Stopped")


# ---- python mnist_data.py ----


def run_main(monkeypatch, capsys):
    monkeypatch.setattr(sys, "argv", ["mnist_data.py"])
    mnist_data.main()
    return capsys.readouterr().out


@pytest.mark.parametrize("place", PLACES)
def test_main_says_where_mnist_lies_and_how_to_share_it(
    machine, offline, monkeypatch, capsys, place, tmp_path
):
    """And what it says to be copied works from a stick."""
    folder = fill(place, machine, monkeypatch)
    said = run_main(monkeypatch, capsys)
    (place_line,) = (line.strip() for line in said.splitlines() if str(folder) in line)
    stick = tmp_path / "media" / "stick"
    stick.mkdir(parents=True)
    copied = [Path(place_line)] if place == "keras" else list(Path(place_line).iterdir())
    assert ("that file" if place == "keras" else "its four files") in said
    for path in copied:
        shutil.copy(path, stick)
    assert f"{sum(path.stat().st_size for path in copied) / 1e6:.1f} MB" in said
    assert "--data /media/stick" in said and "MNIST_DIR=/media/stick" in said
    assert_holds(mnist_data.load(stick))
    monkeypatch.setenv("MNIST_DIR", str(stick))
    assert mnist_data.find_mnist(1)[1] == stick.resolve()


def test_main_downloads_patiently(machine, server, monkeypatch, capsys):
    monkeypatch.setattr(download, "MIRRORS", (server.mirror("first"),))
    assert str(machine / "mnist") in run_main(monkeypatch, capsys)
    assert own_cache_is_whole(machine / "mnist")


def test_main_takes_no_flags_and_says_so_in_one_line(offline, monkeypatch, capsys):
    monkeypatch.setattr(sys, "argv", ["mnist_data.py", "--data", "x"])
    with pytest.raises(SystemExit) as ended:
        mnist_data.main()
    assert ended.value.code == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert "unrecognized arguments: --data x" in line


def test_main_that_cannot_keep_it_says_so(machine, server, monkeypatch, capsys):
    monkeypatch.setattr(download, "MIRRORS", (server.mirror("first"),))
    machine.parent.write_text("a file where the folder should be")
    with pytest.raises(SystemExit) as ended:
        run_main(monkeypatch, capsys)
    assert ended.value.code == 2
    assert "is not kept" in capsys.readouterr().err.splitlines()[-1]


# ---- the real thing ----


@pytest.mark.skipif(not REAL_MNIST, reason="$MNIST_DIR does not name a folder with MNIST")
def test_real_mnist_from_a_mirror(tmp_path, server, monkeypatch):
    monkeypatch.setenv("KERAS_HOME", str(tmp_path))
    monkeypatch.delenv("MNIST_DIR")
    paths = idx.data_paths(Path(REAL_MNIST))
    for name, array, path in zip(NAMES, idx.read(paths), paths, strict=True):
        content = gzip.compress(idx_bytes(array), compresslevel=1)
        server.pages[f"/real/{name}.gz"] = page(content)
        if path.suffix == ".gz":
            assert path.stat().st_size == pytest.approx(download.GZ_SIZE[name], rel=0.01)
    monkeypatch.setattr(download, "MIRRORS", (f"{server.address}none/", f"{server.address}real/"))
    arrays, where = mnist_data.find_mnist(30)
    assert where == tmp_path / "datasets" / "mnist" and len(idx.data_paths(where)) == 4
    assert [len(idx.to_idx(array)) for array in arrays] == list(download.SIZE.values())
    changed = arrays[2].copy()
    changed[123, 4, 5] ^= 1
    with pytest.raises(idx.DataError, match=NAMES[2]):
        download.checked(NAMES[2], changed)

    mnist = mnist_data.to_mnist(arrays, "MNIST")
    assert mnist.train.images.shape == (60000, 28, 28, 1)
    assert mnist.test.images.shape == (10000, 28, 28, 1)
    # Known from many publications: mean and deviation of the pixels, how often each digit occurs.
    pixels = mnist.train.images.ravel()
    mean = pixels.mean(dtype=np.float64)
    square = np.einsum("i,i", pixels, pixels, dtype=np.float64) / pixels.size  # no second array
    assert mean == pytest.approx(0.1307, abs=5e-5)
    assert np.sqrt(square - mean**2) == pytest.approx(0.3081, abs=5e-5)
    counts = [5923, 6742, 5958, 6131, 5842, 5421, 5918, 6265, 5851, 5949]
    assert mnist.train.labels.sum(axis=0).tolist() == counts
    counts = [980, 1135, 1032, 1010, 982, 892, 958, 1028, 974, 1009]
    assert mnist.test.labels.sum(axis=0).tolist() == counts
