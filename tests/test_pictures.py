"""Percentile bands, mosaics and weights as pictures, against small arrays made by hand."""

import numpy as np
import pytest

from visu.panels import pictures
from visu.panels.pictures import (
    COMPUTED_LABEL,
    PAPER,
    TRUE_LABEL,
    WRONG_PAPER,
    confusion,
    digits_in_cell,
    halved,
    mosaic,
    order_wrong_first,
    tiles,
    tiling,
    weight_pictures,
    worst_errors,
)
from visu.record.run import Measure, percentile_bands


def blanks(count):
    """`count` digits without ink."""
    return np.zeros((count, 28, 28), np.uint8)


def cell(picture, row, column):
    return picture[row * 28 : (row + 1) * 28, column * 28 : (column + 1) * 28]


def test_bands_of_eight_values_are_these_values():
    values = np.array([[3.0, 1, 7, 5], [2, 8, 6, 4]])
    np.testing.assert_allclose(percentile_bands(values), [1, 2, 3, 4, 5, 6, 7, 8])


@pytest.mark.parametrize("count", [1, 2, 10, 1001])
def test_bands_agree_with_numpy_and_hold_a_seventh_each(count):
    values = np.random.default_rng(count).normal(size=count).astype(np.float32)
    bands = percentile_bands(values)
    np.testing.assert_allclose(bands, np.percentile(values, np.arange(8) / 7 * 100), atol=1e-6)
    assert (bands[0], bands[7]) == (values.min(), values.max())
    if count > 1000:
        np.testing.assert_allclose(np.histogram(values, bands)[0] / count, 1 / 7, atol=0.002)


def test_bands_with_nan_are_nan():
    assert np.isnan(percentile_bands([1.0, np.nan, 3.0])).all()


def test_wrong_ones_come_first_each_group_in_data_order():
    labels, predictions = [1, 2, 3, 4, 5, 6], [1, 0, 3, 0, 5, 0]
    assert order_wrong_first(labels, predictions).tolist() == [1, 3, 5, 0, 2, 4]


def test_mosaic_is_filled_line_by_line_wrong_ones_first():
    images = blanks(3)
    for k in range(3):
        images[k, 14, 14] = 64 * (k + 1)  # tells the digits apart
    picture = mosaic(images, [5, 6, 7], [5, 0, 7], rows=2, columns=2)
    assert (picture.shape, picture.dtype) == ((56, 56, 4), np.uint8)
    assert cell(picture, 0, 0)[0, 0].tolist() == list(WRONG_PAPER)  # the second digit, wrong
    assert cell(picture, 0, 1)[0, 0].tolist() == list(PAPER)
    shades = [cell(picture, 0, 1)[14, 14, 0], cell(picture, 1, 0)[14, 14, 0]]
    np.testing.assert_allclose(shades, [255 * 3 / 4, 255 / 4], atol=2)  # black on white
    assert (cell(picture, 1, 1) == PAPER).all()  # there is no fourth digit


def test_ink_is_black_on_white_and_white_on_red():
    images = blanks(2)
    images[:, 5, 5] = 255
    picture = mosaic(images, [1, 2], [1, 3], rows=1, columns=2)
    assert cell(picture, 0, 0)[5, 5].tolist() == [255, 255, 255, 255]
    assert cell(picture, 0, 1)[5, 5].tolist() == [0, 0, 0, 255]


#                                   0    1    2    3    4    5    6    7
ANSWERS = {
    "labels": np.array([2, 2, 7, 7, 2, 4, 2, 2]),
    "predictions": np.array([2, 7, 7, 2, 7, 4, 7, 2]),
    "confidences": np.array([0.9, 0.6, 0.5, 0.8, 0.7, 0.4, 0.6, 0.3]),
}


def answers(**changes):
    """A Measure of the eight ANSWERS."""
    return Measure(0.5, 1.0, blanks(8), **ANSWERS | changes)


def test_the_worst_errors_are_the_most_confident_wrong_ones():
    assert worst_errors(answers(), 40).tolist() == [3, 4, 1, 6]  # equal ones in data order
    assert worst_errors(answers(), 2).tolist() == [3, 4]
    assert worst_errors(answers(predictions=ANSWERS["labels"]), 40).tolist() == []


def test_errors_of_unknown_confidence_come_last_and_in_data_order():
    assert worst_errors(answers(confidences=None), 40).tolist() == [1, 3, 4, 6]
    broken = np.array([0.9, 0.6, 0.5, np.nan, 0.7, 0.4, 0.6, 0.3])
    assert worst_errors(answers(confidences=broken), 40).tolist() == [4, 1, 6, 3]


def test_confusion_counts_true_digits_in_rows_and_computed_ones_in_columns():
    expected = np.zeros((10, 10), int)
    for true, computed in zip(ANSWERS["labels"], ANSWERS["predictions"], strict=True):
        expected[true, computed] += 1
    counts = confusion(ANSWERS["labels"].astype(np.uint8), ANSWERS["predictions"])
    np.testing.assert_array_equal(counts, expected)
    assert (counts[2, 7], counts[7, 2], counts[2, 2], counts.sum()) == (3, 1, 2, 8)


def test_in_a_cell_wrong_digits_come_the_most_confident_first_right_ones_the_least():
    assert digits_in_cell(answers(), 2, 7).tolist() == [4, 1, 6]
    assert digits_in_cell(answers(), 2, 2).tolist() == [7, 0]
    assert digits_in_cell(answers(), 0, 9).tolist() == []
    assert digits_in_cell(answers(confidences=None), 2, 7).tolist() == [1, 4, 6]


def test_tiles_hold_a_digit_in_the_middle_of_their_top():
    images = blanks(3)
    images[:, 0, 0] = 255
    picture = tiles(images, np.array([True, False, True]), 2, 2, 40, 32)
    assert picture.shape == (80, 64, 4)
    white, black = [255] * 4, [0, 0, 0, 255]
    assert picture[0, 2].tolist() == white and picture[0, 3].tolist() == list(WRONG_PAPER)
    assert picture[0, 34].tolist() == black and picture[40, 2].tolist() == white
    for row, column, paper in ((0, 0, WRONG_PAPER), (0, 1, PAPER), (1, 0, WRONG_PAPER)):
        tile = picture[40 * row :, 32 * column :][:40, :32]
        assert (tile[1:28, 2:30] == paper).all()
        assert all((part == PAPER).all() for part in (tile[28:], tile[:, :2], tile[:, 30:]))
    assert (picture[40:, 32:] == PAPER).all()


SEVEN = """
#####
....#
...#.
..#..
.#...
.#...
.#...
"""
FOUR = """
...#.
..##.
.#.#.
#..#.
#####
...#.
...#.
"""


def test_the_true_digit_is_written_left_and_the_computed_one_right():
    picture = mosaic(blanks(1), [7], [4], rows=1, columns=1)
    for drawn, columns, (ink, _) in (
        (SEVEN, slice(1, 6), TRUE_LABEL),
        (FOUR, slice(21, 26), COMPUTED_LABEL),
    ):
        found = (picture[19:26, columns] == ink).all(axis=2)
        expected = [[c == "#" for c in line] for line in drawn.split()]
        np.testing.assert_array_equal(found, expected)


def test_right_digits_bear_no_labels():
    assert (mosaic(blanks(1), [7], [7], rows=1, columns=1) == PAPER).all()


def test_the_ten_labels_differ():
    assert len({mask.tobytes() for mask in pictures.LABELS}) == 10


def test_a_mosaic_shows_no_more_than_its_cells_and_may_be_empty():
    labels = np.arange(6)
    assert (mosaic(blanks(6), labels, labels + 1, 1, 2)[0, 0] == WRONG_PAPER).all()
    assert (mosaic(blanks(0), [], [], 1, 2) == PAPER).all()


def test_halved_takes_the_mean_of_four():
    picture = np.random.default_rng(0).integers(0, 256, (4, 6, 4)).astype(np.uint8)
    expected = picture.reshape(2, 2, 3, 2, 4).mean(axis=(1, 3))
    np.testing.assert_allclose(halved(picture), expected, atol=2)
    white = np.full((2, 2, 4), 255, np.uint8)
    assert (halved(white) == 255).all()


def test_tiling_wastes_little():
    assert [tiling(k) for k in (1, 4, 6, 10)] == [(1, 1), (2, 2), (2, 3), (2, 5)]
    rows, columns = tiling(100)
    assert rows * columns >= 100 > (rows - 1) * columns


def test_weights_of_softmax_are_ten_pictures():
    weights = np.random.default_rng(0).normal(size=(784, 10))
    picture = weight_pictures(weights)
    assert picture.shape == (2 * 29 - 1, 5 * 29 - 1)
    np.testing.assert_array_equal(picture[:28, 29:57], weights[:, 1].reshape(28, 28))
    np.testing.assert_array_equal(picture[29:, :28], weights[:, 5].reshape(28, 28))
    assert np.isnan(picture[28]).all() and np.isnan(picture[:, 28]).all()


def test_of_many_neurons_the_first_hundred_are_shown():
    weights = np.arange(784 * 200.0).reshape(784, 200)
    shown = weight_pictures(weights)[::29, ::29].ravel()  # each tile's first weight
    assert shown[~np.isnan(shown)].tolist() == list(range(100))


def test_kernels_are_shown_one_by_one():
    weights = np.arange(3 * 2 * 1 * 4.0).reshape(3, 2, 1, 4)
    picture = weight_pictures(weights)
    assert picture.shape == (2 * 4 - 1, 2 * 3 - 1)
    np.testing.assert_array_equal(picture[:3, 3:], weights[:, :, 0, 1])


def test_weights_without_a_picture_are_refused():
    with pytest.raises(ValueError, match=r"\(10, 3\)"):
        weight_pictures(np.zeros((10, 3)))
