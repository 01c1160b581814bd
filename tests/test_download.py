"""digits.download: every fault of a mirror, of our own cache, of the disk.

From mirrors on the loopback, with made-up digits that have checksums of their own.
"""

import errno
import gzip
import json
import os
import shutil
import signal
import socket
import sys
import threading
import time
from pathlib import Path

import pytest
from conftest import TOP
from idx import (
    NAMES,
    OTHER,
    STAND_IN,
    contents,
    forbid,
    idx_bytes,
    own_cache_is_whole,
    same,
    write_idx,
)
from mirrors import FAULTS, Server, dripping_body, half_a_body, page, refusing_address

import mnist_data
from digits import download
from digits.files import DataError

# ---- what can be wrong with a mirror ----


def assert_next_mirror_serves(fetch, capsys, machine, first, second, words):
    """The first mirror fails with these words, on its own line; the second gives everything."""
    patience = {"timed out": {"silent": 0.3}, "not complete after": {"total": 3}}
    assert same(fetch(first, second, **patience.get(words, {})), STAND_IN)
    assert own_cache_is_whole(machine / "mnist-ladder")
    lines = capsys.readouterr().err.splitlines()
    assert "MNIST" in lines[0]
    assert lines[1].startswith(f"  {first} ... ") and words in lines[1]
    assert lines[2:] == [f"  {second} ... done"]


@pytest.mark.parametrize("fault", FAULTS)
def test_fault(machine, server, fetch, capsys, fault):
    answer, words = FAULTS[fault]
    mirrors = server.mirror("first", page=answer), server.mirror("second")
    assert_next_mirror_serves(fetch, capsys, machine, *mirrors, words)
    assert not server.endured


def test_fault_connection_refused(machine, server, fetch, capsys):
    mirrors = refusing_address(), server.mirror("second")
    assert_next_mirror_serves(fetch, capsys, machine, *mirrors, "Connection refused")


@pytest.mark.parametrize("answers", [True, False], ids=["not found", "no answer"])
def test_fault_name_not_found(machine, server, fetch, capsys, monkeypatch, answers):
    """The name server says no, or nothing at all."""
    closing, look_up = threading.Event(), socket.getaddrinfo

    def getaddrinfo(host, *args, **kwargs):
        if not str(host).endswith(".invalid"):
            return look_up(host, *args, **kwargs)
        if not answers:
            closing.wait(10)
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    monkeypatch.setattr(socket, "getaddrinfo", getaddrinfo)
    words = "Name or service not known" if answers else "not complete after"
    mirrors = "http://mirror.invalid/mnist/", server.mirror("second")
    assert_next_mirror_serves(fetch, capsys, machine, *mirrors, words)
    closing.set()


@pytest.mark.skipif(not shutil.which("openssl"), reason="needs openssl for a certificate")
def test_fault_certificate_failure(machine, server, fetch, capsys, monkeypatch, tmp_path):
    with Server() as secure:
        certificate = secure.use_tls(tmp_path)
        mirrors = secure.mirror("first"), server.mirror("second")
        assert_next_mirror_serves(fetch, capsys, machine, *mirrors, "certificate")
        assert not secure.asked
        monkeypatch.setenv("SSL_CERT_FILE", str(certificate))  # the server itself is sound
        shutil.rmtree(machine)
        assert same(fetch(mirrors[0]), STAND_IN)


def test_proxy_variables_are_honoured(machine, server, fetch, monkeypatch):
    mirror = "http://mirror.invalid/mnist/"
    server.mirror("mnist")
    for path in list(server.pages):
        server.pages[f"http://mirror.invalid{path}"] = server.pages.pop(path)
    for name in ("no_proxy", "NO_PROXY"):
        monkeypatch.delenv(name)
    monkeypatch.setenv("http_proxy", server.address)
    assert same(fetch(mirror), STAND_IN)
    assert server.asked == [f"{mirror}{name}.gz" for name in NAMES]


def test_without_any_mirror_it_ends_in_one_message(machine, server, fetch, capsys):
    with pytest.raises(DataError) as caught:
        fetch(server.mirror("first", page=FAULTS["500"][0]), refusing_address())
    for part in (*[f"{name}.gz" for name in NAMES], str(machine / "mnist-ladder"), "--data FOLDER"):
        assert part in str(caught.value)
    assert len(capsys.readouterr().err.splitlines()) == 3
    assert not machine.exists()


def test_what_is_complete_is_not_asked_for_again(machine, server, fetch, capsys):
    for asked in (4, 4):
        assert same(fetch(server.mirror("first")), STAND_IN)
        assert len(server.asked) == asked
    assert capsys.readouterr().err.count(server.address) == 1


# ---- how long a mirror is waited for ----


def test_mirrors_share_the_time_there_is(machine, server, fetch, capsys):
    """Four that drip: each is tried, and there is an end."""
    mirrors = [server.mirror(x, page=dripping_body) for x in "abcd"]
    start = time.monotonic()
    with pytest.raises(DataError):
        fetch(*mirrors, total=2)
    assert time.monotonic() - start < 3
    lines = capsys.readouterr().err.splitlines()[1:]
    assert [line.split(" ... ")[0].strip() for line in lines] == mirrors


def test_a_slow_mirror_that_will_make_it_is_kept_to(machine, server, fetch):
    """It takes longer than a silent one may; the second mirror is not asked."""
    body = gzip.compress(idx_bytes(STAND_IN[0]))

    def slow(handler):
        page(b"", length=len(body))(handler)
        for k in range(0, len(body), 400):
            time.sleep(0.1)
            handler.wfile.write(body[k : k + 400])

    mirrors = server.mirror("first", page=slow), server.mirror("second")
    assert same(fetch(*mirrors, silent=0.8), STAND_IN)
    assert {path.split("/")[1] for path in server.asked} == {"first"}


def test_a_mirror_that_is_left_is_hung_up_on(machine, server, fetch):
    """The thread that reads does not go on in the background."""
    with pytest.raises(DataError):
        fetch(server.mirror("first", page=dripping_body), total=0.6)
    assert server.left.wait(4)


def test_what_has_come_is_kept_and_another_run_goes_on_from_there(machine, server, fetch):
    first, second = server.mirror("first"), server.mirror("second")
    del server.pages[f"/first/{NAMES[2]}.gz"]
    with pytest.raises(DataError):
        fetch(first)
    assert same(fetch(second), STAND_IN)
    wanted = [f"/second/{name}.gz" for name in NAMES[2:]]
    assert [path for path in server.asked if path.startswith("/second")] == wanted


def test_the_bar_counts_the_bytes_on_a_terminal(machine, server, fetch, monkeypatch, capsys):
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True, raising=False)
    fetch(server.mirror("first", page=half_a_body), server.mirror("second"), silent=0.5)
    out, err = capsys.readouterr()
    _, first, second = err.split("http://")
    assert out == "" and "100 %" not in first and "100 %" in second
    assert "#" in first and all(line.isascii() for line in err.splitlines())


# ---- files that are in our own cache already ----

GOOD = gzip.compress(idx_bytes(STAND_IN[1]))
UNUSABLE = {
    "cut": GOOD[:-9],
    "empty": b"",
    "checksum": GOOD[:-8] + bytes(8),
    "another data set": gzip.compress(idx_bytes(OTHER[1])),
}


@pytest.mark.parametrize("fault", UNUSABLE)
def test_an_unusable_file_is_renamed_once_another_has_come(machine, server, fetch, fault):
    """Until then it stays, and afterwards it is still there, under another name."""
    folder = machine / "mnist-ladder"
    path = write_idx(folder, *STAND_IN, gz=True)[1]
    path.write_bytes(UNUSABLE[fault])
    before = contents(folder)
    with pytest.raises(DataError):
        fetch(refusing_address())
    assert contents(folder) == before
    assert same(fetch(server.mirror("first")), STAND_IN)
    assert server.asked == [f"/first/{path.name}"]  # the other three were good
    (renamed,) = set(contents(folder)) - set(before)
    assert (folder / renamed).read_bytes() == UNUSABLE[fault]
    (folder / renamed).unlink()
    assert own_cache_is_whole(folder)


def test_a_folder_that_cannot_be_read_is_left_as_it_is(machine, server, monkeypatch, capsys):
    folder = machine / "mnist"
    path, *_ = write_idx(folder, *STAND_IN, gz=True)
    before = contents(folder)
    monkeypatch.setattr(download, "MIRRORS", (server.mirror("first"),))
    with monkeypatch.context() as patch:
        forbid(patch, path)
        assert same(mnist_data.find_mnist(30)[0], STAND_IN)
    assert contents(folder) == before
    said = capsys.readouterr().err
    assert f"{folder} is ignored: {path.name}" in said and "Permission denied" in said
    assert "damaged" not in said


def test_damaged_raw_file_does_not_hide_a_good_one(machine, offline, fetch):
    raw = write_idx(machine / "mnist-ladder", *STAND_IN, gz=True)[0].with_suffix("")
    raw.write_bytes(b"half a file")
    assert same(fetch(), STAND_IN)
    assert raw.read_bytes() == b"half a file"


# ---- runs that are killed, runs at once, disks that are full ----

FETCH = """
import json, sys
from digits import download, files
for name, value in json.loads(sys.argv[1]).items():
    setattr(download, name, value)
{}
arrays = download.complete(files.full_path(sys.argv[2]), 60)
print([array.tobytes().hex() for array in arrays])
"""


@pytest.fixture
def start(machine, start_process):
    """start(*mirrors, first=code): a process that completes our own cache from these mirrors.

    first: code to run before.
    """

    def start(*mirrors, first=""):
        settings = {"MIRRORS": mirrors, "SHA256": download.SHA256}
        command = [sys.executable, "-c", FETCH.format(first), json.dumps(settings)]
        command.append(machine / "mnist-ladder")
        return start_process(command, cwd=TOP)

    return start


@pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="no kill -9 here")
@pytest.mark.parametrize("moment", ["body", "name"])
def test_fault_killed_run(machine, server, fetch, start, moment):
    """kill -9 while the body comes, and before the file gets its name."""
    mirror = server.mirror("first")
    if moment == "body":
        server.mirror("first", page=half_a_body)
        process = start(mirror)
        assert server.halfway.wait(20)
    else:
        wait = "print('now', flush=True); import time; time.sleep(60)"
        stop = f"def replace(*_):\n    {wait}\nfiles.os.replace = replace"
        process = start(mirror, first=stop)
        assert process.stdout.readline() == "now\n"
    process.kill()
    assert process.wait() == -signal.SIGKILL

    left = list((machine / "mnist-ladder").glob("*"))
    assert len(left) == (moment != "body") and all(path.suffix == ".part" for path in left)
    server.mirror("first")
    assert same(fetch(mirror), STAND_IN)
    for part in left:
        part.unlink()
    assert own_cache_is_whole(machine / "mnist-ladder")


def test_processes_at_once_on_an_empty_cache(machine, server, start, count=4):
    mirror, arrived = server.mirror("first"), threading.Barrier(count)
    first = server.pages[f"/first/{NAMES[0]}.gz"]

    def together(handler):
        arrived.wait(60)
        first(handler)

    server.mirror("first", page=together)
    processes = [start(mirror) for _ in range(count)]
    printed = [process.communicate(timeout=60) for process in processes]
    assert [process.returncode for process in processes] == [0] * count
    assert {out for out, _ in printed} == {f"{[a.tobytes().hex() for a in STAND_IN]}\n"}
    assert not any("saved" in err or "Traceback" in err for _, err in printed)
    assert own_cache_is_whole(machine / "mnist-ladder")


def assert_used_but_not_saved(machine, server, fetch, capsys, reason):
    """The data is there, with one line that says why it is not saved and what to do."""
    mirror = server.mirror("first")
    assert same(fetch(mirror), STAND_IN)
    *_, done, line = capsys.readouterr().err.splitlines()
    assert done.endswith("done")
    assert str(machine / "mnist-ladder") in line and reason in line and "KERAS_HOME" in line


def test_fault_home_below_a_file(machine, server, fetch, capsys):
    machine.parent.write_text("a file")
    assert_used_but_not_saved(machine, server, fetch, capsys, "Not a directory")


@pytest.mark.parametrize("damaged", [False, True], ids=["empty", "damaged"])
def test_fault_full_disk(machine, server, fetch, capsys, monkeypatch, damaged):
    """A full disk, made up: half of each file is written, then the error comes."""
    folder = machine / "mnist-ladder"
    folder.mkdir(parents=True)
    if damaged:
        write_idx(folder, *STAND_IN, gz=True)[1].write_bytes(UNUSABLE["cut"])
    before = contents(folder)

    def write_bytes(path, content):
        with path.open("wb") as file:
            file.write(content[: len(content) // 2])
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(Path, "write_bytes", write_bytes)
    assert_used_but_not_saved(machine, server, fetch, capsys, os.strerror(errno.ENOSPC))
    assert contents(folder) == before
