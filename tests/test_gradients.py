"""The gradient per layer: the panels of `g`."""

import math
from dataclasses import replace
from itertools import combinations

import numpy as np
import pytest
from evaluations import RUN, evaluation, history_of, long_run
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from visu.panels.blitting import Offscreen
from visu.panels.dashboard import Panels
from visu.panels.style import DPI
from visu.record.run import History
from visu.show import window

SIZES = [(1280, 720), (1920, 1080)]
VANISHING = [0.00036, 0.0016, 0.0083, 0.066, 0.92]  # of 2.0, as the issue measured them


def measured(iteration, sizes):
    """An Evaluation with gradients of these sizes."""
    return replace(evaluation(iteration), gradients=np.array(sizes, np.float32))


def show(filled, size=SIZES[0]):
    """The panels of `g`, after an update: all, the lines, the bars."""
    figure = Figure((size[0] / DPI, size[1] / DPI), dpi=DPI)
    FigureCanvasAgg(figure)
    panels = Panels(figure, RUN)
    panels.show_only(window.VIEWS["g"])
    panels.update(filled)
    panels.figure.canvas.draw()
    return panels, *panels.moving[1:]


def curves(lines):
    return [np.array(line.get_data(), float) for line in lines.axes.get_lines()]


def bars(plot):
    """Where the bars end, and their colours, from top to bottom."""
    patches = sorted(plot.axes.patches, key=lambda bar: plot.axes.transData.transform(
        bar.get_xy())[1], reverse=True)  # fmt: skip
    return [bar.get_x() + bar.get_width() for bar in patches], [
        bar.get_facecolor() for bar in patches
    ]


def words(plot):
    return [text.get_text() for text in plot.axes.texts if text.get_text()]


# ---- the file


def test_lines_and_bars_show_the_sizes_first_layer_dark_and_on_top():
    filled = history_of(measured(0, VANISHING), measured(100, np.sqrt(VANISHING)))
    _, lines, plot = show(filled)
    for k, curve in enumerate(curves(lines)):
        np.testing.assert_allclose(
            curve, [[0, 100], [VANISHING[k], VANISHING[k] ** 0.5]], rtol=1e-6
        )
    ends, colours = bars(plot)
    np.testing.assert_allclose(ends, np.sqrt(VANISHING), rtol=1e-6)
    grey = np.array(colours)[:, :3] @ [0.3, 0.6, 0.1]
    assert (np.diff(grey) > 0.05).all() and grey[0] < 0.2 and grey[-1] < 0.75
    assert lines.axes.get_yscale() == plot.axes.get_xscale() == "log"
    assert lines.axes.get_ylim()[0] <= min(VANISHING) and plot.axes.get_xlim()[1] >= max(ends)
    assert {"W1", "W5", "0.019", "0.96"} <= {*words(plot)}
    assert "iteration 100:  W5's gradient is 51 times W1's" in words(plot)


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
    text = " ".join(words(show(history_of(measured(0, sizes)))[2]))
    assert told in text and ("times" in text) == bool(told)


@pytest.mark.parametrize("sizes", [[0, 0, 0], [0, 0.1, 2], [math.nan, 1, 1], [math.inf, 1, 1]])
def test_gradients_of_zero_or_none_at_all_are_said(sizes, recwarn):
    said = "exactly 0" if sizes[0] == 0 else "NaN"
    for filled in (
        history_of(measured(0, sizes)),
        history_of(measured(0, [1, 1, 1]), measured(20, sizes)),
    ):
        _, lines, plot = show(filled)
        assert said in " ".join(words(plot))
        assert "W1 = " in " ".join(words(lines))
        assert ("NaN" in lines.hint.get_text()) == (said == "NaN")
    assert not recwarn.list


@pytest.mark.parametrize("size", SIZES, ids=str)
@pytest.mark.parametrize(
    "sizes", [[1e-4] * 5, [10.0] * 8, [0, 0, 0, 1, 1], VANISHING, [0.01, 0.0101, 1, 1.01, 0.011]]
)
def test_names_at_the_ends_of_lines_do_not_overlap(size, sizes):
    filled = history_of(measured(0, VANISHING[:1] * len(sizes)), measured(2000, sizes))
    panels, lines, _ = show(filled, size)
    names = [text for text in lines.axes.texts if text.get_text().startswith("W")]
    assert len(names) == len(sizes)
    boxes = [text.get_window_extent() for text in names]
    for box in boxes:
        assert box.x1 <= panels.figure.bbox.width / 2 and lines.axes.bbox.y0 - 20 < box.y0
        assert box.y1 < lines.axes.bbox.y1 + 20
    for a, b in combinations(boxes, 2):
        assert a.y1 <= b.y0 + 1 or b.y1 <= a.y0 + 1
    middles = np.array([box.y0 + box.y1 for box in boxes])
    assert (np.diff(middles[np.argsort(sizes, kind="stable")]) > 0).all()  # in the lines' order


def test_a_single_layer_and_a_restart():
    filled = history_of(measured(0, [0.5]), measured(20, [0.25]))
    panels, lines, plot = show(filled)
    assert bars(plot)[0] == [0.25] and words(plot)[:1] == ["iteration 20"]
    filled.clear()
    panels.update(filled)
    panels.figure.canvas.draw()
    assert not curves(lines) and not plot.axes.patches
    filled.append(measured(0, VANISHING))
    panels.update(filled)
    assert len(curves(lines)) == 5
    children = [len(axes.get_children()) for axes in panels.figure.axes]
    filled.append(measured(20, VANISHING))
    panels.update(filled)
    assert [len(axes.get_children()) for axes in panels.figure.axes] == children


def test_what_is_painted_bit_by_bit_is_the_whole_picture():
    """Blitting, with artists that are made when the first evaluation comes."""
    filled = History()
    offscreen = Offscreen(RUN, *SIZES[0])
    offscreen.panels.show_only(window.VIEWS["g"])
    offscreen.draw(filled)
    for i in (0, 20, 120):
        filled.append(measured(i, np.array(VANISHING) * (1 + i)))
        offscreen.draw(filled)
    panels, *_ = show(filled)
    whole = np.asarray(panels.figure.canvas.buffer_rgba())[100:]
    differs = (offscreen.pixels[100:] != whole).any(axis=2)  # at the edges of bars, on the axes
    assert differs.mean() < 0.002


def test_long_runs_stay_few_points():
    _, lines, _ = show(long_run(100_000, 20))
    assert len(curves(lines)[0][0]) <= 2000
