"""Digits read from pictures: drawings, scans, photos of pen on paper."""

import numpy as np
import pytest
from paper import on_paper, seven
from PIL import Image

from digits import drawn
from digits.photo import prepare, read


@pytest.fixture(scope="module")
def digits():
    """Training images and labels, test images and labels."""
    return drawn.make(train=2000, test=40)


# ---- the ink in a picture ----


def nearest(images, labels, picture):
    """The label of the image that is nearest to a picture."""
    off = images.reshape(len(images), -1).astype(float) - picture.ravel()
    return labels[(off * off).sum(1).argmin()]


@pytest.mark.parametrize("suffix", ["png", "jpg"])
@pytest.mark.parametrize("dark_paper", [False, True], ids=["dark on light", "light on dark"])
def test_a_photo_is_read_as_its_digit(digits, tmp_path, suffix, dark_paper):
    train, train_labels, test, _ = digits
    rng, path = np.random.default_rng(0), tmp_path / f"photo.{suffix}"
    alike, off = 0, []
    for digit in test[:16]:
        Image.fromarray(on_paper(digit, rng, dark_paper)).save(path)
        found = prepare(read(path))
        off.append(np.abs(found.astype(int) - digit).mean())
        alike += nearest(train, train_labels, found) == nearest(train, train_labels, digit)
    assert np.median(off) < 9  # of 255; the mean of a picture is 30
    assert alike >= 15


def shape_read(path):
    """Where there is ink in the picture that is read."""
    return read(path) > 0.5


def test_colours_and_transparency(tmp_path):
    path, ink = tmp_path / "x.png", seven()
    blue = np.where(ink[..., None], (30, 40, 160), (250, 245, 220)).astype(np.uint8)
    white_on_nothing = np.dstack([np.full((*ink.shape, 3), 255), 255 * ink]).astype(np.uint8)
    black_on_nothing = np.dstack([np.zeros((*ink.shape, 3)), 255 * ink]).astype(np.uint8)
    sixteen_bits = np.where(ink, 5000, 60000).astype(np.uint16)
    for array in (blue, white_on_nothing, black_on_nothing, sixteen_bits, ink, ~ink):
        Image.fromarray(array).save(path)
        np.testing.assert_array_equal(shape_read(path), ink)
    Image.fromarray(blue).quantize(8).save(path)
    np.testing.assert_array_equal(shape_read(path), ink)


def test_a_photo_is_turned_as_its_camera_was(tmp_path):
    exif = Image.Exif()
    exif[0x0112] = 6  # to be turned clockwise
    turned = Image.fromarray(np.rot90(~seven()).astype(np.uint8) * 255)
    turned.save(tmp_path / "x.jpg", exif=exif, quality=95)
    assert (shape_read(tmp_path / "x.jpg") == seven()).mean() > 0.99


def test_specks_are_left_out(tmp_path):
    dirty = ~seven()
    dirty[5:8, 5:8] = dirty[110:112, 90:92] = False
    Image.fromarray(dirty).save(tmp_path / "x.png")
    np.testing.assert_array_equal(shape_read(tmp_path / "x.png"), seven())


@pytest.mark.parametrize("seed", range(3))
def test_a_small_digit_on_a_large_page(tmp_path, seed):
    rng = np.random.default_rng(seed)
    page = np.outer(np.linspace(220, 130, 750), np.linspace(1, 0.7, 1000))
    small = np.asarray(Image.fromarray(seven()).convert("L").resize((34, 40))) / 255
    top, left = rng.integers(0, (710, 966))
    page[top : top + 40, left : left + 34] *= 1 - 0.5 * small
    page += rng.normal(0, 10, page.shape)
    Image.fromarray(page.clip(0, 255).astype(np.uint8)).save(tmp_path / "x.png")
    off = prepare(read(tmp_path / "x.png")).astype(int) - prepare(seven())
    assert np.abs(off).mean() < 30  # of 255


def test_blank_paper_is_blank(tmp_path):
    nothing = np.zeros((28, 28), np.uint8)
    pages = [np.full((50, 60), 255, np.uint8), np.zeros((1, 1), np.uint8)]
    for seed in range(3):
        rng = np.random.default_rng(seed)
        pages += [on_paper(nothing, rng, dark) for dark in (False, True)]
    for page in pages:
        for suffix in ("png", "jpg"):
            path = tmp_path / f"blank.{suffix}"
            Image.fromarray(page).save(path)
            with pytest.raises(ValueError, match="blank"):
                read(path)
    Image.new("RGBA", (50, 50)).save(tmp_path / "blank.png")  # transparent
    with pytest.raises(ValueError, match="blank"):
        read(tmp_path / "blank.png")


@pytest.mark.parametrize("suffix", ["png", "jpg"])
def test_no_picture(tmp_path, suffix):
    page = on_paper(np.eye(28, dtype=np.uint8) * 255, np.random.default_rng(0))
    Image.fromarray(page).save(tmp_path / "whole.png")
    whole = (tmp_path / "whole.png").read_bytes()
    contents = {
        "empty": b"", "text": b"7\n" * 99, "magic": whole[:8], "gif": b"GIF89a" + b"\0" * 99,
        "half": whole[: len(whole) // 2], "damaged": whole[:60] + b"?" * 99 + whole[160:],
    }  # fmt: skip
    for name, content in contents.items():
        path = tmp_path / f"{name}.{suffix}"
        path.write_bytes(content)
        with pytest.raises(ValueError) as error:
            read(path)
        assert len(str(error.value).splitlines()) == 1, name
    for path in (tmp_path, tmp_path / "missing.png", tmp_path / ("long" * 99)):
        with pytest.raises(ValueError):
            read(path)


# ---- ink prepared as MNIST's digits were ----


def enlarged(picture, k):
    """A picture [h, w] uint8 as ink [k * h, k * w], each pixel a square of k by k."""
    return np.kron(picture, np.ones((k, k))) / 255


def centre(picture):
    """The centre of mass (row, column) of a picture."""
    return [(picture.sum(axis) @ np.arange(28)) / picture.sum() for axis in (1, 0)]


def extent(picture):
    """Height and width of what is not 0."""
    return [np.ptp(picture.any(axis).nonzero()[0]) + 1 for axis in (1, 0)]


@pytest.mark.parametrize("k", [1, 3, 20])
def test_a_digit_of_any_size_anywhere_becomes_one_of_mnist(digits, k):
    rng = np.random.default_rng(k)
    for digit in digits[2]:
        top, left, below = rng.integers(0, 30 * k, 3)
        prepared = prepare(np.pad(enlarged(digit, k), ((top, below), (left, 0))))
        assert prepared.shape == (28, 28) and prepared.dtype == np.uint8
        assert max(extent(prepared)) == 20 and prepared.max() == 255
        np.testing.assert_allclose(centre(prepared), 14, atol=0.51)


def test_what_is_mnists_already_stays(digits):
    off = [np.abs(prepare(digit / 255).astype(int) - digit).mean() for digit in digits[2]]
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
