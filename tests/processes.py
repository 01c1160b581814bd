"""Processes that the tests start: what ends with a test, and what with all of them."""

import contextlib
import os
import signal
import subprocess
import uuid

MARK = "MNIST_LADDER_TESTS"  # the variable by which a process is known as one of these tests
REAPER = """
read -r line  # until the tests are over, or were killed
for round in 1 2 3 4 5 6 7 8 9; do
    found=$(grep -lsaF "$0" /proc/[0-9]*/environ)
    [ "$found" ] || exit
    for file in $found; do
        pid=${file#/proc/}
        kill -9 "${pid%/environ}" 2>/dev/null
    done
    sleep 0.1
done
"""


def guard():
    """Have everything that is started from now on end with this process, whatever ends that.

    Another process, the Popen returned, waits for the end of its input, and kills all that carry
    the mark, however they were started. On Linux only; None where these tests are guarded already.

    A signal that is ignored, as SIGINT in the background of a shell, is ignored by a function from
    now on: the processes started get its default.
    """
    for name in ("SIGINT", "SIGHUP"):
        number = getattr(signal, name, None)
        if number and signal.getsignal(number) is signal.SIG_IGN:
            signal.signal(number, lambda *_: None)
    if MARK in os.environ or not os.path.isdir("/proc/self"):
        return None
    mark = f"{MARK}={uuid.uuid4()}"
    command = ["sh", "-c", REAPER, mark]
    reaper = subprocess.Popen(command, stdin=subprocess.PIPE, start_new_session=True)
    os.environ[MARK] = mark.partition("=")[2]
    return reaper


@contextlib.contextmanager
def running(command, **options):
    """A process with pipes for text while the block lasts; then it and all its own are killed.

    options: of Popen.
    """
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
    command = [*map(str, command)]
    with subprocess.Popen(command, start_new_session=True, **pipes | options) as process:
        try:
            yield process
        finally:
            with contextlib.suppress(OSError):  # it may have ended
                os.killpg(process.pid, signal.SIGKILL) if os.name == "posix" else process.kill()
