"""Digits drawn or photographed, prepared as MNIST's were."""

import numpy as np
import pytest

from digits import drawn
from digits.prepare import prepare


def enlarged(picture, k):
    """A picture [h, w] uint8 as ink [k * h, k * w], each pixel a square of k by k."""
    return np.kron(picture, np.ones((k, k))) / 255


def centre(picture):
    """The centre of mass (row, column) of a picture."""
    return [(picture.sum(axis) @ np.arange(28)) / picture.sum() for axis in (1, 0)]


def extent(picture):
    """Height and width of what is not 0."""
    return [np.ptp(picture.any(axis).nonzero()[0]) + 1 for axis in (1, 0)]


@pytest.fixture(scope="module")
def digits():
    return drawn.make(train=0, test=40)[2]


@pytest.mark.parametrize("k", [1, 3, 20])
def test_a_digit_of_any_size_anywhere_becomes_one_of_mnist(digits, k):
    rng = np.random.default_rng(k)
    for digit in digits:
        top, left, below = rng.integers(0, 30 * k, 3)
        prepared = prepare(np.pad(enlarged(digit, k), ((top, below), (left, 0))))
        assert prepared.shape == (28, 28) and prepared.dtype == np.uint8
        assert max(extent(prepared)) == 20 and prepared.max() == 255
        np.testing.assert_allclose(centre(prepared), 14, atol=0.51)


def test_what_is_mnists_already_stays(digits):
    off = [np.abs(prepare(digit / 255).astype(int) - digit).mean() for digit in digits]
    assert np.median(off) < 6  # of 255; the mean of a picture is 30


def test_a_bar_made_by_hand():
    ink = np.zeros((300, 400))
    ink[50:250, 300:340] = 1  # 200 x 40: 20 x 4
    by_hand = np.zeros((28, 28))
    by_hand[4:24, 12:16] = 255
    np.testing.assert_array_equal(prepare(ink), by_hand)
    np.testing.assert_array_equal(prepare(0.3 * ink), by_hand)  # pale ink


def test_proportions_are_kept_and_edges_are_grey():
    y, x = np.mgrid[:300, :300]
    ring = np.abs(np.hypot(y - 150, (x - 150) * 2) - 100) < 20  # twice as high as wide
    prepared = prepare(ring.astype(float))
    assert extent(prepared) in ([20, 10], [20, 11])
    assert ((prepared > 20) & (prepared < 235)).sum() > 20


@pytest.mark.parametrize("width", [1, 2, 10, 60])
def test_thin_strokes_become_as_wide_as_mnists(width):
    ink = np.zeros((1000, 1000))
    ink[100:900, 500 : 500 + width] = 1
    ink[100 : 100 + width, 250:500] = 1  # a 1
    prepared = prepare(ink)
    assert prepared.max() == 255 and max(extent(prepared)) == 20
    across = prepared[12:20].sum(1) / 255  # the width of the vertical stroke
    assert (across > 1.3).all() and (across < 2.4).all()


def test_a_digit_with_its_mass_at_one_end_stays_whole():
    ink = np.zeros((200, 200))
    ink[:40] = 1
    ink[:, 100:110] = 1
    assert extent(prepare(ink)) == [20, 20]


@pytest.mark.parametrize("ink", [np.zeros((0, 5)), np.zeros((5, 5)), np.full((5, 5), np.nan)])
def test_no_ink(ink):
    with pytest.raises(ValueError):
        prepare(ink)


def test_a_dot_is_ink():
    assert prepare(np.eye(1)).max() == 255
    dot = np.zeros((50, 50))
    dot[7, 9] = 1
    assert extent(prepare(dot)) == [20, 20]
