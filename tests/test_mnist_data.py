"""mnist_data: where it looks, MNIST or drawn digits or a folder, and `python mnist_data.py`.

With a few made-up digits, also in place of drawn ones, which have tests of their own; one test
wants the real MNIST: it runs where $MNIST_DIR names its folder.
"""

import gzip
import json
import os
import runpy
import shutil
import subprocess
import sys
import types
from pathlib import Path

import numpy as np
import pytest
from conftest import SCRIPTS, TOP
from idx import (
    NAMES,
    OTHER,
    STAND_IN,
    assert_holds,
    contents,
    idx_bytes,
    made_up,
    own_cache_is_whole,
    same,
    write_idx,
    write_npz,
)
from mirrors import offline_environment, page

import mnist_data
from digits import download, files

REAL_MNIST = os.environ.get("MNIST_DIR")
DRAWN = made_up(seed=3, train=7, test=4)  # what the tests take for drawn digits


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


# ---- MNIST itself: $MNIST_DIR and the caches ----


def fill(place, datasets, monkeypatch, arrays=STAND_IN):
    """Puts a data set into one of the four places; returns where find_mnist says it lies."""
    if place == "MNIST_DIR":
        folder = datasets.parent.parent / "stick"
        write_idx(folder, *arrays)
        monkeypatch.setenv("MNIST_DIR", str(folder))
        return folder
    if place == "keras":
        return write_npz(datasets / "mnist.npz", arrays).parent
    folder = datasets / {"own": "mnist-ladder", "old": "mnist"}[place]
    write_idx(folder, *arrays, gz=True)
    return folder


PLACES = ("MNIST_DIR", "own", "keras", "old")


@pytest.mark.parametrize("source", ["mnist", "auto"])
@pytest.mark.parametrize("place", PLACES)
def test_mnist_is_found_in_each_place(machine, offline, monkeypatch, capsys, place, source):
    where = fill(place, machine, monkeypatch)
    mnist = mnist_data.load(source)
    assert_holds(mnist)
    assert mnist.name == "MNIST"
    assert mnist_data.find_mnist(1)[1] == where
    assert capsys.readouterr() == ("", "")


@pytest.mark.parametrize("first", range(3))
def test_places_are_looked_through_in_order(machine, offline, monkeypatch, first):
    wanted = [fill(place, machine, monkeypatch) for place in PLACES[first:]][0]
    assert mnist_data.find_mnist(1)[1] == wanted


@pytest.mark.parametrize("first", [0, 2])
def test_wrong_data_is_ignored_and_left_alone(machine, offline, monkeypatch, capsys, first):
    wrong = fill(PLACES[first], machine, monkeypatch, OTHER)
    right = fill(PLACES[first + 1], machine, monkeypatch)
    arrays, where = mnist_data.find_mnist(1)
    assert where == right and same(arrays, STAND_IN)
    said = capsys.readouterr().err
    assert str(wrong) in said and NAMES[0] in said
    assert files.data_paths(wrong)


def test_mnist_dir_that_is_not_there_is_said(machine, offline, monkeypatch, capsys, tmp_path):
    fill("own", machine, monkeypatch)
    monkeypatch.setenv("MNIST_DIR", str(tmp_path / "none"))
    assert_holds(mnist_data.load("mnist"))
    assert str(tmp_path / "none") in capsys.readouterr().err


def test_mnist_is_downloaded_where_it_is_nowhere(machine, server, monkeypatch):
    monkeypatch.setattr(download, "MIRRORS", (server.mirror("first"),))
    assert_holds(mnist_data.load())
    assert own_cache_is_whole(machine / "mnist-ladder")


# ---- drawn digits ----


@pytest.fixture
def no_network(monkeypatch):
    def refuse(*_):
        raise OSError("no network")

    monkeypatch.setattr(download, "deliver", refuse)


@pytest.fixture
def drawings(monkeypatch):
    """Puts something quick in the place of digits.drawn. Returns the list of its calls."""
    import digits

    calls = []

    def make(seed=0, train=60_000, test=10_000, progress=None):
        progress(1, train + test)
        calls.append((seed, train, test))
        return DRAWN

    fake = types.SimpleNamespace(make=make)
    monkeypatch.setitem(sys.modules, "digits.drawn", fake)
    monkeypatch.setattr(digits, "drawn", fake, raising=False)
    return calls


def test_auto_takes_drawn_digits_where_mnist_is_not(machine, no_network, drawings, capsys):
    for made in (1, 1):  # the second time it is in the cache
        mnist = mnist_data.load()
        assert_holds(mnist, DRAWN)
        assert mnist.name == "DRAWN DIGITS, not MNIST"
        assert drawings == [(0, 60_000, 10_000)] * made
        lines = capsys.readouterr().err.splitlines()
        (loud,) = (k for k, line in enumerate(lines) if line.startswith("NOT MNIST"))
        assert "drawn digits" in lines[loud] and "--data FOLDER" in lines[loud + 1]
        assert [line for line in lines if "no network" in line] == lines[1:loud]
        assert len(lines[1:loud]) == len(download.MIRRORS)


def test_drawn_asks_for_them_and_looks_for_nothing(machine, offline, drawings, capsys):
    write_npz(machine / "mnist.npz", STAND_IN)
    for _ in range(2):
        mnist = mnist_data.load("drawn")
        assert_holds(mnist, DRAWN)
        assert mnist.name == "DRAWN DIGITS, not MNIST"
    assert len(drawings) == 1 and "NOT MNIST" not in capsys.readouterr().err


@pytest.mark.parametrize("damage", ["cut", "gone", "other"])
def test_a_damaged_cache_of_drawn_digits_is_made_anew(machine, drawings, damage, capsys):
    mnist_data.load("drawn")
    folder = machine / mnist_data.DRAWN_FOLDER
    path = folder / f"{NAMES[1]}.gz"
    good = path.read_bytes()
    other = gzip.compress(idx_bytes(OTHER[1]))  # these labels do not fit to the images
    bad = {"cut": good[:-5], "gone": None, "other": other}[damage]
    path.unlink() if bad is None else path.write_bytes(bad)
    capsys.readouterr()
    assert_holds(mnist_data.load("drawn"), DRAWN)
    assert str(folder) in capsys.readouterr().err
    assert_holds(mnist_data.load_folder(folder), DRAWN)
    kept = [content for name, content in contents(folder).items() if not name.endswith(".gz")]
    assert kept == ([bad] if bad else []) and len(drawings) == 2


def test_drawn_digits_that_cannot_be_saved_are_used(machine, drawings, capsys):
    machine.parent.write_text("a file where the folder should be")
    assert_holds(mnist_data.load("drawn"), DRAWN)
    _, line = capsys.readouterr().err.splitlines()
    assert "Not a directory" in line and "KERAS_HOME" in line


def test_a_script_without_mnist_says_so_everywhere(
    machine, no_network, small_data, tmp_path, monkeypatch, capfd
):
    """In the terminal, at the head of the run, and in run.json."""
    shutil.copytree(small_data, machine / mnist_data.DRAWN_FOLDER)
    flags = ["--headless", "--iterations", "10", "--runs", str(tmp_path / "runs")]
    monkeypatch.setattr(sys, "argv", [str(SCRIPTS[0]), *flags])
    runpy.run_path(str(SCRIPTS[0]))
    out, err = capfd.readouterr()
    assert "NOT MNIST" in err
    assert "DRAWN DIGITS, not MNIST" in out.splitlines()[0]
    (file,) = tmp_path.glob("runs/*/*/run.json")
    assert json.loads(file.read_text())["run"]["data"] == "DRAWN DIGITS, not MNIST"


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
    assert "Traceback" not in done.stderr and done.stderr.count("refused") == len(download.MIRRORS)
    for part in (*[f"{name}.gz" for name in NAMES], *download.MIRRORS[:2], "--data FOLDER"):
        assert part in done.stderr
    assert str(tmp_path / "datasets" / "mnist-ladder") in done.stderr
    assert not (tmp_path / "datasets").exists()


def test_ctrl_c_in_a_download_is_one_line_and_status_130(machine, monkeypatch, capsys):
    def interrupt(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr(download, "deliver", interrupt)
    with pytest.raises(SystemExit) as ended:
        mnist_data.load()
    assert ended.value.code == 130 and "Traceback" not in capsys.readouterr().err


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
    copied = [Path(line.strip()) for line in said.splitlines() if str(folder) in line]
    stick = tmp_path / "media" / "stick"
    stick.mkdir(parents=True)
    assert ("this file" if place == "keras" else "these four files") in said
    assert len(copied) == (1 if place == "keras" else 4)
    for path in copied:
        shutil.copy(path, stick)
    assert f"{sum(path.stat().st_size for path in copied) / 1e6:.1f} MB" in said
    assert "--data /media/stick" in said and "MNIST_DIR=/media/stick" in said
    assert_holds(mnist_data.load(stick))
    monkeypatch.setenv("MNIST_DIR", str(stick))
    assert mnist_data.find_mnist(1)[1] == stick.resolve()


def test_main_takes_no_flags_and_says_so_in_one_line(offline, monkeypatch, capsys):
    monkeypatch.setattr(sys, "argv", ["mnist_data.py", "--data", "x"])
    with pytest.raises(SystemExit) as ended:
        mnist_data.main()
    assert ended.value.code == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert "--data x" in line


def test_main_that_cannot_save_it_says_so(machine, server, monkeypatch, capsys):
    monkeypatch.setattr(download, "MIRRORS", (server.mirror("first"),))
    machine.parent.write_text("a file where the folder should be")
    with pytest.raises(SystemExit) as ended:
        run_main(monkeypatch, capsys)
    assert ended.value.code == 2 and "MNIST" in capsys.readouterr().err.splitlines()[-1]


# ---- what a user's machine may have ----


UNDECODABLE = os.fsdecode(b"f\xfcr-\xff")


@pytest.mark.parametrize("name", ["Übung", UNDECODABLE, "two\nlines", "\x1b[31mred"])
def test_any_folder_has_a_name_that_can_be_shown(tmp_path, name):
    try:
        write_idx(tmp_path / name, *OTHER)
    except OSError:
        pytest.skip("this disk takes no such name")
    mnist = mnist_data.load(tmp_path / name)
    assert_holds(mnist, OTHER)
    assert mnist.name.isprintable() and mnist.name.encode()
    assert mnist.name == name or name != "Übung"


@pytest.mark.skipif(os.name != "posix", reason="needs a terminal of ASCII")
@pytest.mark.parametrize("name", ["Übung", UNDECODABLE])
@pytest.mark.parametrize("encoding", ["ascii", "utf-8"])
def test_paths_that_the_terminal_cannot_show(tmp_path, name, encoding):
    """Printed by `main`, in a program in which the stand-in is MNIST, and in an error."""
    write_idx(tmp_path / name, *OTHER)
    environment = offline_environment(tmp_path) | {"LC_ALL": "C", "PYTHONIOENCODING": encoding}
    environment["MNIST_DIR"] = str(tmp_path / name)
    main = "mnist_data.download.checked = lambda name, array: array; mnist_data.main()"
    missing = "mnist_data.load(sys.argv[1])"
    for code, status, printed in ((main, 0, b"MNIST_DIR="), (missing, 2, b"No such file")):
        command = [sys.executable, "-c", f"import sys, mnist_data; {code}"]
        command += [str(tmp_path / "none" / name)] if code == missing else []
        done = subprocess.run(command, cwd=TOP, env=environment, capture_output=True)
        assert done.returncode == status and b"Traceback" not in done.stderr
        assert printed in (done.stderr if status else done.stdout)


def test_getting_the_data_imports_no_tensorflow_and_nothing_of_the_window(tmp_path):
    """With a progress bar on a terminal, too."""
    code = (
        "import sys, mnist_data\n"
        "from digits import download, drawn\n"
        "sys.stderr.isatty = sys.stdout.isatty = lambda: True\n"
        "shown = download.Bar()\n"
        "shown(1, 2)\n"
        "shown.end()\n"
        "print({'tensorflow', 'keras', 'visu', 'matplotlib'} & {*sys.modules})"
    )
    done = run_python(["-c", code], tmp_path)
    assert done.stdout == "set()\n" and "50 %" in done.stderr


# ---- the real thing ----


@pytest.mark.skipif(not REAL_MNIST, reason="$MNIST_DIR does not name a folder with MNIST")
def test_real_mnist_from_a_mirror(tmp_path, server, monkeypatch):
    monkeypatch.setenv("KERAS_HOME", str(tmp_path))
    monkeypatch.delenv("MNIST_DIR")
    for name, array in zip(NAMES, files.read(Path(REAL_MNIST)), strict=True):
        server.pages[f"/real/{name}.gz"] = page(gzip.compress(idx_bytes(array), compresslevel=1))
    monkeypatch.setattr(download, "MIRRORS", (f"{server.address}none/", f"{server.address}real/"))
    arrays, where = mnist_data.find_mnist(60)
    assert where == tmp_path / "datasets" / "mnist-ladder" and len(files.data_paths(where)) == 4
    changed = arrays[2].copy()
    changed[123, 4, 5] ^= 1
    with pytest.raises(files.DataError, match=NAMES[2]):
        download.checked(NAMES[2], changed)

    mnist = mnist_data.to_mnist(arrays, "MNIST")
    assert mnist.train.images.shape == (60000, 28, 28)
    assert mnist.test.images.shape == (10000, 28, 28)
    # Known from many publications: mean and deviation of the pixels, how often each digit occurs.
    shares = np.bincount(mnist.train.images.ravel(), minlength=256) / mnist.train.images.size
    pixels = np.arange(256) / 255
    mean = shares @ pixels
    assert mean == pytest.approx(0.1307, abs=5e-5)
    assert np.sqrt(shares @ pixels**2 - mean**2) == pytest.approx(0.3081, abs=5e-5)
    counts = [5923, 6742, 5958, 6131, 5842, 5421, 5918, 6265, 5851, 5949]
    assert np.bincount(mnist.train.labels).tolist() == counts
    counts = [980, 1135, 1032, 1010, 982, 892, 958, 1028, 974, 1009]
    assert np.bincount(mnist.test.labels).tolist() == counts
