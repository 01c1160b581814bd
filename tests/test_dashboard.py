"""The figure, without a window: what the panels draw, how it looks, what a frame costs."""

from dataclasses import replace

import numpy as np
import pytest
from evaluations import RUN, evaluation, history_of, long_run
from matplotlib.image import imread
from windows import BY_HAND, SIZES, assert_legible, make_dashboard, offscreen, show

import mnist_data
from visu.panels import digit_grids, pictures
from visu.panels.curves import Accuracy, Loss, WeightBands
from visu.panels.dashboard import rate, save_picture
from visu.panels.first_weights import FirstWeights
from visu.panels.keys_and_views import SIX, VIEWS
from visu.panels.panel import FAILURES, Panel, print_failures, thin_out
from visu.record.run import History, Point


def runs(values, **changes):
    """A History with these test accuracies, one every 20 iterations."""
    return history_of(*(evaluation(20 * k, value) for k, value in enumerate(values)), **changes)


# ---- what the panels draw


def test_curves_show_every_evaluation_training_thin_test_thick():
    filled = history_of(
        evaluation(0, 0.1, 230), evaluation(20, 0.5, 120, test=False), evaluation(40, 0.8, 60)
    )
    accuracy, loss = show(filled, Accuracy), show(filled, Loss)
    np.testing.assert_allclose(accuracy.train.get_xydata(), [[0, 0.1], [20, 0.5], [40, 0.8]])
    np.testing.assert_allclose(accuracy.test.get_xydata(), [[0, 0.1], [40, 0.8]])
    assert loss.train.get_xydata().tolist() == [[0, 230], [20, 120], [40, 60]]
    assert loss.test.get_xydata().tolist() == [[0, 230], [40, 60]]
    assert accuracy.test.get_linewidth() > 2 * accuracy.train.get_linewidth()


def test_accuracy_looks_closer_once_the_test_accuracy_is_there_to_stay():
    values = [0.1, 0.5, *19 * [0.95], 0.8, 0.95, 0.95]
    assert show(runs(values[:5]), Accuracy).axes.get_ylim()[0] == 0  # most training is below
    accuracy = show(runs(values), Accuracy)
    assert accuracy.axes.get_ylim()[0] == 0.9
    assert 1 < accuracy.axes.get_ylim()[1] < 1.01
    assert accuracy.title.get_text() == "Accuracy (0.9–1)"
    for value, low in (0.92, 0.9), (0.89, 0.8), (0.79, 0):
        assert show(runs([0.1, *20 * [value]]), Accuracy).axes.get_ylim()[0] == low


@pytest.mark.parametrize(("loss", "weight"), [(0.00002, 0.1), (30, 1), (1.6e9, 4e6)])
def test_numbers_at_an_axis_are_whole_however_large(loss, weight):
    dashboard = make_dashboard()
    dashboard.update(history_of(*(evaluation(20 * k, 0.1, loss, weight=weight) for k in range(3))))
    dashboard.figure.canvas.draw()
    for panel in dashboard.panels[1:]:
        axis = panel.axes.yaxis
        assert not axis.get_offset_text().get_text()
        low, high = sorted(panel.axes.get_ylim())
        shown = [tick.label1 for tick in axis.get_major_ticks() if low <= tick.get_loc() <= high]
        assert all(text.get_window_extent().x0 >= panel.cell.x0 for text in shown)


def test_one_bad_evaluation_does_not_change_the_scale_many_do():
    dashboard, filled = make_dashboard(), long_run()
    for k, (value, low) in enumerate([(0.98, 0.98), (0.5, 0.98), (0.98, 0.98)] + [(0.5, None)] * 5):
        filled.append(evaluation(2020 + 20 * k, value))
        dashboard.update(filled)
        assert low in (None, dashboard.panels[1].axes.get_ylim()[0])
    assert dashboard.panels[1].axes.get_ylim()[0] == 0


def test_the_axis_does_not_cut_off_the_noise_of_the_training_curve():
    """Test digits at 0.95 throughout, three training batches of four below 0.8."""
    steady = [evaluation(20 * k, 0.95) for k in range(40)]
    noisy = [replace(e, train=evaluation(0, 0.75).train) if k % 4 else e
             for k, e in enumerate(steady)]  # fmt: skip
    assert show(history_of(*steady), Accuracy).axes.get_ylim()[0] == 0.9
    assert show(history_of(*noisy), Accuracy).axes.get_ylim()[0] == 0


def test_a_dot_and_a_number_mark_the_lowest_test_loss():
    losses = [100, 30, 12.5, 14, 20]
    loss = show(history_of(*(evaluation(100 * k, loss=x) for k, x in enumerate(losses))), Loss)
    assert loss.dot.get_xydata().tolist() == [[200, 12.5]]
    assert "12.5" in loss.lowest.get_text()
    dashboard = make_dashboard(view=[Loss])
    for count, marked in (1, False), (3, True), (1, False):  # the last one after a restart
        dashboard.update(history_of(*(evaluation(100 * k, loss=losses[k]) for k in range(count))))
        loss = dashboard.panels[1]
        assert loss.lowest.get_visible() == loss.dot.get_visible() == marked


def test_a_restart_leaves_the_curves_it_replaces_in_grey():
    screen = offscreen(RUN, (Accuracy, Loss))
    filled = history_of(evaluation(0, 0.1, 230), evaluation(20, 0.6, 100))
    screen.draw(filled)
    before = screen.pixels.copy()
    filled.append(evaluation(0, 0.2, 220))
    screen.draw(filled)
    accuracy, loss = screen.dashboard.panels[1:]
    np.testing.assert_allclose(accuracy.ghosts[1].get_xydata(), [[0, 0.1], [20, 0.6]])
    assert loss.ghosts[1].get_xydata().tolist() == [[0, 230], [20, 100]]
    np.testing.assert_allclose(accuracy.test.get_xydata(), [[0, 0.2]])
    grey = (screen.pixels[..., :3] == 191).all(axis=2)  # "0.75"
    assert grey.sum() > (before[..., :3] == 191).all(axis=2).sum() + 500  # they are drawn


@pytest.mark.parametrize("alone", [True, False])
def test_ten_neurons_are_digits_only_where_there_is_no_other_layer(alone):
    panel = show(history_of(evaluation(0), layers=1 if alone else 3), FirstWeights)
    assert ("digit" in panel.title.get_text()) == alone
    assert any(text.get_text() == "7" for text in panel.axes.texts) == alone


@pytest.mark.parametrize("wrong", [14, 15])
def test_few_wrong_digits_are_shown_alone(wrong):
    """Below 150 wrong ones the view has only these: 140 of 1,000, but not 150."""
    filled = history_of(evaluation(100, 1 - wrong / 100))
    panel = show(filled, digit_grids.TestDigitsAlone)
    test = filled.last_test.test.answers
    assert ("140" in panel.title.get_text()) == (wrong == 14)
    limits = panel.axes.get_ylim(), panel.axes.get_xlim()
    rows, columns = (int(abs(np.diff(pair)[0])) for pair in limits)
    if wrong == 14:
        chosen = np.flatnonzero(test.labels != test.predictions)
        picture = pictures.mosaic(test, chosen, rows, columns)
        np.testing.assert_array_equal(panel.image.get_array(), picture)


def test_all_test_digits_come_back_when_many_are_wrong_again():
    dashboard, filled = make_dashboard(view=VIEWS["6"]), history_of(evaluation(100, 0.9))
    dashboard.update(filled)
    panel = dashboard.panels[1]

    def shown():
        labels = [label.get_text() for label in panel.axes.get_yticklabels()]
        return panel.title.get_text(), panel.axes.get_xlim(), labels, panel.image.get_extent()

    before, array = shown(), np.array(panel.image.get_array())
    for one, same in (evaluation(200, 0.95), False), (evaluation(300, 0.9), True):
        filled.append(one)
        dashboard.update(filled)
        assert (shown() == before) == same
    np.testing.assert_array_equal(panel.image.get_array(), array)


def test_the_scale_of_the_loss_follows_the_recent_values():
    dashboard, filled, tops = make_dashboard(view=[Loss]), History(RUN), []
    for k in range(200):
        filled.append(evaluation(20 * k, loss=230 * 0.96**k + 2))
        dashboard.update(filled)
        tops.append(dashboard.panels[1].axes.get_ylim()[1])
        assert tops[-1] >= filled.test[-1].loss
    assert tops[-1] < 5 * filled.test[-1].loss  # no flat line at the bottom
    assert len(set(tops)) < 25  # in jumps


@pytest.mark.parametrize(
    "speed, limits",
    [(50, [100, 100, 200, 500, 2000, 3000, 3000]), (500, 4 * [1000] + [2000, 3000, 3000])],
)
def test_the_iterations_axis_grows_in_jumps_to_the_end_of_the_run(speed, limits):
    dashboard = make_dashboard(view=[Loss], iterations=3000)
    for iteration, limit in zip((10, 90, 110, 210, 1900, 2100, 3000), limits, strict=True):
        dashboard.update(history_of(replace(evaluation(iteration), seconds=iteration / speed)))
        assert dashboard.panels[1].axes.get_xlim()[1] == limit
    dashboard.update(history_of(evaluation(0)))
    assert dashboard.panels[1].axes.get_xlim()[1] == 100


def test_the_bands_lie_in_one_another():
    filled = history_of(evaluation(0, weight=1), evaluation(100, weight=2))
    bands = show(filled, WeightBands)
    for fill, (low, high) in zip(bands.fills, [(0, 5), (1, 4), (2, 3)], strict=True):
        corners = {tuple(corner) for corner in fill.get_paths()[0].vertices.tolist()}
        for point in filled.test:
            edges = point.weight_bands[[low, high]]
            assert {(point.iteration, edge) for edge in edges} <= corners
    low, high = bands.axes.get_ylim()
    assert low < -2 and 2 < high < 4
    low, high = show(history_of(evaluation(0, weight=0)), WeightBands).axes.get_ylim()
    assert low < 0 < high  # bands of zeros have an axis too


def test_the_pictures_are_the_mosaics_of_the_newest_evaluations():
    filled = history_of(evaluation(0, 0.5), evaluation(20, 0.9), evaluation(40, 0.7, test=False))
    for panel, answers, cells in (
        (digit_grids.TrainingDigits, filled.last.train, (10, 10)),
        (digit_grids.TestDigits, filled.last_test.test.answers, (8, 13)),
    ):
        order = np.argsort(answers.labels == answers.predictions, kind="stable")
        drawn = show(filled, panel).image.get_array()
        np.testing.assert_array_equal(drawn, pictures.mosaic(answers, order, *cells))


def test_ten_thousand_test_digits_are_shown_on_25_lines_down_to_90_percent():
    panel = show(history_of(test_count=10_000), digit_grids.TestDigits)
    assert (panel.rows, panel.columns) == (25, 40)
    labels = [label.get_text() for label in panel.axes.get_yticklabels()]
    marks = dict(zip(labels, panel.axes.get_yticks(), strict=True))
    assert marks["100 %"] == 0 and marks["90 %"] == 25
    assert marks["98 %"] * 40 == 200  # so many of 10,000 digits are wrong at 98 %


def test_the_red_area_ends_at_the_accuracy():
    panel = show(history_of(evaluation(0, 0.96)), digit_grids.TestDigits)  # 40 of 1,000 are wrong
    red = (np.asarray(panel.image.get_array())[::28, ::28] == pictures.MISREAD_PAPER).all(axis=2)
    assert red.ravel().tolist() == [True] * 40 + [False] * (8 * 13 - 40)


def test_weights_are_shown_on_one_scale_with_zero_in_the_middle():
    panel = show(long_run(), FirstWeights)
    low, high = panel.image.get_clim()
    assert -low == high >= 0.1
    np.testing.assert_array_equal(
        panel.image.get_array().filled(np.nan), pictures.weight_pictures(np.full((784, 10), 0.1))
    )
    assert min(panel.image.cmap(0.5)) > 0.95  # white


def test_the_headline_tells_step_data_iteration_rate_and_accuracy():
    dashboard, filled = make_dashboard(), history_of(evaluation(0), evaluation(1500, 0.97))
    texts = dashboard.head.axes.texts

    def shown(status=""):
        dashboard.update(filled, status)
        return " ".join(text.get_text() for text in texts)

    assert "500 iterations/s" in shown()
    told = "2.2 five layers", "MNIST", "1,500", "2,000", "epoch 2.5", "0.003", "97.00", "PAUSED"
    assert not [part for part in told if part not in shown("PAUSED")]
    assert "30 of 1,000 misread" in shown() and "at iteration" not in shown()
    filled.append(evaluation(1520, test=False))
    assert "1,520" in shown() and "at iteration 1,500" in shown()


def test_nothing_in_the_headline_overlaps_however_long_it_is(drawn_texts):
    """A run of millions of iterations, whose newest evaluation is not one of the test digits."""
    changes = {"iterations": 10**7, "data": mnist_data.DRAWN, "test_count": 10_000}
    for title in ("2.2 ReLU, learning rate decay, dropout", "W" * 60):
        dashboard = make_dashboard(title=title, keys=True, **changes)
        filled = history_of(evaluation(9_900_000, 0), evaluation(9_900_020, test=False))
        for status in ("at most 200/s", "PAUSED, 200/s", "one iteration …", "restarting …", ""):
            dashboard.update(filled, status)
            texts = [text for text in drawn_texts(dashboard) if text.axes is dashboard.head.axes]
            assert_legible(dashboard, texts)
            assert "h: keys" in dashboard.head.facts.get_text()


def test_the_rate_is_that_of_the_last_two_seconds():
    at = (0, 0), (100, 10), (200, 11), (300, 12), (400, 12.5)
    points = [Point(iteration, 0.5, 100, seconds) for iteration, seconds in at]
    found = [rate(points[:k]) for k in (1, 2, 5)]
    assert found == [0, 10, 300 / 2.5]  # from second 10 on: 2 seconds are covered


def test_nan_leaves_a_gap_and_a_hint():
    values = [10, np.nan, 9, np.nan, np.nan]
    loss = show(history_of(*(evaluation(20 * k, loss=v) for k, v in enumerate(values))), Loss)
    assert np.isnan(loss.test.get_ydata()).tolist() == [False, True, False, True, True]
    assert "NaN" in loss.hint.get_text() and "iteration 60" in loss.hint.get_text()
    broken = evaluation(20, loss=np.inf, weight=np.nan), evaluation(40, loss=np.nan)
    dashboard = make_dashboard()
    dashboard.update(history_of(evaluation(0), *broken))
    dashboard.figure.canvas.draw()
    assert not FAILURES


def test_a_loss_below_zero_is_a_curve():
    dashboard = make_dashboard(view=[Loss])
    dashboard.update(history_of(*(evaluation(20 * k, loss=-100.0 * k) for k in range(5))))
    dashboard.figure.canvas.draw()
    assert not FAILURES and dashboard.panels[1].axes.get_ylim()[0] < -400


# ---- how it looks

LAYOUTS = [(size, "0") for size in [SIZES[3], *BY_HAND]]
LAYOUTS += [(SIZES[0], key) for key in VIEWS if len(key) == 1]


@pytest.mark.parametrize(("size", "key"), LAYOUTS, ids=str)
def test_no_text_is_clipped_or_overlaps(drawn_texts, size, key):
    changes = {"iterations": 10_000, "test_count": 10_000, "data": mnist_data.DRAWN}
    dashboard = make_dashboard(size, VIEWS[key], keys=True, **changes)
    dashboard.update(long_run(10_000, 500), "starting …")
    texts = drawn_texts(dashboard)
    assert len(texts) > 6
    assert_legible(dashboard, texts)


@pytest.mark.parametrize("size", [SIZES[0], *BY_HAND], ids=str)
def test_the_help_fits_on_the_screen(size):
    dashboard = make_dashboard(size)
    dashboard.show_help(True)
    dashboard.figure.canvas.draw()
    box = dashboard.help.get_bbox_patch().get_window_extent()
    assert box.x0 >= 0 and box.y0 >= 0 and box.x1 <= size[0] and box.y1 <= size[1]


def test_type_is_12_points_or_more_and_grows_with_the_window(drawn_texts):
    def smallest(size):
        dashboard = make_dashboard(size)
        dashboard.update(long_run(), "PAUSED")
        return min(text.get_fontsize() for text in drawn_texts(dashboard))

    assert smallest(SIZES[1]) >= 12
    assert smallest(SIZES[3]) >= 12 * 1440 / 756 * 0.99


def test_ticks_made_after_a_jump_look_like_the_others():
    dashboard = make_dashboard(SIZES[3])
    for filled in (history_of(evaluation(0)), long_run()):
        dashboard.update(filled)
        dashboard.figure.canvas.draw()
    ticks = dashboard.panels[1].axes.get_xticklabels() + dashboard.panels[4].axes.get_yticklabels()
    assert len({tick.get_fontsize() for tick in ticks}) == 1


# ---- what a frame costs


def test_only_what_is_new_is_drawn():
    screen, filled = offscreen(RUN, SIX), long_run(1990, 10)
    dashboard = screen.dashboard
    assert screen.draw(filled) and not screen.draw(filled)
    filled.append(evaluation(1995, test=False))
    assert dashboard.update(filled) == dashboard.panels[:4]  # headline, curves, training images
    filled.append(evaluation(2000))
    assert dashboard.update(filled) == dashboard.panels


def test_updates_add_no_artists_and_few_new_backgrounds():
    screen, filled, redraws = offscreen(RUN, SIX), History(RUN), 0
    axes = screen.figure.axes
    for k in range(100):
        filled.append(evaluation(20 * k, min(0.98, k / 50), 230 / (k + 1), test=k % 5 == 0))
        changed = screen.dashboard.update(filled)
        redraws += any(panel.axes.stale for panel in changed)
        screen.paint(changed)
        if k == 0:
            children = [len(one.get_children()) for one in axes]
    assert [len(one.get_children()) for one in axes] == children
    assert 2 < redraws < 25


@pytest.mark.parametrize("count", [0, 1, 2, 2000, 2001, 4000, 100_000])
def test_long_curves_are_thinned_out(count):
    thin = thin_out(list(range(count)))
    assert len(thin) == count if count <= 2000 else 900 < len(thin) <= 2000
    assert thin[-1:] == list(range(count))[-1:]
    assert count == 0 or thin[0] == 0
    later = thin_out(list(range(count + 1)))
    assert count == 2000 or set(thin[:-1]) <= set(later)  # points stay where they are


# ---- a panel that fails


def broken(where):
    """A class of panels that raise an exception there."""

    class Broken(Panel):
        def __init__(self, axes, run):
            super().__init__(axes, "Broken")
            self.artists = [axes.text(0.5, 0.5, "moves")]
            if where == "background":
                axes.xaxis.set_major_formatter(lambda value, position: 1 / 0)
            elif where == "artist":
                self.artists[0].draw = lambda renderer: 1 / 0
            assert where != "__init__"

        def update(self, history):
            assert where != "update"
            return True

        def key(self, key):
            assert where != "key"

    return Broken


@pytest.mark.parametrize("blits", [True, False])
@pytest.mark.parametrize("where", ["__init__", "update", "background", "artist", "key"])
def test_a_panel_that_fails_leaves_its_place_and_the_others_go_on(where, blits, capsys):
    kind, filled = broken(where), long_run(400)
    if blits:
        screen = offscreen(RUN, (kind, Loss))
        dashboard = screen.dashboard
    else:
        dashboard = make_dashboard(SIZES[0], (kind, Loss))
    for k in range(3):
        filled.append(evaluation(420 + 20 * k))
        screen.draw(filled) if blits else dashboard.update(filled)
        dashboard.figure.canvas.draw()
        dashboard.key("left")
    failed, loss = dashboard.panels[1:]
    assert "failed" in failed.axes.texts[0].get_text()
    assert loss.train.get_xdata()[-1] == 460
    assert list(FAILURES) == [kind]
    print_failures()
    told = capsys.readouterr().err
    assert told.count("Traceback") == 1 and "panel Broken" in told and not FAILURES
    cell = failed.cell.frozen()
    left = np.array(dashboard.figure.canvas.buffer_rgba())[:, : int(cell.x1)]
    assert (left[int(0.2 * SIZES[0][1]) :, :, :3] < 100).any()  # the message is drawn


# ---- the picture without a window


def test_a_run_without_a_window_saves_the_same_picture(tmp_path):
    for name, filled in (("empty", History(RUN)), ("full", long_run())):
        save_picture(tmp_path / name, filled)
        assert imread(tmp_path / name, "png").shape == (756, 1344, 4)
    dashboard = make_dashboard()
    dashboard.update(long_run())
    dashboard.figure.savefig(tmp_path / "again", format="png")
    full, again = (imread(tmp_path / name, "png") for name in ("full", "again"))
    np.testing.assert_array_equal(full, again)
    with pytest.raises(OSError):
        save_picture(tmp_path / "missing" / "window.png", long_run())
