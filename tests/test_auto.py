"""--data auto, mnist and drawn: MNIST, or digits that are drawn here and saved.

What draws them has tests of its own; here something quick takes its place.
"""

import json
import runpy
import shutil
import sys
import types

import pytest
from conftest import SCRIPTS
from idx import NAMES, OTHER, STAND_IN, assert_holds, contents, made_up, write_idx, write_npz

import mnist_data
from digits import download


def load(source="auto"):
    """As another process would, which has loaded nothing before."""
    mnist_data.load.cache_clear()
    return mnist_data.load(source)


DRAWN = made_up(seed=3, train=7, test=4)  # what the tests take for drawn digits


@pytest.fixture
def no_network(monkeypatch):
    def refuse(*_):
        raise OSError("no network")

    monkeypatch.setattr(download, "fetch", refuse)


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
        mnist = load()
        assert_holds(mnist, DRAWN)
        assert mnist.name == "DRAWN DIGITS, not MNIST"
        assert drawings == [(0, 60_000, 10_000)] * made
        lines = capsys.readouterr().err.splitlines()
        (loud,) = (k for k, line in enumerate(lines) if line.startswith("NOT MNIST"))
        assert "drawn digits" in lines[loud] and "--data FOLDER" in lines[loud + 1]
        assert [line for line in lines if "no network" in line] == lines[1:loud]
        assert len(lines[1:loud]) == len(download.MIRRORS)


def test_mnist_insists(machine, no_network, drawings, capsys):
    with pytest.raises(SystemExit) as ended:
        load("mnist")
    assert ended.value.code == 2 and not drawings
    assert "--data FOLDER" in capsys.readouterr().err


def test_drawn_asks_for_them_and_looks_for_nothing(machine, offline, drawings, capsys):
    write_npz(machine / "mnist.npz", STAND_IN)
    for _ in range(2):
        mnist = load("drawn")
        assert_holds(mnist, DRAWN)
        assert mnist.name == "DRAWN DIGITS, not MNIST"
    assert len(drawings) == 1 and "NOT MNIST" not in capsys.readouterr().err


@pytest.mark.parametrize("damage", ["cut", "gone", "checksum"])
def test_a_damaged_cache_of_drawn_digits_is_made_anew(machine, drawings, damage):
    load("drawn")
    folder = machine / mnist_data.DRAWN_FOLDER
    path = folder / f"{NAMES[1]}.gz"
    good = path.read_bytes()
    bad = {"cut": good[:-5], "gone": None, "checksum": good[:-8] + bytes(8)}[damage]
    path.unlink() if bad is None else path.write_bytes(bad)
    assert_holds(load("drawn"), DRAWN)
    assert_holds(mnist_data.load_folder(folder), DRAWN)
    others = [file for file in folder.iterdir() if file.name not in {f"{n}.gz" for n in NAMES}]
    assert [file.read_bytes() for file in others] == ([bad] if bad else [])
    assert len(drawings) == 2


def test_other_data_in_the_place_of_the_drawing_stays(machine, drawings, capsys):
    """Its labels do not fit to its images: it cannot be taken for the drawing."""
    folder = machine / mnist_data.DRAWN_FOLDER
    write_idx(folder, *OTHER[:3], OTHER[1], gz=True)
    before = contents(folder)
    assert_holds(load("drawn"), DRAWN)
    assert contents(folder) == before
    assert str(folder) in capsys.readouterr().err


def test_drawn_digits_that_cannot_be_saved_are_used(machine, drawings, capsys):
    machine.parent.write_text("a file where the folder should be")
    assert_holds(load("drawn"), DRAWN)
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
    assert json.loads(file.read_text())["data"] == "DRAWN DIGITS, not MNIST"
