"""Drawn digits: the same on every machine, in the shape of MNIST, every way of writing drawn."""

import hashlib
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from conftest import TOP

from digits import drawn, files, strokes


@pytest.fixture(scope="module")
def small():
    """A small set: 600 + 200 digits."""
    return drawn.make(seed=0, train=600, test=200)


@pytest.fixture(scope="module")
def mnist():
    """MNIST's test images [10_000, 28, 28] and labels, or a skip."""
    if not os.path.isdir(os.environ.get("MNIST_DIR", "")):
        pytest.skip("needs the real MNIST: set MNIST_DIR to its folder")
    return files.read(Path(os.environ["MNIST_DIR"]))[2:]


def digest(arrays):
    """The SHA-256 of arrays, one after the other."""
    return hashlib.sha256(b"".join(array.tobytes() for array in arrays)).hexdigest()


def test_a_seed_gives_the_same_bytes_everywhere_and_for_ever(small):
    # another drawing on purpose: the next number in mnist_data.DRAWN_FOLDER, as caches hold this
    assert digest(small) == "96529678b017579df03512969e12325e3066243cb4de54b445abb8e5ac3b05d7"


def test_a_seed_gives_the_same_bytes_on_a_simpler_processor(small):
    """In a process where numpy must do without the vector instructions that it has found."""
    found = np.show_config("dicts")["SIMD Extensions"].get("found")
    if not found:
        pytest.skip("numpy has found no instructions that it could do without")
    code = "import sys; sys.path[:0] = sys.argv[1:]; import test_drawn as t; "
    code += "print(t.digest(t.drawn.make(seed=0, train=600, test=200)))"
    command = [sys.executable, "-c", code, TOP, TOP / "tests"]
    environment = os.environ | {"NPY_DISABLE_CPU_FEATURES": " ".join(found)}
    run = subprocess.run(command, env=environment, check=True, stdout=subprocess.PIPE, text=True)
    assert run.stdout.strip() == digest(small)


def test_the_first_digits_do_not_depend_on_their_number(small):
    fewer = drawn.make(seed=0, train=30, test=20)
    for few, many in zip(fewer, small, strict=True):
        np.testing.assert_array_equal(few, many[: len(few)])


def test_other_seeds_and_the_other_part_give_other_pictures(small):
    other = drawn.make(seed=1, train=600, test=200)
    pictures = [image.tobytes() for part in (*small[::2], *other[::2]) for image in part]
    assert len(set(pictures)) == len(pictures) == 1600


def test_progress_is_called_up_to_the_total():
    calls = []
    drawn.make(seed=0, train=drawn.CHUNK + 1, test=2, progress=lambda *call: calls.append(call))
    total = drawn.CHUNK + 3
    assert calls == [(drawn.CHUNK, total), (drawn.CHUNK + 1, total), (total, total)]


# ---- as MNIST ----


def assert_in_place(images, least=19):
    """Images [n, 28, 28]: ink `least` to 20 pixels long or wide, its centre of mass at 14, 14."""
    spans = []
    for axis in (1, 2):
        line = images.sum(axis=3 - axis, dtype=float)
        centre = line @ np.arange(28) / line.sum(axis=1)
        assert np.abs(centre - 14).max() <= 0.5
        spans.append(28 - (line > 0).argmax(axis=1) - (line > 0)[:, ::-1].argmax(axis=1))
    longer = np.maximum(*spans)
    assert longer.max() == 20 and longer.min() >= least


def test_the_digits_fill_a_box_of_20_around_their_centre_of_mass(small):
    assert_in_place(small[0])
    assert_in_place(small[2])


def test_all_classes_are_there_shuffled_and_about_as_frequent():
    labels = drawn.make(seed=0, train=2000, test=0)[1]
    assert np.abs(np.bincount(labels, minlength=10) / 2000 - 0.1).max() < 0.03
    assert 0.05 < np.mean(labels[1:] == labels[:-1]) < 0.15  # a tenth by chance


def tones(images):
    """Of these images: share of ink, share of grey in the ink, mean ink of a digit in pixels."""
    ink = images > 0
    return ink.mean(), np.mean(images[ink] < 250), images.mean() / 255 * 784


def test_white_on_black_with_grey_edges(small):
    share, grey, pixels = tones(small[0])
    assert small[0].max() == 255 and small[0][:, [0, -1]].mean() < 0.1
    # measured on MNIST's test digits: 0.193, 0.61, 104
    assert 0.17 < share < 0.22 and 0.55 < grey < 0.70 and 90 < pixels < 115


def read_by_means(images, labels, others):
    """Reads digits `others` by the class whose mean image is nearest; the labels."""
    means = np.stack([images[labels == digit].mean(axis=0) for digit in range(10)])
    return ((others[:, np.newaxis] / 1.0 - means) ** 2).sum(axis=(2, 3)).argmin(axis=1)


def test_the_classes_can_be_told_apart(small):
    assert np.mean(read_by_means(*small[:3]) == small[3]) > 0.65


def test_real_digits_are_read_well_above_chance(small, mnist):
    images, labels = mnist[0][:1000], mnist[1][:1000]
    assert np.mean(read_by_means(*small[:2], images) == labels) > 0.5


# ---- every way of writing ----


def test_every_way_of_writing_is_drawn_as_its_digit():
    """With the same random numbers for all but the first, which chooses the way."""
    digits = [digit for digit, ways in strokes.GLYPHS.items() for _ in ways]
    edges = np.concatenate([[0], drawn.LIMITS, [1]])
    raw = np.tile(np.random.PCG64(0).random_raw(drawn.NUMBERS), (len(digits), 1))
    raw[:, 0] = ((edges[:-1] + edges[1:]) / 2 * 2**53).astype(np.uint64) << np.uint64(11)
    images, labels = drawn.draw(raw)
    assert labels.tolist() == digits and sorted(set(digits)) == list(range(10))
    assert len({image.tobytes() for image in images}) == len(digits)


def test_the_most_extreme_random_numbers_still_give_a_digit():
    bits = np.random.default_rng(0).integers(0, 2, [500, drawn.NUMBERS], np.uint64)
    images, _ = drawn.draw(bits * np.uint64(2**64 - 1))
    assert_in_place(images, least=17)  # where the pen hardly presses, the ink is narrower


def test_a_way_is_drawn_as_often_as_its_weight_says():
    shares = np.diff([0, *drawn.LIMITS, 1])
    weights = [w / sum(x for x, _ in ways) for ways in strokes.GLYPHS.values() for w, _ in ways]
    np.testing.assert_allclose(shares, np.array(weights) / 10, rtol=1e-9)


def test_the_curve_is_a_catmull_rom_spline():
    """Against its definition: from b to c a cubic with the slopes (c - a) / 2 and (d - b) / 2."""
    way = np.arange(len(drawn.WAYS))
    a, b, c, d = drawn.POINTS[way[:, np.newaxis, np.newaxis], drawn.FOURS].transpose(2, 0, 1, 3)
    t = drawn.AT[..., np.newaxis]
    hermite = (1 + 2 * t) * (1 - t) ** 2 * b + t * t * (3 - 2 * t) * c
    hermite += t * (1 - t) ** 2 * (c - a) / 2 - t * t * (1 - t) * (d - b) / 2
    np.testing.assert_allclose(drawn.curve(drawn.POINTS, way), hermite, atol=1e-12)


# ---- the pen ----


def line(start, end, radius, edge):
    """A straight stroke with the pen, in pixels of the room: the box [20, 20]."""
    places = np.array([[start, end]], np.float32)
    pressure, lifted = np.ones((1, 2), np.float32), np.zeros((1, 1), bool)
    return drawn.ink(places, pressure, lifted, np.array([radius]), np.array([edge]))[0]


def test_a_straight_stroke_by_hand():
    """A pen of radius 1.5 down the line between two columns of pixels: half a pixel is grey."""
    box = line((15, 13), (15, 16), 1.5, 1)
    assert box[8:11].tolist() == [[0] * 8 + [128, 255, 255, 128] + [0] * 8] * 3
    assert box[:6].max() == box[13:].max() == 0
    np.testing.assert_array_equal(box, box[:, ::-1])


def test_ink_is_as_far_as_the_pen_from_the_path():
    """Against 400 points on each piece of the path, the third of which is drawn pen up."""
    corners = np.array([[8, 9.3], [9, 9.9], [9.7, 10.4], [20, 20], [20.4, 21.1]])
    pressure, lifted = [1, 1.2, 0.9, 0.8, 1], [False, False, True, False]
    radius, edge = 1.7, 1.1
    share, nearest = np.linspace(0, 1, 400)[:, np.newaxis], []
    middles = np.stack(np.meshgrid(np.arange(20), np.arange(20)), axis=-1)[:, :, np.newaxis] + 5.5
    for k in (0, 1, 3):
        piece = corners[k] + share * (corners[k + 1] - corners[k])
        nearest.append(np.sqrt(((middles - piece) ** 2).sum(-1)).min(-1) / pressure[k])
    inside = np.clip((radius - np.min(nearest, axis=0)) / edge + 0.5, 0, 1)

    places, pressure = (np.array([x], np.float32) for x in (corners, pressure))
    box = drawn.ink(places, pressure, np.array([lifted]), np.array([radius]), np.array([edge]))[0]
    np.testing.assert_allclose(box, 255 * (3 * inside**2 - 2 * inside**3), atol=1)


def test_a_digit_is_scaled_into_the_box_and_keeps_its_shape():
    places = np.array([[[0, 0], [3, 1], [1, 4]], [[-1, 0], [9, 0], [0, 2]]], float)
    fitted = drawn.fit(places, np.array([1, 2]))
    np.testing.assert_allclose(fitted.min(axis=1), [[8.25, 6], [7, 13.4]], rtol=1e-6)
    np.testing.assert_allclose(fitted.max(axis=1), [[21.75, 24], [23, 16.6]], rtol=1e-6)


def test_the_centre_of_mass_goes_to_the_middle():
    boxes = np.zeros((2, 20, 20), np.uint8)
    boxes[0, 3, 7] = 200
    boxes[1, 4, 5], boxes[1, 4, 8] = 100, 50  # centre of mass 4, 6
    images = drawn.centred(boxes)
    assert images[0, 14, 14] == 200 and images[1, 14, [13, 16]].tolist() == [100, 50]
    assert images.sum(axis=(1, 2)).tolist() == [200, 150]
