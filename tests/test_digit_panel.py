"""One digit: what its panel draws of Looks made by hand, keys, clicks, and the sheet."""

from dataclasses import replace
from itertools import combinations

import numpy as np
import pytest
import test_dashboard
from evaluations import IMAGES, evaluation, history_of, long_run
from matplotlib.backend_bases import MouseEvent
from test_dashboard import SIZES, make_panels, overlap

from digits.photo import prepare
from visu.panels import one_digit as digit_panel
from visu.panels.sheet import SIDE
from visu.record.run import Evaluation, History, Layer, Look

drawn_texts = test_dashboard.drawn_texts  # a fixture
RNG = np.random.default_rng(3)
P = np.array([0.02, 0.01, 0.05, 0.7, 0, 0.1, 0.02, 0.03, 0.03, 0.04])
MAPS = np.maximum(RNG.normal(size=(14, 14, 12)), 0)
NEURONS = np.maximum(RNG.normal(size=200), 0)
RELUS = Layer("Relu", MAPS), Layer("Relu", NEURONS)
NETWORKS = {
    "1.0": (),
    "2.0": tuple(Layer("Sigmoid", RNG.random(n)) for n in (200, 100, 60, 30)),
    "4.2": tuple(
        Layer("Relu", RNG.random(shape))
        for shape in ((28, 28, 64), (14, 14, 128), (7, 7, 128), (1000,))
    ),
    "eight": tuple(Layer("Relu", RNG.random(30)) for _ in range(8)),
}


@pytest.fixture
def opened():
    """opened(layers, size): the Panels with the digit's alone, its plot, and their History."""

    def make(layers=RELUS, size=SIZES[0], label=3):
        panels, filled = make_panels(size, ("digit",)), long_run()
        panels.focus.open(IMAGES[0], label)
        filled.look = Look(panels.focus.image, label, 1234, layers, P)
        panels.update(filled)
        return panels, panels.moving[1], filled

    return make


def said(plot):
    """All words on it."""
    texts = [text for text in plot.axes.texts if text.get_visible()]
    return "\n".join([plot.title.get_text(), *(text.get_text() for text in texts)])


def patches(plot):
    """Bounds of its visible bars by face, and those of what is only outlined in black."""
    there = [patch for patch in plot.axes.patches if patch.get_visible()]
    bars = [patch for patch in there if patch.get_fill()]
    outlined = [p for p in there if not p.get_fill() and p.get_edgecolor()[:3] == (0, 0, 0)]
    return bars, outlined


def images(plot):
    return [image for image in plot.axes.images if image.get_visible()]


def test_bars_show_the_probabilities_the_true_one_outlined_the_computed_one_strong(opened):
    for label in (3, 5):
        _, plot, _ = opened(label=label)
        bars, (outline,) = patches(plot)
        widths = np.array([bar.get_width() for bar in bars])
        np.testing.assert_allclose(widths / widths.sum(), P, atol=1e-9)
        assert outline.get_y() == bars[label].get_y()
        faces = [bar.get_facecolor() for bar in bars]
        assert [face == faces[3] for face in faces] == [k == 3 for k in range(10)]
        words = said(plot)
        assert "70.0 %" in words and "0.0 %" in words and "1,234" in words
        assert f"−log p = {-np.log(P[label]):.2f}" in words
    right, wrong = (patches(opened(label=label)[1])[0][3] for label in (3, 5))
    assert right.get_facecolor() != wrong.get_facecolor()


def test_layers_are_pictures_of_their_outputs_on_one_scale_each(opened):
    _, plot, _ = opened()
    digit, _, maps, neurons = images(plot)
    np.testing.assert_array_equal(digit.get_array(), IMAGES[0])
    rows, columns = (np.array(maps.get_array().shape) + 1) // 15
    for k in range(12):
        row, column = divmod(k, columns)
        part = maps.get_array()[15 * row : 15 * row + 14, 15 * column : 15 * column + 14]
        np.testing.assert_array_equal(part, MAPS[..., k])
    shown = np.ma.masked_invalid(neurons.get_array()).compressed()
    np.testing.assert_array_equal(shown, NEURONS)
    assert maps.get_clim()[1] == MAPS.max() and neurons.get_clim()[1] == NEURONS.max()
    words = said(plot)
    assert "12 feature maps" in words and "14×14" in words and "200 neurons" in words
    assert f"{100 * np.mean(MAPS == 0):.0f} % zero" in words


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_a_network_that_has_diverged_is_drawn_without_a_warning(opened, value):
    layers = Layer("Relu", np.full((14, 14, 12), value)), Layer("Relu", np.full(200, value))
    panels, plot, filled = opened(layers)
    filled.look = replace(filled.look, probabilities=np.full(10, np.nan))
    panels.update(filled)
    panels.figure.canvas.draw()
    assert "12 feature maps" in said(plot)


def test_sigmoids_say_what_share_is_saturated(opened):
    outputs = np.array([0.01] * 3 + [0.99] * 4 + [0.06, 0.5, 0.94])
    words = said(opened((Layer("Sigmoid", outputs),))[1])
    assert "70 % saturated" in words and "zero" not in words.replace("white: 0", "")


def test_of_many_channels_some_are_shown_and_it_says_how_many(opened):
    _, plot, _ = opened(NETWORKS["4.2"])
    words = said(plot)
    assert "64 of 128 maps" in words and "400 of 1000 neurons" in words


@pytest.mark.parametrize("size", [*SIZES[:3:2], (1000, 800), (1600, 600)], ids=str)
@pytest.mark.parametrize("network", NETWORKS)
def test_nothing_is_clipped_or_overlaps(opened, drawn_texts, size, network):
    panels, plot, filled = opened(NETWORKS[network], size)
    views = [lambda: None, lambda: plot.key("d"), lambda: panels.focus.draw(0.5, 0.5, True)]
    dropped = tuple(Layer(x.kind, x.outputs, x.outputs > 0.9) for x in NETWORKS[network])
    filled.last = Evaluation(
        2000, 4.0, 0.003, filled.last.train, look=Look(IMAGES[1], 1, 1999, dropped, training=True)
    )
    for view in views:
        view()
        filled.look = Look(panels.focus.image, panels.focus.label, 1234, NETWORKS[network], P)
        panels.update(filled)
        texts = [text for text in drawn_texts(panels) if text.axes is plot.axes]
        boxes = {text: text.get_window_extent() for text in texts}
        for text, box in boxes.items():
            assert box.x0 >= 0 and box.y0 >= 0 and box.x1 <= size[0], text
        for (text, box), (other, its_box) in combinations(boxes.items(), 2):
            assert not overlap(box, its_box), (text, other)
        places = [image.get_window_extent() for image in images(plot)]
        for place, other in combinations(places, 2):
            assert not overlap(place, other)


def test_without_layers_or_a_look_it_says_so(opened):
    panels, plot, filled = opened(())
    assert "layers" in said(plot)  # the run's gradients are of three
    filled.last_test = replace(filled.last_test, gradients=P[:1])
    panels.focus.open(IMAGES[1], 1)
    panels.update(filled)
    assert "copied" in said(plot) and not patches(plot)[1]
    filled.look = Look(panels.focus.image, 1, 5, (), P)
    panels.update(filled)
    assert "no hidden layer" in said(plot)


def test_what_it_says_follows_the_newest_evaluation(opened):
    panels, plot, filled = opened(())
    filled.last_test = replace(filled.last_test, gradients=P[:1])
    panels.update(filled)
    assert "no hidden layer" in said(plot)


def test_a_digit_nobody_knows_has_no_true_bar_and_no_loss(opened):
    _, plot, _ = opened(label=None)
    assert not patches(plot)[1] and "log" not in said(plot)


def test_the_arrows_go_through_the_test_digits_wrong_ones_first(opened):
    panels, plot, filled = opened()
    panels.focus.image = None
    panels.update(filled)
    test = filled.last_test.test
    wrong = np.flatnonzero(test.labels != test.predictions)
    right = np.flatnonzero(test.labels == test.predictions)

    def shown():
        return int(np.flatnonzero((test.images == panels.focus.image).all(axis=(1, 2)))[0])

    seen = [shown()]
    for _ in range(len(wrong) + 1):
        assert plot.key("right") == ()
        seen.append(shown())
        assert panels.focus.label == test.labels[seen[-1]]
    assert seen == [*wrong, *right[:2]]
    for _ in range(len(seen)):
        plot.key("left")
    assert shown() == right[-1]  # round the corner
    assert plot.key("x") is None


def test_the_arrows_pass_images_that_are_there_twice(opened):
    panels, plot, filled = opened()
    test = filled.last_test.test
    right = np.flatnonzero(test.labels == test.predictions)
    twice = test.images.copy()
    twice[right[1]] = twice[right[0]]
    filled.last_test = replace(filled.last_test, test=replace(test, images=twice))
    panels.focus.image = None
    panels.update(filled)
    labels = [panels.focus.label]
    for _ in range(len(test.labels) - 1):
        plot.key("right")
        labels.append(panels.focus.label)
    wrong = np.flatnonzero(test.labels != test.predictions)
    assert labels == [*test.labels[wrong], *test.labels[right]]


def test_the_arrows_go_on_from_a_test_digit_that_was_clicked():
    filled = long_run()
    test = filled.last_test.test
    order = np.argsort(test.labels == test.predictions, kind="stable")
    for name, after in (("test", order[1]), ("training", order[0])):
        panels = make_panels(names=(name,))
        panels.update(filled)
        panels.figure.canvas.draw()
        mouse(panels, panels.moving[1], "press", (0.5, 0.5))
        panels.show_only(("digit",))
        panels.update(filled)
        panels.moving[1].key("right")
        np.testing.assert_array_equal(panels.focus.image, test.images[after])


def test_the_arrows_go_on_from_a_wrong_digit_that_was_clicked_among_these():
    """With key 6: the wrong ones lie anywhere among the test digits."""
    measured = evaluation(100).test
    wrong = [3, 78, 500, 999]
    predictions = np.array(measured.labels)
    predictions[wrong] = (predictions[wrong] + 1) % 10
    panels = make_panels(names=("test alone",))
    filled = history_of(replace(evaluation(100), test=replace(measured, predictions=predictions)))
    panels.update(filled)
    panels.figure.canvas.draw()
    mouse(panels, panels.moving[1], "press", (1.5, 0.5))
    panels.show_only(("digit",))
    panels.update(filled)
    seen = [panels.focus.index]
    for _ in range(2):
        panels.moving[1].key("right")
        seen.append(panels.focus.index)
    assert seen == wrong[1:]


def test_a_training_step_asked_for_before_the_first_evaluation_is_not_forgotten():
    panels = make_panels(names=("digit",))
    panels.update(History())
    panels.moving[1].key("d")
    panels.update(history_of(evaluation(0)))
    assert panels.focus.training


def test_dropped_neurons_are_crossed_out(opened):
    panels, plot, filled = opened()
    assert plot.key("d") == ()
    panels.update(filled)
    assert "space" in said(plot) and "n" in said(plot)
    dropped = RNG.random(200) < 0.25
    layers = RELUS[0], Layer("Relu", NEURONS + 1, dropped)
    look = Look(IMAGES[5], 5, 36, layers, training=True)
    filled.append(Evaluation(37, 0.1, 0.003, filled.last.train, look=look))
    panels.update(filled)
    assert "step 37" in said(plot) and f"{dropped.sum()} of 200 dropped" in said(plot)
    assert not patches(plot)[1]  # no probabilities
    picture = images(plot)[-1]
    left, right, bottom, top = picture.get_extent()
    rows, columns = picture.get_array().shape
    (crosses,) = [line for line in plot.axes.lines if line.get_visible() and len(line.get_xdata())]
    x, y = crosses.get_data()
    row = ((y - top) / (bottom - top) * rows).astype(int)
    column = ((x - left) / (right - left) * columns).astype(int)
    assert set(row * columns + column) == set(np.flatnonzero(dropped))
    assert not picture.get_array()[row, column].any()  # they count as 0

    without = Look(IMAGES[5], 5, 37, RELUS, training=True)
    filled.append(Evaluation(38, 0.1, 0.003, filled.last.train, look=without))
    panels.update(filled)
    assert "no layer's outputs dropped" in said(plot) and "none dropped" in said(plot)
    plot.key("d")
    panels.update(filled)
    assert "1,234" in said(plot)


# ---- clicks on digits


def mouse(panels, plot, name, place, button=1):
    """What the panels answer to the mouse at these data coordinates of a plot."""
    actions = {"press": "button_press", "drag": "motion_notify", "release": "button_release"}
    x, y = plot.axes.transData.transform(place)
    event = MouseEvent(f"{actions[name]}_event", panels.figure.canvas, x, y, button)
    return panels.mouse(name, event)


@pytest.mark.parametrize("name", ["training", "test", "test alone"])
def test_a_click_on_a_digit_of_a_mosaic_opens_it(name):
    panels, filled = make_panels(names=(name,)), long_run()
    panels.update(filled)
    panels.figure.canvas.draw()
    plot = panels.moving[1]
    measure = filled.last.train if name == "training" else filled.last_test.test
    order = np.argsort(measure.labels == measure.predictions, kind="stable")
    columns = round(plot.axes.get_xlim()[1])
    for row, column in ((0, 0), (1, 3)):
        place = column + 0.5, row + 0.5
        assert mouse(panels, plot, "press", place) == ("digit",)
        chosen = order[row * columns + column]
        np.testing.assert_array_equal(panels.focus.image, measure.images[chosen])
        assert panels.focus.label == measure.labels[chosen]
    assert mouse(panels, plot, "drag", (0.5, 0.5)) is None
    assert np.array_equal(panels.focus.image, measure.images[chosen])


def test_a_click_where_no_digit_is_means_nothing():
    panels = make_panels(names=("test alone",))
    filled = long_run()
    panels.update(filled)
    panels.figure.canvas.draw()
    plot = panels.moving[1]
    last = round(plot.axes.get_xlim()[1]) - 0.5, round(plot.axes.get_ylim()[0]) - 0.5
    wrong = np.sum(filled.last_test.test.labels != filled.last_test.test.predictions)
    blank = round(last[0] + 0.5) * round(last[1] + 0.5) > wrong
    assert (mouse(panels, plot, "press", last) is None) == blank
    assert mouse(panels, plot, "press", (last[0] + 5, 0.5)) is None


# ---- the sheet


def test_strokes_go_where_the_mouse_goes_and_the_network_gets_them_prepared(opened):
    panels, plot, filled = opened()
    panels.figure.canvas.draw()
    paper = images(plot)[1]
    left, right, bottom, top = paper.get_extent()

    def at(x, y):
        return left + x * (right - left), top + y * (bottom - top)

    assert mouse(panels, plot, "drag", at(0.5, 0.1)) is None  # not pressed yet
    assert mouse(panels, plot, "press", at(0.5, 0.2)) == ()
    for y in (0.3, 0.5, 0.8):
        mouse(panels, plot, "drag", at(0.5, y))
    assert mouse(panels, plot, "release", at(0.5, 0.8)) == ()
    mouse(panels, plot, "drag", at(0.9, 0.8), button=None)  # lifted
    ink = panels.focus.sheet.ink
    rows, columns = np.nonzero(ink)
    assert abs(columns / SIDE - 0.5).max() < 0.06
    assert rows.min() / SIDE == pytest.approx(0.2, abs=0.06)
    assert rows.max() / SIDE == pytest.approx(0.8, abs=0.06)
    np.testing.assert_array_equal(panels.focus.image, prepare(ink / 255))
    assert panels.focus.label is None
    panels.update(filled)
    np.testing.assert_array_equal(images(plot)[0].get_array(), panels.focus.image)
    np.testing.assert_array_equal(images(plot)[1].get_array(), ink)
    assert "draw a digit here" not in said(plot)

    plot.key("backspace")
    panels.update(filled)
    assert panels.focus.image is None and not panels.focus.sheet.ink.any()
    assert "draw a digit here" in said(plot)
    mouse(panels, plot, "press", at(0.3, 0.3))
    plot.key("right")
    panels.update(filled)
    assert panels.focus.label is not None and "draw a digit here" in said(plot)
    mouse(panels, plot, "press", at(0.7, 0.7))  # on a clean sheet
    assert np.nonzero(panels.focus.sheet.ink)[1].min() > 0.6 * SIDE


def test_while_drawing_not_each_motion_is_a_frame_but_the_last_one_is(opened, monkeypatch):
    panels, plot, filled = opened()
    panels.figure.canvas.draw()
    left, right, bottom, top = images(plot)[1].get_extent()
    middle, now = (left + right) / 2, [100.0]
    monkeypatch.setattr(digit_panel.time, "monotonic", lambda: now[0])
    assert mouse(panels, plot, "press", (middle, top + 5)) == ()
    panels.update(filled)
    assert mouse(panels, plot, "drag", (middle, top + 6)) is None
    now[0] += 0.1
    assert mouse(panels, plot, "drag", (middle, top + 7)) == ()
    panels.update(filled)
    assert mouse(panels, plot, "drag", (middle, top + 8)) is None
    assert mouse(panels, plot, "release", (middle, top + 8)) == ()
