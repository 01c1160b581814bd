"""The gradient per layer: the panels of `g`."""

import math
from dataclasses import replace
from itertools import combinations

import numpy as np
import pytest
from evaluations import evaluation, history_of
from windows import SIZES, make_dashboard, offscreen

from visu.panels.gradients import GradientBars, GradientLines

VIEW = GradientLines, GradientBars
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


def bars(panel):
    """Where the bars end, and their colours, from top to bottom."""

    def height(bar):
        return panel.axes.transData.transform(bar.get_xy())[1]

    found = sorted(panel.axes.patches, key=height, reverse=True)
    return [bar.get_x() + bar.get_width() for bar in found], [bar.get_facecolor() for bar in found]


def words(panel):
    return [text.get_text() for text in panel.axes.texts if text.get_text()]


def test_lines_and_bars_show_the_sizes_first_layer_dark_and_on_top():
    _, lines, panel = show(measured(VANISHING, np.sqrt(VANISHING)))
    for (x, y), size in zip(curves(lines), VANISHING, strict=True):
        assert x.tolist() == [0, 20]
        np.testing.assert_allclose(y, [size, size**0.5], rtol=1e-6)
    ends, colours = bars(panel)
    np.testing.assert_allclose(ends, np.sqrt(VANISHING), rtol=1e-6)
    grey = np.array(colours)[:, :3] @ [0.3, 0.6, 0.1]
    assert (np.diff(grey) > 0.05).all() and grey[0] < 0.2 and grey[-1] < 0.75
    assert lines.axes.get_yscale() == panel.axes.get_xscale() == "log"
    assert lines.axes.get_ylim()[0] <= min(VANISHING) and panel.axes.get_xlim()[1] >= max(ends)
    assert {"W1", "W5", "0.019", "0.96"} <= {*words(panel)}
    (told,) = [text for text in words(panel) if "times" in text]
    assert "iteration 20" in told and "W5's gradient is 51 times W1's" in told


@pytest.mark.parametrize(
    ("sizes", "told"),
    [
        (VANISHING, "W5's gradient is 2,600 times W1's"),
        ([3, 1, 2], "W1's gradient is 1.5 times W3's"),
        ([0.1], ""),
        ([0, 1], ""),
        ([math.nan, 1], ""),
    ],
)
def test_the_ratio_of_last_and_first_in_words(sizes, told):
    text = " ".join(words(show(measured(sizes))[2]))
    assert told in text and ("times" in text) == bool(told)


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
    assert len(curves(lines)) == 1 and bars(panel)[0] == [0.25]
    assert "iteration 20" in " ".join(words(panel))
    _, lines, panel = show(history_of())
    assert not any(curve.size for curve in curves(lines))
    assert not any(bar.get_width() for bar in panel.axes.patches)


def test_what_is_blitted_is_the_whole_picture():
    steps = [np.array(VANISHING) * (1 + k) for k in range(3)]
    screen = offscreen(measured(VANISHING).run, VIEW)
    for count in (1, 2, 3):
        filled = measured(*steps[:count])
        screen.draw(filled)
    whole = np.asarray(show(filled)[0].figure.canvas.buffer_rgba())[100:]
    differs = (screen.pixels[100:] != whole).any(axis=2)  # at the edges of bars, on the axes
    assert differs.mean() < 0.002
