"""Prepares a drawn or photographed digit as MNIST's digits were prepared.

The digit is scaled to 20 x 20 pixels, with its proportions kept, and placed in 28 x 28 pixels with
its centre of mass in the middle. A network trained on MNIST fails on digits prepared otherwise.
"""

import numpy as np
from PIL import Image, ImageFilter  # Pillow comes with matplotlib, which needs it

from digits.pen import BOX, SIDE

FINER = 8  # the pixels in which strokes are widened, per pixel of the box
FAINT = 0.15  # ink below this share of the darkest is outside of the digit's box
STROKE = 0.75  # a stroke is as dark as this share of its pixels at most are
THINNEST = 1.8  # pixels of the box: a sixth of MNIST's digits have thinner strokes


def prepare(ink):
    """Returns a digit in the shape of MNIST's, [28, 28] uint8, 0 (paper) to 255 (ink).

    ink: [h, w] float, 0 (paper) to 1 (ink), of any size. Strokes that would be thinner than those
    of MNIST are widened. Raises ValueError where there is no ink.
    """
    ink = np.asarray(ink, np.float32)
    if not ink.size or not np.isfinite(ink).all() or not ink.max() > 0:
        raise ValueError("there is no ink")
    digit = cropped(ink)
    if stroke_width(digit) * BOX / max(digit.shape) < THINNEST:
        digit = cropped(widened(digit))
    box = np.rint(255 * full_range(in_square(digit, BOX))).astype(np.uint8)
    top, left = (corner(box.sum(axis=axis, dtype=np.int64)) for axis in (1, 0))
    return np.pad(box, ((top, SIDE - BOX - top), (left, SIDE - BOX - left)))


def cropped(ink):
    """The part of ink [h, w] that holds the digit."""
    rows, columns = ((ink > FAINT * ink.max()).any(axis).nonzero()[0] for axis in (1, 0))
    return ink[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]


def stroke_width(ink):
    """The mean width of the strokes, in pixels: twice their area, divided by their outline."""
    around = np.pad(ink, 1)
    outline = np.hypot(np.diff(around, axis=0)[:, :-1], np.diff(around, axis=1)[:-1]).sum()
    return 2 * ink.sum() / outline


def widened(digit):
    """Scales a digit to BOX * FINER pixels and widens its strokes to THINNEST."""
    side = BOX * FINER
    digit = np.pad(full_range(in_square(digit, side)), side // 4)
    missing = THINNEST * FINER - stroke_width(digit)
    picture = Image.fromarray(np.rint(255 * digit).astype(np.uint8))
    for _ in range(round(missing / 2)):  # a pixel on either side
        picture = picture.filter(ImageFilter.MaxFilter(3))
    return np.asarray(picture, np.float32) / 255


def in_square(digit, side):
    """Scales a digit [h, w] to fit [side, side] and places it in the middle."""
    scale = side / max(digit.shape)
    h, w = (max(round(scale * length), 1) for length in digit.shape)
    resample = Image.Resampling.BOX if scale < 1 else Image.Resampling.BILINEAR
    scaled = np.asarray(Image.fromarray(digit).resize((w, h), resample))
    top, left = (side - h) // 2, (side - w) // 2
    return np.pad(scaled, ((top, side - h - top), (left, side - w - left)))


def full_range(ink):
    """Ink, made so much darker that a stroke is 1; faint parts stay fainter."""
    dark = np.quantile(ink[ink > FAINT * ink.max()], STROKE)
    return np.clip(ink / dark, 0, 1)


def corner(mass):
    """Where a box with this mass in each of its lines [BOX] begins in the picture.

    The centre of mass comes to line SIDE / 2, as in MNIST, unless the box would then stick out.
    """
    middle = int(np.rint(mass @ np.arange(BOX) / mass.sum()))
    return min(max(SIDE // 2 - middle, 0), SIDE - BOX)
