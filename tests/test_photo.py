"""Digits read from pictures: drawings, scans, photos of pen on paper."""

import struct
import zlib

import numpy as np
import pytest
from paper import on_paper
from PIL import Image

from digits import drawn
from digits.photo import read
from digits.prepare import prepare


@pytest.fixture(scope="module")
def digits():
    """Training images and labels, test images and labels."""
    return drawn.make(train=2000, test=16)


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
    for digit in test:
        Image.fromarray(on_paper(digit, rng, dark_paper)).save(path)
        found = prepare(read(path))
        off.append(np.abs(found.astype(int) - digit).mean())
        alike += nearest(train, train_labels, found) == nearest(train, train_labels, digit)
    assert np.median(off) < 9  # of 255; the mean of a picture is 30
    assert alike >= len(test) - 1


def seven():
    """A 7 made by hand, [120, 100] bool."""
    ink = np.zeros((120, 100), bool)
    ink[20:30, 20:80] = ink[20:100, 70:80] = True
    return ink


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


def test_blank_paper_is_blank(tmp_path):
    rng = np.random.default_rng(0)
    nothing = np.zeros((28, 28), np.uint8)
    pages = [np.full((50, 60), 255, np.uint8), np.zeros((1, 1), np.uint8)]
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


def png_of(wide, high):
    """The beginning of a PNG of this size, as a decompression bomb has it."""
    header = b"IHDR" + struct.pack(">IIBBBBB", wide, high, 8, 0, 0, 0, 0)
    check = struct.pack(">I", zlib.crc32(header))
    start = b"\x89PNG\r\n\x1a\n" + struct.pack(">I", 13) + header + check
    return start + struct.pack(">I", 9999) + b"IDAT" + zlib.compress(b"\0" * 9999)


def whole_png(tmp_path):
    page = on_paper(np.eye(28, dtype=np.uint8) * 255, np.random.default_rng(0))
    Image.fromarray(page).save(tmp_path / "whole.png")
    return (tmp_path / "whole.png").read_bytes()


@pytest.mark.parametrize("suffix", ["png", "jpg"])
def test_no_picture(tmp_path, suffix):
    whole = whole_png(tmp_path)
    contents = {
        "empty": b"", "text": b"7\n" * 99, "magic": whole[:8], "gif": b"GIF89a" + b"\0" * 99,
        "half": whole[: len(whole) // 2], "damaged": whole[:60] + b"?" * 99 + whole[160:],
        "bomb": png_of(60_000, 60_000), "large": png_of(10_000, 10_000),
    }  # fmt: skip
    for name, content in contents.items():
        path = tmp_path / f"{name}.{suffix}"
        path.write_bytes(content)
        with pytest.raises(ValueError) as error:
            read(path)
        assert len(str(error.value).splitlines()) == 1, name
        assert ("million" in str(error.value)) == (name in ("bomb", "large"))
    for path in (tmp_path, tmp_path / "missing.png", tmp_path / ("long" * 99)):
        with pytest.raises(ValueError):
            read(path)
