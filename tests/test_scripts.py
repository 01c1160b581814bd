"""The scripts as a person runs them: whole processes, their output, files, flags and ends."""

import ast
import os
import re
import runpy
import signal
import subprocess
import sys
import time

import pytest
from conftest import SCRIPTS, STEPS, TOP
from evaluations import history_of

import tensorflowvisu
from visu.record.ladder import LADDER
from visu.record.run_folder import SavedRun, curves_text
from visu.training.worker import Control

SOFTMAX = SCRIPTS[0]


def slow(value):
    """A parameter whose test runs with -m slow only."""
    return pytest.param(value, marks=pytest.mark.slow)


def only_run(tmp_path, script):
    """The SavedRun of the only run of a script."""
    (folder,) = (tmp_path / "runs" / script.stem).iterdir()
    return SavedRun(folder)


# without random numbers in training, with dropout, with Keras's; with moving averages; augmented
REPEATED = [STEPS[step] for step in ("1.0", "2.2", "5.0", "4.0", "4.1")]


def assert_the_same_again(script, make_training, every, folder):
    """Another run of the same seed, and its restart, write the bytes of the run in `folder`."""
    training, _ = make_training(script, "--seed", "3", "--iterations", "40")
    for _ in range(2):
        schedule = {"seed": 3, "iterations": 40, "every": every}
        found = [*training.evaluations(control=Control(), **schedule)]
        history = history_of(*found, layers=len(found[0].test.gradients))
        assert curves_text(history) == (folder / "curves.csv").read_text()
        training.restore()


# the others have no part that these do not have, or compile for long
RUNS = [path if path in REPEATED[:3] else slow(path) for path in SCRIPTS]


@pytest.mark.parametrize("script", RUNS, ids=[path.stem for path in SCRIPTS])
def test_a_run_without_a_window(script, run_here, make_training, tmp_path):
    """What was measured is saved and printed; the same seed gives the same bytes."""
    every = 10 if script == SOFTMAX else 20
    run_here(script, "--iterations", "40", "--seed", "3", "--label", "as it is")
    out, err = run_here.printed()
    assert err == ""
    saved = only_run(tmp_path, script)
    folder, run, result = saved.folder, saved.run, saved.result
    assert folder.name.endswith("-seed3")
    files = {"curves.csv", "run.json", "weights.npz", "window.png", script.name}
    assert {path.name for path in folder.iterdir()} == files
    assert (folder / script.name).read_bytes() == script.read_bytes()
    assert list(saved.curves["iteration"]) == list(range(0, 41, every))
    assert (run.script, run.seed, run.data, run.label) == (script.stem, 3, "small", "as it is")
    assert (run.step, run.every, run.iterations) == (script.stem.split("_")[1], every, 40)
    assert run.own_iterations == LADDER[run.step].iterations and not run.edited
    assert run.layers == sum(name.startswith("W") for name in saved.curves)
    assert (result["iteration"], result["completed"], result["ended"]) == (40, True, True)
    accuracies = saved.curves["test_accuracy"]
    assert result["final_test_accuracy"] == pytest.approx(accuracies[-1], abs=1e-5)
    assert result["best_test_accuracy"] == pytest.approx(max(accuracies), abs=1e-5)
    assert result["seconds"] > 0 and result["steps_per_second"] > 0
    assert str(folder) in out.splitlines()[-1].split()
    first = out.splitlines()[0]
    assert all(word in first for word in (run.title, "as it is", "small", "40"))
    assert f"{result['final_test_accuracy']:.2%}" in out
    if script in REPEATED:
        assert_the_same_again(script, make_training, every, folder)


def test_help_shows_the_header(run_here):
    with pytest.raises(SystemExit) as ended:
        run_here(SOFTMAX, "--help")
    assert ended.value.code == 0
    shown, _ = run_here.printed()
    assert ast.get_docstring(ast.parse(SOFTMAX.read_text()), clean=False).strip() in shown
    flags = "--iterations", "--seed", "--data", "--headless", "--label", "--runs", "--weights"
    assert all(flag in shown for flag in flags)


@pytest.mark.parametrize(
    "flags",
    [
        ["--iterations", "-1"],
        ["--iterations", "many"],
        ["--iterations", 5000 * "9"],
        ["--label", "two\nlines"],
        ["--label", 41 * "x"],
        ["--speed", "9"],
        ["--view", "x"],
    ],
    ids=lambda flags: " ".join(flags)[:40],
)
def test_a_bad_flag_is_one_line_and_status_2(flags, monkeypatch, capsys):
    monkeypatch.setattr(sys, "argv", [str(SOFTMAX), *flags])
    with pytest.raises(SystemExit) as ended:
        tensorflowvisu.parse_args("0.0 title: what it is", 10_000)
    assert ended.value.code == 2
    printed = capsys.readouterr()
    (line,) = printed.err.splitlines()
    assert printed.out == "" and SOFTMAX.name in line and flags[0] in line and len(line) < 200
    assert "escape" not in line


def test_bad_data_is_one_line_and_status_2(run_here):
    with pytest.raises(SystemExit) as ended:
        run_here(SOFTMAX, "--data", "no such folder")
    assert ended.value.code == 2
    out, err = run_here.printed()
    (line,) = err.splitlines()
    assert out == "" and "no such folder" in line and "--data" in line


def test_an_unwritable_folder_is_a_warning(run_here, tmp_path):
    (tmp_path / "runs").write_text("a file, no folder")
    run_here(SOFTMAX, "--iterations", "20")
    out, err = run_here.printed()
    assert "Final test accuracy" in out and "Files:" not in out
    (line,) = err.splitlines()
    assert "could not be saved" in line and "--runs" in line


def test_the_python_error_of_a_script_is_raised_and_the_evaluations_are_saved(
    small_data, tmp_path, monkeypatch, capfd
):
    """A student's mistake that shows up in the middle."""
    broken = tmp_path / "mnist_9.9_broken.py"
    mistake = "    tf.debugging.assert_less(tf.cast(optimizer.iterations, tf.float32), 30.0)\n"
    source = next(path for path in SCRIPTS if "3.0" in path.stem).read_text()
    broken.write_text(source.replace("    YY = ", mistake + "    YY = "))
    command = [str(broken), "--data", str(small_data), "--headless", "--iterations", "500"]
    monkeypatch.setattr(sys, "argv", command)
    with pytest.raises(Exception) as raised:
        runpy.run_path(str(broken))
    assert type(raised.value).__name__ == "InvalidArgumentError"
    assert "Stopped at iteration" in capfd.readouterr().out
    saved = only_run(tmp_path, broken)  # beside the script: runs/
    assert saved.result["completed"] is False and saved.result["ended"] is True
    assert len(saved.curves["iteration"]) >= 1


SIGNALS = [
    getattr(signal, name) for name in ("SIGINT", "SIGTERM", "SIGHUP") if hasattr(signal, name)
]


@pytest.fixture
def begun(small_data, start_process, tmp_path):
    """A run of 1.0 that would take minutes, and whose first 500 iterations are saved."""
    command = [sys.executable, SOFTMAX, "--data", small_data, "--runs", tmp_path / "runs"]
    process = start_process([*command, "--headless", "--iterations", "1000000"])
    while not [*tmp_path.glob("runs/*/*/curves.csv")]:
        assert process.poll() is None
        time.sleep(0.05)
    (curves,) = tmp_path.glob("runs/*/*/curves.csv")
    while len(curves.read_text().splitlines()) < 51:
        time.sleep(0.05)
    return process


@pytest.mark.parametrize("number", [SIGNALS[0], *map(slow, SIGNALS[1:])], ids=lambda n: n.name)
def test_a_signal_ends_with_the_summary(number, begun, tmp_path):
    for _ in range(2 if number == signal.SIGINT else 1):  # Ctrl-C is pressed twice
        begun.send_signal(number)
    out, err = begun.communicate(timeout=30)
    assert (begun.returncode, err) == (128 + number, "")
    assert "Stopped at iteration" in out and "Last test accuracy" in out and "Best" not in out
    saved = only_run(tmp_path, SOFTMAX)
    assert saved.result["completed"] is False and 500 <= saved.result["iteration"] < 10**6
    assert saved.curves["iteration"][-1] == saved.result["iteration"]
    assert (saved.folder / "window.png").exists() or number == signal.SIGINT


@pytest.mark.slow
def test_a_killed_run_leaves_what_was_measured(begun, tmp_path):
    begun.kill()
    begun.communicate()
    saved = only_run(tmp_path, SOFTMAX)
    assert saved.result["completed"] is saved.result["ended"] is False
    assert saved.curves["iteration"][-1] >= 490 and saved.source == SOFTMAX.read_text()


INTERRUPTED = """
import contextlib, runpy, signal, sys
script, module, before = sys.argv[1:4]
sys.argv = [script, "--help"]
signal.signal(signal.SIGINT, signal.default_int_handler)
exec(before)
class Interrupt:
    def find_spec(name, *_):
        if name == module:
            with contextlib.suppress(KeyboardInterrupt):  # as in some libraries
                signal.raise_signal(signal.SIGINT)
sys.meta_path.insert(0, Interrupt)
runpy.run_path(script, run_name="__main__")
"""
COMPARE = TOP / "compare_curves.py"
IGNORED = "signal.signal(signal.SIGINT, signal.SIG_IGN)"  # as in a shell's background
NOTEBOOK = "sys.modules['IPython'] = None"


@pytest.mark.parametrize(
    ("script", "module", "before", "status"),
    [
        (SOFTMAX, "matplotlib", "", 130),
        (SOFTMAX, "tensorflow", "", 130),
        pytest.param(SOFTMAX, "keras", "", 130, marks=pytest.mark.slow),
        (COMPARE, "numpy", "", 130),
        (COMPARE, "numpy", IGNORED, 0),
        (COMPARE, "numpy", NOTEBOOK, 0),
    ],
    ids=lambda value: getattr(value, "stem", value),
)
def test_ctrl_c_while_modules_are_imported_is_one_line(script, module, before, status):
    """Unless it is ignored, or would end a notebook's kernel."""
    command = [sys.executable, "-c", INTERRUPTED, script, module, before]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60)
    assert (done.returncode, done.stderr) == (status, "")
    assert (len(done.stdout.splitlines()) == 1) == (status == 130)


def test_a_pipe_that_nobody_reads_does_not_end_the_training(run_here, tmp_path, monkeypatch):
    ours, theirs = os.pipe()
    os.close(ours)
    with open(theirs, "w") as pipe:
        monkeypatch.setattr(sys, "stdout", pipe)
        run_here(SOFTMAX, "--iterations", "20")
    assert run_here.printed() == ("", "")
    assert only_run(tmp_path, SOFTMAX).result["completed"] is True


@pytest.mark.slow
@pytest.mark.skipif(os.name != "posix", reason="a matter of Unix shells")
@pytest.mark.parametrize("where", ["| head -1", "> /dev/full", ">&- 2>&-"])
def test_a_closed_terminal_does_not_end_the_training(where, small_data, tmp_path):
    command = f'"{sys.executable}" "{SOFTMAX}" --data "{small_data}" --runs "{tmp_path / "runs"}"'
    command = f"{command} --headless --iterations 60 {where}"
    ended = subprocess.run(
        ["bash", "-o", "pipefail", "-c", command], capture_output=True, text=True, timeout=120
    )
    assert (ended.returncode, ended.stderr) == (0, "")
    assert only_run(tmp_path, SOFTMAX).result["completed"] is True


# ---- a student's own script


@pytest.fixture
def edited(tmp_path):
    """edited(*(old, new)): a copy of 1.0 with new text in place of the old."""

    def edit(*pairs, encoding="utf-8"):
        source = SOFTMAX.read_text(encoding="utf-8")
        for old, new in pairs:
            assert old in source
            source = source.replace(old, new)
        path = tmp_path / "experiment.py"
        path.write_bytes(source.encode(encoding))
        return path

    return edit


RETURN = "    optimizer.apply_gradients(zip(gradients, weights + biases))\n"
DOC = ast.get_docstring(ast.parse(SOFTMAX.read_text()), clean=False)


def test_a_students_edits_work(edited, run_here, tmp_path):
    """No tf.function, a step that returns its loss, no biases, no docstring."""
    returns = RETURN, RETURN + "    return cross_entropy\n"
    plain, unbiased = ("@tf.function\n", ""), ("[W], [b]", "[W, b], []")
    run_here(edited(returns, plain, unbiased, (f'r"""{DOC}"""', "")), "--iterations", "20")
    out, err = run_here.printed()
    assert err == "" and "Final test accuracy" in out
    assert only_run(tmp_path, tmp_path / "experiment.py").run.title


def test_a_script_in_latin_1_is_saved_as_it_is(edited, run_here, tmp_path):
    """Its docstring begins with no name and colon, and has what argparse takes for formats."""
    header = '# coding: latin-1\nr"""Übung zu 50 % mit %(prog)s'
    script = edited((f'r"""{DOC}', header), ("SGD(0.003)", "SGD(0.03)"), encoding="latin-1")
    run_here(script, "--iterations", "20")
    assert run_here.printed()[1] == ""
    saved = only_run(tmp_path, script)
    assert (saved.folder / script.name).read_bytes() == script.read_bytes()
    assert saved.run.title == "Übung zu 50 % mit %(prog)s"
    with pytest.raises(SystemExit) as ended:
        run_here(script, "--help")
    assert ended.value.code == 0


def test_an_edited_script_is_told_when_it_runs(edited, run_here, tmp_path):
    """Not by the file that lies beside it later."""
    script = edited(("SGD(0.003)", "SGD(0.03)"))
    run_here(script, "--iterations", "10")
    script.write_bytes(SOFTMAX.read_bytes())
    assert only_run(tmp_path, script).run.edited


@pytest.mark.parametrize(
    "edit",
    {
        "evaluate": ("return Y, loss(Ylogits, Y_), accuracy", "return Y"),
        "cross_entropy": ("return tf.reduce_mean(cross_entropy) * 100", "return cross_entropy"),
        "weights": ("weights, biases = [W], [b]", "weights, biases = W, b"),
    }.items(),
    ids=lambda edit: edit[0],
)
def test_a_broken_contract_is_one_line_and_status_2(edit, edited, run_here, tmp_path):
    with pytest.raises(SystemExit) as ended:
        run_here(edited(edit[1]), "--iterations", "20")
    out, err = run_here.printed()
    (line,) = err.splitlines()
    assert ended.value.code == 2 and "experiment.py" in line and edit[0] in line
    assert not (tmp_path / "runs").exists()


def test_a_broken_contract_in_a_notebooks_cell_names_the_cell(
    edited, small_data, monkeypatch, capfd
):
    """Not the program that runs the kernel, whose flags are not the script's."""
    source = edited(("args.data", repr(str(small_data))), ("[W], [b]", "W, b")).read_text()
    monkeypatch.setattr(sys, "argv", ["/lib/ipykernel_launcher.py", "-f", "kernel.json"])
    monkeypatch.setattr(sys.modules["__main__"], "In", ["", source], raising=False)
    with pytest.raises(SystemExit) as ended:
        exec(source, {"__doc__": DOC})
    (line,) = capfd.readouterr().err.splitlines()
    assert ended.value.code == 2 and line.startswith("notebook.py: weights")


def test_a_terminal_gets_a_progress_bar(small_data, start_process, tmp_path):
    pty = pytest.importorskip("pty", reason="needs a Unix terminal")
    ours, theirs = pty.openpty()
    command = [sys.executable, SOFTMAX, "--data", small_data, "--runs", tmp_path, "--headless"]
    process = start_process([*command, "--iterations", "200"], stdout=theirs, stderr=theirs)
    os.close(theirs)
    seen = b""
    while True:
        try:
            seen += os.read(ours, 4096)
        except OSError:  # Linux's end of a terminal
            break
    os.close(ours)
    assert process.wait(60) == 0
    seen = seen.decode()
    bar = [line for line in seen.replace("\r\n", "\n").split("\n") if "#" in line]
    assert len(bar) == 1 and "200 of 200" in bar[0] and "\r" in bar[0]
    assert "Final test accuracy" in seen.splitlines()[-4]
    assert max(len(part) for part in re.split("[\r\n]", seen)) < 120
