"""Our own cache, whatever happens to its files, to the run that writes them, or to the disk."""

import contextlib
import errno
import gzip
import json
import os
import shutil
import signal
import subprocess
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
from mirrors import half_a_body, refusing_address

import mnist_data
from digits import download
from digits.idx import DataError

FETCH = """
import json, sys
from digits import download
for name, value in json.loads(sys.argv[1]).items():
    setattr(download, name, value)
{}
arrays = download.complete(download.idx.full_path(sys.argv[2]), 30)
print([array.tobytes().hex() for array in arrays])
"""


@pytest.fixture
def start(machine):
    """start(*mirrors, **options): a process that completes our own cache from these mirrors.

    first: code to run before. Those still running at the end of the test are killed.
    """
    started = []

    def start(*mirrors, first=""):
        settings = {"MIRRORS": mirrors, "SHA256": download.SHA256, "SIZE": download.RAW_BYTES}
        command = [sys.executable, "-c", FETCH.format(first), json.dumps(settings)]
        started.append(
            subprocess.Popen(
                [*command, machine / "mnist-ladder"],
                cwd=TOP,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                text=True,
            )
        )
        return started[-1]

    yield start
    for process in started:
        process.kill()
        process.communicate()


# ---- files that are there already ----

GOOD = gzip.compress(idx_bytes(STAND_IN[1]))
DAMAGED = {"cut": GOOD[:-9], "empty": b"", "checksum": GOOD[:-8] + bytes(8), "notes": b"my notes"}


@pytest.mark.parametrize("damage", DAMAGED)
def test_fault_damaged_file_is_replaced_once_another_has_come(machine, server, fetch, damage):
    """Until then it stays, and afterwards it is still there, under another name."""
    folder = machine / "mnist-ladder"
    path = write_idx(folder, *STAND_IN, gz=True)[1]
    path.write_bytes(DAMAGED[damage])
    before = contents(folder)
    with pytest.raises(DataError):
        fetch(refusing_address())
    assert contents(folder) == before
    assert same(fetch(server.mirror("first")), STAND_IN)
    assert server.asked == [f"/first/{path.name}"]  # the other three were good
    (renamed,) = set(contents(folder)) - set(before)
    assert (folder / renamed).read_bytes() == DAMAGED[damage]
    (folder / renamed).unlink()
    assert own_cache_is_whole(folder)


def test_fault_damaged_file_stays_if_the_new_one_cannot_be_saved(
    machine, server, fetch, monkeypatch
):
    folder = machine / "mnist-ladder"
    write_idx(folder, *STAND_IN, gz=True)[1].write_bytes(DAMAGED["cut"])
    before = contents(folder)

    def write_bytes(path, content):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    with monkeypatch.context() as patch:
        patch.setattr(Path, "write_bytes", write_bytes)
        assert same(fetch(server.mirror("first")), STAND_IN)
    assert contents(folder) == before


def find_with(patch, server):
    """MNIST is found through a mirror of this server; without one (None) it is not."""
    mirror = server.mirror("first") if server else refusing_address()
    patch.setattr(download, "MIRRORS", (mirror,))
    with contextlib.nullcontext() if server else pytest.raises(DataError):
        assert same(mnist_data.find_mnist(30)[0], STAND_IN)


@pytest.mark.parametrize("network", [True, False], ids=["network", "no network"])
@pytest.mark.parametrize("link", [None, "files", "folder"])
@pytest.mark.parametrize("name", ["mnist", "mnist-ladder"])
def test_another_data_set_in_a_cache_stays(
    machine, server, monkeypatch, capsys, name, link, network
):
    """In Keras's folder or in our own, there itself or through symbolic links."""
    place, real = machine / name, machine / name
    if link:
        real = machine.parent / "fashion"
        (machine if link == "folder" else place).mkdir(parents=True)
    for path in write_idx(real, *OTHER, gz=True):
        if link == "files":
            (place / path.name).symlink_to(path)
    if link == "folder":
        place.symlink_to(real)
    before = contents(real)
    find_with(monkeypatch, server if network else None)
    assert contents(real) == contents(place) == before
    assert all(path.is_symlink() == (link == "files") for path in place.iterdir())
    said = capsys.readouterr().err
    assert str(place) in said and f"{NAMES[0]}" in said and "another data set" in said
    assert "damaged" not in said


@pytest.mark.parametrize("network", [True, False], ids=["network", "no network"])
@pytest.mark.parametrize("name", ["mnist", "mnist-ladder"])
def test_a_file_that_cannot_be_read_stays(machine, server, monkeypatch, capsys, name, network):
    paths = write_idx(machine / name, *STAND_IN, gz=True)
    before = contents(machine / name)
    with monkeypatch.context() as patch:
        forbid(patch, paths[0])
        find_with(patch, server if network else None)
    assert contents(machine / name) == before
    said = capsys.readouterr().err
    assert paths[0].name in said and "Permission denied" in said and "damaged" not in said


def test_the_old_cache_is_used_and_not_written_to(machine, offline, fetch):
    paths = write_idx(machine / "mnist", *STAND_IN, gz=True)
    stale = machine / "mnist" / f"{paths[0].name}.0123456789abcdef.part"
    stale.write_bytes(b"half a file")
    os.utime(stale, (0, 0))
    before = contents(machine / "mnist")
    arrays, where = mnist_data.find_mnist(30)
    assert same(arrays, STAND_IN) and where == machine / "mnist"
    assert contents(where) == before and not (machine / "mnist-ladder").exists()


def test_only_our_own_temporary_files_are_swept(machine, server, fetch):
    folder = machine / "mnist-ladder"
    folder.mkdir(parents=True)
    (machine / "target").write_bytes(b"a file")
    ours = folder / f"{NAMES[0]}.gz.0123456789abcdef.part"
    names = ["film.mp4.part", "notes.part", f"{NAMES[0]}.part", f"{NAMES[0]}.gz.part"]
    theirs = {name: b"not ours" for name in (*names, f"my {ours.name}")}
    for name, content in theirs.items():
        (folder / name).write_bytes(content)
        os.utime(folder / name, (0, 0))
    link = folder / ours.name.replace("0123", "cafe")
    link.symlink_to(machine / "target")
    os.utime(machine / "target", (0, 0))
    ours.write_bytes(b"half a file")
    os.utime(ours, (0, 0))
    assert same(fetch(server.mirror("first")), STAND_IN)
    assert not ours.exists() and link.is_symlink() and (machine / "target").exists()
    assert theirs.items() <= contents(folder).items()


def test_a_dangling_link_stays(machine, server, fetch, capsys):
    (machine / "mnist-ladder").mkdir(parents=True)
    link = machine / "mnist-ladder" / f"{NAMES[0]}.gz"
    link.symlink_to(machine / "unplugged")
    assert_used_but_not_saved(machine, server, fetch, capsys, "is not a file")
    assert link.is_symlink() and not (machine / "unplugged").exists()


def test_damaged_raw_file_does_not_hide_a_good_one(machine, offline, fetch):
    raw = write_idx(machine / "mnist-ladder", *STAND_IN, gz=True)[0].with_suffix("")
    raw.write_bytes(b"half a file")
    assert same(fetch(), STAND_IN)
    assert raw.read_bytes() == b"half a file"


# ---- runs that are killed, runs at once, disks that are full ----


@pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="no kill -9 here")
@pytest.mark.parametrize("moment", ["body", "file", "name"])
def test_fault_killed_run(machine, server, fetch, start, moment):
    """kill -9 while the body comes, while the file is written, and before it gets its name."""
    mirror = server.mirror("first")
    written = "print('now', flush=True); import time; time.sleep(60)"
    if moment == "body":
        server.mirror("first", page=half_a_body)
        process = start(mirror)
        assert server.halfway.wait(20)
    else:
        stop = {
            "file": "import pathlib\n"
            "def write(path, content):\n"
            "    path.open('wb', 0).write(content[: len(content) // 2])\n"
            f"    {written}\n"
            "pathlib.Path.write_bytes = write",
            "name": f"def replace(*_):\n    {written}\ndownload.cache.os.replace = replace",
        }
        process = start(mirror, first=stop[moment])
        assert process.stdout.readline() == "now\n"
    process.kill()
    assert process.wait() == -signal.SIGKILL

    left = list((machine / "mnist-ladder").glob("*"))
    assert len(left) == (moment != "body") and all(path.suffix == ".part" for path in left)
    server.mirror("first")
    assert same(fetch(mirror), STAND_IN)
    for part in left:  # perhaps of another run that is still going: it stays for an hour
        assert part.exists()
        os.utime(part, (time.time() - 3700,) * 2)
    assert same(fetch(mirror), STAND_IN)
    assert own_cache_is_whole(machine / "mnist-ladder")


@pytest.mark.parametrize("count", [2, 8])
def test_processes_at_once_on_an_empty_cache(machine, server, start, count):
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


def test_fault_read_only_home(machine, server, fetch, capsys, nobody):
    fetch(server.mirror("first"))  # imports what it needs while all can be read
    shutil.rmtree(machine)
    machine.parent.chmod(0o500)
    capsys.readouterr()
    nobody()
    assert_used_but_not_saved(machine, server, fetch, capsys, "Permission denied")


def test_fault_home_below_a_file(machine, server, fetch, capsys):
    machine.parent.write_text("a file")
    assert_used_but_not_saved(machine, server, fetch, capsys, "Not a directory")


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EROFS, errno.EDQUOT], ids=os.strerror)
def test_fault_full_disk(machine, server, fetch, capsys, monkeypatch, number):
    """A full disk, made up: half of each file is written, then the error comes."""

    def write_bytes(path, content):
        with path.open("wb") as file:
            file.write(content[: len(content) // 2])
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(Path, "write_bytes", write_bytes)
    assert_used_but_not_saved(machine, server, fetch, capsys, os.strerror(number))
    assert not list((machine / "mnist-ladder").iterdir())


def test_fault_folder_where_a_file_should_be(machine, server, fetch, capsys):
    (machine / "mnist-ladder" / f"{NAMES[0]}.gz").mkdir(parents=True)
    assert_used_but_not_saved(machine, server, fetch, capsys, "is not a file")
    assert sum(path.is_file() for path in (machine / "mnist-ladder").iterdir()) == 3


def test_fault_file_where_a_folder_should_be(machine, server, fetch, capsys):
    machine.mkdir(parents=True)
    (machine / "mnist-ladder").write_text("a file")
    assert_used_but_not_saved(machine, server, fetch, capsys, "exists")
