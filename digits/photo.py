"""Reads a handwritten digit from a picture, and prepares it as MNIST's digits were prepared.

`read` finds the ink in a drawing, a scan or a photo of pen on paper. `prepare` scales the digit to
20 x 20 pixels, with its proportions kept, and places it in 28 x 28 pixels with its centre of mass
in the middle: a network trained on MNIST fails on digits prepared otherwise.
"""

import os
import warnings

import numpy as np
from PIL import Image, ImageFilter, ImageOps  # Pillow comes with matplotlib, which needs it

MOST = 1000  # pixels: larger pictures are reduced
COARSE = 32  # pixels: size at which the brightness of the paper is estimated
CONTRAST = 0.08  # between ink and paper, at least
SMALLEST = 0.0001  # of a picture's area: less ink is a speck of dust
SPECK = 0.1  # of the ink around strokes: where there is less around a pixel, it is left out

BOX, SIDE = 20, 28  # pixels: the digit's own box, the picture
FINER = 8  # the pixels in which strokes are widened, per pixel of the box
FAINT = 0.15  # ink below this share of the darkest is outside of the digit's box
STROKE = 0.75  # a stroke is as dark as this share of its pixels at most are
THINNEST = 1.8  # pixels of the box: a sixth of MNIST's digits have thinner strokes


def read(path):
    """Returns the ink in a picture, [h, w] float32, 0 (paper) to 1 (ink); 1,000 pixels at most.

    path: a PNG or JPEG file, in colour or not. Ink may be darker or lighter than the paper. Raises
    ValueError, one line without the file's name, where that is no picture, or blank.
    """
    image = _grey(path)
    grey, paper = (np.asarray(part, np.float32) / 255 for part in (image, _paper(image)))
    difference = paper - grey
    low, high = np.quantile(difference, (SMALLEST, 1 - SMALLEST))
    if max(high, -low) < CONTRAST:
        raise ValueError("the picture is blank: nothing differs from its background")
    contrast = np.sign(high + low) * difference / (paper + 0.1)
    darkest = np.quantile(contrast, 1 - SMALLEST)
    level = np.quantile(contrast[contrast >= darkest / 2], STROKE)
    ink = np.clip(2 * contrast / level - 0.5, 0, 1)  # edges stay grey
    return ink * _dense(ink)


def _grey(path):
    """The picture in a file, upright, in grey, reduced, with less noise. Raises ValueError."""
    if not os.path.isfile(path):
        raise ValueError("it is not a file" if os.path.exists(path) else "there is no such file")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            image = Image.open(path, formats=("PNG", "JPEG"))
            image.draft(None, (MOST, MOST))  # a JPEG is decoded faster at about this size
            image = ImageOps.exif_transpose(image)
    except Image.UnidentifiedImageError:
        raise ValueError("it is not a PNG or JPEG picture") from None
    except Exception as error:  # Pillow has many ways to fail
        reason = getattr(error, "strerror", None) or error
        raise ValueError(f"it cannot be read ({reason})") from None
    if image.mode.startswith("I"):  # 16 bits
        image = Image.fromarray((np.asarray(image) // 256).astype(np.uint8))
    bright, alpha = image.convert("RGBA").convert("LA").split()
    visible = np.asarray(alpha) > 127
    if not visible.all():  # where most is transparent, what is visible is ink
        middle = int(np.median(np.asarray(bright)[visible])) if visible.any() else 0
        behind = middle if visible.mean() > 0.5 else 255 * (middle < 128)
        bright.paste(behind, mask=ImageOps.invert(alpha))
    bright.thumbnail((MOST, MOST))
    return bright.filter(ImageFilter.GaussianBlur(max(bright.size) / 400))


def _paper(image):
    """The brightness of the paper, an image of the same size: the median of a wide surrounding."""
    coarse, edge = image.copy(), COARSE // 2
    coarse.thumbnail((COARSE, COARSE))
    # the light is continued beyond the edges: otherwise corners look like ink
    wide = np.pad(np.asarray(coarse, int), edge, "reflect", reflect_type="odd").clip(0, 255)
    median = Image.fromarray(wide.astype(np.uint8)).filter(ImageFilter.MedianFilter(edge + 1))
    paper = ImageOps.crop(median.filter(ImageFilter.GaussianBlur(2)), edge)
    return paper.resize(image.size, Image.Resampling.BICUBIC)


def _dense(ink):
    """Where ink [h, w] has much ink around it, as strokes have, and specks have not."""
    image = Image.fromarray(np.rint(255 * ink).astype(np.uint8))
    around = np.asarray(image.filter(ImageFilter.BoxBlur(max(ink.shape) / 20)))
    return around > SPECK * around.max()


def prepare(ink):
    """Returns a digit in the shape of MNIST's, [28, 28] uint8, 0 (paper) to 255 (ink).

    ink: [h, w] float, 0 (paper) to 1 (ink), of any size. Strokes that would be thinner than those
    of MNIST are widened. Raises ValueError where there is no ink.
    """
    ink = np.asarray(ink, np.float32)
    if not ink.size or not np.isfinite(ink).all() or not ink.max() > 0:
        raise ValueError("there is no ink")
    digit = _cropped(ink)
    if _stroke_width(digit) * BOX / max(digit.shape) < THINNEST:
        digit = _cropped(_widened(digit))
    box = np.rint(255 * _full_range(_in_square(digit, BOX))).astype(np.uint8)
    top, left = (_corner(box.sum(axis=axis, dtype=np.int64)) for axis in (1, 0))
    return np.pad(box, ((top, SIDE - BOX - top), (left, SIDE - BOX - left)))


def _cropped(ink):
    """The part of ink [h, w] that holds the digit."""
    rows, columns = ((ink > FAINT * ink.max()).any(axis).nonzero()[0] for axis in (1, 0))
    return ink[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]


def _stroke_width(ink):
    """The mean width of the strokes, in pixels: twice their area, divided by their outline."""
    around = np.pad(ink, 1)
    outline = np.hypot(np.diff(around, axis=0)[:, :-1], np.diff(around, axis=1)[:-1]).sum()
    return 2 * ink.sum() / outline


def _widened(digit):
    """Scales a digit to BOX * FINER pixels and widens its strokes to THINNEST."""
    side = BOX * FINER
    digit = np.pad(_full_range(_in_square(digit, side)), side // 4)
    missing = THINNEST * FINER - _stroke_width(digit)
    picture = Image.fromarray(np.rint(255 * digit).astype(np.uint8))
    for _ in range(round(missing / 2)):  # a pixel on either side
        picture = picture.filter(ImageFilter.MaxFilter(3))
    return np.asarray(picture, np.float32) / 255


def _in_square(digit, side):
    """Scales a digit [h, w] to fit [side, side] and places it in the middle."""
    scale = side / max(digit.shape)
    h, w = (max(round(scale * length), 1) for length in digit.shape)
    resample = Image.Resampling.BOX if scale < 1 else Image.Resampling.BILINEAR
    scaled = np.asarray(Image.fromarray(digit).resize((w, h), resample))
    top, left = (side - h) // 2, (side - w) // 2
    return np.pad(scaled, ((top, side - h - top), (left, side - w - left)))


def _full_range(ink):
    """Ink, made so much darker that a stroke is 1; faint parts stay fainter."""
    dark = np.quantile(ink[ink > FAINT * ink.max()], STROKE)
    return np.clip(ink / dark, 0, 1)


def _corner(mass):
    """Where a box with this mass in each of its lines [BOX] begins in the picture.

    The centre of mass comes to line SIDE / 2, as in MNIST, unless the box would then stick out.
    """
    middle = int(np.rint(mass @ np.arange(BOX) / mass.sum()))
    return min(max(SIDE // 2 - middle, 0), SIDE - BOX)
