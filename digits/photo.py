"""Reads a handwritten digit from a picture: a drawing, a scan, a photo of pen on paper.

Paper is what most of the picture shows. Its brightness is described by a smooth surface, which
evens out the light; ink is what differs from it more than noise does.
"""

import os
import struct
import warnings
import zlib
from pathlib import Path

import numpy as np
from PIL import Image, ImageFilter, ImageOps  # Pillow comes with matplotlib, which needs it

FORMATS = "PNG", "JPEG"
SIDE = 1000  # pixels: larger pictures are reduced
SMOOTH = 400  # noise: blurred by this fraction of the longer side
NOISE = 6  # standard deviations of the paper that are not ink yet
CONTRAST = 0.08  # of ink and paper, at least
SMALLEST = 0.0003  # of a picture's area: less ink is a speck of dust
SPECK = 0.05  # of the largest stroke: what is smaller is left out
BROKEN = OSError, SyntaxError, ValueError, EOFError, IndexError, struct.error, zlib.error


def read(path):
    """Returns the ink in a picture, [h, w] float32, 0 (paper) to 1 (ink); 1,000 pixels at most.

    path: a PNG or JPEG file, in colour or not. Ink may be darker or lighter than the paper. Raises
    ValueError, one line without the file's name, where that is no picture, or blank.
    """
    grey = _grey(_open(Path(path)))
    paper, noise = _paper(grey)
    difference = paper - grey
    differs = np.abs(difference) > max(NOISE * noise, CONTRAST / 4)
    light = difference[differs].sum() < 0
    contrast = -difference / (1 - paper) if light else difference / paper
    differs &= contrast > CONTRAST
    if differs.sum() < max(SMALLEST * grey.size, 4):
        raise ValueError("the picture is blank: nothing differs from its background")
    level = np.quantile(contrast[differs], 0.75)
    ink = np.clip(2 * contrast / level - 0.5, 0, 1)  # edges stay grey
    return ink * _strokes(ink > 0.5)


def _open(path):
    """The picture in a file, upright and of at most SIDE pixels. Raises ValueError."""
    if not os.path.isfile(path):  # which raises nothing, unlike Path's
        raise ValueError("it is not a file" if os.path.exists(path) else "there is no such file")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            warnings.simplefilter("error", Image.DecompressionBombWarning)
            image = Image.open(path, formats=FORMATS)
            if image.format == "JPEG":
                image.draft(None, (SIDE, SIDE))  # decoded faster, at about this size
            image = ImageOps.exif_transpose(image)
    except (Image.DecompressionBombWarning, Image.DecompressionBombError):
        most = Image.MAX_IMAGE_PIXELS // 10**6
        raise ValueError(f"the picture has more than {most} million pixels") from None
    except Image.UnidentifiedImageError:
        raise ValueError("it is not a PNG or JPEG picture") from None
    except BROKEN as error:
        reason = getattr(error, "strerror", None) or "the file is damaged"
        raise ValueError(f"it cannot be read: {reason}") from None
    return image


def _grey(image):
    """The brightness of a picture, [h, w] float32, 0 to 1; reduced, with less noise."""
    if image.mode.startswith("I"):  # 16 bits
        image = Image.fromarray((np.asarray(image) // 256).astype(np.uint8))
    bright, alpha = image.convert("RGBA").convert("LA").split()
    visible = np.asarray(alpha) > 127
    if not visible.all():
        bright.paste(_behind(np.asarray(bright), visible), mask=ImageOps.invert(alpha))
    bright.thumbnail((SIDE, SIDE))
    bright = bright.filter(ImageFilter.GaussianBlur(max(bright.size) / SMOOTH))
    return np.asarray(bright, np.float32) / 255


def _behind(bright, visible):
    """The brightness, 0 to 255, to put behind a picture with transparent parts.

    Where most is transparent, what is visible is ink, and the paper is its opposite.
    """
    middle = int(np.median(bright[visible])) if visible.any() else 0
    return middle if visible.mean() > 0.5 else 255 * (middle < 128)


def _paper(grey):
    """The paper's brightness everywhere, [h, w], and the standard deviation of its noise.

    A polynomial is fitted to the pixels that are paper, as far as the fit before can tell.
    """
    y, x = (np.linspace(-1, 1, n, dtype=np.float32) for n in grey.shape)
    some = slice(None, None, -(-max(grey.shape) // 150))  # are enough for the fit
    sample = grey[some, some]
    paper, noise = np.full_like(sample, np.median(sample)), 1.0
    for degree in (1, 1, 2, 2, 3, 3, 3):
        off = np.abs(sample - paper)
        noise = max(1.4826 * float(np.median(off)), 0.002)
        powers = [(i, j) for i in range(degree + 1) for j in range(degree + 1 - i)]
        terms = np.stack([np.outer(y[some] ** i, x[some] ** j) for i, j in powers], -1)
        known = off < 3 * noise
        factors = np.linalg.lstsq(terms[known], sample[known], rcond=None)[0]
        paper = terms @ factors
    paper = sum(f * np.outer(y**i, x**j) for f, (i, j) in zip(factors, powers, strict=True))
    return np.clip(paper, 0.02, 0.98), noise


def _strokes(mask):
    """Where a mask [h, w] holds strokes rather than specks: True also around them."""
    side = -(-max(mask.shape) // 150)  # of the blocks in which strokes are told apart
    h, w = (-(-n // side) for n in mask.shape)
    padded = np.pad(mask, ((0, h * side - mask.shape[0]), (0, w * side - mask.shape[1])))
    blocks = padded.reshape(h, side, w, side).any(axis=(1, 3))
    numbers = _connected(blocks)
    sizes = np.bincount(numbers.ravel()) * (np.arange(numbers.max() + 1) > 0)
    large = (sizes >= SPECK * sizes.max())[numbers] & blocks
    around = np.asarray(Image.fromarray(large).convert("L").filter(ImageFilter.MaxFilter(3))) > 0
    return np.kron(around, np.ones((side, side), bool))[: mask.shape[0], : mask.shape[1]]


def _connected(blocks):
    """A number for each connected group of True, [h, w] int32; 0 for False."""
    numbers = np.arange(1, blocks.size + 1, dtype=np.int32).reshape(blocks.shape) * blocks
    before = None
    while not np.array_equal(numbers, before):
        before = numbers
        grown = Image.fromarray(numbers).filter(ImageFilter.MaxFilter(3))
        numbers = np.asarray(grown) * blocks
    return numbers
