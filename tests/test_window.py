"""The window on a canvas without a screen: frames, blitting, keys, other sizes, errors."""

import math

import numpy as np
import pytest
from evaluations import RUN, evaluation, long_run
from matplotlib.backend_bases import FigureCanvasBase, KeyEvent, ResizeEvent
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.image import imread

from visu.panels.blitting import Offscreen
from visu.panels.dashboard import Panels
from visu.panels.style import DPI, INCHES
from visu.record.run import History
from visu.show import window


@pytest.fixture
def make_window(monkeypatch):
    """make_window(history, ...): a Window whose canvas only has memory."""

    def open_figure(title):
        figure = Figure(INCHES, dpi=DPI)
        FigureCanvasAgg(figure)
        return figure

    monkeypatch.setattr(window, "open_figure", open_figure)
    monkeypatch.setattr(window.plt, "close", lambda figure: None)
    monkeypatch.setattr(window, "PAINT_SECONDS", math.inf)  # a frame at once, as a rule

    def make(filled, poll=lambda: "", **options):
        return window.Window(filled, RUN, poll, **options)

    return make


def press(made, key):
    made.canvas.callbacks.process("key_press_event", KeyEvent("key_press_event", made.canvas, key))
    if made.error:
        raise made.error


def pixels(made):
    return np.array(made.canvas.buffer_rgba())


def test_a_blitted_frame_is_what_a_full_redraw_draws(make_window):
    filled = long_run(1600)
    made = make_window(filled)
    made.tick()
    for k in range(5):
        filled.append(evaluation(1620 + 20 * k, 0.97 + 0.005 * k))
        made.poll = lambda k=k: "PAUSED" if k % 2 else ""
        before = pixels(made)
        made.tick()
        assert made.due == [] and made.error is None
        assert (pixels(made) != before).any()
    blitted = pixels(made)
    made.canvas.draw()
    np.testing.assert_array_equal(blitted, pixels(made))


def test_a_frame_is_drawn_in_slices_and_a_key_need_not_wait(make_window, monkeypatch):
    monkeypatch.setattr(window, "PAINT_SECONDS", 0)
    made = make_window(long_run())
    made.tick()
    drawn, left = made.panels.moving[0], made.panels.moving[1:]
    assert made.due == left
    made.tick()
    assert made.due == left  # no new frame before this one is done
    made.go_on()
    assert made.due == left[1:]
    made.poll = lambda: "PAUSED"
    press(made, "h")
    assert made.due == [] and drawn.status.get_text() == "PAUSED"
    press(made, "h")
    sliced = pixels(made)
    made.canvas.draw()
    np.testing.assert_array_equal(sliced, pixels(made))


def test_keys_choose_the_panels(make_window):
    made = make_window(long_run())
    for key, names in window.VIEWS.items():
        press(made, key)
        assert made.panels.names == names
        assert len(made.panels.moving) == 1 + len(names)


def test_w_and_h_switch_on_and_off(make_window):
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


@pytest.mark.parametrize("key", [" ", "n", "s", "g", "left"])
def test_any_key_closes_the_help_and_does_what_it_says(make_window, tmp_path, key):
    pressed = []
    actions = {" ": lambda: pressed.append(" "), "n": lambda: pressed.append("n")}
    path = tmp_path / "a.png"
    made = make_window(
        long_run(), actions=actions, picture_path=lambda: path, say=lambda line: None
    )
    made.canvas.draw()  # as the toolkit does
    made.tick()
    press(made, "h")
    press(made, "shift")
    assert made.panels.help_shown
    press(made, key)
    assert not made.panels.help_shown and not made.panels.help.get_visible()
    assert pressed == [key] * (key in actions) and path.exists() == (key == "s")
    assert (made.panels.names == window.VIEWS["g"]) == (key == "g")
    if key == "s":
        middle = imread(path)[300:450, 560:780], pixels(made)[300:450, 560:780] / 255
        assert abs(np.subtract(*middle)).max() < 0.02  # the panels, not the help
    blitted = pixels(made)
    made.canvas.draw()
    np.testing.assert_array_equal(blitted, pixels(made))


def test_help_stays_on_top_of_new_evaluations(make_window):
    filled = long_run(1000)
    made = make_window(filled)
    press(made, "h")
    middle = slice(300, 450), slice(560, 780)
    before = pixels(made)[middle]
    filled.append(evaluation(1020, 0.9, 200))
    made.tick()
    np.testing.assert_array_equal(pixels(made)[middle], before)


def test_s_saves_the_view_and_says_where(make_window, tmp_path):
    said = []
    paths = iter([tmp_path / "a.png", tmp_path / "missing" / "b.png"])
    made = make_window(long_run(), picture_path=lambda: next(paths), say=said.append)
    made.tick()
    before = pixels(made)
    press(made, "s")
    press(made, "s")
    assert "a.png" in said[0] and "missing" in said[1] and len(said) == 2
    saved = imread(tmp_path / "a.png")
    assert (abs(saved * 255 - before) > 8).mean() < 0.001  # what moves is in it too
    assert "saved" in made.panels.head.status.get_text()


def test_s_before_the_first_frame_saves_the_whole_view(make_window, tmp_path):
    made = make_window(long_run(), picture_path=lambda: tmp_path / "a.png", say=lambda line: None)
    made.panels.update(made.history, "")  # what show() does first
    made.canvas.draw()
    before = pixels(made)
    made.complete = False
    press(made, "s")
    saved = (imread(tmp_path / "a.png") * 255).round()
    np.testing.assert_array_equal(saved, before)


def test_s_needs_no_canvas_with_pixels(make_window, monkeypatch, tmp_path):
    """As under tkcairo, qtcairo and wx."""

    def open_figure(title):
        return FigureCanvasBase(Figure(INCHES, dpi=DPI)).figure

    monkeypatch.setattr(window, "open_figure", open_figure)
    made = make_window(long_run(), picture_path=lambda: tmp_path / "a.png", say=lambda line: None)
    made.tick()
    press(made, "s")
    expected = Figure(INCHES, dpi=DPI)
    panels = Panels(expected, RUN, keys=True)
    panels.update(made.history, "")
    panels.save(tmp_path / "b.png")
    saved, expected = (imread(tmp_path / name) for name in ("a.png", "b.png"))
    np.testing.assert_array_equal(saved, expected)


def test_other_keys_are_the_callers(make_window):
    pressed = []
    made = make_window(
        History(),
        actions={" ": lambda: pressed.append("pause"), "n": lambda: pressed.append("step")},
    )
    for key in (" ", "n", "l", "f", None):
        press(made, key)
    assert pressed == ["pause", "step"]
    press(made, "q")
    assert made.closed


@pytest.mark.parametrize("error", [KeyboardInterrupt, ValueError])
def test_what_poll_raises_closes_the_window_and_ends_show(make_window, monkeypatch, error):
    def poll():
        raise error

    made = make_window(History(), poll)
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
    six = made.panels.moving[1:]
    press(made, "1")
    for iteration in (600, 2000):  # other scales
        made.history.append(evaluation(iteration, 0.97, 300, weight=2))
        made.tick()
    press(made, "0")
    assert made.panels.moving[1:] == six  # the same as before, not built again
    shown = pixels(made)
    made.canvas.draw()
    np.testing.assert_array_equal(shown, pixels(made))


def test_a_window_of_another_size_is_laid_out_anew_once_it_rests(make_window):
    made = make_window(long_run())
    made.tick()
    made.figure.set_size_inches(20, 11.25)
    before = made.panels.moving
    made.tick()
    assert made.panels.moving is before  # it may still be dragged
    made.tick()
    assert made.panels.moving is not before
    assert made.panels.moving[1].axes.xaxis.label.get_fontsize() > 12 * 1.4


def test_no_picture_of_another_size_has_the_layout_of_the_one_before(make_window, tmp_path):
    made = make_window(long_run(), picture_path=lambda: tmp_path / "a.png", say=lambda line: None)
    made.tick()

    def resize(width, height):
        made.figure.set_size_inches(width / DPI, height / DPI)
        made.canvas.callbacks.process("resize_event", ResizeEvent("resize_event", made.canvas))
        made.canvas.draw()  # as toolkits do

    def laid_out(width, height):
        drawn = Offscreen(RUN, width, height)
        drawn.panels.show_help(False)  # as none of the pictures has the hint
        drawn.draw(made.history)
        return drawn.pixels

    press(made, "h")
    press(made, "h")
    for size in ((960, 540), (1344, 756)):
        resize(*size)
        made.tick()
        made.go_on()
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
    saved = imread(tmp_path / "a.png")
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
    for _ in made.panels.moving:
        made.go_on()
    assert made.error is None and not made.closed and not made.due
    sliced = pixels(made)
    made.canvas.draw()
    np.testing.assert_array_equal(sliced, pixels(made))
