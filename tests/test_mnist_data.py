"""mnist_data: IDX files, folders, caches and downloads, all with a few made-up digits.

One test wants the real MNIST: it runs where $MNIST_DIR names its folder.
"""

import contextlib
import gzip
import hashlib
import os
import socket
import subprocess
import sys
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import numpy as np
import pytest
from idx import NAMES, idx_bytes, write_idx

import mnist_data

REAL_MNIST = os.environ.get("MNIST_DIR")
TOP = Path(mnist_data.__file__).parent


def made_up(seed, train=5, test=3):
    """Four uint8 arrays: train and test images [n, 28, 28] and labels [n]."""
    rng = np.random.default_rng(seed)
    arrays = []
    for n in (train, test):
        arrays.append(rng.integers(0, 256, [n, 28, 28], dtype=np.uint8))
        arrays.append(rng.integers(0, 10, n, dtype=np.uint8))
    return arrays


STAND_IN = made_up(seed=1)  # what the tests take for MNIST
OTHER = made_up(seed=2)  # sound, but not MNIST


def write_npz(path, arrays=STAND_IN, **changed):
    path.parent.mkdir(parents=True, exist_ok=True)
    keys = ("x_train", "y_train", "x_test", "y_test")
    np.savez_compressed(path, **dict(zip(keys, arrays, strict=True)) | changed)
    return path


def assert_holds(mnist, arrays=STAND_IN):
    """The data set holds these arrays, checked digit by digit without the code under test."""
    for digits, pixels, labels in ((mnist.train, *arrays[:2]), (mnist.test, *arrays[2:])):
        assert digits.images.shape == (len(pixels), 28, 28, 1)
        assert digits.labels.shape == (len(labels), 10)
        assert digits.images.dtype == digits.labels.dtype == np.float32
        assert np.array_equal(np.rint(digits.images[..., 0] * 255), pixels)
        assert np.array_equal(digits.labels.argmax(axis=1), labels)
        assert np.array_equal(digits.labels.sum(axis=1), np.ones(len(labels)))


def load_fails(folder):
    """The one line with which a folder is refused."""
    with pytest.raises(mnist_data.DataError) as caught:
        mnist_data.load_folder(folder)
    message = str(caught.value)
    assert message.startswith(f"--data {folder}: ") and "\n" not in message
    return message


# ---- bytes to arrays ----


@pytest.mark.parametrize("shape", [(7,), (2, 3), (2, 28, 28), (2, 3, 4, 5), (0,), (0, 28, 28)])
def test_parse_idx_gives_the_array_that_was_written(shape):
    array = np.arange(np.prod(shape), dtype=np.uint8).reshape(shape)
    parsed = mnist_data.parse_idx(idx_bytes(array))
    assert parsed.dtype == np.uint8 and parsed.shape == shape
    assert np.array_equal(parsed, array)
    assert mnist_data.to_idx(array) == idx_bytes(array)


GOOD = idx_bytes(np.zeros([2, 28, 28]))


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
        (GOOD[:4], "4 bytes"),
        (GOOD[:15], "15 bytes"),
        (GOOD[:-1], "1,583 bytes, by its header 1,584"),
        (GOOD + b"\0", "1,585 bytes, by its header 1,584"),
        (GOOD[:4] + b"\0\0\0\3" + GOOD[8:], "1,584 bytes, by its header 2,368"),
        (GOOD[:4] + b"\xff" * 12, "by its header 79,228,162"),
        (gzip.compress(GOOD), "not an IDX file"),
    ],
)
def test_parse_idx_refuses_other_bytes(raw, says):
    with pytest.raises(mnist_data.DataError, match="a-file") as caught:
        mnist_data.parse_idx(raw, "a-file")
    assert says in str(caught.value)


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


# ---- folders ----


@pytest.mark.parametrize("dotted", [False, True], ids=["dash", "dot"])
@pytest.mark.parametrize("gz", [False, True], ids=["raw", "gz"])
def test_folder_with_idx_files(tmp_path, gz, dotted):
    for path in write_idx(tmp_path / "fashion", *OTHER, gz=gz):
        if dotted:
            path.rename(path.with_name(path.name.replace("-idx", ".idx")))
    mnist = mnist_data.load(str(tmp_path / "fashion"))
    assert_holds(mnist, OTHER)
    assert mnist.name == "fashion"


def test_folder_with_npz(tmp_path):
    write_npz(tmp_path / "mine" / "mnist.npz", OTHER)
    mnist = mnist_data.load(tmp_path / "mine")
    assert_holds(mnist, OTHER)
    assert mnist.name == "mine"


def test_gzip_is_told_by_the_bytes_not_by_the_name(tmp_path):
    for path, array in zip(write_idx(tmp_path, *OTHER, gz=True), OTHER, strict=True):
        path.write_bytes(idx_bytes(array))  # as a browser that unpacks what it saves
    assert_holds(mnist_data.load(tmp_path), OTHER)


def test_name_of_the_working_directory(tmp_path, monkeypatch):
    write_idx(tmp_path / "here", *OTHER)
    monkeypatch.chdir(tmp_path / "here")
    assert mnist_data.load(".").name == "here"


def with_array(i, array):
    return [*OTHER[:i], array, *OTHER[i + 1 :]]


@pytest.mark.parametrize(
    "arrays, says",
    [
        (with_array(0, np.zeros([5, 32, 32])), "train-images has shape (5, 32, 32)"),
        (with_array(2, np.zeros([3, 28, 27])), "t10k-images has shape (3, 28, 27)"),
        (with_array(0, np.zeros([5, 784])), "train-images has shape (5, 784)"),
        (with_array(0, OTHER[1]), "train-images has shape (5,)"),
        (with_array(1, OTHER[0]), "train-images has 5 of them, train-labels (5, 28, 28)"),
        (with_array(1, np.zeros(4)), "train-images has 5 of them, train-labels (4,)"),
        (with_array(3, np.zeros(4)), "t10k-images has 3 of them, t10k-labels (4,)"),
        (with_array(3, [1, 10, 2]), "t10k-labels has the label 10"),
        ([*OTHER[:2], np.zeros([0, 28, 28]), np.zeros(0)], "t10k-images is empty"),
    ],
)
def test_folder_whose_files_do_not_fit(tmp_path, arrays, says):
    write_idx(tmp_path, *arrays)
    assert says in load_fails(tmp_path)


def test_folder_that_lacks_a_file(tmp_path):
    write_idx(tmp_path, *OTHER)[3].unlink()
    message = load_fails(tmp_path)
    assert NAMES[3] in message and NAMES[0] not in message


def test_folder_that_is_empty_or_none(tmp_path):
    message = load_fails(tmp_path)
    assert all(name in message for name in NAMES) and "mnist.npz" in message
    assert "no such folder" in load_fails(tmp_path / "none")
    (tmp_path / "file").touch()
    assert "no such folder" in load_fails(tmp_path / "file")


@pytest.mark.parametrize("damage", ["cut", "bits", "trailer", "page"])
def test_folder_with_a_damaged_file(tmp_path, damage):
    path = write_idx(tmp_path, *OTHER, gz=True)[0]
    good = path.read_bytes()
    path.write_bytes(
        {
            "cut": good[: len(good) // 2],
            "bits": good[:50] + bytes(100) + good[150:],
            "trailer": good[:-8] + bytes(8),
            "page": b"<html>403</html>",
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
    write_npz(tmp_path / "mnist.npz", x_train=np.array([Trap(sprung)], dtype=object))
    assert "mnist.npz" in load_fails(tmp_path)
    assert not sprung.exists()
    with np.load(tmp_path / "mnist.npz", allow_pickle=True) as npz:  # the trap is a real one
        _ = npz["x_train"]
    assert sprung.exists()


@pytest.mark.parametrize("fault", ["no zip", "cut", "int64", "key"])
def test_npz_that_is_broken(tmp_path, fault):
    path = write_npz(tmp_path / "mnist.npz", OTHER)
    if fault == "no zip":
        path.write_bytes(b"<html>403</html>")
    elif fault == "cut":
        path.write_bytes(path.read_bytes()[:-100])
    elif fault == "int64":
        write_npz(path, OTHER, y_train=OTHER[1].astype(np.int64))
    else:
        np.savez(path, x_train=OTHER[0])
    message = load_fails(tmp_path)
    assert "mnist.npz" in message
    assert {"int64": "int64", "key": "y_train"}.get(fault, "") in message


# ---- MNIST itself: $MNIST_DIR, the two caches ----


@pytest.fixture
def machine(tmp_path, monkeypatch):
    """A machine without MNIST, for which STAND_IN is MNIST. Returns its `datasets` folder."""
    sums = {
        name: hashlib.sha256(idx_bytes(array)).hexdigest()
        for name, array in zip(NAMES, STAND_IN, strict=True)
    }
    monkeypatch.setattr(mnist_data, "SHA256", sums)
    monkeypatch.setenv("KERAS_HOME", str(tmp_path / "keras"))
    monkeypatch.delenv("MNIST_DIR", raising=False)
    return tmp_path / "keras" / "datasets"


@pytest.fixture
def offline(monkeypatch):
    """Any download fails the test (pytest.fail is no Exception, so that nothing swallows it)."""
    monkeypatch.setattr(mnist_data, "download", lambda *_: pytest.fail("went to the network"))


def fill(place, datasets, monkeypatch, arrays=STAND_IN):
    """Puts a data set into one of the three places; returns where find_mnist says it lies."""
    if place == "MNIST_DIR":
        folder = datasets.parent.parent / "stick"
        write_idx(folder, *arrays)
        monkeypatch.setenv("MNIST_DIR", str(folder))
        return folder
    if place == "keras":
        return write_npz(datasets / "mnist.npz", arrays)
    write_idx(datasets / "mnist", *arrays, gz=True)
    return datasets / "mnist"


PLACES = ("MNIST_DIR", "keras", "own")


@pytest.mark.parametrize("place", PLACES)
def test_mnist_is_found_in_each_place(machine, offline, monkeypatch, capsys, place):
    where = fill(place, machine, monkeypatch)
    mnist = mnist_data.load("mnist")
    assert_holds(mnist)
    assert mnist.name == "MNIST"
    assert mnist_data.find_mnist()[1] == where
    assert capsys.readouterr() == ("", "")


@pytest.mark.parametrize("first", [0, 1])
def test_places_are_looked_through_in_order(machine, offline, monkeypatch, first):
    wanted = [fill(place, machine, monkeypatch) for place in PLACES[first:]][0]
    assert mnist_data.find_mnist()[1] == wanted


@pytest.mark.parametrize("first", [0, 1])
def test_wrong_data_is_passed_over_and_left_alone(machine, offline, monkeypatch, capsys, first):
    wrong = fill(PLACES[first], machine, monkeypatch, OTHER)
    right = fill(PLACES[first + 1], machine, monkeypatch)
    files, where = mnist_data.find_mnist()
    assert where == right
    assert_holds(mnist_data.to_mnist(files, "MNIST"))
    assert f"{wrong} is passed over: {NAMES[0]} is not MNIST's" in capsys.readouterr().err
    assert wrong.exists()


def test_mnist_dir_that_is_not_there_is_said(machine, offline, monkeypatch, capsys, tmp_path):
    fill("own", machine, monkeypatch)
    monkeypatch.setenv("MNIST_DIR", str(tmp_path / "none"))
    assert_holds(mnist_data.load("mnist"))
    assert f"{tmp_path / 'none'} is passed over" in capsys.readouterr().err


def test_files_put_into_our_own_cache_by_hand(machine, offline):
    for path in write_idx(machine / "mnist", *STAND_IN):
        path.rename(path.with_name(path.name.replace("-idx", ".idx")))
    assert_holds(mnist_data.load("mnist"))


def test_main_says_where_mnist_lies(machine, offline, monkeypatch, capsys):
    where = fill("own", machine, monkeypatch)
    monkeypatch.setattr(sys, "argv", ["mnist_data.py"])
    assert mnist_data.main() == 0
    assert str(where) in capsys.readouterr().out


# ---- downloads, from a server on the loopback ----


class Server:
    """Mirrors under their names: `pages[path]` is (status, headers, body), or None for silence."""

    def __init__(self):
        self.pages, self.asked = {}, []
        self.closing = threading.Event()
        self.waited_for = False  # did a client sit through the silence?
        server = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self):
                server.asked.append(self.path)
                page = server.pages.get(self.path, (404, {}, b"<html>404</html>"))
                if page is None:
                    server.waited_for = not server.closing.wait(5)
                    return
                status, headers, body = page
                self.send_response(status)
                for key, value in ({"Content-Length": len(body)} | headers).items():
                    self.send_header(key, str(value))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_):
                pass

        self.http = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.address = f"http://127.0.0.1:{self.http.server_port}/"
        threading.Thread(target=self.http.serve_forever, args=[0.01], daemon=True).start()

    def mirror(self, name, arrays=STAND_IN):
        """Serves the four files of a data set under a name; returns the mirror's address."""
        for file, array in zip(NAMES, arrays, strict=True):
            self.pages[f"/{name}/{file}.gz"] = (200, {}, gzip.compress(idx_bytes(array)))
        return f"{self.address}{name}/"


@pytest.fixture
def server(monkeypatch):
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    server = Server()
    yield server
    server.closing.set()
    server.http.shutdown()
    server.http.server_close()


def refusing_address():
    """An address at which nothing listens."""
    with contextlib.closing(socket.create_server(("127.0.0.1", 0))) as free:
        return f"http://127.0.0.1:{free.getsockname()[1]}/"


def own_cache_is_whole(datasets):
    """Our cache holds the four files, right, and nothing half-done beside them."""
    folder = datasets / "mnist"
    assert sorted(path.name for path in folder.iterdir()) == sorted(f"{n}.gz" for n in NAMES)
    for name, array in zip(NAMES, STAND_IN, strict=True):
        assert gzip.decompress((folder / f"{name}.gz").read_bytes()) == idx_bytes(array)
    return True


FAULTS = ["refused", "404", "page", "wrong", "short body", "cut gzip", "silent"]


@pytest.mark.parametrize("fault", FAULTS)
def test_next_mirror_serves_where_one_fails(machine, server, monkeypatch, capsys, fault):
    first, second = server.mirror("first"), server.mirror("second")
    path = f"/first/{NAMES[0]}.gz"
    body = server.pages[path][2]
    if fault == "refused":
        first = refusing_address()
    elif fault == "wrong":
        server.mirror("first", OTHER)
    else:
        server.pages[path] = {
            "404": (404, {}, b"<html>404</html>"),
            "page": (200, {}, b"<html>Please log in to the guest Wi-Fi</html>"),
            "short body": (200, {"Content-Length": len(body)}, body[:-100]),
            "cut gzip": (200, {}, body[:-100]),
            "silent": None,
        }[fault]
    monkeypatch.setattr(mnist_data, "MIRRORS", (first, second))
    monkeypatch.setattr(mnist_data, "TIMEOUT", 0.5 if fault == "silent" else 10)
    before = socket.getdefaulttimeout()
    socket.setdefaulttimeout(42)
    try:
        assert_holds(mnist_data.load("mnist"))
        assert socket.getdefaulttimeout() == 42
    finally:
        socket.setdefaulttimeout(before)
    assert own_cache_is_whole(machine)
    assert len([path for path in server.asked if path.startswith("/first")]) == (fault != "refused")
    assert capsys.readouterr().err == ""  # reasons only if every mirror fails
    assert not server.waited_for

    asked = len(server.asked)
    assert_holds(mnist_data.load("mnist"))  # the second time, nothing is asked for
    assert len(server.asked) == asked


def test_second_mirror_only_completes_what_the_first_began(machine, server, monkeypatch):
    mirrors = server.mirror("first"), server.mirror("second")
    del server.pages[f"/first/{NAMES[2]}.gz"]
    monkeypatch.setattr(mnist_data, "MIRRORS", mirrors)
    assert_holds(mnist_data.load("mnist"))
    assert [path for path in server.asked if path.startswith("/second")] == [
        f"/second/{name}.gz" for name in NAMES[2:]
    ]


@pytest.mark.parametrize("damage", ["cut", "other"])
def test_damaged_file_in_our_cache_is_replaced(machine, server, monkeypatch, capsys, damage):
    folder = fill("own", machine, monkeypatch)
    path = folder / f"{NAMES[1]}.gz"
    good = path.read_bytes()
    path.write_bytes(good[:-9] if damage == "cut" else gzip.compress(idx_bytes(OTHER[1])))
    monkeypatch.setattr(mnist_data, "MIRRORS", (server.mirror("first"),))
    assert_holds(mnist_data.load("mnist"))
    assert own_cache_is_whole(machine)
    assert server.asked == [f"/first/{path.name}"]  # the other three were good
    assert f"{path} is damaged" in capsys.readouterr().err


def test_damaged_raw_file_does_not_hide_a_good_one(machine, offline, monkeypatch):
    raw = fill("own", machine, monkeypatch) / NAMES[0]
    raw.write_bytes(b"half a file")
    assert_holds(mnist_data.load("mnist"))
    assert not raw.exists()


def test_no_data_in_main(machine, monkeypatch, capsys):
    def no_network(*_):
        raise OSError("no network")

    monkeypatch.setattr(mnist_data, "download", no_network)
    monkeypatch.setattr(sys, "argv", ["mnist_data.py"])
    assert mnist_data.main() == 2
    out, err = capsys.readouterr()
    assert out == "" and err.count("no network") == len(mnist_data.MIRRORS)


def run_python(code, **environment):
    """Runs code in a fresh Python at the top of the project, without $MNIST_DIR."""
    env = {key: value for key, value in os.environ.items() if key != "MNIST_DIR"}
    return subprocess.run(
        [sys.executable, "-c", code],
        cwd=TOP,
        env=env | environment,
        capture_output=True,
        text=True,
        timeout=120,
    )


def test_no_data_ends_a_script_with_one_clear_message(tmp_path):
    mirrors = refusing_address(), refusing_address()
    code = f"import mnist_data; mnist_data.MIRRORS = {mirrors}; mnist_data.load('mnist')"
    done = run_python(code, KERAS_HOME=str(tmp_path), no_proxy="127.0.0.1")
    assert done.returncode == 2
    assert "Traceback" not in done.stderr
    message = done.stderr[done.stderr.index("MNIST is not on this machine") :]
    for part in (*[f"{name}.gz" for name in NAMES], *mirrors, "--data FOLDER", "refused"):
        assert part in message
    assert str(tmp_path / "datasets" / "mnist") in message
    assert "URL fetch failure" not in message  # it would repeat the address
    assert not list((tmp_path / "datasets" / "mnist").iterdir())


def test_bad_folder_ends_a_script_with_one_line_and_without_keras(tmp_path):
    code = (
        "import atexit, sys, mnist_data\n"
        "atexit.register(lambda: print('keras' in sys.modules))\n"
        f"mnist_data.load({str(tmp_path / 'none')!r})"
    )
    done = run_python(code)
    assert done.returncode == 2
    assert done.stderr == f"--data {tmp_path / 'none'}: there is no such folder\n"
    assert done.stdout == "False\n"


# ---- the real thing ----


@pytest.mark.skipif(not REAL_MNIST, reason="$MNIST_DIR does not name a folder with MNIST")
def test_real_mnist(monkeypatch, offline):
    monkeypatch.setenv("MNIST_DIR", REAL_MNIST)
    files, where = mnist_data.find_mnist()
    assert where == Path(REAL_MNIST).resolve()
    assert tuple(files) == NAMES
    changed = bytearray(files[NAMES[2]])
    changed[12345] ^= 1
    with pytest.raises(mnist_data.DataError, match=NAMES[2]):
        mnist_data.checked(files | {NAMES[2]: changed})

    mnist = mnist_data.to_mnist(files, "MNIST")
    assert mnist.train.images.shape == (60000, 28, 28, 1)
    assert mnist.test.images.shape == (10000, 28, 28, 1)
    # Known from many publications: mean and deviation of the pixels, how often each digit occurs.
    assert mnist.train.images.mean(dtype=np.float64) == pytest.approx(0.1307, abs=5e-5)
    assert mnist.train.images.std(dtype=np.float64) == pytest.approx(0.3081, abs=5e-5)
    counts = [5923, 6742, 5958, 6131, 5842, 5421, 5918, 6265, 5851, 5949]
    assert mnist.train.labels.sum(axis=0).tolist() == counts
    counts = [980, 1135, 1032, 1010, 982, 892, 958, 1028, 974, 1009]
    assert mnist.test.labels.sum(axis=0).tolist() == counts
