"""A script's window as a lecturer uses it: a real one, under TkAgg and QtAgg, with real keys.

What a key did is seen from outside: on the screen, on the terminal, in the files.
"""

import contextlib
import ctypes
import importlib
import json
import queue
import re
import shutil
import signal
import struct
import subprocess
import sys
import threading
import time
from pathlib import Path

import numpy as np
import pytest
from conftest import SCRIPTS, TOP
from matplotlib.image import imread
from PIL import ImageGrab

SOFTMAX, SIGMOID = SCRIPTS[:2]
TOLD = """
from visu.show import window

def update(self, real=window.Window.update):
    real(self)
    head = self.dashboard.head
    texts = [part.get_text() for part in (head.status, head.facts, head.misread)]
    texts += [panel.__name__ for panel in self.dashboard.view]
    shown = " | ".join(texts + ["help"] * self.dashboard.help_shown)
    if shown != getattr(self, "shown", None):
        self.shown = shown
        print(f"|{shown}", flush=True)

def open_figure(title, real=window.open_figure):
    figure = real(title)
    figure.canvas.manager.full_screen_toggle = lambda: print("full screen", flush=True)
    return figure

window.Window.update, window.open_figure = update, open_figure
"""  # in a script: the terminal is told what the window shows
FAILS = """
from visu.panels.curves import Loss

Loss.update = lambda panel, history: 1 / 0
"""
YELLOW = (255, 220, 60)  # of the status
BACKENDS = {"tkagg": "tkinter", "qtagg": "PySide6.QtWidgets"}


@pytest.fixture(params=["tkagg", pytest.param("qtagg", marks=pytest.mark.slow)])
def backend(request):
    """The name of a backend whose toolkit is there."""
    try:
        importlib.import_module(BACKENDS[request.param])
    except ImportError as why:
        pytest.skip(f"needs a toolkit: {why}")
    return request.param


@pytest.fixture
def lecture(backend, display, environment, small_data, start_process, tmp_path):
    """lecture(script, *flags): a run in a window of its own, without end unless a flag tells."""
    if not shutil.which("xdotool"):
        pytest.skip("needs xdotool")

    def start(script, *flags):
        variables = environment(DISPLAY=display, MPLBACKEND=backend, PYTHONPATH=str(TOP))
        command = [sys.executable, script, "--data", small_data, "--runs", tmp_path / "runs"]
        command += ["--iterations", 10**7, *flags]
        return Lecture(script, variables, start_process(command, env=variables))

    return start


def until(true, seconds=30):
    """Wait until true() is so, and return what it gives."""
    end = time.monotonic() + seconds
    while not (found := true()):
        assert time.monotonic() < end, "it never came"
        time.sleep(0.02)
    return found


def told(folder, code):
    """A copy of 1.0 in this folder, with this code before its last line."""
    script = folder / SOFTMAX.name
    script.write_text(
        SOFTMAX.read_text().replace("tensorflowvisu.run(", f"{code}\ntensorflowvisu.run(")
    )
    return script


def result(folder):
    return json.loads((folder / "run.json").read_text())["result"]


class Lecture:
    """A script in a process of its own, and its window."""

    def __init__(self, script, variables, process):
        self.script, self.variables, self.process = script, variables, process
        self.lines, self.printed = queue.Queue(), []
        threading.Thread(target=self.read, daemon=True).start()

    def read(self):
        with contextlib.suppress(ValueError):  # closed when the test ends
            for line in self.process.stdout:
                self.lines.put(line.rstrip())

    def line(self, pattern):
        """Wait for a line on the terminal that matches; returns the match."""
        while True:
            try:
                self.printed.append(self.lines.get(timeout=20))
            except queue.Empty:
                raise AssertionError(f"no {pattern} in {self.printed[-9:]}") from None
            if found := re.search(pattern, self.printed[-1]):
                return found

    def xdotool(self, *arguments):
        command = ["xdotool", *map(str, arguments)]
        done = subprocess.run(command, env=self.variables, capture_output=True, text=True)
        return done.stdout

    def find_window(self):
        assert self.process.poll() is None, self.process.stderr.read()
        name = f"^{self.script.stem.split('_')[1]} "
        return self.xdotool("search", "--onlyvisible", "--name", name).split()

    def open(self):
        """Wait for the window, and give it the keyboard."""
        self.id = until(self.find_window, 60)[-1]
        self.xdotool("windowfocus", "--sync", self.id)
        return self

    def first_evaluation(self):
        """Wait for the first picture, which says what goes on, and for the first evaluation."""
        until(self.status)
        until(lambda: not self.status())

    def geometry(self):
        """x, y, width, height of the window, in pixels."""
        told = self.xdotool("getwindowgeometry", "--shell", self.id)
        return [int(value) for value in re.findall(r"=(\d+)", told)[1:5]]

    def screen(self):
        """The window's pixels [height, width, 3] as they are on the screen."""
        x, y, wide, tall = self.geometry()
        display = self.variables["DISPLAY"]
        return np.asarray(ImageGrab.grab((x, y, x + wide, y + tall), xdisplay=display))

    def still(self):
        """The window's pixels once they have not changed for a while."""
        while True:
            before = self.screen()
            time.sleep(0.4)
            if np.array_equal(before, self.screen()):
                return before

    def status(self):
        """Whether the headline tells what goes on: starting, PAUSED."""
        return (self.screen()[:60] == YELLOW).all(axis=2).sum() > 500

    def key(self, name):
        self.xdotool("key", name)

    def answer(self, key, before, share=0):
        """Press a key; the pixels once more than a share of them has changed, and they rest."""
        self.key(key)
        until(lambda: np.mean(self.screen() != before) > share)
        return self.still()

    def iteration(self):
        """Where the training is, by the name of the picture that `s` saves."""
        self.key("s")
        self.picture = Path(self.line(r"saved (.*iteration-\d+.*\.png)")[1])
        return int(re.search(r"\d+", self.picture.name)[0])

    def close(self):
        """Close the window as its frame's button does."""
        x11 = ctypes.CDLL("libX11.so.6")
        x11.XOpenDisplay.restype, x11.XInternAtom.restype = ctypes.c_void_p, ctypes.c_ulong
        display = ctypes.c_void_p(x11.XOpenDisplay(self.variables["DISPLAY"].encode()))
        names = b"WM_PROTOCOLS", b"WM_DELETE_WINDOW"
        protocols, delete = (x11.XInternAtom(display, name, False) for name in names)
        window = ctypes.c_ulong(int(self.id))
        # an XClientMessageEvent: type, serial, send_event, display, window, kind, format, data
        fields = 33, 0, 1, 0, window.value, protocols, 32, delete, 0, 0, 0, 0
        message = struct.pack("@iLiPLLi5l", *fields).ljust(192)
        x11.XSendEvent(display, window, False, ctypes.c_long(0), message)
        x11.XCloseDisplay(display)

    def end(self, complaints=0):
        """What is left after the end: status, terminal, folder. complaints: lines of stderr."""
        status = self.process.wait(20)
        assert len(self.process.stderr.readlines()) == complaints
        folder = Path(self.line("Files: (.*)")[1])
        return status, "\n".join(self.printed), folder


def assert_ended_early(status, printed, folder, expected):
    """The run ended with this status, its summary and its files."""
    assert status == expected
    assert "Stopped at iteration" in printed and "Last test accuracy" in printed
    assert result(folder)["completed"] is False and result(folder)["iteration"] > 0
    assert imread(folder / "window.png").shape[:2] == (756, 1344)


def test_every_key(lecture, run_here):
    live = lecture(SOFTMAX).open()
    live.first_evaluation()

    live.key("space")
    until(live.status)
    live.still()  # with the last evaluation before the pause
    six = live.still()
    stands = live.iteration()
    until(lambda: (live.screen()[:60] != six[:60]).any())  # says that it is saved
    saved = (imread(live.picture)[..., :3] * 255).round()
    np.testing.assert_array_equal(saved, six)  # the view as it was
    first = live.picture
    assert live.iteration() == stands > 0 and live.picture != first  # which is not overwritten
    live.answer("h", live.screen())
    live.answer("h", live.screen())  # the hint is gone
    time.sleep(2.5)  # so is the notice
    six = live.still()

    pictures = [six]
    for key, back in ("1", "Escape"), ("g", "g"), ("c", "0"), ("h", "h"):
        pictures.append(live.answer(key, six, 0.01))
        np.testing.assert_array_equal(live.answer(back, pictures[-1], 0.01), six)
    shares = [np.mean(a != b) for k, a in enumerate(pictures) for b in pictures[:k]]
    assert min(shares) > 0.01  # each is a view of its own

    for k in (1, 2):
        live.answer("n", live.screen())
        assert live.iteration() == stands + k
    live.key("space")
    until(lambda: not live.status())
    far = until(lambda: max(0, live.iteration() - stands - 1000))
    live.xdotool("key", "r", "space")
    until(live.status)
    live.still()
    assert live.iteration() < far + 1000
    live.key("space")
    until(lambda: live.iteration() >= 50)
    live.xdotool("windowsize", live.id, 1000, 640)
    until(lambda: live.iteration() and imread(live.picture).shape[:2] == (640, 1000))
    live.key("q")
    *ended, folder = live.end()
    assert_ended_early(*ended, folder, 0)
    run_here(SOFTMAX, "--iterations", "50")
    headless, _ = run_here.printed()
    folders = folder, Path(headless.rpartition("Files: ")[2].strip())
    rows, same = [(path / "curves.csv").read_text().splitlines()[:7] for path in folders]
    assert len(same) == 7 and rows == same


def test_a_lecturer_sets_the_pace(lecture, tmp_path):
    live = lecture(told(tmp_path, TOLD), "--pause", "--iterations", "1000").open()
    live.line(r"^\|PAUSED")
    live.key("n")  # while it compiles
    live.line(r"^\|one iteration")
    live.line(r"^\|one .*iteration 0 of 1,000 .*epoch 0\.0 .*h: keys \|.*read \| Accuracy \| Loss")
    live.line(r"^\|PAUSED .*iteration 1 of 1,000 .*epoch 0\.3 .*[1-9]\d* of 200 misread ")

    live.key("h")
    assert "h: keys" not in live.line(r"^\|.*\| help$").string
    live.xdotool("key", "6")  # closes the help, and does what it says
    live.line(r"^\|PAUSED .*misread \| TestDigitsAlone$")
    live.xdotool("key", "f", "F11")
    live.line("^full screen$"), live.line("^full screen$")

    live.xdotool("key", "minus", "minus", "minus", "minus")
    live.line(r"^\|PAUSED, 2/s ")
    live.key("space")
    live.line(r"^\|at most 2/s .*iteration 2 of .* misread \|")
    began = time.monotonic()
    live.line(r"^\|.*iteration [5-9] of .*\d of 200 misread \|")  # each is evaluated
    assert time.monotonic() - began > 1
    for pace in (10, 50):
        live.key("plus")
        live.line(rf"^\|at most {pace}/s")
    live.line(r"^\|at most 50/s .*iteration [1-9]\d\d of")
    live.key("r")
    live.line(r"^\|at most 50/s .*iteration \d{1,2} of")
    live.key("plus")
    live.line(r"^\|at most 200/s ")
    live.key("plus")
    live.line(r"^\|done .*iteration 1,000 of")
    before, keys = len(live.printed), "wgec123456890wgec1234568907"
    live.xdotool("key", "--delay", "0", "space", *keys)  # all at once
    live.line(r"^\|done .*misread \| Accuracy \| Loss$")
    views = [line for line in live.printed[before:] if line.startswith("|done")]
    assert len(views) < len(keys) / 2  # the others were not shown
    live.key("q")
    assert (live.process.wait(20), live.process.stderr.read()) == (0, "")


@pytest.mark.slow
def test_a_panel_that_fails_does_not_end_the_training(lecture, tmp_path):
    live = lecture(told(tmp_path, FAILS), "--iterations", "500").open()
    live.line("Final test accuracy: .* after 500 iterations")
    until(live.status)  # done
    live.key("q")
    assert live.process.wait(20) == 0
    complaint = live.process.stderr.read()
    assert complaint.count("Traceback") == 1 and "ZeroDivisionError" in complaint


def test_a_finished_run_is_saved_while_its_window_is_open_and_one_under_way_if_x_dies(lecture):
    live = lecture(SOFTMAX, "--iterations", "200").open()
    folders = []
    for keys in ["r"], ["minus", "minus", "minus", "r"]:
        live.line("Final test accuracy: .* after 200 iterations")
        folders.append(Path(live.line("Files: (.*)")[1]))
        until(live.status)  # done
        live.xdotool("key", *keys)
    assert live.process.poll() is None
    assert folders[0] != folders[1]
    curves = [(folder / "curves.csv").read_text() for folder in folders]
    assert curves[0] == curves[1] and curves[0].splitlines()[-1].startswith("200,")
    assert all(result(folder)["completed"] for folder in folders)

    until(lambda: len([*folders[0].parent.glob("*/weights.npz")]) == 3)
    live.xdotool("windowkill", live.id)
    closed = 0 if live.variables["MPLBACKEND"] == "qtagg" else 1  # Qt takes it for a closed window
    assert_ended_early(*live.end(complaints=1), closed)


@pytest.mark.slow
def test_a_digit_drawn_with_the_mouse(lecture):
    live = lecture(SOFTMAX).open()
    live.first_evaluation()
    live.key("space")
    until(live.status)
    blank = live.answer("d", live.still(), 0.01)
    *_, wide, tall = live.geometry()

    def move(x, y):
        """Move the mouse to this place on the sheet, -1..1 both ways."""
        place = wide * (0.111 + 0.09 * x), tall * (0.818 + 0.16 * y)
        live.xdotool("mousemove", "--window", live.id, *map(int, place))

    def sheet():
        """Of the middle of the sheet's pixels the dark ones, [height, width]."""
        rows = slice(int(0.69 * tall), int(0.95 * tall))
        return live.screen()[rows, int(0.03 * wide) : int(0.19 * wide)].max(axis=2) < 60

    move(0, -0.6)
    live.xdotool("mousedown", 1)
    for y in (-0.3, 0, 0.3, 0.6):
        move(0, y)
    until(lambda: sheet().sum() > 100)  # before the button is released
    live.xdotool("mouseup", 1)
    drawn = live.still()
    rows, columns = np.nonzero(sheet())
    assert np.ptp(rows) > 0.15 * tall and np.ptp(columns) < 0.03 * wide  # a stroke down
    bars = slice(int(0.85 * wide), None)
    assert np.any(drawn[tall // 4 :, bars] != blank[tall // 4 :, bars])
    live.answer("BackSpace", drawn)
    assert not sheet().any()
    live.answer("Right", live.screen())
    live.key("q")
    live.end()


@pytest.mark.slow
def test_windows_stay_where_they_are_and_end_by_their_frame_or_ctrl_c(lecture):
    below, above = lecture(SOFTMAX), lecture(SIGMOID)
    for one, x, y in (below, 300, 200), (above, 500, 350):
        one.open()
        one.xdotool("windowmove", "--sync", one.id, x, y)
    above.xdotool("windowraise", above.id)
    for one in (below, above):
        one.first_evaluation()
    above.xdotool("windowfocus", "--sync", above.id)
    above.xdotool("mousemove", 700, 500)  # where both are

    def arrangement():
        pointed_at = above.xdotool("getmouselocation", "--shell").split()[-1]
        return below.geometry(), above.geometry(), above.xdotool("getwindowfocus"), pointed_at

    before = arrangement()
    assert [place[:2] for place in before[:2]] == [[300, 200], [500, 350]]
    for one in (below, above):
        seen = one.screen()
        until(lambda: not np.array_equal(seen, one.screen()))  # noqa: B023
    assert arrangement() == before

    below.close()
    assert_ended_early(*below.end(), 0)
    above.process.send_signal(signal.SIGINT)
    began = time.monotonic()
    above.line("Stopped at iteration")
    assert time.monotonic() - began < 1
    assert_ended_early(*above.end(), 130)
