"""The gradient per layer: the panels of `g`."""

import math
from dataclasses import replace
from itertools import combinations

import numpy as np
import pytest
from evaluations import evaluation, history_of
from windows import SIZES, make_dashboard, offscreen

from visu.panels.gradients import GradientDots, GradientLines

VIEW = GradientLines, GradientDots
VANISHING = [0.00036, 0.0016, 0.0083, 0.066, 0.92]  # of 2.0


def measured(*sizes):
    """A History of gradients of these sizes, one every 20 iterations."""
    parts = []
    for k, one in enumerate(sizes):
        test = replace(evaluation(0).test, gradients=np.array(one, np.float32))
        parts.append(replace(evaluation(20 * k), test=test))
    return history_of(*parts, layers=len(sizes[0]))


def show(filled, size=SIZES[0]):
    """The dashboard, the panel of the lines, that of the bars, drawn."""
    dashboard = make_dashboard(size, VIEW, layers=filled.run.layers)
    dashboard.update(filled)
    dashboard.figure.canvas.draw()
    return dashboard, *dashboard.panels[1:]


def curves(panel):
    return [np.array(line.get_data(), float) for line in panel.axes.get_lines()]


def dots(panel):
    """Where the dots are, and their colours, from top to bottom."""
    found = [line for line in panel.axes.get_lines() if line.get_marker() == "o"]
    found = sorted(found, key=lambda dot: panel.axes.transData.transform(dot.get_xydata()[0])[1])
    return [dot.get_xdata()[0] for dot in found[::-1]], [dot.get_color() for dot in found[::-1]]


def words(panel):
    return [text.get_text() for text in panel.axes.texts if text.get_text()]


def test_lines_and_dots_show_the_sizes_first_layer_dark_and_on_top():
    _, lines, panel = show(measured(VANISHING, np.sqrt(VANISHING)))
    for (x, y), size in zip(curves(lines), VANISHING, strict=True):
        assert x.tolist() == [0, 20]
        np.testing.assert_allclose(y, [size, size**0.5], rtol=1e-6)
    ends, colours = dots(panel)
    np.testing.assert_allclose(ends, np.sqrt(VANISHING), rtol=1e-6)
    grey = np.array(colours)[:, :3] @ [0.3, 0.6, 0.1]
    assert (np.diff(grey) > 0.05).all() and grey[0] < 0.2 and grey[-1] < 0.75
    assert lines.axes.get_yscale() == panel.axes.get_xscale() == "log"
    assert {"W1", "W5", "0.019", "0.96", "W5 : W1 = 51", "÷ 3.7"} <= {*words(panel)}
    assert "iteration 20" in " ".join(words(panel))


@pytest.mark.parametrize(
    "sizes", [VANISHING, [0.03, 0.1, 0.4, 1.3, 5.0], [1e-9, 1e7], [0, math.nan]]
)
def test_the_axes_are_the_same_in_all_steps(sizes):
    """So that two steps compare at a glance; what is beyond stands at the end."""
    _, lines, panel = show(measured(sizes))
    assert lines.axes.get_ylim() == panel.axes.get_xlim() == (1e-4, 1e2)
    known = np.isfinite(sizes)
    places = np.array(dots(panel)[0])[known] if known.all() else []
    np.testing.assert_allclose(places, np.clip(sizes, 1e-4, 1e2)[: len(places)])


@pytest.mark.parametrize(
    ("sizes", "told"),
    [
        (VANISHING, "W5 : W1 = 2,600"),
        ([3, 1, 2], "W1 : W3 = 1.5"),
        ([0.1], ""),
        ([0, 1], ""),
        ([math.nan, 1], ""),
    ],
)
def test_the_ratio_of_last_and_first_in_words(sizes, told):
    text = " ".join(words(show(measured(sizes))[2]))
    assert told in text and (" : " in text) == bool(told)


def test_the_factors_on_the_way_back_stand_between_the_layers():
    panel = show(measured([3, 1, 2, 2]))[2]
    factors = [text for text in words(panel) if text[0] in "×÷"]
    assert factors == ["× 3", "÷ 2", "÷ 1"]


@pytest.mark.parametrize("sizes", [[0, 0, 0], [0, 0.1, 2], [math.nan, 1, 1], [math.inf, 1, 1]])
def test_gradients_of_zero_or_none_at_all_are_said(sizes, warned):
    said = "exactly 0" if sizes[0] == 0 else "NaN"
    for filled in measured(sizes), measured([1, 1, 1], sizes):
        _, lines, panel = show(filled)
        assert said in " ".join(words(panel))
        assert "W1 = " in " ".join(words(lines))
        assert ("NaN" in lines.hint.get_text()) == (said == "NaN")
    assert not warned()


@pytest.mark.parametrize("size", SIZES[::2], ids=str)
@pytest.mark.parametrize(
    "sizes", [[1e-4] * 5, [10.0] * 8, [0, 0, 0, 1, 1], VANISHING, [0.01, 0.0101, 1, 1.01, 0.011]]
)
def test_names_at_the_ends_of_lines_do_not_overlap(size, sizes):
    dashboard, lines, _ = show(measured([0.001] * len(sizes), sizes), size)
    names = [text for text in lines.axes.texts if text.get_text().startswith("W")]
    assert len(names) == len(sizes)
    boxes = [text.get_window_extent() for text in names]
    for box in boxes:
        assert box.x1 <= dashboard.figure.bbox.width / 2
        assert lines.axes.bbox.y0 - 20 < box.y0 and box.y1 < lines.axes.bbox.y1 + 20
    for a, b in combinations(boxes, 2):
        assert a.y1 <= b.y0 + 1 or b.y1 <= a.y0 + 1
    middles = np.array([box.y0 + box.y1 for box in boxes])
    assert (np.diff(middles[np.argsort(sizes, kind="stable")]) > 0).all()  # in the lines' order


def test_a_single_layer_and_an_empty_history():
    _, lines, panel = show(measured([0.5], [0.25]))
    assert len(curves(lines)) == 1 and dots(panel)[0] == [0.25]
    assert "iteration 20" in " ".join(words(panel))
    _, lines, panel = show(history_of())
    assert not any(curve.size for curve in curves(lines))
    assert not any(curve.size for curve in curves(panel))


def test_what_is_blitted_is_the_whole_picture():
    steps = [np.array(VANISHING) * (1 + k) for k in range(3)]
    screen = offscreen(measured(VANISHING).run, VIEW)
    for count in (1, 2, 3):
        filled = measured(*steps[:count])
        screen.draw(filled)
    whole = np.asarray(show(filled)[0].figure.canvas.buffer_rgba())[100:]
    differs = (screen.pixels[100:] != whole).any(axis=2)  # at the edges of bars, on the axes
    assert differs.mean() < 0.002
