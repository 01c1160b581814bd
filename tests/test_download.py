"""digits.download and digits.cache: every fault of a download, of a mirror, of the disk.

From mirrors on the loopback, with made-up digits that have check sums of their own.
"""

import gzip
import shutil
import socket
import sys
import threading
import time

import pytest
from idx import NAMES, STAND_IN, idx_bytes, own_cache_is_whole, same
from mirrors import FAULTS, Server, dripping_body, half_a_body, page, refusing_address, silent

from digits import download
from digits.idx import DataError

# ---- what can be wrong with a mirror


def patience_with(words):
    """Seconds for a mirror that fails with these words."""
    return {"silent for": 0.3, "too slow": 0.5}.get(words, 10)


def assert_next_mirror_serves(fetch, capsys, machine, first, second, words):
    """The first mirror fails with these words, on its own line; the second gives everything."""
    assert same(fetch(first, second, patience=patience_with(words)), STAND_IN)
    assert own_cache_is_whole(machine / "mnist-ladder")
    lines = capsys.readouterr().err.splitlines()
    assert "MNIST" in lines[0]
    assert lines[1].startswith(f"  {first} ... ") and words in lines[1]
    assert lines[2:] == [f"  {second} ... done"]


def assert_alone_it_ends_in_the_message(fetch, capsys, machine, mirror, words):
    """With no other mirror there is the clear message and no file in the cache."""
    with pytest.raises(DataError) as caught:
        fetch(mirror, patience=patience_with(words))
    for part in (*[f"{name}.gz" for name in NAMES], str(machine / "mnist-ladder"), "--data FOLDER"):
        assert part in str(caught.value)
    assert words in capsys.readouterr().err.splitlines()[1]
    assert not list((machine / "mnist-ladder").glob("*"))


def assert_fault(fetch, capsys, machine, first, second, words):
    assert_next_mirror_serves(fetch, capsys, machine, first, second, words)
    shutil.rmtree(machine)
    assert_alone_it_ends_in_the_message(fetch, capsys, machine, first, words)


@pytest.mark.parametrize("fault", FAULTS)
def test_fault(machine, server, fetch, capsys, fault):
    answer, words = FAULTS[fault]
    mirrors = server.mirror("first", page=answer), server.mirror("second")
    assert_fault(fetch, capsys, machine, *mirrors, words)
    assert not server.endured and server.sent < 2**24


def test_what_is_complete_is_not_asked_for_again(machine, server, fetch, capsys):
    for asked in (4, 4):
        assert same(fetch(server.mirror("first")), STAND_IN)
        assert len(server.asked) == asked
    assert capsys.readouterr().err.count(server.address) == 1


def test_fault_connection_refused(machine, server, fetch, capsys):
    mirrors = refusing_address(), server.mirror("second")
    assert_fault(fetch, capsys, machine, *mirrors, "Connection refused")


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
    words = "Name or service not known" if answers else "silent for"
    mirrors = "http://mirror.invalid/mnist/", server.mirror("second")
    assert_fault(fetch, capsys, machine, *mirrors, words)
    closing.set()


@pytest.mark.skipif(not shutil.which("openssl"), reason="needs openssl for a certificate")
def test_fault_certificate_failure(machine, server, fetch, capsys, monkeypatch, tmp_path):
    with Server() as secure:
        certificate = secure.use_tls(tmp_path)
        first = secure.mirror("first")
        assert_fault(fetch, capsys, machine, first, server.mirror("second"), "certificate")
        assert not secure.asked
        monkeypatch.setenv("SSL_CERT_FILE", str(certificate))  # the server itself is sound
        download.certificates.cache_clear()
        assert same(fetch(first), STAND_IN)
    download.certificates.cache_clear()


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


# ---- how long a mirror is waited for


def test_silent_mirrors_share_the_time_there_is(machine, server, monkeypatch, capsys):
    """Four that say nothing and have 0.6 seconds in all: each is tried, none for 10 seconds."""
    monkeypatch.setattr(download, "MIRRORS", [server.mirror(x, page=silent) for x in "abcd"])
    with pytest.raises(DataError):
        download.complete(machine / "mnist-ladder", total=0.6)
    assert len(server.asked) == 4 and not server.endured
    lines = capsys.readouterr().err.splitlines()[1:]
    assert [line.split(" ... ")[0].strip() for line in lines] == download.MIRRORS


class Clock:
    """time.monotonic, set by hand."""

    def __init__(self, monkeypatch):
        self.now = 0.0
        monkeypatch.setattr(time, "monotonic", lambda: self.now)

    def run(self, pace, rate, until):
        """Lets `rate` bytes come a second; returns when the mirror is left, or None."""
        while self.now < until:
            self.now += 0.5
            try:
                pace.take(rate // 2)
            except DataError:
                return self.now


@pytest.mark.parametrize(
    ("rates", "left_at"),
    [
        ([(0, 100)], 10),
        ([(1, 100)], 10),
        ([(300, 100)], 10),  # would take 33 seconds
        ([(340, 29)], None),  # takes 29.4
        ([(1000, 9), (0, 100)], 18.5),  # the last 10 seconds brought 500 bytes, 1,000 lack
        ([(100, 10), (1000, 10)], 10),  # too late
        ([(0, 5), (900, 11)], None),
    ],
)
def test_a_mirror_is_left_when_its_pace_does_not_suffice(monkeypatch, rates, left_at):
    """10,000 bytes are wanted within 30 seconds, the limit is 10."""
    clock = Clock(monkeypatch)
    pace = download.Pace(10_000, 10, 30, lambda *_: None)
    left = None
    for rate, seconds in rates:
        left = left or clock.run(pace, rate, clock.now + seconds)
    assert left == left_at


def test_nothing_goes_on_after_the_end(monkeypatch):
    clock = Clock(monkeypatch)
    pace = download.Pace(10_000, 10, 30, lambda *_: None)
    assert clock.run(pace, 1000, 10) is None
    assert clock.run(pace, 20, 100) == 30  # more than was announced


def test_a_slow_mirror_that_will_make_it_is_kept_to(machine, server, fetch):
    """Past the limit, but at a good pace; the second mirror is not asked."""
    body = gzip.compress(idx_bytes(STAND_IN[0]))

    def slow(handler):
        page(b"", length=len(body))(handler)
        for k in range(0, len(body), 400):
            time.sleep(0.05)
            handler.wfile.write(body[k : k + 400])

    mirrors = server.mirror("first", page=slow), server.mirror("second")
    assert same(fetch(*mirrors, patience=0.3), STAND_IN)
    assert {path.split("/")[1] for path in server.asked} == {"first"}


def test_mirrors_for_which_no_time_is_left_are_not_asked(machine, server, fetch, capsys):
    with pytest.raises(DataError):
        fetch(server.mirror("a", page=silent), server.mirror("b"), total=0.1, patience=0.2)
    assert len(server.asked) == 1
    assert "no time is left" in capsys.readouterr().err.splitlines()[-1]


def test_a_mirror_that_is_left_is_hung_up_on(machine, server, fetch):
    """The thread that reads does not go on in the background."""
    with pytest.raises(DataError):
        fetch(server.mirror("first", page=dripping_body), patience=0.2)
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
    fetch(server.mirror("first", page=half_a_body), server.mirror("second"), patience=0.5)
    out, err = capsys.readouterr()
    _, first, second = err.split("http://")
    assert out == "" and "100 %" not in first and "100 %" in second
    assert "#" in first and all(line.isascii() for line in err.splitlines())
