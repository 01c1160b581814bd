"""What a test starts, it ends, whatever happens; and with the tests all of it ends."""

import os
import sys

from conftest import TOP
from processes import MARK

SUITE = """
import os, select, signal, subprocess, time

left = []

def test_ctrl_c_ends_a_process_also_where_it_is_ignored_here(start_process):
    process = start_process(["sleep", 99], stdout=None)
    process.send_signal(signal.SIGINT)
    assert process.wait(10) == -signal.SIGINT

def test_that_leaves_a_process_with_one_of_its_own(start_process):
    ours, theirs = os.pipe()
    left.append(ours)
    start_process(["sh", "-c", "sleep 99 & echo; wait"], stdout=theirs)
    os.close(theirs)
    assert os.read(ours, 1) == b"\\n"

def test_both_are_gone():
    assert select.select(left, [], [], 10)[0] and os.read(left[0], 1) == b""

def test_that_is_killed(start_process):
    start_process(["sleep", 99], stdout=None)
    subprocess.Popen(["sleep", "99"], start_new_session=True)
    print("now", flush=True)
    time.sleep(99)
"""


def test_nothing_outlives_the_tests(start_process, tmp_path):
    """Whoever is left would hold the pipe to which the tests print."""
    (tmp_path / "test_suite.py").write_text(SUITE)
    variables = {name: value for name, value in os.environ.items() if name != MARK}
    command = ["sh", "-c", "trap '' INT; exec \"$@\"", "sh", sys.executable, "-m", "pytest"]
    tests = start_process(
        [*command, "-s", "-q", "-x", "-p", "conftest"],
        cwd=tmp_path,
        env=variables | {"PYTHONPATH": str(TOP / "tests")},
    )
    printed = []
    while "now" not in "".join(printed):
        printed.append(tests.stdout.readline())
        assert printed[-1], printed
    tests.kill()
    tests.communicate(timeout=20)


def test_processes_that_may_stay_are_started_in_one_place():
    for path in (TOP / "tests").glob("*.py"):
        assert path.stem.endswith("processes") or "Popen(" not in path.read_text(), path.name
