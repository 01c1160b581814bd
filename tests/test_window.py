"""The window on a canvas without a screen: frames, blitting, keys, other sizes, errors."""

import math
import threading
from types import SimpleNamespace

import numpy as np
import pytest
from evaluations import RUN, evaluation, long_run
from matplotlib.backend_bases import FigureCanvasBase, KeyEvent, MouseEvent, ResizeEvent
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.image import imread

from visu.panels.dashboard import Dashboard, Offscreen
from visu.panels.keys_and_views import ACTIONS, SIX, VIEWS
from visu.panels.style import DPI, INCHES
from visu.record.run import History
from visu.session import Live, Recording
from visu.show import window
from visu.training.worker import Control, Worker


class FakeLive(SimpleNamespace):
    """In place of session.Live: `pressed` and `said` are what the window asked of it."""

    def __init__(self, history, folder):
        super().__init__(history=history, status="", pressed=[], said=[], ask=None)
        self.say, self.folder = self.said.append, folder
        for name in set(ACTIONS.values()) - set(dir(window.Window)):
            setattr(self, name, lambda name=name: self.pressed.append(name))

    def poll(self):
        return self.status

    def picture_path(self):
        return self.folder / f"{len(self.said)}.png"


@pytest.fixture
def make_window(monkeypatch, tmp_path):
    """make_window(history): a Window on a FakeLive, whose canvas only has memory."""

    def open_figure(title):
        figure = Figure(INCHES, dpi=DPI)
        FigureCanvasAgg(figure)
        return figure

    monkeypatch.setattr(window, "open_figure", open_figure)
    monkeypatch.setattr(window.plt, "close", lambda figure: None)
    monkeypatch.setattr(window, "PAINT_SECONDS", math.inf)  # a frame at once, as a rule
    return lambda filled: window.Window(FakeLive(filled, tmp_path))


def press(made, *keys):
    """Press keys so fast that each one waits for the one before."""
    for key in keys:
        event = KeyEvent("key_press_event", made.canvas, key)
        made.canvas.callbacks.process("key_press_event", event)
    made.show_changes()  # as the toolkit does when no key waits
    if made.error:
        raise made.error


def pixels(made):
    return np.array(made.canvas.buffer_rgba())


def assert_whole(made):
    """What was blitted is what a full redraw draws."""
    blitted = pixels(made)
    made.canvas.draw()
    np.testing.assert_array_equal(blitted, pixels(made))


def test_a_blitted_frame_is_what_a_full_redraw_draws(make_window):
    filled = long_run(1600)
    made = make_window(filled)
    made.tick()
    for k in range(5):
        filled.append(evaluation(1620 + 20 * k, 0.97 + 0.005 * k))
        made.live.status = "PAUSED" if k % 2 else ""
        before = pixels(made)
        made.tick()
        assert made.due == [] and made.error is None
        assert (pixels(made) != before).any()
    assert_whole(made)


def test_a_frame_is_drawn_in_slices_and_a_key_need_not_wait(make_window, monkeypatch):
    monkeypatch.setattr(window, "PAINT_SECONDS", 0)
    made = make_window(long_run())
    made.tick()
    drawn, left = made.dashboard.panels[0], made.dashboard.panels[1:]
    assert made.due == left
    made.tick()
    assert made.due == left  # no new frame before this one is done
    made.paint(0)
    assert made.due == left[1:]
    made.live.status = "PAUSED"
    press(made, "h")
    assert made.due == [] and drawn.status.get_text() == "PAUSED"
    press(made, "h")
    assert_whole(made)


def test_of_keys_that_wait_the_last_one_decides_and_no_other_view_is_laid_out(make_window):
    made = make_window(long_run())
    press(made, *"w1c7h2g6e")
    assert made.dashboard.view == VIEWS["e"] and made.dashboard.built.keys() == {VIEWS["e"]}
    assert_whole(made)
    press(made, "0", "d", "d")  # the second one to the panel that the first one shows
    assert made.dashboard.view == VIEWS["d"] and made.dashboard.selection.training
    assert made.dashboard.built.keys() == {VIEWS["e"], VIEWS["d"]}
    press(made, *"123", "q", "4")
    assert made.closed


def test_keys_choose_the_panels_and_the_same_key_leads_back(make_window):
    made = make_window(long_run())
    for key, view in VIEWS.items():
        press(made, key)
        assert made.dashboard.view == view
        assert [type(panel) for panel in made.dashboard.panels[1:]] == [*view]
        press(made, key)
        own = key == "d"  # a training step, to its panel
        assert made.dashboard.view == (VIEWS["d"] if own else SIX)
        assert made.dashboard.selection.training or not own
        press(made, "0")


def test_what_was_hidden_comes_back_as_it_was(make_window):
    made = make_window(long_run())
    made.tick()
    press(made, "h")
    press(made, "h")  # the hint that there are keys is gone
    six = pixels(made)
    for key, away in (("w", "w"), ("w", "escape"), ("h", "h"), ("h", "escape"), ("H", "h")):
        press(made, key)
        assert (pixels(made) != six).mean() > 0.01
        press(made, away)
        np.testing.assert_array_equal(pixels(made), six)


def test_each_action_of_the_table_is_there():
    known = {name for owner in (window.Window, Live, Control) for name in dir(owner)}
    assert set(ACTIONS.values()) <= known


@pytest.mark.parametrize("key", [" ", "n", "s", "g", "left"])
def test_any_key_closes_the_help_and_does_what_it_says(make_window, key):
    made = make_window(long_run())
    made.canvas.draw()  # as the toolkit does
    made.tick()
    press(made, "h")
    press(made, "shift")
    assert made.dashboard.help_shown
    press(made, key)
    assert not made.dashboard.help_shown and not made.dashboard.help.get_visible()
    assert made.live.pressed == {" ": ["toggle_pause"], "n": ["step"]}.get(key, [])
    assert (made.dashboard.view == VIEWS["g"]) == (key == "g")
    path = made.live.folder / "0.png"
    assert path.exists() == (key == "s")
    if key == "s":
        middle = imread(path)[300:450, 560:780], pixels(made)[300:450, 560:780] / 255
        assert abs(np.subtract(*middle)).max() < 0.02  # the panels, not the help
    assert_whole(made)


def test_help_stays_on_top_of_new_evaluations(make_window):
    filled = long_run(1000)
    made = make_window(filled)
    press(made, "h")
    middle = slice(300, 450), slice(560, 780)
    before = pixels(made)[middle]
    filled.append(evaluation(1020, 0.9, 200))
    made.tick()
    np.testing.assert_array_equal(pixels(made)[middle], before)


def test_s_saves_the_view_and_says_where(make_window):
    made = make_window(long_run())
    made.tick()
    before = pixels(made)
    press(made, "s")
    assert "saved" in made.dashboard.head.status.get_text()
    made.live.folder /= "missing"
    press(made, "s")
    first, second = made.live.said
    assert "0.png" in first and "could not be saved" in second and "missing" in second
    saved = imread(made.live.folder.parent / "0.png")
    assert (abs(saved * 255 - before) > 8).mean() < 0.001  # what moves is in it too


def test_s_before_the_first_frame_saves_the_whole_view(make_window):
    made = make_window(long_run())
    made.dashboard.update(made.history)  # what show() does first
    press(made, "s")
    saved = (imread(made.live.folder / "0.png") * 255).round()
    made.canvas.draw()
    made.live.said.clear()
    press(made, "s")
    again = (imread(made.live.folder / "0.png") * 255).round()
    assert (abs(saved - again)[100:] > 8).mean() < 0.001  # below the headline


def test_s_needs_no_canvas_with_pixels(make_window, monkeypatch):
    """As under tkcairo, qtcairo and wx."""

    def open_figure(title):
        return FigureCanvasBase(Figure(INCHES, dpi=DPI)).figure

    monkeypatch.setattr(window, "open_figure", open_figure)
    made = make_window(long_run())
    made.tick()
    press(made, "s")
    dashboard = Dashboard(Figure(INCHES, dpi=DPI), RUN, keys=True)
    dashboard.update(made.history)
    dashboard.figure.savefig(made.live.folder / "b.png")
    saved, expected = (imread(made.live.folder / name) for name in ("0.png", "b.png"))
    np.testing.assert_array_equal(saved, expected)


def test_actions_are_those_of_the_table(make_window):
    made = make_window(History(RUN))
    for key in (" ", "n", "-", "=", "+", "r", "R", "l", "f", None):
        press(made, key)
    expected = ["toggle_pause", "step", "slower", "faster", "faster", "restart", "restart"]
    assert made.live.pressed == expected
    press(made, "q")
    assert made.closed


def test_a_click_on_a_digit_opens_it(make_window):
    made = make_window(long_run())
    made.tick()
    axes = made.dashboard.panels[-1].axes
    x, y = axes.transData.transform((0.5, 0.5))
    event = MouseEvent("button_press_event", made.canvas, x, y, button=1)
    made.canvas.callbacks.process("button_press_event", event)
    assert made.error is None and made.dashboard.view == VIEWS["d"]
    assert made.dashboard.selection.index is not None


def test_while_a_pen_moves_only_its_line_is_drawn(make_window):
    """Toolkits drop the moves that come while a frame is drawn: the line would lose its corners."""
    made = make_window(long_run())
    press(made, "d")
    panel = made.dashboard.panels[1]
    sheet = panel.axes.images[1]
    left, right, bottom, top = sheet.get_extent()
    before, inside = pixels(made), sheet.get_window_extent()
    for k, name in enumerate(["button_press", *["motion_notify"] * 9]):
        place = left + (right - left) * (k + 1) / 12, (top + bottom) / 2
        x, y = panel.axes.transData.transform(place)
        event = MouseEvent(f"{name}_event", made.canvas, x, y, button=1)
        made.canvas.callbacks.process(event.name, event)
        made.history.append(evaluation(2020 + 20 * k))
        made.tick()
    rows, columns = np.nonzero((pixels(made) != before).any(axis=2))
    height = len(before)
    assert inside.x0 - 1 <= columns.min() and columns.max() <= inside.x1 + 1
    assert inside.y0 - 1 <= height - rows.max() and height - rows.min() <= inside.y1 + 1
    assert np.ptp(columns) > 0.7 * inside.width  # the line is there
    made.show_changes()  # as the toolkit does when the pen rests
    assert (pixels(made) != before)[:80].any()  # the headline
    assert_whole(made)


@pytest.mark.parametrize("error", [KeyboardInterrupt, ValueError])
def test_what_poll_raises_closes_the_window_and_ends_show(make_window, monkeypatch, error):
    def poll():
        raise error

    made = make_window(History(RUN))
    made.live.poll = poll
    monkeypatch.setattr(window.plt, "show", lambda block: made.tick())
    with pytest.raises(error):
        made.show(lambda: None)
    assert made.closed


def test_a_window_that_lost_its_canvas_draws_no_more(make_window):
    made = make_window(long_run(1000))
    made.tick()
    FigureCanvasBase(made.figure)  # so does matplotlib 3.11 when a window is closed
    made.history.append(evaluation(1020))
    made.tick()
    press(made, "1")
    assert made.error is None


def test_a_view_comes_back_with_what_was_measured_meanwhile(make_window):
    made = make_window(long_run(400))
    made.tick()
    six = made.dashboard.panels[1:]
    press(made, "1")
    for iteration in (600, 2000):  # other scales
        made.history.append(evaluation(iteration, 0.97, 300, weight=2))
        made.tick()
    press(made, "0")
    assert made.dashboard.panels[1:] == six  # the same as before, not built again
    assert_whole(made)


def test_no_picture_of_another_size_has_the_layout_of_the_layout_of_the_one_before(make_window):
    made = make_window(long_run())
    made.tick()

    def resize(width, height):
        made.figure.set_size_inches(width / DPI, height / DPI)
        made.canvas.callbacks.process("resize_event", ResizeEvent("resize_event", made.canvas))
        made.canvas.draw()  # as toolkits do

    def laid_out(width, height):
        drawn = Offscreen(RUN, width, height)
        drawn.dashboard.show_help(False)  # as none of the pictures has the hint
        drawn.draw(made.history)
        return drawn.pixels

    press(made, "h")
    press(made, "h")
    for size in ((960, 540), (1344, 756)):
        resize(*size)
        made.tick()
        made.paint()
        press(made, "n")
        assert not pixels(made)[..., 3].any()  # an empty picture
        made.tick()
        np.testing.assert_array_equal(pixels(made), laid_out(*size))
    resize(1000, 600)
    resize(1344, 756)  # and back before it was laid out
    made.tick()
    made.tick()
    np.testing.assert_array_equal(pixels(made), laid_out(1344, 756))
    resize(1000, 600)
    press(made, "s")
    saved = imread(made.live.folder / "0.png")
    np.testing.assert_array_equal((saved * 255).round(), laid_out(1000, 600))


def test_another_size_in_the_middle_of_a_frame(make_window, monkeypatch):
    """What was left of the frame are panels that are gone; the frame of the new size is whole."""
    monkeypatch.setattr(window, "PAINT_SECONDS", 0)
    made = make_window(long_run())
    made.tick()
    made.figure.set_size_inches(20, 11.25)
    made.tick()
    assert made.due  # the rest of the frame is still to be drawn
    made.tick()
    for _ in made.dashboard.panels:
        made.paint(0)
    assert made.error is None and not made.closed and not made.due
    assert_whole(made)


class BusyTraining:
    """A Training whose block of iterations ends when this Event is set."""

    def __init__(self):
        self.inspection, self.end = SimpleNamespace(), threading.Event()

    def evaluations(self, control, **schedule):
        self.end.wait(20)
        yield evaluation(0)


def test_a_closed_window_says_at_once_that_something_is_still_under_way(tmp_path, monkeypatch):
    class Closed(window.Window):
        """A window that is closed as soon as it is there."""

        def __init__(self, live):
            self.dashboard = Dashboard(Figure(), RUN)

        def show(self, begin):
            begin()

    monkeypatch.setattr(window, "Window", Closed)
    training, said, control = BusyTraining(), [], Control()
    training.inspection.copying = False

    def say(line):
        said.append(training.end.is_set())
        training.end.set()

    recording = SimpleNamespace(history=History(RUN), say=say, picture_path=None, take=said.append)
    Live(recording, control, SIX).run(Worker(lambda: training, control), paused=False)
    assert said[0] is False and said[1].iteration == 0  # and what was under way is taken in


def test_a_restart_does_not_wait_for_the_picture_of_the_run_before(tmp_path, capsys):
    args = SimpleNamespace(runs=tmp_path, source=b"", movie=None, view="0", weights=None)
    pictures = lambda: list(tmp_path.glob("**/window.png"))  # noqa: E731
    with Recording(args, RUN) as recording:
        for iteration in (0, 20, 2000, 0, 20):
            recording.take(evaluation(iteration))
        assert not pictures()
    assert len(pictures()) == 2
