"""The figure without a window, the window without a screen, and a real one under TkAgg."""

import json
import math
import os
import queue
import shutil
import subprocess
import sys
import textwrap
import threading
from dataclasses import replace
from itertools import combinations

import matplotlib
import matplotlib.text
import numpy as np
import pytest
from conftest import SCRIPTS, TOP
from matplotlib.backend_bases import FigureCanvasBase, KeyEvent
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.image import imread
from test_compare import write_run

import mnist_data
from visu import backend, curve_panels, pictures, window
from visu.dashboard import SIX, Panels, save_picture
from visu.history import Evaluation, History, Measure, Plan
from visu.style import DPI, INCHES

RUN = Plan("2.2 five layers", "MNIST", iterations=2000, test_count=1000)
SIZES = [(1280, 720), (1344, 756), (1920, 1080), (2560, 1440)]
BY_HAND = [(1000, 800), (800, 1000), (1600, 600)]
IMAGES = np.random.default_rng(0).integers(0, 256, (1000, 28, 28), np.uint8)
IMAGES[:, 0, 0] = 0  # shows a cell's colour


def measure(count, wrong, loss):
    labels = np.arange(count) % 10
    predictions = np.where(np.arange(count) < wrong, (labels + 1) % 10, labels)
    return Measure(1 - wrong / count, loss, IMAGES[:count], labels, predictions)


def reading(iteration, accuracy=0.95, loss=10.0, test=True, weight=1.0):
    """An Evaluation with these measures of both training and test, at 500 iterations a second."""
    wrong = round((1 - accuracy) * 100)
    tested = {
        "test": measure(1000, 10 * wrong, loss),
        "weights": np.linspace(-weight, weight, 8),
        "biases": np.linspace(0, weight / 5, 8),
        "first": np.full((784, 10), 0.1),
    }
    train = measure(100, wrong, loss)
    return Evaluation(iteration, iteration / 500, 0.003, train, **tested if test else {})


def history(*readings):
    filled = History()
    for one in readings:
        filled.append(one)
    return filled


def long_run(until=2000, every=20, **changes):
    steps = range(0, until + 1, every)
    return history(
        *(reading(i, min(0.98, 0.1 + i / 500), 230 / (1 + i / 50), **changes) for i in steps)
    )


def make_panels(size=SIZES[1], names=SIX, **changes):
    figure = Figure((size[0] / DPI, size[1] / DPI), dpi=DPI)
    FigureCanvasAgg(figure)
    panels = Panels(figure, replace(RUN, **changes))
    panels.show_only(names)
    return panels


def show(filled, *names, **changes):
    """The plots with these names, after an update."""
    panels = make_panels(names=names or SIX, **changes)
    panels.update(filled)
    return panels.moving[1] if len(names) == 1 else panels


# ---- what the panels draw


def test_the_six_panels_have_the_titles_of_the_slides():
    titles = [plot.title.get_text() for plot in make_panels().moving[1:]]
    assert titles == [
        "Accuracy",
        "Cross entropy loss",
        "Training images (current batch)",
        "Weights range",
        "Biases range",
        "Test images",
    ]


def test_curves_show_every_reading_training_thin_test_thick():
    filled = history(reading(0, 0.1, 230), reading(20, 0.5, 120, test=False), reading(40, 0.8, 60))
    accuracy, loss = show(filled).moving[1:3]
    np.testing.assert_allclose(accuracy.train.get_xydata(), [[0, 0.1], [20, 0.5], [40, 0.8]])
    np.testing.assert_allclose(accuracy.test.get_xydata(), [[0, 0.1], [40, 0.8]])
    assert loss.train.get_xydata().tolist() == [[0, 230], [20, 120], [40, 60]]
    assert loss.test.get_xydata().tolist() == [[0, 230], [40, 60]]
    assert accuracy.test.get_linewidth() > 2 * accuracy.train.get_linewidth()


def test_accuracy_looks_closer_once_the_test_accuracy_is_there_to_stay():
    values = [0.1, 0.5, 0.95, 0.8, 0.95, 0.95, 0.95]
    accuracy = show(history(*(reading(20 * k, v) for k, v in enumerate(values[:5]))), "accuracy")
    assert accuracy.axes.get_ylim()[0] == 0
    accuracy = show(history(*(reading(20 * k, v) for k, v in enumerate(values))), "accuracy")
    assert accuracy.axes.get_ylim()[0] == 0.9
    assert 1 < accuracy.axes.get_ylim()[1] < 1.01
    assert accuracy.title.get_text() == "Accuracy (0.9–1)"


def test_one_bad_reading_does_not_change_the_scale_many_do():
    panels, filled = make_panels(), long_run()
    for k, (value, low) in enumerate([(0.98, 0.9), (0.5, 0.9), (0.98, 0.9)] + [(0.5, None)] * 5):
        filled.append(reading(2020 + 20 * k, value))
        panels.update(filled)
        assert low in (None, panels.moving[1].axes.get_ylim()[0])
    assert panels.moving[1].axes.get_ylim()[0] == 0


def test_the_scale_of_the_loss_follows_the_recent_values():
    panels, filled, tops = make_panels(names=["loss"]), History(), []
    for k in range(200):
        filled.append(reading(20 * k, loss=230 * 0.96**k + 2))
        panels.update(filled)
        tops.append(panels.moving[1].axes.get_ylim()[1])
        assert tops[-1] >= filled.test_loss[-1]
    assert tops[-1] < 5 * filled.test_loss[-1]  # no flat line at the bottom
    assert len(set(tops)) < 25  # in jumps


@pytest.mark.parametrize(
    "speed, limits",
    [(50, [100, 100, 200, 500, 2000, 3000, 3000]), (500, 4 * [1000] + [2000, 3000, 3000])],
)
def test_the_iterations_axis_grows_in_jumps_to_the_end_of_the_run(speed, limits):
    panels = make_panels(names=["loss"], iterations=3000)
    for iteration, limit in zip((10, 90, 110, 210, 1900, 2100, 3000), limits, strict=True):
        panels.update(history(replace(reading(iteration), seconds=iteration / speed)))
        assert panels.moving[1].axes.get_xlim()[1] == limit
    panels.update(history(reading(0)))
    assert panels.moving[1].axes.get_xlim()[1] == 100


def test_seven_bands_lie_in_one_another():
    filled = history(reading(0, weight=1), reading(100, weight=2))
    bands = show(filled, "weights")
    widths = []
    for fill, (low, high) in zip(bands.fills, [(0, 7), (1, 6), (2, 5), (3, 4)], strict=True):
        corners = {tuple(corner) for corner in fill.get_paths()[0].vertices.tolist()}
        for iteration, boundaries in zip(filled.test_iterations, filled.weights, strict=True):
            assert {(iteration, boundaries[low]), (iteration, boundaries[high])} <= corners
        widths.append(high - low)
    assert widths == [7, 5, 3, 1]
    low, high = bands.axes.get_ylim()
    assert low < -2 and 2 < high < 4
    labels = [text.get_text() for text in bands.axes.get_legend().get_texts()]
    assert labels == ["middle 1/7", "3/7", "5/7", "all weights"]


def test_bands_of_zeros_have_an_axis_too():
    low, high = show(history(reading(0, weight=0)), "weights").axes.get_ylim()
    assert low < 0 < high


def test_the_pictures_are_the_mosaics_of_the_newest_readings():
    filled = history(reading(0, 0.5), reading(20, 0.9), reading(40, 0.7, test=False))
    for name, measured, cells in (
        ("training", filled.last.train, (10, 10)),
        ("test", filled.last_test.test, (8, 13)),
    ):
        digits = measured.images, measured.labels, measured.predictions
        drawn = show(filled, name).image.get_array()
        np.testing.assert_array_equal(drawn, pictures.mosaic(*digits, *cells))


def test_ten_thousand_test_digits_are_shown_on_25_lines_down_to_90_percent():
    plot = show(History(), "test", test_count=10_000)
    assert (plot.rows, plot.columns) == (25, 40)
    labels = [label.get_text() for label in plot.axes.get_yticklabels()]
    marks = dict(zip(labels, plot.axes.get_yticks(), strict=True))
    assert marks["100 %"] == 0 and marks["90 %"] == 25
    assert marks["98 %"] * 40 == 200  # so many of 10,000 digits are wrong at 98 %


def test_the_red_area_ends_at_the_accuracy():
    plot = show(history(reading(0, 0.96)), "test")  # 40 of 1,000 are wrong
    red = (np.asarray(plot.image.get_array())[::28, ::28] == pictures.WRONG_PAPER).all(axis=2)
    assert red.ravel().tolist() == [True] * 40 + [False] * (8 * 13 - 40)
    marks = dict(zip((100, 98, 96, 94, 92, 90), plot.axes.get_yticks(), strict=True))
    assert marks[96] * plot.columns == pytest.approx(40)


def test_weights_are_shown_on_one_scale_with_zero_in_the_middle():
    plot = show(long_run(), "first layer")
    low, high = plot.image.get_clim()
    assert -low == high >= 0.1
    np.testing.assert_array_equal(
        plot.image.get_array().filled(np.nan), pictures.weight_pictures(np.full((784, 10), 0.1))
    )
    white = plot.image.cmap(0.5)
    assert min(white) > 0.95


def test_the_headline_tells_step_data_iteration_rate_and_accuracy():
    filled = history(reading(0), reading(1500, 0.97))
    panels = show(filled)
    panels.update(filled, "PAUSED")
    texts = " ".join(text.get_text() for text in panels.head.axes.texts)
    for part in (
        "2.2 five layers",
        "MNIST",
        "1,500 of 2,000",
        "0.003",
        "500 iterations/s",
        "97.00 %",
    ):
        assert part in texts
    assert "PAUSED" in texts


def test_speed_is_that_of_the_last_two_seconds_and_survives_a_restart():
    panels, filled = make_panels(), History()
    at = [(0, 0), (100, 10), (200, 11), (300, 12), (400, 12.5), (400, 12.5)]
    for iteration, seconds in at:
        one = reading(iteration)
        filled = history(Evaluation(iteration, seconds, 0.1, one.train))
        panels.update(filled)
    assert panels.speed.of(filled.last) == 300 / 2.5  # from second 10 on: 2 seconds are covered
    assert panels.speed.of(Evaluation(0, 0, 0.1, one.train)) == 0
    assert panels.speed.of(Evaluation(50, 1, 0.1, one.train)) == 50


def test_nan_leaves_a_gap_and_a_hint():
    values = [10, 9, np.nan, np.nan]
    panels = show(history(*(reading(20 * k, loss=v) for k, v in enumerate(values))))
    loss = panels.moving[2]
    assert np.isnan(loss.test.get_ydata()).tolist() == [False, False, True, True]
    assert "NaN" in loss.hint.get_text() and "40" in loss.hint.get_text()
    filled = history(reading(0), reading(20, loss=np.inf, weight=np.nan), reading(40, loss=np.nan))
    panels.update(filled)
    panels.figure.canvas.draw()


# ---- how it looks


@pytest.fixture
def drawn_texts(monkeypatch):
    """drawn_texts(panels): the texts that appear when the figure is drawn."""
    drawn, draw = [], matplotlib.text.Text.draw

    def record(text, renderer):
        if text.get_text() and text.get_visible():
            drawn.append(text)
        draw(text, renderer)

    monkeypatch.setattr(matplotlib.text.Text, "draw", record)

    def texts(panels):
        drawn.clear()
        panels.figure.canvas.draw()
        return list(drawn)

    return texts


def overlap(a, b):
    wide = min(a.x1, b.x1) - max(a.x0, b.x0)
    tall = min(a.y1, b.y1) - max(a.y0, b.y0)
    return wide > 1 and tall > 1


LAYOUTS = [(size, SIX) for size in SIZES + BY_HAND] + [
    (SIZES[0], window.VIEWS[key]) for key in "2367w9"
]


@pytest.mark.parametrize(("size", "names"), LAYOUTS, ids=str)
def test_no_text_is_clipped_or_overlaps(drawn_texts, size, names):
    panels = make_panels(size, names, iterations=10_000, test_count=10_000, data=mnist_data.DRAWN)
    panels.update(long_run(10_000, 500), "compiling …")
    texts = drawn_texts(panels)
    assert len(texts) > 6
    boxes = {text: text.get_window_extent() for text in texts}
    for text, box in boxes.items():
        assert box.x0 >= 0 and box.y0 >= 0 and box.x1 <= size[0] and box.y1 <= size[1], text
        for plot in panels.moving[1:]:
            assert text.axes is plot.axes or not overlap(box, plot.axes.bbox), text
    for (text, box), (other, its_box) in combinations(boxes.items(), 2):
        assert not overlap(box, its_box), (text, other)


def test_type_is_12_points_or_more_and_grows_with_the_window(drawn_texts):
    def smallest(size):
        panels = make_panels(size)
        panels.update(long_run(), "PAUSED")
        return min(text.get_fontsize() for text in drawn_texts(panels))

    assert smallest(SIZES[1]) >= 12
    assert smallest(SIZES[3]) >= 12 * 1440 / 756 * 0.99


def test_ticks_made_after_a_jump_look_like_the_others():
    panels = make_panels(SIZES[3])
    panels.update(history(reading(0)))
    panels.figure.canvas.draw()
    panels.update(long_run())
    panels.figure.canvas.draw()
    ticks = panels.moving[1].axes.get_xticklabels() + panels.moving[4].axes.get_yticklabels()
    assert len({tick.get_fontsize() for tick in ticks}) == 1


# ---- what a frame costs


def test_only_what_is_new_is_drawn():
    panels, filled = make_panels(), long_run(1990, 10)
    panels.update(filled)
    assert panels.update(filled) == []
    filled.append(reading(1995, test=False))
    assert panels.update(filled) == panels.moving[:4]  # headline, curves, training images
    filled.append(reading(2000))
    assert panels.update(filled) == panels.moving


def test_updates_add_no_artists_and_few_new_backgrounds():
    panels, filled, redraws = make_panels(), History(), 0
    for k in range(200):
        filled.append(reading(10 * k, min(0.98, k / 100), 230 / (k + 1), test=k % 5 == 0))
        before = [part.background() for part in panels.moving]
        panels.update(filled)
        redraws += before != [part.background() for part in panels.moving]
        if k == 0:
            children = [len(axes.get_children()) for axes in panels.figure.axes]
    assert [len(axes.get_children()) for axes in panels.figure.axes] == children
    assert redraws < 25


@pytest.mark.parametrize("count", [0, 1, 2, 2000, 2001, 4000, 100_000])
def test_long_curves_are_thinned_out(count):
    thin = curve_panels.thin_out(list(range(count)))
    assert len(thin) == count if count <= 2000 else 900 < len(thin) <= 2000
    assert thin[-1:].tolist() == list(range(count))[-1:]
    assert count == 0 or thin[0] == 0
    later = curve_panels.thin_out(list(range(count + 1)))
    assert count == 2000 or set(thin[:-1]) <= set(later)  # points stay where they are


# ---- the picture without a window


def test_a_run_without_a_window_saves_the_same_picture(tmp_path):
    for name, filled in (("empty", History()), ("full", long_run())):
        save_picture(tmp_path / name, filled, RUN)
        assert imread(tmp_path / name, "png").shape == (756, 1344, 4)
    panels = show(long_run())
    panels.update(long_run(), "")
    panels.save(tmp_path / "again")
    same = imread(tmp_path / "full", "png") == imread(tmp_path / "again", "png")
    assert same.all()
    with pytest.raises(OSError):
        panels.save(tmp_path / "missing" / "window.png")


# ---- the window, on a canvas without a screen


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
    made._tick()
    for k in range(5):
        filled.append(reading(1620 + 20 * k, 0.97 + 0.005 * k))
        made.poll = lambda k=k: "PAUSED" if k % 2 else ""
        before = pixels(made)
        made._tick()
        assert made.due == [] and made.error is None
        assert (pixels(made) != before).any()
    blitted = pixels(made)
    made.canvas.draw()
    np.testing.assert_array_equal(blitted, pixels(made))


def test_a_frame_is_drawn_in_slices_and_a_key_need_not_wait(make_window, monkeypatch):
    monkeypatch.setattr(window, "PAINT_SECONDS", 0)
    made = make_window(long_run())
    made._tick()
    drawn, left = made.panels.moving[0], made.panels.moving[1:]
    assert made.due == left
    made._tick()
    assert made.due == left  # no new frame before this one is done
    made._go_on()
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
    made._tick()
    six = pixels(made)
    for key, away in (("w", "w"), ("w", "escape"), ("h", "h"), ("h", "escape"), ("H", "h")):
        press(made, key)
        assert (pixels(made) != six).mean() > 0.01
        press(made, away)
        np.testing.assert_array_equal(pixels(made), six)


def test_help_stays_on_top_of_new_readings(make_window):
    filled = long_run(1000)
    made = make_window(filled)
    press(made, "h")
    middle = slice(300, 450), slice(560, 780)
    before = pixels(made)[middle]
    filled.append(reading(1020, 0.9, 200))
    made._tick()
    np.testing.assert_array_equal(pixels(made)[middle], before)


def test_s_saves_the_view_and_says_where(make_window, tmp_path):
    said = []
    paths = iter([tmp_path / "a.png", tmp_path / "missing" / "b.png"])
    made = make_window(long_run(), picture_path=lambda: next(paths), say=said.append)
    made._tick()
    before = pixels(made)
    press(made, "s")
    press(made, "s")
    assert said[0] == f"saved {tmp_path / 'a.png'}"
    assert "missing" in said[1] and "not saved" in said[1]
    saved = imread(tmp_path / "a.png")
    assert (abs(saved * 255 - before) > 8).mean() < 0.001  # what moves is in it too
    np.testing.assert_array_equal(pixels(made), before)


def test_s_before_the_first_frame_saves_the_whole_view(make_window, tmp_path):
    made = make_window(long_run(), picture_path=lambda: tmp_path / "a.png", say=lambda line: None)
    made.panels.update(made.history, "")  # what show() does first
    press(made, "s")
    saved = (imread(tmp_path / "a.png") * 255).round()
    made.canvas.draw()
    np.testing.assert_array_equal(saved, pixels(made))


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
def test_what_poll_raises_closes_the_window_and_is_kept(make_window, error):
    def poll():
        raise error

    made = make_window(History(), poll)
    made._tick()
    assert isinstance(made.error, error) and made.closed


def test_a_window_that_lost_its_canvas_draws_no_more(make_window):
    made = make_window(long_run(1000))
    made._tick()
    FigureCanvasBase(made.figure)  # so does matplotlib 3.11 when a window is closed
    made.history.append(reading(1020))
    made._tick()
    press(made, "1")
    assert made.error is None


def test_a_view_comes_back_with_what_was_read_meanwhile(make_window):
    made = make_window(long_run(400))
    made._tick()
    six = made.panels.moving[1:]
    press(made, "1")
    for iteration in (600, 2000):  # other scales
        made.history.append(reading(iteration, 0.97, 300, weight=2))
        made._tick()
    press(made, "0")
    assert made.panels.moving[1:] == six  # the same as before, not built again
    kept = pixels(made)
    made.canvas.draw()
    np.testing.assert_array_equal(kept, pixels(made))


def test_a_window_of_another_size_is_laid_out_anew_once_it_rests(make_window):
    made = make_window(long_run())
    made._tick()
    made.figure.set_size_inches(20, 11.25)
    before = made.panels.moving
    made._tick()
    assert made.panels.moving is before  # it may still be dragged
    made._tick()
    assert made.panels.moving is not before
    assert made.panels.moving[1].axes.xaxis.label.get_fontsize() > 12 * 1.4


def test_another_size_in_the_middle_of_a_frame(make_window, monkeypatch):
    """What was left of the frame are panels that are gone; the frame of the new size is whole."""
    monkeypatch.setattr(window, "PAINT_SECONDS", 0)
    made = make_window(long_run())
    made._tick()
    made.figure.set_size_inches(20, 11.25)
    made._tick()
    assert made.due  # the rest of the frame is still to be drawn
    made._tick()
    for _ in made.panels.moving:
        made._go_on()
    assert made.error is None and not made.closed and not made.due
    sliced = pixels(made)
    made.canvas.draw()
    np.testing.assert_array_equal(sliced, pixels(made))


# ---- no window


def test_without_a_toolkit_it_says_what_to_install(monkeypatch):
    monkeypatch.setattr(matplotlib, "get_backend", lambda auto_select=True: "agg")
    monkeypatch.setattr(backend, "find_spec", lambda name: None)
    monkeypatch.setenv("DISPLAY", ":0")
    monkeypatch.delenv("MPLBACKEND", raising=False)
    assert "python3-tk" in window.why_no_window() and "pyside6" in window.why_no_window()


def test_without_a_display_it_says_so(monkeypatch):
    monkeypatch.setattr(matplotlib, "get_backend", lambda auto_select=True: "agg")
    monkeypatch.setattr(sys, "platform", "linux")
    for name in ("DISPLAY", "WAYLAND_DISPLAY", "MPLBACKEND"):
        monkeypatch.delenv(name, raising=False)
    assert "set DISPLAY" in window.why_no_window()


@pytest.mark.parametrize(
    ("chosen", "works", "opens", "words"),
    [
        (None, ["qtagg", "tkagg"], "tkagg", []),
        (None, ["qtagg"], None, ["apt install libxcb-cursor0,", "python3-tk"]),
        ("qtagg", ["qtagg", "tkagg"], None, ["apt install libxcb-cursor0,", "MPLBACKEND=tkagg"]),
    ],
    ids=["tk", "only Qt", "chosen"],
)
def test_where_qt_would_abort_it_is_not_used(monkeypatch, chosen, works, opens, words):
    """Qt ends the whole process where a library is missing to it, and asks nobody before."""
    switched = []

    def switch(name):
        if name not in works:
            raise ImportError(name)
        switched.append(name)

    def get(auto_select=True):
        return "qtagg" if auto_select else chosen

    monkeypatch.setattr(matplotlib, "get_backend", get)
    monkeypatch.setattr(window.plt, "switch_backend", switch)
    monkeypatch.setattr(backend, "find_spec", lambda name: name)
    monkeypatch.delenv("QT_QPA_PLATFORM", raising=False)
    monkeypatch.setattr(backend, "_missing_to_qt", lambda: ("libxcb-cursor", "0"))
    why = window.why_no_window()
    assert all(word in why for word in words) if words else why is None
    assert opens in (None, switched[-1])
    monkeypatch.setattr(backend, "_missing_to_qt", lambda: None)
    assert window.why_no_window() is None and switched[-1] == "qtagg"


@pytest.mark.skipif(sys.platform != "linux", reason="Qt's platforms for X11 and Wayland")
@pytest.mark.parametrize("platform", ["offscreen", "typo", "wayland"])
def test_where_qt_would_draw_unseen_or_abort_it_is_not_used(monkeypatch, platform):
    monkeypatch.setattr(matplotlib, "get_backend", lambda auto_select=True: "qtagg")
    monkeypatch.setattr(window.plt, "switch_backend", lambda name: None)
    monkeypatch.setattr(backend, "find_spec", lambda name: name)
    monkeypatch.setenv("DISPLAY", ":0")
    monkeypatch.delenv("WAYLAND_DISPLAY", raising=False)
    monkeypatch.setenv("QT_QPA_PLATFORM", platform)
    assert f"QT_QPA_PLATFORM={platform}" in window.why_no_window()


@pytest.mark.parametrize(
    ("chosen", "modules", "install"),
    [
        ("qtagg", ["PySide6", "PyQt6", "PyQt5", "PySide2"], "pip install pyside6"),
        ("webagg", ["tornado"], "pip install tornado"),
        ("tkagg", ["_tkinter"], "python3-tk"),
    ],
)
def test_a_chosen_backend_without_its_toolkit_says_what_to_install(
    monkeypatch, chosen, modules, install
):
    for module in modules:
        monkeypatch.setitem(sys.modules, module, None)  # as if it were not installed
    monkeypatch.setattr(matplotlib, "get_backend", lambda auto_select=True: chosen)
    assert install in window.why_no_window()


def test_under_a_notebooks_exclamation_mark_it_names_run(monkeypatch):
    inline = "module://matplotlib_inline.backend_inline"
    monkeypatch.setattr(matplotlib, "get_backend", lambda auto_select=True: inline)
    assert "%run" in window.why_no_window()
    monkeypatch.delitem(sys.modules, "ipykernel", raising=False)
    assert not backend.in_notebook()
    monkeypatch.setitem(sys.modules, "ipykernel", None)
    assert backend.in_notebook()


def test_a_toolkit_that_fails_is_told_in_one_line(monkeypatch):
    def fail(**_):
        raise RuntimeError("couldn't connect\nto display")

    monkeypatch.setattr(window, "why_no_window", lambda: None)
    monkeypatch.setattr(window.plt, "figure", fail)
    with pytest.raises(window.NoWindow) as caught:
        window.Window(History(), RUN, lambda: "")
    assert str(caught.value) == "RuntimeError: couldn't connect to display."


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="X11's variables")
@pytest.mark.parametrize(
    ("changes", "word"),
    [
        ({"MPLBACKEND": "agg"}, "MPLBACKEND=agg"),
        ({"MPLBACKEND": "typo"}, "MPLBACKEND=typo"),
        ({"MPLBACKEND": "module://nowhere"}, "No module named 'nowhere'"),
        ({"MPLBACKEND": "TkAgg"}, "set DISPLAY"),
        ({"MPLBACKEND": "tkagg", "DISPLAY": ":4711"}, "display :4711"),
        ({"MPLBACKEND": "qtagg"}, "set DISPLAY"),
        ({"DISPLAY": ":4711"}, "display :4711"),
    ],
    ids=["agg", "typo", "nowhere", "Tk", "Tk dead", "Qt", "dead"],
)
def test_without_a_screen_there_is_one_line_and_no_crash(environment, changes, word):
    code = "from visu.backend import why_no_window; print(why_no_window())"
    done = run_python(code, environment(**changes))
    out, _ = done.communicate(timeout=30)
    assert done.returncode == 0
    assert (word in out or "install" in out) and out.count("\n") == 1


def test_pyplot_imported_by_another_module_first_is_no_crash(environment):
    code = "import matplotlib.pyplot; from visu.window import why_no_window; print(why_no_window())"
    done = run_python(code, environment(MPLBACKEND="tkagg"))
    out, _ = done.communicate(timeout=30)
    assert done.returncode == 0
    if sys.platform.startswith("linux"):
        assert "set DISPLAY" in out or "install" in out


BOTH = """
import runpy, sys
_, *given = sys.argv
for flags in ["--headless"], []:
    sys.argv = [*given, *flags]
    runpy.run_path(given[0])
    print("end", file=sys.stderr, flush=True)
"""


def test_a_script_trains_under_an_unknown_backend(environment, small_data, tmp_path):
    """A whole script, as TensorFlow imports pyplot. Headless, nothing at all is said."""
    flags = "--data", small_data, "--runs", tmp_path, "--iterations", "20"
    variables = environment(MPLBACKEND="typo")
    process = run_python(BOTH, variables, SCRIPTS[0], *flags, stderr=subprocess.PIPE)
    out, err = process.communicate(timeout=60)
    assert process.returncode == 0 and out.count("Final test accuracy") == 2
    first, why, last = err.splitlines()
    assert first == last == "end" and why.startswith("No window: ") and "typo" in why


@pytest.mark.parametrize("save", [False, True], ids=["window", "save"])
def test_curves_are_compared_under_an_unknown_backend(environment, tmp_path, save):
    write_run(tmp_path, "1.0_softmax", [0.9, 0.91])
    flags = ["--save", tmp_path / "slide.png"] if save else []
    done = subprocess.run(
        [sys.executable, TOP / "compare_curves.py", "--runs", tmp_path, *flags],
        env=environment(MPLBACKEND="typo"),
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0 and "91.00" in done.stdout
    lines = done.stderr.splitlines()
    assert [line.startswith("No window: ") for line in lines] == ([] if save else [True])


# ---- a real window

CHILD = """
import json, sys
from test_window import RUN, History, reading
from visu.window import Window

filled, shown, pressed = History(), [None], []

def poll():
    status = "PAUSED" if "pause" in pressed else ""
    if not status and filled.iteration < 1000:
        filled.append(reading(filled.iteration + 20 if filled.last else 0))
    state = {"names": made.panels.names, "help": made.panels.help_shown, "pressed": pressed,
             "fed": bool(filled.last), "size": made.seen_size, "resized": made.size != first}
    if json.dumps(state) != shown[0]:
        shown[0] = json.dumps(state)
        print(shown[0], flush=True)
    return status

def fail():
    raise KeyboardInterrupt

made = Window(filled, RUN, poll, actions={" ": lambda: pressed.append("pause"), "x": fail},
              picture_path=lambda: sys.argv[1], say=lambda line: pressed.append("s"))
first = made.size
made.show(lambda: None)
print("ended", flush=True)
"""


def run_python(code, variables, *arguments, **options):
    """A Python process with the tests' and the project's folders in its path."""
    here = os.path.dirname(os.path.abspath(__file__))
    path = os.pathsep.join([here, os.path.dirname(here)])
    return subprocess.Popen(
        [sys.executable, "-c", code, *map(str, arguments)],
        env=variables | {"PYTHONPATH": path},
        stdout=subprocess.PIPE,
        text=True,
        **options,
    )


class LiveWindow:
    """A window in a process of its own, under TkAgg, with keys pressed by xdotool."""

    def __init__(self, variables, picture):
        self.variables = variables
        self.process = run_python(textwrap.dedent(CHILD), variables, picture)
        self.lines = queue.Queue()
        threading.Thread(target=self._read, daemon=True).start()

    def _read(self):
        for line in self.process.stdout:
            self.lines.put(line.strip())

    def wait(self, **state):
        """Wait until the window tells this state of itself."""
        while True:
            told = json.loads(self.lines.get(timeout=20))
            if all(told[name] == value for name, value in state.items()):
                return told

    def xdotool(self, *arguments):
        command = ["xdotool", *arguments]
        return subprocess.run(
            command, env=self.variables, check=True, capture_output=True, text=True
        )

    def focus(self):
        found = self.xdotool("search", "--sync", "--onlyvisible", "--name", RUN.title)
        self.id = found.stdout.split()[0]
        self.xdotool("windowfocus", "--sync", self.id)

    def press(self, key):
        self.xdotool("key", key)


@pytest.fixture
def live(environment, display, tmp_path):
    pytest.importorskip("tkinter", reason="needs tkinter")
    if not shutil.which("xdotool"):
        pytest.skip("needs xdotool")
    made = LiveWindow(environment(DISPLAY=display, MPLBACKEND="tkagg"), tmp_path / "saved.png")
    try:
        made.wait(fed=True)
        made.focus()
        yield made
    finally:
        made.process.kill()
        made.process.wait()


def test_every_key_in_a_real_window(live, tmp_path):
    for key, names in window.VIEWS.items():
        if names != SIX:
            live.press(key)
            live.wait(names=list(names))
    live.press("Escape")
    live.wait(names=list(SIX))
    live.press("h")
    live.wait(help=True)
    live.press("Escape")
    live.wait(help=False)
    live.press("space")
    live.wait(pressed=["pause"])
    live.press("s")
    live.wait(pressed=["pause", "s"])
    assert imread(tmp_path / "saved.png").std() > 0.1
    live.xdotool("windowsize", live.id, "1000", "640")
    wide, tall = 16, 9
    while wide / tall != pytest.approx(1000 / 640, 0.01):  # Tk may come to it in two steps
        wide, tall = live.wait(resized=True)["size"]
    live.press("q")
    assert live.process.wait(timeout=10) == 0
    assert live.lines.get(timeout=5) == "ended"


def test_keyboard_interrupt_ends_a_real_window(live):
    live.press("x")
    assert live.process.wait(timeout=10) not in (0, None)
