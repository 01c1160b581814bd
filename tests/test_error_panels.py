"""The worst errors and the confusion matrix: what they show, how they look, what a click does."""

import numpy as np
import pytest
from evaluations import IMAGES, evaluation, history_of
from windows import BY_HAND, SIZES, assert_legible, make_dashboard, mouse, offscreen

from visu.panels.confusion import CellDigits, Confusion
from visu.panels.digit_grids import WorstErrors
from visu.record.run import Answers, Evaluation, Test

ERRORS, CELLS = (WorstErrors,), (Confusion, CellDigits)


def history_with(wrong, true=4, predicted=9, count=1000, confidences=None):
    """A History whose test digits have so many mistakes, all of one kind; less and less
    confident ones, if no confidences are given."""
    labels = np.full(count, true)
    predictions = np.where(np.arange(count) < wrong, predicted, true)
    confidences = np.linspace(0.99951, 0.3, count) if confidences is None else confidences
    answers = Answers(1 - wrong / count, 1.0, IMAGES[:count], labels, predictions, confidences)
    sample = np.arange(count), np.full([count, 10], 0.1)
    test = Test(answers, np.linspace(-1, 1, 6), np.linspace(-1, 1, 6), np.ones(3), {}, *sample)
    return history_of(Evaluation(0, 0.0, 0.003, evaluation(0).train, test))


def show(filled, view, size=SIZES[0]):
    """A dashboard of this view, drawn."""
    dashboard = make_dashboard(size, view)
    dashboard.update(filled)
    dashboard.figure.canvas.draw()
    return dashboard


def captions(panel):
    return [text.get_text() for text in panel.captions if text.get_text()]


# ---- what they show


def test_the_worst_errors_have_both_digits_and_the_confidence():
    panel = show(history_with(3), ERRORS).panels[1]
    assert captions(panel) == ["4 → 9, 100.0 %", "4 → 9, 99.9 %", "4 → 9, 99.8 %"]


def test_no_mistakes_are_said_and_many_come_back():
    dashboard = make_dashboard(view=ERRORS)
    panel = dashboard.panels[1]
    dashboard.update(history_of())
    for wrong in (50, 0, 2):
        dashboard.update(history_with(wrong))
        assert len(captions(panel)) == min(wrong, 40)
        assert (str(wrong) if wrong else "none") in panel.title.get_text()


def test_confidences_that_are_not_numbers_are_left_out():
    filled = history_with(2, confidences=np.full(1000, np.nan))
    assert captions(show(filled, ERRORS).panels[1]) == ["4 → 9"] * 2
    assert captions(show(filled, CELLS).panels[2]) == []


def test_the_confusion_matrix_counts_and_shows_the_most_frequent_mistake():
    matrix, digits = show(history_with(23), CELLS).panels[1:]
    counts = np.array([text.get_text() for text in matrix.counts]).reshape(10, 10)
    assert (counts[4, 9], counts[4, 4]) == ("23", "977") and (counts != "").sum() == 2
    assert len(captions(digits)) == 23 and captions(digits)[0] == "100.0 %"
    assert "23" in digits.title.get_text()
    assert matrix.outline.get_xy() == (9, 4) and matrix.outline.get_visible()
    red, green, blue, _ = np.moveaxis(np.asarray(matrix.image.get_array()), 2, 0)
    assert red[4, 9] > 2 * green[4, 9] and red[4, 4] == green[4, 4] == blue[4, 4] > 0.9


def test_without_mistakes_no_cell_is_selected():
    matrix, digits = show(history_with(0), CELLS).panels[1:]
    assert not matrix.outline.get_visible()
    assert captions(digits) == [] and "no mistakes" in digits.title.get_text()


# ---- how they look


def tiles(panel):
    """The bounds of each of its tiles and of the digit in it, in pixels: x0, y0, x1, y1."""
    height, width, _ = np.array(panel.image.get_array().shape) / (panel.rows, panel.columns, 1)
    for k in range(len(panel.indices)):
        row, column = divmod(k, panel.columns)
        middle = column + 0.5
        for left, right, bottom in (
            (column, column + 1, row + 1),
            (middle - 14 / width, middle + 14 / width, row + 28 / height),
        ):
            yield panel.axes.transData.transform([(left, bottom), (right, row)]).ravel()


@pytest.mark.parametrize("wrong", [0, 1, 5, 40])
@pytest.mark.parametrize("size", [SIZES[0], (1920, 1080), BY_HAND[0]], ids=str)
def test_no_caption_leaves_its_tile_or_overlaps(drawn_texts, size, wrong):
    for view in (ERRORS, CELLS):
        dashboard = show(history_with(wrong), view, size)
        panel, head = dashboard.panels[-1], dashboard.head.axes
        assert_legible(dashboard, [x for x in drawn_texts(dashboard) if x.axes is not head])
        bounds = [*tiles(panel)]
        for text, tile, digit in zip(panel.captions, bounds[::2], bounds[1::2], strict=False):
            box = text.get_window_extent()
            assert tile[0] <= box.x0 and box.x1 <= tile[2], text
            assert tile[1] <= box.y0 and box.y1 <= digit[1] + 1, text
            assert tile[1] >= panel.axes.bbox.y0 - 1, text


@pytest.mark.parametrize("size", [SIZES[0], (1920, 1080)], ids=str)
def test_forty_errors_are_large_and_fewer_are_larger(size):
    def side_and_letters(wrong):
        panel = show(history_with(wrong), ERRORS, size).panels[1]
        _, (x0, y0, x1, y1), *_ = tiles(panel)
        assert x1 - x0 == pytest.approx(y1 - y0)  # square
        return (x1 - x0) / size[1], panel.captions[0].get_window_extent().height / size[1]

    sizes = [side_and_letters(wrong) for wrong in (40, 12, 5, 1)]
    assert (np.diff(sizes, axis=0)[:, 0] > 0).all()
    assert sizes[0][0] > 0.11 and min(size[1] for size in sizes) > 0.02


@pytest.mark.parametrize("view", [ERRORS, CELLS])
def test_even_in_a_tiny_window_they_are_drawn(view):
    for wrong in (40, 17, 3):
        show(history_with(wrong), view, (200, 120))


@pytest.mark.parametrize("view", [ERRORS, CELLS])
def test_a_blitted_frame_holds_nothing_of_the_one_before(view):
    first, second = history_with(30), history_with(5, 7, 2)
    screens = [offscreen(first.run, view) for _ in range(2)]
    screens[0].draw(first)
    assert not screens[0].draw(first)
    assert screens[0].draw(second) and screens[1].draw(second)
    np.testing.assert_array_equal(screens[0].pixels, screens[1].pixels)


# ---- clicks


@pytest.mark.parametrize("view", [ERRORS, CELLS])
def test_a_click_on_a_digit_opens_it(view):
    dashboard = show(history_with(23), view)
    panel, selection = dashboard.panels[-1], dashboard.selection
    assert mouse(dashboard, panel, "press", (panel.columns - 0.1, panel.rows - 0.1)) is None
    row, column = divmod(7, panel.columns)
    place = column + 0.5, row + 0.3
    assert mouse(dashboard, panel, "drag", place) is None
    assert selection.image is None
    assert mouse(dashboard, panel, "press", place)  # what to show now
    np.testing.assert_array_equal(selection.image, IMAGES[7])
    assert (selection.label, selection.index) == (4, 7)


@pytest.mark.parametrize("filled", [history_of(), history_with(0)], ids=["before", "none"])
def test_a_click_where_there_is_no_digit_at_all_means_nothing(filled):
    for view in (ERRORS, CELLS):
        dashboard = show(filled, view)
        assert mouse(dashboard, dashboard.panels[-1], "press", (0.1, 0.1)) is None


def test_a_click_on_a_cell_shows_its_digits():
    filled = history_with(23)
    dashboard = show(filled, CELLS)
    matrix, digits = dashboard.panels[1:]
    assert mouse(dashboard, matrix, "press", (4.5, 4.5)) == ()
    assert dashboard.update(filled) == [matrix, digits]
    assert matrix.outline.get_xy() == (4, 4)
    assert "977" in digits.title.get_text()
    shares = [float(text.split()[0]) for text in captions(digits)]
    assert shares[0] == 30 and shares == sorted(shares)  # the least confident first
    assert mouse(dashboard, matrix, "press", (0.5, 9.99)) == ()
    dashboard.update(filled)
    assert "true 9" in digits.title.get_text() and captions(digits) == []
    dashboard.figure.canvas.draw()
    assert dashboard.update(filled) == []
