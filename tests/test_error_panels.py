"""The worst errors and the confusion matrix: what they show, how they look, what a click does."""

from itertools import combinations

import numpy as np
import pytest
from evaluations import IMAGES, RUN, evaluation, history_of
from matplotlib.backend_bases import MouseEvent
from test_dashboard import BY_HAND, SIZES, drawn_texts, make_panels, overlap  # noqa: F401

from visu.panels.blitting import Offscreen
from visu.panels.views import VIEWS
from visu.record.run import Evaluation, History, Measure

ERRORS, CONFUSION = VIEWS["e"], VIEWS["c"]


def history_with(wrong, true=4, computed=9, count=1000, confidences=...):
    """A History whose test digits have so many mistakes, true read as computed; less and less
    confident ones."""
    labels = np.full(count, true)
    predictions = np.where(np.arange(count) < wrong, computed, true)
    confidences = np.linspace(0.99951, 0.3, count) if confidences is ... else confidences
    test = Measure(1 - wrong / count, 1.0, IMAGES[:count], labels, predictions, confidences)
    parts = [np.linspace(-1, 1, 8)] * 2
    return history_of(Evaluation(0, 0.0, 0.003, evaluation(0).train, test, *parts))


def show(filled, names, size=SIZES[0]):
    panels = make_panels(size, names)
    panels.update(filled)
    panels.figure.canvas.draw()
    return panels


def captions(plot):
    return [text.get_text() for text in plot.captions if text.get_text()]


def press(panels, plot, x, y, name="press"):
    """Press the mouse at this place of a plot, in its own units; returns the panels' answer."""
    place = plot.axes.transData.transform((x, y))
    return panels.mouse(name, MouseEvent("button_press_event", panels.figure.canvas, *place, 1))


# ---- what they show


def test_the_worst_errors_have_both_digits_and_the_confidence():
    plot = show(history_with(3), ERRORS).moving[1]
    assert captions(plot) == ["4 → 9, 100.0 %", "4 → 9, 99.9 %", "4 → 9, 99.8 %"]
    assert "3" in plot.title.get_text()
    assert len(captions(show(history_with(41), ERRORS).moving[1])) == 40


def test_no_mistakes_are_said_and_many_come_back():
    panels = make_panels(names=ERRORS)
    plot = panels.moving[1]
    panels.update(History())
    for wrong in (50, 0, 2):
        panels.update(history_with(wrong))
        assert len(captions(plot)) == min(wrong, 40)
        assert ("none" in plot.title.get_text()) == (wrong == 0)


@pytest.mark.parametrize("confidences", [None, np.full(1000, np.nan)], ids=["none", "nan"])
def test_unknown_confidences_are_left_out(confidences):
    filled = history_with(2, confidences=confidences)
    assert captions(show(filled, ERRORS).moving[1]) == ["4 → 9"] * 2
    assert captions(show(filled, CONFUSION).moving[2]) == []


def test_the_confusion_matrix_counts_and_shows_the_most_frequent_mistake():
    panels = show(history_with(23), CONFUSION)
    matrix, digits = panels.moving[1:]
    counts = np.array([text.get_text() for text in matrix.counts]).reshape(10, 10)
    assert (counts[4, 9], counts[4, 4], counts[9, 4]) == ("23", "977", "")
    assert (counts != "").sum() == 2
    assert digits.title.get_text() == "true 4, computed 9: 23 digits"
    assert len(captions(digits)) == 23 and captions(digits)[0] == "100.0 %"
    assert matrix.outline.get_xy() == (9, 4) and matrix.outline.get_visible()


def test_mistakes_stand_out_and_right_digits_do_not():
    matrix = show(history_with(23), CONFUSION).moving[1]
    red, green, blue, _ = np.moveaxis(np.asarray(matrix.image.get_array()), 2, 0)
    assert red[4, 9] > 2 * green[4, 9] and red[4, 4] == green[4, 4] == blue[4, 4] > 0.9


def test_without_mistakes_no_cell_is_chosen():
    matrix, digits = show(history_with(0), CONFUSION).moving[1:]
    assert not matrix.outline.get_visible()
    assert captions(digits) == [] and "no mistakes" in digits.title.get_text()


# ---- how they look


@pytest.mark.parametrize("wrong", [0, 1, 5, 40])
@pytest.mark.parametrize("size", [SIZES[0], (1920, 1080), BY_HAND[0]], ids=str)
def test_no_caption_leaves_its_tile_or_overlaps(drawn_texts, size, wrong):  # noqa: F811
    for names in (ERRORS, CONFUSION):
        panels = show(history_with(wrong), names, size)
        texts = [text for text in drawn_texts(panels) if text.axes is not panels.head.axes]
        boxes = [(text, text.get_window_extent()) for text in texts]
        for text, box in boxes:
            assert box.x0 >= 0 and box.y0 >= 0 and box.x1 <= size[0] and box.y1 <= size[1], text
            for plot in panels.moving[1:]:
                assert text.axes is plot.axes or not overlap(box, plot.axes.bbox), text
        for (text, box), (other, its_box) in combinations(boxes, 2):
            assert not overlap(box, its_box), (text, other)
        tiles = panels.moving[-1]
        columns, height, width = tiles.grid
        for k in range(len(captions(tiles))):
            row, column = divmod(k, columns)
            tile = [(column * width, (row + 1) * height), ((column + 1) * width, row * height + 28)]
            (x0, y0), (x1, y1) = tiles.axes.transData.transform(tile)
            box = tiles.captions[k].get_window_extent()
            assert x0 <= box.x0 and box.x1 <= x1 and y0 <= box.y0 and box.y1 <= y1 + 1, k
            assert column < columns and (row + 1) * height <= tiles.axes.get_ylim()[0]


@pytest.mark.parametrize("size", [SIZES[0], (1920, 1080)], ids=str)
def test_forty_errors_are_large_and_fewer_are_larger(size):
    def side_and_letters(wrong):
        plot = show(history_with(wrong), ERRORS, size).moving[1]
        (x0, y0), (x1, y1) = plot.axes.transData.transform([(0, 28), (28, 0)])
        assert x1 - x0 == pytest.approx(y1 - y0)  # square
        return (x1 - x0) / size[1], plot.captions[0].get_window_extent().height / size[1]

    sizes = [side_and_letters(wrong) for wrong in (40, 12, 5, 1)]
    assert (np.diff(sizes, axis=0)[:, 0] > 0).all()
    assert sizes[0][0] > 0.11 and min(size[1] for size in sizes) > 0.02


@pytest.mark.parametrize("names", [ERRORS, CONFUSION])
def test_a_blitted_frame_is_what_a_full_redraw_draws(names):
    screens = [Offscreen(RUN, 1280, 720) for _ in range(2)]
    for screen in screens:
        screen.panels.show_only(names)
    first, second = history_with(30), history_with(5, 7, 2)
    screens[0].draw(first)
    assert not screens[0].draw(first)
    assert screens[0].draw(second) and screens[1].draw(second)
    np.testing.assert_array_equal(screens[0].pixels, screens[1].pixels)


# ---- clicks


@pytest.mark.parametrize("names", [ERRORS, CONFUSION])
def test_a_click_on_a_digit_opens_it(names):
    panels = show(history_with(23), names)
    tiles = panels.moving[-1]
    columns, height, width = tiles.grid
    row, column = divmod(7, columns)
    assert press(panels, tiles, (column + 0.5) * width, row * height + 14) == ("digit",)
    np.testing.assert_array_equal(panels.focus.image, IMAGES[7])
    assert panels.focus.label == 4


def test_a_click_beside_the_digits_and_a_drag_mean_nothing():
    panels = show(history_with(1), ERRORS)
    assert press(panels, panels.moving[1], 10, 10, "drag") is None
    panels = show(history_with(5), ERRORS)
    columns, height, width = panels.moving[1].grid
    last = panels.moving[1].axes.get_ylim()[0] - 1
    assert press(panels, panels.moving[1], (columns - 0.5) * width, last) is None
    panels = show(history_with(0), ERRORS)
    assert press(panels, panels.moving[1], 5, 5) is None
    panels = make_panels(names=CONFUSION)
    panels.update(History())
    panels.figure.canvas.draw()
    assert press(panels, panels.moving[2], 0.5, 0.5) is None
    assert panels.focus.image is None


def test_a_click_on_a_cell_shows_its_digits():
    filled = history_with(23)
    panels = show(filled, CONFUSION)
    matrix, digits = panels.moving[1:]
    assert press(panels, matrix, 4.5, 4.5) == ()
    assert panels.update(filled) == [matrix, digits]
    assert matrix.outline.get_xy() == (4, 4)
    assert digits.title.get_text().startswith("true 4, computed 4: 977 digits")
    shares = [float(text.split()[0]) for text in captions(digits)]
    assert shares[0] == 30 and shares == sorted(shares)  # the least confident first
    assert press(panels, matrix, 0.5, 9.99) == ()
    panels.update(filled)
    assert digits.title.get_text() == "true 9, computed 0: 0 digits" and captions(digits) == []
    assert panels.update(filled) == []
