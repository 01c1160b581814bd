"""compare_curves.py --follow: runs that grow, in this process and in another one."""

import os
import shutil
import signal
import subprocess
import sys
from itertools import islice

import pytest
from conftest import TOP
from matplotlib.backend_bases import KeyEvent, TimerBase
from matplotlib.image import imread
from saved_runs import change, grow, legend, texts, write_run

import compare_curves
from visu.record.ladder import LADDER

LATER = [0.1, 0.5, 0.9, 0.96]


@pytest.fixture
def watch(tmp_path, monkeypatch):
    """watch(*flags, steps=[...]): the status of --follow, in a figure without a screen.

    In place of its main loop each of the steps, functions, is called with the figure, and then the
    timers go off once, as if a second had passed.
    """
    plt = pytest.importorskip("matplotlib.pyplot")
    from visu.show import window

    timers = []

    class Timer(TimerBase):
        def start(self, interval=None):
            timers.append(self)

    def open_figure(title):
        figure = plt.figure(figsize=(14, 7.875), dpi=96)
        figure.canvas.manager.set_window_title(title)
        figure.canvas.mpl_disconnect(figure.canvas.manager.key_press_handler_id)  # its own keys
        figure.canvas.new_timer = Timer
        return figure

    def call(*flags, steps=()):
        def main_loop():
            figure = plt.gcf()
            for step in steps:
                step(figure)
                for timer in timers:
                    timer._on_timer()

        monkeypatch.setattr(window, "open_figure", open_figure)
        monkeypatch.setattr(plt, "show", main_loop)
        command = ["compare_curves.py", "--runs", str(tmp_path), "--follow", *flags]
        monkeypatch.setattr(sys, "argv", command)
        try:
            return compare_curves.main()
        finally:
            plt.close("all")

    plt.switch_backend("agg")
    return call


def states(figure):
    """What the legend says of each experiment: its step, its result, its state."""
    return [(text[:3], *text.partition(": ")[2].split(", ")) for text in legend(figure)]


def test_it_waits_then_draws_what_starts_and_grows(tmp_path, watch):
    folders = []

    def start(figure):
        assert "Waiting: " in texts(figure) and not figure.axes
        for step in ("2.0", "2.1"):
            assert f'python {LADDER[step].script}.py --runs "{tmp_path}"' in texts(figure)
        folders.append(write_run(tmp_path, "2.0", LATER[:2]))

    def grown(figure):
        assert states(figure) == [("2.0", "50.00 %", "running")]
        grow(folders[0], 60, 0.7)

    def other(figure):
        assert states(figure) == [("2.0", "70.00 %", "running")]
        folders.append(write_run(tmp_path, "2.1", LATER[:3]))

    def ended(figure):
        assert states(figure) == [("2.0", "70.00 %", "running"), ("2.1", "90.00 %", "running")]
        assert figure.axes[0].get_xlim() == (0, 100)
        change(folders[0], result={"ended": True})

    def look(figure):
        one, other = states(figure)
        assert one == ("2.0", "70.00 %", "stopped at 60") and other[2] == "running"
        folders.append(None)

    assert watch("2.0", "2.1", steps=[start, grown, other, ended, look]) == 0
    assert len(folders) == 3  # it has been called to its end


def test_a_run_under_way_takes_the_place_of_an_older_one_also_when_it_pauses(tmp_path, watch):
    write_run(tmp_path, "2.0", LATER, time="2025")
    write_run(tmp_path, "2.1", LATER, time="2025")
    write_run(tmp_path, "2.1", LATER[:2], time="2026")  # aborted long ago
    for file in tmp_path.rglob("*.*"):
        os.utime(file, (0, 0))
    seen = []

    def begin(figure):
        seen.append(states(figure))
        write_run(tmp_path, "2.0", LATER[:2], time="2027")

    assert watch(steps=[begin, lambda figure: seen.append(states(figure))]) == 0
    old = [("2.0", "96.00 %"), ("2.1", "96.00 %")]
    assert seen == [old, [("2.0", "50.00 %", "running"), old[1]]]


def test_only_what_has_changed_is_drawn_again(tmp_path, watch, monkeypatch):
    folder = write_run(tmp_path, "2.0", LATER[:3])
    draw, draws = compare_curves.comparison.draw, []
    monkeypatch.setattr(compare_curves.comparison, "draw", lambda *a: draws.append(a) or draw(*a))

    def idle(figure):
        pass

    assert watch(steps=[idle, idle, lambda figure: grow(folder, 160, 0.95), idle]) == 0
    assert len(draws) == 2


def press(figure, key):
    event = KeyEvent("key_press_event", figure.canvas, key)
    figure.canvas.callbacks.process("key_press_event", event)


def test_the_keys(tmp_path, watch, monkeypatch, capsys):
    import matplotlib.pyplot as plt

    write_run(tmp_path, "2.0", LATER)
    full = []

    def helped(figure):
        return "quit" in "".join(text.get_text() for text in figure.texts if text.get_visible())

    def keys(figure):
        loss = []
        for _ in range(3):
            loss.append("log" in figure.axes[1].get_yscale())
            press(figure, "l")
        assert loss == [False, True, False] and "logarithmic" in figure.axes[1].get_title("left")
        for key, shown in zip("hhhx", [True, False, True, False], strict=True):
            press(figure, key)
            assert helped(figure) == shown
        figure.canvas.manager.full_screen_toggle = lambda: full.append(1)
        press(figure, "f")
        press(figure, "S")
        press(figure, "s")
        with monkeypatch.context() as patch:
            patch.setattr(figure, "savefig", lambda path: os.open(path.parent / "no" / "file", 0))
            press(figure, "s")
        press(figure, "h")
        grow(next(tmp_path.glob("*/*")), 240, 0.97)  # what is drawn again keeps the help

    def redrawn(figure):
        assert helped(figure) and "log" in figure.axes[1].get_yscale()
        press(figure, "q")
        assert not plt.get_fignums()

    assert watch(steps=[keys, redrawn]) == 0 and full == [1]
    paths = [tmp_path / "comparison.png", tmp_path / "comparison-2.png"]
    said = capsys.readouterr().out.splitlines()
    assert said[:2] == [f"saved {path}" for path in paths] and "could not be saved" in said[2]
    assert sorted(tmp_path.glob("*.png")) == sorted(paths)
    first, second = (imread(path) for path in paths)
    assert first.shape[:2] == (756, 1344) and (first == second).all()


def test_without_a_window_it_says_why(tmp_path, environment):
    command = [sys.executable, TOP / "compare_curves.py", "--runs", tmp_path, "--follow"]
    done = subprocess.run(command, capture_output=True, text=True, env=environment())
    assert done.returncode == 2 and done.stdout == ""
    assert done.stderr.count("\n") == 1 and "--follow" in done.stderr
    assert "DISPLAY" in done.stderr or "install" in done.stderr


WRITER = """
import sys, time
sys.path[:0] = sys.argv[1:3]
from pathlib import Path
from saved_runs import grow, write_run
folder = write_run(Path(sys.argv[3]), "2.0", [0.1, 0.2])
for k in range(60, 100_000, 20):
    time.sleep(0.05)
    grow(folder, k, k / 100_000)
"""

CHILD = """
import sys
sys.path.insert(0, sys.argv.pop(1))
import compare_curves
from visu.record.ladder import LADDER
from visu.panels import comparison
from visu.show import comparison_window

draw = comparison.draw

def told(figure, groups, view):
    draw(figure, groups, view)
    names = [text.get_text() for text in figure.legends[0].get_texts()]
    print(groups[0][0].end, "log" if view.log else "linear", *names, flush=True)

comparison.draw, comparison_window.LOOK_SECONDS = told, 0.2
sys.exit(compare_curves.main())
"""


def press_in_window(key, variables):
    """Press a key in the window, if it is there yet and listens."""
    window = ["search", "--onlyvisible", "--name", "Comparing", "windowfocus", "--sync", "%@"]
    subprocess.run(["xdotool", *window, "key", key], env=variables, capture_output=True)


@pytest.mark.parametrize(
    ("backend", "number"), [("tkagg", signal.SIGINT), ("qtagg", signal.SIGTERM)]
)
def test_a_run_in_another_process_is_followed_in_a_window(
    tmp_path, display, environment, start_process, backend, number
):
    pytest.importorskip("tkinter" if backend == "tkagg" else "PySide6")
    variables = environment(DISPLAY=display, MPLBACKEND=backend)
    command = [sys.executable, "-c", CHILD, TOP, "--runs", tmp_path, "--follow", "2.0"]
    watcher = start_process(command, env=variables)
    start_process([sys.executable, "-c", WRITER, TOP, TOP / "tests", tmp_path])
    told = [watcher.stdout.readline() for _ in range(3)]
    for key, answer in [("l", " log "), ("s", "saved ")] * bool(shutil.which("xdotool")):
        for line in islice(watcher.stdout, 100):
            told.append(line)
            if answer in line:
                break
            press_in_window(key, variables)
        assert answer in told[-1]
    watcher.send_signal(number)
    _, errors = watcher.communicate(timeout=30)
    assert ("saved " in told[-1]) == (tmp_path / "comparison.png").exists()
    told = [line for line in told if "saved " not in line]
    assert len({*told}) >= 3
    ends = [int(line.split()[0]) for line in told]
    assert ends == sorted(ends) and all("running" in line for line in told)
    assert watcher.returncode == 128 + number and errors == ""


def test_a_notebook_shows_the_comparison(tmp_path):
    nbclient = pytest.importorskip("nbclient", reason="needs nbclient, to run a notebook")
    pytest.importorskip("ipykernel", reason="needs ipykernel, to run a notebook")
    from nbformat import v4

    write_run(tmp_path, "2.0", LATER)
    command = f'%run "{TOP / "compare_curves.py"}" --runs "{tmp_path}"'
    cells = [v4.new_code_cell(f"{command} {flag}") for flag in ("", "--follow")]
    with pytest.MonkeyPatch.context() as patch:
        patch.delenv("MPLBACKEND", raising=False)  # the kernel sets its own
        client = nbclient.NotebookClient(
            v4.new_notebook(cells=cells), timeout=60, kernel_name="python3", allow_errors=True
        )
        client.execute()
    shown = [out for out in cells[0].outputs if out.output_type == "display_data"]
    printed = {out.name: out.text for out in cells[0].outputs if out.output_type == "stream"}
    assert len(shown) == 1 and "image/png" in shown[0].data
    assert set(printed) == {"stdout"} and "96.00" in printed["stdout"]
    assert "error" not in {out.output_type for out in cells[0].outputs}
    said = "".join(out.text for out in cells[1].outputs if out.output_type == "stream")
    assert "--follow" in said and "terminal" in said
