"""Mosaics of digits, orders, weights and layers as pictures, against small arrays made by hand."""

from dataclasses import replace

import numpy as np
import pytest

from visu.panels.pictures import (
    PREDICTED_LABEL,
    TRUE_LABEL,
    WHITE,
    confusion,
    digits_in_cell,
    halved,
    layer_picture,
    misread_first,
    mosaic,
    tiling,
    weight_pictures,
    worst_errors,
)
from visu.panels.style import RED
from visu.record.run import Answers, percentile_bands

BLACK, ON_RED = [0, 0, 0, 255], [*bytes.fromhex(RED[1:]), 255]


def answers_of(labels, predictions, confidences=0, images=0):
    """Answers for so many digits, without ink if there are no images."""
    count = len(labels)
    images = np.broadcast_to(np.array(images, np.uint8), (count, 28, 28))
    confidences = np.broadcast_to(confidences, count)
    return Answers(0.5, 1.0, images, np.array(labels), np.array(predictions), confidences)


def draw(labels, predictions, rows, columns, images=0, indices=None, **size):
    """Their mosaic; all digits of it, in their order, where no indices are given."""
    answers = answers_of(labels, predictions, images=images)
    indices = np.arange(len(labels)) if indices is None else np.array(indices)
    return mosaic(answers, indices, rows, columns, **size)


def tile(picture, row, column, height=28, width=28):
    return picture[row * height : (row + 1) * height, column * width : (column + 1) * width]


# ---- percentile bands


def test_bands_of_0_to_100_are_their_percentiles_and_nan_makes_all_nan():
    values = np.random.default_rng(0).permutation(np.arange(101.0))
    np.testing.assert_allclose(percentile_bands(values), [0, 10, 25, 75, 90, 100])
    assert np.isnan(percentile_bands([1.0, np.nan, 3.0])).all()


# ---- which digits

#                      0    1    2    3    4    5    6    7
LABELS = [2, 2, 7, 7, 2, 4, 2, 2]
PREDICTIONS = [2, 7, 7, 2, 7, 4, 7, 2]
EIGHT = answers_of(LABELS, PREDICTIONS, [0.9, 0.6, 0.5, 0.8, 0.7, 0.4, 0.6, 0.3])


def test_misread_digits_come_first_each_group_in_data_order():
    assert misread_first(EIGHT).tolist() == [1, 3, 4, 6, 0, 2, 5, 7]


def test_the_worst_errors_are_the_most_confident_misread_digits():
    assert worst_errors(EIGHT, 40).tolist() == [3, 4, 1, 6]  # equal ones in data order
    assert worst_errors(EIGHT, 2).tolist() == [3, 4]
    assert worst_errors(answers_of(LABELS, LABELS), 40).tolist() == []
    broken = replace(EIGHT, confidences=np.array([0.9, 0.6, 0.5, np.nan, 0.7, 0.4, 0.6, 0.3]))
    assert worst_errors(broken, 40).tolist() == [4, 1, 6, 3]  # not a number: last


def test_confusion_counts_true_digits_in_rows_and_predicted_ones_in_columns():
    counts = confusion(EIGHT)
    cells = {(2, 2): 2, (2, 7): 3, (7, 7): 1, (7, 2): 1, (4, 4): 1}
    assert counts.shape == (10, 10) and counts.sum() == 8
    assert {cell: counts[cell] for cell in cells} == cells
    small = answers_of(np.array([9], np.uint8), np.array([9], np.uint8))
    assert confusion(small)[9, 9] == 1


def test_in_a_cell_misread_digits_come_the_most_confident_first_others_the_least():
    assert digits_in_cell(EIGHT, 2, 7).tolist() == [4, 1, 6]
    assert digits_in_cell(EIGHT, 2, 2).tolist() == [7, 0]
    assert digits_in_cell(EIGHT, 0, 9).tolist() == []


# ---- mosaics


def test_a_mosaic_is_filled_line_by_line_with_the_digits_that_were_chosen():
    images = np.zeros((3, 28, 28), np.uint8)
    images[:, 14, 14] = 64, 128, 192  # tells the digits apart
    picture = draw([5, 6, 7], [5, 0, 7], 2, 2, images, [1, 2, 0])
    assert (picture.shape, picture.dtype) == ((56, 56, 4), np.uint8)
    assert tile(picture, 0, 0)[0, 0].tolist() == ON_RED  # the second digit is misread
    shades = [tile(picture, *place)[14, 14, 0] for place in ((0, 1), (1, 0))]
    np.testing.assert_allclose(shades, [255 - 192, 255 - 64], atol=1)  # black on white
    assert (tile(picture, 1, 1) == WHITE).all()  # there is no fourth digit


def test_a_mosaic_shows_no_more_than_its_tiles_and_may_be_empty():
    picture = draw(range(6), range(1, 7), 1, 2)
    assert picture.shape == (28, 56, 4) and picture[0, 0].tolist() == ON_RED
    none = np.array([], int)
    assert (draw(none, none, 1, 2) == WHITE).all()


SEVEN = """
#####
....#
...#.
..#..
.#...
.#...
.#...
"""


def test_the_true_digit_is_written_left_and_the_predicted_one_right():
    expected = [[c == "#" for c in line] for line in SEVEN.split()]
    for true, predicted, columns, (ink, _) in (
        (7, 4, slice(1, 6), TRUE_LABEL),
        (4, 7, slice(21, 26), PREDICTED_LABEL),
    ):
        found = (draw([true], [predicted], 1, 1)[19:26, columns] == ink).all(axis=2)
        np.testing.assert_array_equal(found, expected)


def test_right_digits_bear_no_labels_and_the_ten_labels_differ():
    assert (draw([7], [7], 1, 1) == WHITE).all()
    digits = np.arange(10)
    picture = draw(digits, (digits + 1) % 10, 1, 10)
    for columns in (slice(0, 7), slice(20, 27)):
        assert len({tile(picture, 0, k)[18:27, columns].tobytes() for k in digits}) == 10


def test_larger_tiles_hold_a_digit_in_the_middle_of_their_top_without_labels():
    ink = np.zeros((28, 28), np.uint8)
    ink[0, 0] = 255
    picture = draw([1, 2, 3], [0, 2, 0], 2, 2, ink, height=40, width=32)
    assert picture.shape == (80, 64, 4)
    for row, column, paper, pen in (
        (0, 0, ON_RED, [*WHITE]),
        (0, 1, WHITE, BLACK),
        (1, 0, ON_RED, [*WHITE]),
    ):
        part = tile(picture, row, column, 40, 32)
        assert part[0, 2].tolist() == pen and (part[1:28, 2:30] == paper).all()
        assert all((rest == WHITE).all() for rest in (part[28:], part[:, :2], part[:, 30:]))
    assert (tile(picture, 1, 1, 40, 32) == WHITE).all()


def test_halved_takes_the_mean_of_four():
    picture = np.random.default_rng(0).integers(0, 256, (4, 6, 4)).astype(np.uint8)
    expected = picture.reshape(2, 2, 3, 2, 4).mean(axis=(1, 3))
    np.testing.assert_allclose(halved(picture), expected, atol=2)
    assert (halved(np.full((2, 2, 4), 255, np.uint8)) == 255).all()


def test_tiling_wastes_little():
    assert [tiling(k) for k in (1, 4, 6, 10)] == [(1, 1), (2, 2), (2, 3), (2, 5)]
    rows, columns = tiling(100)
    assert rows * columns >= 100 > (rows - 1) * columns
    assert tiling(6, size=lambda rows, columns: rows) == (6, 1)


# ---- weights and layers


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


@pytest.mark.parametrize("shape", [(10, 300), (784,)], ids=str)
def test_weights_without_a_picture_are_refused(shape):
    with pytest.raises(ValueError, match=rf"\({shape[0]},"):
        weight_pictures(np.zeros(shape))


def test_neurons_are_a_pixel_each_and_maps_a_tile_each():
    picture, shown = layer_picture(np.arange(7), aspect=2)
    assert shown == 7 and picture.shape == (2, 4)
    np.testing.assert_array_equal(picture, [[0, 1, 2, 3], [4, 5, 6, np.nan]])
    picture, shown = layer_picture(np.arange(2 * 3 * 70).reshape(2, 3, 70), aspect=1)
    assert shown == 64 and picture[0, 0] == 0
    np.testing.assert_array_equal(picture[:2, 4:7], [[1, 71, 141], [211, 281, 351]])
