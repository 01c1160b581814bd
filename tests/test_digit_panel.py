"""One digit: what its panel draws of Looks made by hand, keys, clicks, and the sheet."""

import re
from dataclasses import replace
from itertools import combinations

import numpy as np
import pytest
from evaluations import IMAGES, evaluation, history_of, long_run
from matplotlib.patches import PathPatch, Rectangle
from numpy_networks import convolution, relu
from windows import SIZES, assert_legible, make_dashboard, mouse, overlap

from digits.photo import prepare
from visu.panels.digit_grids import TestDigits, TestDigitsAlone, TrainingDigits
from visu.panels.one_digit import SHEET, OneDigit
from visu.panels.one_number import patch_of
from visu.panels.style import RED
from visu.record.run import Evaluation, Layer, Look, Product

RNG = np.random.default_rng(3)
P = np.array([0.02, 0.01, 0.05, 0.7, 0, 0.1, 0.02, 0.03, 0.03, 0.04])
MAPS = np.maximum(RNG.normal(size=(14, 14, 12)), 0)
NEURONS = np.maximum(RNG.normal(size=200), 0)
RELUS = Layer("Relu", MAPS), Layer("Relu", NEURONS)
W = [RNG.normal(scale=0.1, size=shape) for shape in ((6, 6, 1, 4), (4, 4, 4, 6), (14 * 14 * 6, 30))]
B = [RNG.normal(scale=0.1, size=n) for n in (4, 6, 30)]


def layers_of(image):
    """Two convolutions and a dense layer of these weights, by hand."""
    X, layers = image[None, ..., None] / 255, []
    for w, b, stride in zip(W[:2], B, (1, 2), strict=False):
        Y = relu(convolution(X, w, stride) + b)
        product = Product(X[0], w, (stride, stride), "SAME", b)
        layers.append(Layer("Relu", Y[0], product=product))
        X = Y
    product = Product(X[0], W[2].reshape(14, 14, 6, 30), (1, 1), "VALID", B[2])
    return *layers, Layer("Relu", relu(X.ravel() @ W[2] + B[2]), product=product)


NETWORKS = {
    "1.0": (),
    "2.0": tuple(Layer("Sigmoid", RNG.random(n)) for n in (200, 100, 60, 30)),
    "4.2": tuple(
        Layer("Relu", RNG.random(shape))
        for shape in ((28, 28, 64), (14, 14, 128), (7, 7, 128), (1000,))
    ),
    "eight": tuple(Layer("Relu", RNG.random(30)) for _ in range(8)),
    "3.0": layers_of(IMAGES[0]),
}


class Opened:
    """A dashboard with the panel of one digit, whose network answers with these layers."""

    def __init__(
        self, layers=RELUS, size=SIZES[1], label=3, probabilities=P, history=None, drops=None
    ):
        self.history = history or long_run()
        self.dashboard = make_dashboard(size, [OneDigit], layers=self.history.run.layers)
        self.panel, self.selection = self.dashboard.panels[1], self.dashboard.selection
        self.panel.ask = lambda image, label: Look(
            image, label, 1234, layers, probabilities, drops=drops
        )
        self.selection.open(IMAGES[0], label)
        self.update()

    def update(self, status=""):
        self.dashboard.update(self.history, status)

    def key(self, key):
        answer = self.panel.key(key)
        self.update()
        return answer

    def pen(self, action, x, y, button=1):
        """The mouse at a place on the sheet, 0..1 from the left and the top."""
        self.dashboard.figure.canvas.draw()  # fits the axes
        left, right, bottom, top = self.images[1].get_extent()
        place = left + x * (right - left), top + y * (bottom - top)
        return mouse(self.dashboard, self.panel, action, place, button)

    @property
    def said(self):
        """All words on the panel."""
        texts = [text for text in self.panel.axes.texts if text.get_visible()]
        return "\n".join([self.panel.title.get_text(), *(text.get_text() for text in texts)])

    @property
    def images(self):
        return [image for image in self.panel.axes.images if image.get_visible()]

    @property
    def bars(self):
        there = [one for one in self.panel.axes.patches if one.get_visible() and one.get_fill()]
        return [one for one in there if isinstance(one, Rectangle)]

    @property
    def outlined(self):
        """What is only outlined in black."""
        there = [one for one in self.panel.axes.patches if one.get_visible()]
        return [p for p in there if not p.get_fill() and p.get_edgecolor()[:3] == (0, 0, 0)]


def test_bars_show_the_probabilities_the_true_one_outlined_the_predicted_one_strong():
    for label in (3, 5):
        shown = Opened(label=label)
        widths = np.array([bar.get_width() for bar in shown.bars])
        np.testing.assert_allclose(widths / widths.sum(), P, atol=1e-9)
        (outline,) = shown.outlined
        assert outline.get_y() == shown.bars[label].get_y()
        faces = [bar.get_facecolor() for bar in shown.bars]
        assert [face == faces[3] for face in faces] == [k == 3 for k in range(10)]
        assert not [part for part in ("70.0 %", "0.0 %", "1,234") if part not in shown.said]
        assert f"{-np.log(P[label]):.2f}" in shown.said
    right, misread = (Opened(label=label).bars[3].get_facecolor() for label in (3, 5))
    assert right != misread
    for label, colour in ((3, right), (5, misread)):
        shown = Opened(label=label)
        (large,) = [one for one in shown.panel.axes.patches if isinstance(one, PathPatch)]
        assert large.get_facecolor() == colour
        three_bars = 3 * abs(
            shown.bars[1].get_window_extent().y0 - shown.bars[0].get_window_extent().y0
        )
        assert large.get_window_extent().height == pytest.approx(three_bars, rel=0.05)
    certain = Opened(label=3, probabilities=np.eye(10)[3])
    assert "log(1) = 0.00" in certain.said
    unknown = Opened(label=None)
    assert not unknown.outlined and "log" not in unknown.said and "scribble" not in unknown.said
    unknown.selection.draw(None, (0.5, 0.5))
    unknown.update()
    assert "0 to 9" in unknown.said and "scribble" in unknown.said


def test_layers_are_pictures_of_their_outputs_on_one_scale_each():
    shown = Opened()
    digit, _, maps, neurons = shown.images
    np.testing.assert_array_equal(digit.get_array(), IMAGES[0])
    rows, columns = (np.array(maps.get_array().shape) + 1) // 15
    for k in range(12):
        row, column = divmod(k, columns)
        part = maps.get_array()[15 * row : 15 * row + 14, 15 * column : 15 * column + 14]
        np.testing.assert_array_equal(part, MAPS[..., k])
    values = np.ma.masked_invalid(neurons.get_array()).compressed()
    np.testing.assert_array_equal(values, NEURONS)
    assert maps.get_clim()[1] == MAPS.max() and neurons.get_clim()[1] == NEURONS.max()
    told = "12 feature maps", "14×14", "200 neurons", f"{100 * np.mean(MAPS == 0):.0f} % zero"
    assert not [part for part in told if part not in shown.said]


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_a_network_that_has_diverged_is_drawn_without_a_warning(value):
    layers = Layer("Relu", np.full((14, 14, 12), value)), Layer("Relu", np.full(200, value))
    product = Product(np.full((28, 28, 1), value), np.zeros((5, 5, 1, 12)), (2, 2), "SAME", None)
    layers = replace(layers[0], product=product), layers[1]
    shown = Opened(layers, probabilities=np.full(10, np.nan))
    shown.dashboard.figure.canvas.draw()
    assert "12 feature maps" in shown.said
    shown.selection.number = 0, 3, 3, 0
    shown.update()
    shown.dashboard.figure.canvas.draw()
    assert "nan" in shown.said and not shown.panel.failed


@pytest.mark.parametrize(
    ("layers", "told"),
    [
        (
            (Layer("Sigmoid", np.array([0.01] * 3 + [0.99] * 4 + [0.06, 0.5, 0.94])),),
            "70 % saturated",
        ),
        (NETWORKS["4.2"], "64 of 128 maps"),
        (NETWORKS["4.2"], "400 of 1000 neurons"),
    ],
)
def test_a_layer_in_words(layers, told):
    assert told in Opened(layers).said


@pytest.mark.parametrize("size", [*SIZES[:3:2], (1000, 800), (1600, 600)], ids=str)
@pytest.mark.parametrize("network", NETWORKS)
def test_nothing_is_clipped_or_overlaps(drawn_texts, size, network):
    shown = Opened(NETWORKS[network], size, drops=True)
    dropped = [replace(layer, dropped=layer.outputs > 0.9) for layer in NETWORKS[network]]
    look = Look(IMAGES[1], 1, 1999, tuple(dropped), training=True)
    shown.history.last = replace(shown.history.last, look=look)
    changes = [
        lambda: None,
        lambda: shown.panel.key("d"),
        lambda: shown.selection.draw(None, (0.5, 0.5)),
    ]
    if network == "3.0":
        changes.append(lambda: setattr(shown.selection, "number", (0, 3, 4, 1)))
    for change in changes:
        change()
        shown.update()
        texts = [text for text in drawn_texts(shown.dashboard) if text.axes is shown.panel.axes]
        assert_legible(shown.dashboard, texts)
        places = [image.get_window_extent() for image in shown.images]
        for place, other in combinations(places, 2):
            assert not overlap(place, other)


@pytest.mark.parametrize(("layers", "told"), [(3, "found in evaluate"), (1, "from all pixels")])
def test_without_layers_to_show_it_says_why(layers, told):
    assert told in Opened((), history=history_of(evaluation(0), layers=layers)).said


def test_before_there_is_an_answer_or_a_digit_it_says_so():
    shown = Opened(layers=())
    shown.panel.ask = lambda image, label: None
    shown.update()
    assert "copied" in shown.said and not shown.outlined
    shown = Opened(history=history_of())
    shown.selection.open()
    shown.panel.ask = lambda image, label: image.shape  # raises without an image
    shown.update()
    assert shown.dashboard.panels[1] is shown.panel and "copied" in shown.said
    shown.key("d")
    shown.history.append(evaluation(0))
    shown.update()
    assert shown.selection.training  # is not forgotten


# ---- the arrows


def test_the_arrows_go_through_the_test_digits_misread_ones_first():
    shown = Opened()
    answers = shown.history.test_answers
    misread = answers.labels != answers.predictions
    order = [*np.flatnonzero(misread), *np.flatnonzero(~misread)]
    begun = order[: misread.sum() + 2]
    for index in begun:
        assert shown.key("right") == ()
        assert shown.selection.index == index
        assert shown.selection.label == answers.labels[index]
        np.testing.assert_array_equal(shown.selection.image, answers.images[index])
    for _ in begun:
        shown.panel.key("left")
    assert shown.selection.index == order[-1]  # round the corner
    assert shown.key("x") is None


# ---- a training step


def test_dropped_neurons_are_crossed_out():
    shown = Opened()
    assert shown.key("d") == ()
    dropped = RNG.random(200) < 0.25
    layers = RELUS[0], Layer("Relu", NEURONS + 1, dropped)
    train = shown.history.last.train
    look = Look(IMAGES[5], 5, 36, layers, training=True, drops=True)
    shown.history.append(Evaluation(37, 0.1, 0.003, train, look=look))
    shown.update()
    assert "step 37" in shown.said and f"{dropped.sum()} of 200 dropped" in shown.said
    assert not shown.outlined  # no probabilities
    picture = shown.images[-1]
    left, right, bottom, top = picture.get_extent()
    rows, columns = picture.get_array().shape
    lines = [line for line in shown.panel.axes.lines if line.get_visible()]
    (crosses,) = [line for line in lines if len(line.get_xdata())]
    x, y = crosses.get_data()
    row = ((y - top) / (bottom - top) * rows).astype(int)
    column = ((x - left) / (right - left) * columns).astype(int)
    assert set(row * columns + column) == set(np.flatnonzero(dropped))
    assert crosses.get_color() != RED
    assert not picture.get_array()[row, column].any()  # they count as 0

    assert "none dropped" in shown.said  # of the other layer
    shown.key("d")
    assert "1,234" in shown.said


@pytest.mark.parametrize("drops", [True, False, None])
def test_dropout_is_only_spoken_of_where_there_is_some(drops):
    shown = Opened(drops=drops)
    assert ("dropout" in shown.said) == bool(drops)
    shown.key("d")
    assert "dropout" not in shown.said
    train = shown.history.last.train
    layers = [replace(layer, dropped=layer.outputs > 0.9) for layer in RELUS] if drops else RELUS
    look = Look(IMAGES[5], 5, 37, tuple(layers), training=True, drops=drops)
    shown.history.append(Evaluation(38, 0.1, 0.003, train, look=look))
    shown.update()
    assert ("dropout" in shown.said) == ("dropped" in shown.said) == bool(drops)


@pytest.mark.parametrize(
    ("status", "planned", "keys"),
    [
        ("", 9999, "space n"),
        ("at most 10/s", 9999, "space n"),
        ("PAUSED", 9999, "n"),
        ("PAUSED, 10/s", 9999, "n"),
        ("one iteration …", 9999, "n"),
        ("done", 2000, "r space n"),
        ("done", 0, ""),
    ],
)
def test_the_keys_named_for_a_training_step_are_those_that_make_one(status, planned, keys):
    shown = Opened(history=long_run())
    shown.history.run = replace(shown.history.run, iterations=planned)
    shown.key("d")
    shown.update(status)
    words = [word for word in re.findall(r"\w+", shown.panel.message.get_text())]
    assert [*dict.fromkeys(word for word in words if word in ("r", "space", "n"))] == keys.split()


# ---- one number of a layer


class WithNumbers(Opened):
    """The panel of the network of layers_of()."""

    def __init__(self):
        super().__init__()
        self.answer_with(layers_of)

    def answer_with(self, layers):
        self.panel.ask = lambda image, label: Look(image, label, 1, layers(image), P)
        self.update()

    def press(self, place):
        self.dashboard.figure.canvas.draw()
        answer = mouse(self.dashboard, self.panel, "press", place)
        self.update()
        return answer

    def picture(self, k):
        """That of layer k, of the digit for 0."""
        return self.panel.axes.images[k + 1 if k else 0]

    def click(self, k, value):
        """Click on this value in the picture of layer k."""
        picture = self.picture(k)
        ((row, column),) = np.argwhere(picture.get_array() == value)
        left, right, bottom, top = picture.get_extent()
        rows, columns = picture.get_array().shape
        x = left + (column + 0.5) / columns * (right - left)
        return self.press((x, top + (row + 0.5) / rows * (bottom - top)))

    def outlined_numbers(self, k):
        """The numbers of that picture in each outline that lies on it."""
        (line,) = [x for x in self.panel.axes.lines if np.isnan(x.get_xdata()).any()]
        ends = np.flatnonzero(np.isnan(line.get_xdata()))
        picture, found = self.picture(k), []
        left, right, bottom, top = picture.get_extent()
        rows, columns = picture.get_array().shape
        for square in np.split(line.get_xydata(), ends + 1)[:-1]:
            places = (square[:-1] - (left, top)) / (right - left, bottom - top) * (columns, rows)
            (x0, y0), (x1, y1) = np.round([places.min(axis=0), places.max(axis=0)]).astype(int)
            if 0 <= x0 < x1 <= columns and 0 <= y0 < y1 <= rows:
                found.append(picture.get_array()[y0:y1, x0:x1].filled(np.nan))
        return found


@pytest.mark.parametrize(("k", "place"), [(1, (9, 11, 2)), (2, (5, 8, 3))])
def test_what_is_outlined_times_the_weights_is_the_number_that_was_clicked(k, place):
    shown = WithNumbers()
    value, n = layers_of(IMAGES[0])[k - 1].outputs[place], place[-1]
    assert value > 0
    assert shown.click(k, value) == ()
    assert shown.outlined_numbers(k) == [[[value]]]
    patches = np.stack(shown.outlined_numbers(k - 1), axis=-1) / (255 if k == 1 else 1)
    parts = (patches * W[k - 1][..., n]).sum(axis=(0, 1))
    assert parts.sum() + B[k - 1][n] == pytest.approx(value)
    told = parts.sum(), B[k - 1][n], value, max(parts, key=abs)
    assert not [one for one in told if f"{one:.3f}".replace("-", "−") not in shown.said]
    patch, weights, products = (x.get_array() for x in shown.panel.axes.images[-3:])
    most = np.argmax(abs(parts))
    np.testing.assert_allclose(patch, patches[..., most])
    np.testing.assert_allclose(weights, W[k - 1][..., most, n])
    assert products.sum() == pytest.approx(parts[most])


def test_of_a_dense_neuron_all_inputs_are_outlined():
    shown = WithNumbers()
    *_, before, layer = layers_of(IMAGES[0])
    n = int(np.argmax(layer.outputs))
    shown.click(3, layer.outputs[n])
    (all_of_it,) = shown.outlined_numbers(2)
    assert np.nansum(all_of_it) == pytest.approx(before.outputs.sum())
    parts = (before.outputs * W[2].reshape(14, 14, 6, 30)[..., n]).sum(axis=(0, 1))
    assert (
        f"{layer.outputs[n]:.3f}" in shown.said
        and f"map {np.argmax(abs(parts)) + 1} of 6" in shown.said
    )


def test_a_number_stays_open_until_it_or_nothing_is_clicked():
    shown = WithNumbers()
    outputs = layers_of(IMAGES[0])[0].outputs
    value = outputs[9, 11, 2]
    shown.click(1, value)
    shown.answer_with(lambda image: layers_of(image // 2))  # the training goes on
    now = layers_of(IMAGES[0] // 2)[0].outputs[9, 11, 2]
    assert f"{now:.3f}" in shown.said and f"{value:.3f}" not in shown.said
    shown.answer_with(layers_of)
    shown.key("right")
    other = layers_of(shown.selection.image)[0].outputs[9, 11, 2]
    assert "→ ReLU" in shown.said and f"{other:.3f}" in shown.said
    assert shown.click(1, other) == () and "ReLU" not in shown.said
    assert shown.press((1, 1)) is None
    shown.click(1, other)
    assert shown.press((1, 1)) == () and "ReLU" not in shown.said
    shown.click(1, other)
    shown.pen("press", 0.5, 0.5)  # where the sheet was
    assert shown.selection.sheet is None
    shown.update()
    assert "ReLU" not in shown.said
    shown.click(1, other)
    shown.key("backspace")
    shown.pen("press", 0.5, 0.5)
    assert shown.selection.sheet is not None


def test_without_a_bias_to_show_there_are_the_sum_and_the_output():
    shown = WithNumbers()
    first, *_ = layers_of(IMAGES[0])
    normalized = replace(first, product=replace(first.product, bias=None))
    shown.answer_with(lambda image: [normalized])
    shown.click(1, first.outputs[9, 11, 2])
    assert "sum" in shown.said and "output" in shown.said and "bias" not in shown.said


@pytest.mark.parametrize("padding", ["SAME", "VALID"])
@pytest.mark.parametrize(
    ("size", "kernel", "stride"), [(28, 5, 1), (28, 4, 2), (7, 6, 3), (9, 2, 3)]
)
def test_the_patches_of_a_convolution_are_those_it_multiplies(padding, size, kernel, stride):
    """At all places: with zeros beyond the edges, where there are any."""
    X, w = RNG.normal(size=[1, size, size, 2]), RNG.normal(size=[kernel, kernel, 2, 3])
    product = Product(X[0], w, (stride, stride), padding, None)
    for place, value in np.ndenumerate(convolution(X, w, stride, padding == "SAME")[0]):
        patch, *_ = patch_of(product, *place[:2])
        assert (patch * w[..., place[2]]).sum() == pytest.approx(value)


# ---- clicks on digits


@pytest.mark.parametrize("kind", [TrainingDigits, TestDigits, TestDigitsAlone])
def test_a_click_on_a_digit_of_a_mosaic_opens_it(kind):
    """Misread ones lie anywhere; the arrows go on from a test digit, by its index."""
    one = evaluation(100, accuracy=1)
    answers = one.train if kind is TrainingDigits else one.test.answers
    predictions = answers.labels.copy()
    predictions[[3, 42, 78]] += 1
    answers = replace(answers, predictions=predictions)
    filled = history_of(replace(one, train=answers, test=replace(one.test, answers=answers)))
    dashboard = make_dashboard(view=[kind])
    panel, selection = dashboard.panels[1], dashboard.selection
    dashboard.update(filled)
    dashboard.figure.canvas.draw()
    assert len(mouse(dashboard, panel, "press", (1.5, 0.5))) == 1  # the panel to show now
    np.testing.assert_array_equal(selection.image, answers.images[42])
    assert selection.label == answers.labels[42]
    assert selection.index == (None if kind is TrainingDigits else 42)
    assert mouse(dashboard, panel, "drag", (0.5, 0.5)) is None
    np.testing.assert_array_equal(selection.image, answers.images[42])


def test_a_click_where_no_digit_is_means_nothing():
    dashboard = make_dashboard(view=[TestDigitsAlone])
    dashboard.update(history_of(evaluation(0, 0.89)))  # 110 are misread
    dashboard.figure.canvas.draw()
    panel = dashboard.panels[1]
    rows, columns = round(panel.axes.get_ylim()[0]), round(panel.axes.get_xlim()[1])
    assert rows * columns > 110
    assert mouse(dashboard, panel, "press", (columns - 0.5, rows - 0.5)) is None
    assert mouse(dashboard, panel, "press", (columns + 5, 0.5)) is None


# ---- the sheet


def test_strokes_go_where_the_mouse_goes_and_the_network_gets_them_prepared():
    shown = Opened()
    assert shown.pen("drag", 0.5, 0.1) is None  # not pressed yet
    sheet = shown.images[1]
    assert shown.pen("press", 0.5, 0.2) is sheet and np.any(sheet.get_array())
    for y in (0.3, 0.5, 0.8):
        shown.pen("drag", 0.5, y)
    assert shown.pen("release", 0.5, 0.8) == ()
    shown.pen("drag", 0.9, 0.8, button=None)  # lifted
    ink = np.asarray(shown.selection.sheet)
    rows, columns = np.nonzero(ink)
    assert abs(columns / SHEET - 0.5).max() < 0.06
    assert rows.min() / SHEET == pytest.approx(0.2, abs=0.06)
    assert rows.max() / SHEET == pytest.approx(0.8, abs=0.06)
    np.testing.assert_array_equal(shown.selection.image, prepare(ink / 255))
    assert shown.selection.label is None
    shown.update()
    np.testing.assert_array_equal(shown.images[0].get_array(), shown.selection.image)
    np.testing.assert_array_equal(shown.images[1].get_array(), ink)
    assert "draw a digit here" not in shown.said

    shown.key("backspace")
    assert shown.selection.image is None and not shown.images[1].get_array().any()
    assert "draw a digit here" in shown.said
    shown.pen("press", 0.3, 0.3)
    shown.key("right")
    assert shown.selection.label is not None and "draw a digit here" in shown.said
    shown.pen("press", 0.7, 0.7)  # on a clean sheet
    assert np.nonzero(shown.selection.sheet)[1].min() > 0.6 * SHEET


def test_a_stroke_that_leaves_the_sheet_goes_on_where_it_comes_back():
    shown = Opened()
    shown.pen("press", 0.1, 0.5)
    assert shown.pen("drag", 1.2, 0.5) is None
    shown.pen("drag", 0.9, 0.5)
    ink = np.asarray(shown.selection.sheet)
    assert ink[:, SHEET // 10].any() and ink[:, -SHEET // 10].any()
    assert not ink[:, SHEET // 4 : 3 * SHEET // 4].any()
