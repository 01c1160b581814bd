"""Our own cache, whatever happens to its files, to the run that writes them, or to the disk."""

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
from idx import NAMES, OTHER, STAND_IN, idx_bytes, own_cache_is_whole, same, write_idx
from mirrors import half_a_body

from digits import cache, download

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
        settings = {"MIRRORS": mirrors, "SHA256": download.SHA256, "SIZE": download.SIZE}
        command = [sys.executable, "-c", FETCH.format(first), json.dumps(settings)]
        started.append(
            subprocess.Popen(
                [*command, machine / "mnist"],
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


@pytest.mark.parametrize("damage", ["cut", "other", "empty", "check sum"])
def test_fault_corrupted_cached_file_is_replaced(machine, server, fetch, capsys, damage):
    path = write_idx(machine / "mnist", *STAND_IN, gz=True)[1]
    good = path.read_bytes()
    bad = {
        "cut": good[:-9],
        "other": gzip.compress(idx_bytes(OTHER[1])),
        "empty": b"",
        "check sum": good[:-8] + bytes(8),
    }
    path.write_bytes(bad[damage])
    assert same(fetch(server.mirror("first")), STAND_IN)
    assert own_cache_is_whole(machine / "mnist")
    assert server.asked == [f"/first/{path.name}"]  # the other three were good
    assert f"{path} is damaged" in capsys.readouterr().err


def test_damaged_raw_file_does_not_hide_a_good_one(machine, offline, fetch):
    raw = write_idx(machine / "mnist", *STAND_IN, gz=True)[0].with_suffix("")
    raw.write_bytes(b"half a file")
    assert same(fetch(), STAND_IN)
    assert not raw.exists()


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

    left = list((machine / "mnist").glob("*"))
    assert len(left) == (moment != "body") and all(path.suffix == cache.PART for path in left)
    server.mirror("first")
    assert same(fetch(mirror), STAND_IN)
    for part in left:  # perhaps of another run that is still going: kept for an hour
        assert part.exists()
        os.utime(part, (time.time() - 3700,) * 2)
    assert same(fetch(mirror), STAND_IN)
    assert own_cache_is_whole(machine / "mnist")


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
    assert not any("kept" in err or "Traceback" in err for _, err in printed)
    assert own_cache_is_whole(machine / "mnist")


def assert_used_but_not_kept(machine, server, fetch, capsys, reason):
    """The data is there, with one line that says why it is not kept and what to do."""
    mirror = server.mirror("first")
    assert same(fetch(mirror), STAND_IN)
    *_, done, line = capsys.readouterr().err.splitlines()
    assert done.endswith("done")
    assert str(machine / "mnist") in line and reason in line and "KERAS_HOME" in line


@pytest.fixture
def nobody():
    """nobody(): from now on this process is not root's, for whom no folder is read-only."""
    if not hasattr(os, "seteuid"):
        pytest.skip("needs Unix users")
    user = os.geteuid()
    yield lambda: None if user else os.seteuid(65534)
    os.seteuid(user)


def test_fault_read_only_home(machine, server, fetch, capsys, nobody):
    fetch(server.mirror("first"))  # imports what it needs while all can be read
    shutil.rmtree(machine)
    machine.parent.chmod(0o500)
    capsys.readouterr()
    nobody()
    assert_used_but_not_kept(machine, server, fetch, capsys, "Permission denied")


def test_fault_home_that_takes_no_folder(machine, server, fetch, capsys):
    """It lies below a file."""
    machine.parent.write_text("a file")
    assert_used_but_not_kept(machine, server, fetch, capsys, "Not a directory")


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EROFS, errno.EDQUOT], ids=os.strerror)
def test_fault_full_disk(machine, server, fetch, capsys, monkeypatch, number):
    """A full disk, made up: half of each file is written, then the error comes."""

    def write_bytes(path, content):
        with path.open("wb") as file:
            file.write(content[: len(content) // 2])
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(Path, "write_bytes", write_bytes)
    assert_used_but_not_kept(machine, server, fetch, capsys, os.strerror(number))
    assert not list((machine / "mnist").iterdir())


def test_fault_folder_where_a_file_should_be(machine, server, fetch, capsys):
    (machine / "mnist" / f"{NAMES[0]}.gz").mkdir(parents=True)
    assert_used_but_not_kept(machine, server, fetch, capsys, "directory")
    assert sum(path.is_file() for path in (machine / "mnist").iterdir()) == 3


def test_fault_file_where_a_folder_should_be(machine, server, fetch, capsys):
    machine.mkdir(parents=True)
    (machine / "mnist").write_text("a file")
    assert_used_but_not_kept(machine, server, fetch, capsys, "exists")
