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
    assert idx.data_paths(wrong)


def test_mnist_dir_that_is_not_there_is_said(machine, offline, monkeypatch, capsys, tmp_path):
    fill("own", machine, monkeypatch)
    monkeypatch.setenv("MNIST_DIR", str(tmp_path / "none"))
    assert_holds(mnist_data.load("mnist"))
    assert str(tmp_path / "none") in capsys.readouterr().err


def test_files_put_into_our_own_cache_by_hand(machine, offline):
    for path in write_idx(machine / "mnist-ladder", *STAND_IN):
        path.rename(path.with_name(path.name.replace("-idx", ".idx")))
    assert_holds(mnist_data.load("mnist"))


def test_mnist_is_downloaded_where_it_is_nowhere(machine, server, monkeypatch):
    monkeypatch.setattr(download, "MIRRORS", (server.mirror("first"),))
    assert_holds(mnist_data.load())
    assert own_cache_is_whole(machine / "mnist-ladder")


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

    monkeypatch.setattr(download, "fetch", interrupt)
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


def test_main_downloads_patiently(machine, server, monkeypatch, capsys):
    monkeypatch.setattr(download, "MIRRORS", (server.mirror("first"),))
    assert str(machine / "mnist-ladder") in run_main(monkeypatch, capsys)
    assert own_cache_is_whole(machine / "mnist-ladder")


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


def run_in_ascii(tmp_path, code, *arguments, encoding="ascii", **variables):
    """Runs code in a fresh Python whose terminal shows few letters; returns status, out, err."""
    variables |= {"LC_ALL": "C", "PYTHONIOENCODING": encoding}
    command = [sys.executable, "-c", f"import sys, mnist_data; {code}", *arguments]
    variables = offline_environment(tmp_path) | variables
    done = subprocess.run(command, cwd=TOP, env=variables, capture_output=True)
    return done.returncode, done.stdout, done.stderr


@pytest.mark.skipif(os.name != "posix", reason="needs a terminal of ASCII")
@pytest.mark.parametrize("name", ["Übung", UNDECODABLE])
@pytest.mark.parametrize("encoding", ["ascii", "utf-8"])
def test_main_prints_paths_that_the_terminal_cannot_show(tmp_path, name, encoding):
    """Through a program in which the stand-in is MNIST."""
    write_idx(tmp_path / name, *OTHER)
    write_idx(tmp_path / "keras" / "datasets" / "mnist-ladder", *STAND_IN)
    code = "mnist_data.download.checked = lambda name, array: array; mnist_data.main()"
    variables = {"encoding": encoding, "MNIST_DIR": str(tmp_path / name)}
    status, out, err = run_in_ascii(tmp_path / "keras", code, **variables)
    assert (status, err) == (0, b"") and b"MNIST_DIR=" in out


@pytest.mark.parametrize("source", ["--data", "mnist"])
@pytest.mark.parametrize("name", ["Übung", UNDECODABLE])
def test_messages_about_such_folders_are_no_traceback(tmp_path, source, name):
    folder = str(tmp_path / name)
    variables = {"MNIST_DIR": folder} if source == "mnist" else {}
    source = source if source == "mnist" else folder
    status, out, err = run_in_ascii(tmp_path, "mnist_data.load(sys.argv[1])", source, **variables)
    assert (status, out) == (2, b"") and b"no such folder" in err and b"Traceback" not in err


@pytest.mark.skipif(sys.platform != "linux", reason="needs a limit of the memory")
@pytest.mark.parametrize("npz", [False, True], ids=["idx", "npz"])
def test_too_little_memory_is_one_line(tmp_path, npz):
    images, labels = np.zeros([60_000, 28, 28], np.uint8), np.zeros(60_000, np.uint8)
    arrays = images, labels, images[:1], labels[:1]
    if npz:
        write_npz(tmp_path / "zeros" / "mnist.npz", arrays)
    else:
        write_idx(tmp_path / "zeros", *arrays, gz=True)
    code = (
        "import resource, sys, mnist_data\n"
        "used = int(open('/proc/self/statm').read().split()[0]) * resource.getpagesize()\n"
        "resource.setrlimit(resource.RLIMIT_AS, (used + int(sys.argv[2]),) * 2)\n"
        "mnist_data.load(sys.argv[1])"
    )
    for room in (20_000_000, 40_000_000):  # the digits are 47 million bytes
        done = run_python(["-c", code, str(tmp_path / "zeros"), str(room)], tmp_path)
        (line,) = done.stderr.splitlines()
        assert done.returncode == 2 and "memory" in line


def test_memory_that_lacks_while_downloading_is_no_fault_of_the_mirrors(
    machine, monkeypatch, capsys
):
    def lack(*_):
        raise MemoryError

    monkeypatch.setattr(download, "fetch", lack)
    with pytest.raises(SystemExit) as ended:
        mnist_data.load("auto")
    assert ended.value.code == 2
    assert "memory" in capsys.readouterr().err.splitlines()[-1]


def test_getting_the_data_imports_no_tensorflow_and_nothing_of_the_window(tmp_path):
    """With a progress bar on a terminal, too."""
    code = (
        "import sys, mnist_data\n"
        "from digits import bar, download, drawn\n"
        "sys.stderr.isatty = sys.stdout.isatty = lambda: True\n"
        "shown = bar.Bar()\n"
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
    paths = idx.data_paths(Path(REAL_MNIST))
    for name, array, path in zip(NAMES, idx.read(paths), paths, strict=True):
        content = gzip.compress(idx_bytes(array), compresslevel=1)
        server.pages[f"/real/{name}.gz"] = page(content)
        if path.suffix == ".gz":
            assert path.stat().st_size == pytest.approx(download.GZ_BYTES[name], rel=0.01)
    monkeypatch.setattr(download, "MIRRORS", (f"{server.address}none/", f"{server.address}real/"))
    arrays, where = mnist_data.find_mnist(30)
    assert where == tmp_path / "datasets" / "mnist-ladder" and len(idx.data_paths(where)) == 4
    assert [len(idx.to_idx(array)) for array in arrays] == list(download.RAW_BYTES.values())
    changed = arrays[2].copy()
    changed[123, 4, 5] ^= 1
    with pytest.raises(idx.DataError, match=NAMES[2]):
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
