"""The figure, without a window: what the panels draw, how it looks, what a frame costs."""

from dataclasses import replace
from itertools import combinations

import matplotlib.text
import numpy as np
import pytest
from evaluations import RUN, evaluation, history_of, long_run
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.image import imread

import mnist_data
from visu.panels import curves as curve_panels
from visu.panels import pictures
from visu.panels.dashboard import SIX, Panels, Speed, save_picture
from visu.panels.style import DPI
from visu.record.run import Evaluation, History
from visu.show import window

SIZES = [(1280, 720), (1344, 756), (1920, 1080), (2560, 1440)]
BY_HAND = [(1000, 800), (800, 1000), (1600, 600)]


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
        "Accuracy", "Cross entropy loss", "Training images (current batch)",
        "Weights range", "Biases range", "Test images",
    ]  # fmt: skip


def test_curves_show_every_evaluation_training_thin_test_thick():
    filled = history_of(
        evaluation(0, 0.1, 230), evaluation(20, 0.5, 120, test=False), evaluation(40, 0.8, 60)
    )
    accuracy, loss = show(filled).moving[1:3]
    np.testing.assert_allclose(accuracy.train.get_xydata(), [[0, 0.1], [20, 0.5], [40, 0.8]])
    np.testing.assert_allclose(accuracy.test.get_xydata(), [[0, 0.1], [40, 0.8]])
    assert loss.train.get_xydata().tolist() == [[0, 230], [20, 120], [40, 60]]
    assert loss.test.get_xydata().tolist() == [[0, 230], [40, 60]]
    assert accuracy.test.get_linewidth() > 2 * accuracy.train.get_linewidth()


def test_accuracy_looks_closer_once_the_test_accuracy_is_there_to_stay():
    values = [0.1, 0.5, *19 * [0.95], 0.8, 0.95, 0.95]

    def shown(values):
        return show(history_of(*(evaluation(20 * k, v) for k, v in enumerate(values))), "accuracy")

    assert shown(values[:5]).axes.get_ylim()[0] == 0  # most of the training curve is below
    assert shown([*values, 0.8, 0.8]).axes.get_ylim()[0] == 0
    accuracy = shown(values)
    assert accuracy.axes.get_ylim()[0] == 0.9
    assert 1 < accuracy.axes.get_ylim()[1] < 1.01
    assert accuracy.title.get_text() == "Accuracy (0.9–1)"


@pytest.mark.parametrize(("loss", "weight"), [(0.00002, 0.1), (30, 1), (1.6e9, 4e6)])
def test_numbers_at_an_axis_are_whole_however_large(loss, weight):
    panels = show(history_of(*(evaluation(20 * k, 0.1, loss, weight=weight) for k in range(3))))
    panels.figure.canvas.draw()
    for plot in panels.moving[1:]:
        assert not plot.axes.yaxis.get_offset_text().get_text()
        low, high = sorted(plot.axes.get_ylim())
        shown = [
            tick.label1
            for tick in plot.axes.yaxis.get_major_ticks()
            if low <= tick.get_loc() <= high
        ]
        assert all(text.get_window_extent().x0 >= plot.cell.x0 for text in shown)


def test_one_bad_evaluation_does_not_change_the_scale_many_do():
    panels, filled = make_panels(), long_run()
    for k, (value, low) in enumerate([(0.98, 0.98), (0.5, 0.98), (0.98, 0.98)] + [(0.5, None)] * 5):
        filled.append(evaluation(2020 + 20 * k, value))
        panels.update(filled)
        assert low in (None, panels.moving[1].axes.get_ylim()[0])
    assert panels.moving[1].axes.get_ylim()[0] == 0


def test_the_axis_does_not_cut_off_the_noise_of_the_training_curve():
    """Test digits at 0.95 throughout, every fourth training batch below 0.9."""
    steady = [evaluation(20 * k, 0.95) for k in range(40)]
    noisy = [replace(e, train=evaluation(0, 0.85).train) if k % 4 else e
             for k, e in enumerate(steady)]  # fmt: skip
    assert show(history_of(*steady), "accuracy").axes.get_ylim()[0] == 0.9
    assert show(history_of(*noisy), "accuracy").axes.get_ylim()[0] == 0


def test_a_dot_and_a_number_mark_the_lowest_test_loss():
    losses = [100, 30, 12.5, 14, 20]
    loss = show(history_of(*(evaluation(100 * k, loss=x) for k, x in enumerate(losses))), "loss")
    assert loss.dot.get_xydata().tolist() == [[200, 12.5]]
    assert "12.5" in loss.lowest.get_text()


def test_a_restart_leaves_the_curves_it_replaces_in_grey():
    panels, filled = make_panels(), history_of(evaluation(0, 0.1, 230), evaluation(20, 0.6, 100))
    panels.update(filled)
    before = [panels.moving[k].background() for k in (1, 2)]
    filled.append(evaluation(0, 0.2, 220))
    panels.update(filled)
    accuracy, loss = panels.moving[1:3]
    np.testing.assert_allclose(accuracy.ghosts[1].get_xydata(), [[0, 0.1], [20, 0.6]])
    assert loss.ghosts[1].get_xydata().tolist() == [[0, 230], [20, 100]]
    assert [plot.background() for plot in (accuracy, loss)] != before  # so it is drawn
    np.testing.assert_allclose(accuracy.test.get_xydata(), [[0, 0.2]])


def test_the_headline_counts_epochs_and_wrong_digits_and_says_of_which_iteration():
    filled = history_of(evaluation(1200, 0.97))
    panels = show(filled)
    head = panels.head
    assert "epoch 2.0" in head.facts.get_text()
    assert head.wrong.get_text() == "30 of 1,000 wrong"
    filled.append(evaluation(1220, test=False))
    panels.update(filled)
    assert "1,220" in head.facts.get_text() and "1,200" in head.wrong.get_text()


@pytest.mark.parametrize("alone", [True, False])
def test_ten_neurons_are_digits_only_where_there_is_no_other_layer(alone):
    one = evaluation(0)
    filled = history_of(replace(one, gradients=one.gradients[:1] if alone else one.gradients))
    plot = show(filled, "first layer")
    assert ("digit" in plot.title.get_text()) == alone
    assert any(text.get_text() == "7" for text in plot.axes.texts) == alone


@pytest.mark.parametrize("wrong", [14, 15])
def test_few_wrong_digits_are_shown_alone(wrong):
    """Below 150 wrong ones the view has only these: 140 of 1,000, but not 150."""
    filled = history_of(evaluation(100, 1 - wrong / 100))
    alone = show(filled, "test alone")
    test = filled.last_test.test
    assert ("140" in alone.title.get_text()) == (wrong == 14)
    rows, columns = (int(abs(np.diff(limits)[0])) for limits in (
        alone.axes.get_ylim(), alone.axes.get_xlim()))  # fmt: skip
    if wrong == 14:
        chosen = np.flatnonzero(test.labels != test.predictions)
        digits = (part[chosen] for part in (test.images, test.labels, test.predictions))
        picture = pictures.mosaic(*digits, rows, columns)
        np.testing.assert_array_equal(alone.image.get_array(), picture)


def test_all_test_digits_come_back_when_many_are_wrong_again():
    panels, filled = make_panels(names=["test alone"]), history_of(evaluation(100, 0.9))
    panels.update(filled)
    plot = panels.moving[1]

    def shown():
        labels = [label.get_text() for label in plot.axes.get_yticklabels()]
        return plot.title.get_text(), plot.axes.get_xlim(), labels, plot.image.get_extent()

    before, array = shown(), np.array(plot.image.get_array())
    wrongly = [evaluation(200, 0.95), evaluation(300, 0.9)]
    for one in wrongly:
        filled.append(one)
        panels.update(filled)
        assert (shown() == before) == (one is wrongly[1])
    np.testing.assert_array_equal(plot.image.get_array(), array)


def test_the_scale_of_the_loss_follows_the_recent_values():
    panels, filled, tops = make_panels(names=["loss"]), History(), []
    for k in range(200):
        filled.append(evaluation(20 * k, loss=230 * 0.96**k + 2))
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
        panels.update(history_of(replace(evaluation(iteration), seconds=iteration / speed)))
        assert panels.moving[1].axes.get_xlim()[1] == limit
    panels.update(history_of(evaluation(0)))
    assert panels.moving[1].axes.get_xlim()[1] == 100


def test_seven_bands_lie_in_one_another():
    filled = history_of(evaluation(0, weight=1), evaluation(100, weight=2))
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
    low, high = show(history_of(evaluation(0, weight=0)), "weights").axes.get_ylim()
    assert low < 0 < high  # bands of zeros have an axis too


def test_the_pictures_are_the_mosaics_of_the_newest_evaluations():
    filled = history_of(evaluation(0, 0.5), evaluation(20, 0.9), evaluation(40, 0.7, test=False))
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
    plot = show(history_of(evaluation(0, 0.96)), "test")  # 40 of 1,000 are wrong
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
    filled = history_of(evaluation(0), evaluation(1500, 0.97))
    panels = show(filled)
    panels.update(filled, "PAUSED")
    texts = " ".join(text.get_text() for text in panels.head.axes.texts)
    for part in ("2.2 five layers", "MNIST", "1,500", "2,000", "0.003", "500", "97.00", "PAUSED"):
        assert part in texts


def test_speed_is_that_of_the_last_two_seconds_and_survives_a_restart():
    speed, train = Speed(), evaluation(0).train
    at = [(0, 0), (100, 10), (200, 11), (300, 12), (400, 12.5), (400, 12.5), (0, 0), (50, 1)]
    found = [speed.of(Evaluation(iteration, seconds, 0.1, train)) for iteration, seconds in at]
    assert found[5:] == [300 / 2.5, 0, 50]  # from second 10 on: 2 seconds are covered


def test_nan_leaves_a_gap_and_a_hint():
    values = [10, 9, np.nan, np.nan]
    panels = show(history_of(*(evaluation(20 * k, loss=v) for k, v in enumerate(values))))
    loss = panels.moving[2]
    assert np.isnan(loss.test.get_ydata()).tolist() == [False, False, True, True]
    assert "NaN" in loss.hint.get_text() and "40" in loss.hint.get_text()
    filled = history_of(
        evaluation(0), evaluation(20, loss=np.inf, weight=np.nan), evaluation(40, loss=np.nan)
    )
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


LAYOUTS = [(size, SIX) for size in [SIZES[0], SIZES[3], *BY_HAND]] + [
    (SIZES[0], window.VIEWS[key]) for key in "2367w9g"
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
    panels.update(history_of(evaluation(0)))
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
    filled.append(evaluation(1995, test=False))
    assert panels.update(filled) == panels.moving[:4]  # headline, curves, training images
    filled.append(evaluation(2000))
    assert panels.update(filled) == panels.moving


def test_updates_add_no_artists_and_few_new_backgrounds():
    panels, filled, redraws = make_panels(), History(), 0
    for k in range(200):
        filled.append(evaluation(10 * k, min(0.98, k / 100), 230 / (k + 1), test=k % 5 == 0))
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
