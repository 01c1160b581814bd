"""Arrays in, arrays out: percentile bands, mosaics of digits, weights as pictures. numpy only."""

import math

import numpy as np

SIDE = 28  # pixels of one digit, both ways
MOST_NEURONS = 100  # of the first layer, in weight_pictures
MOST_MAPS, MOST_SQUARES = 64, 400  # feature maps and neurons of a layer, in layer_picture

PAPER = (255, 255, 255, 255)  # right digits: on white, so that red stands out, in grey print too
WRONG_PAPER = (200, 30, 30, 255)
INK = (0, 0, 0, 255)
WRONG_INK = (255, 255, 255, 255)
TRUE_LABEL = ((255, 255, 255, 255), (120, 0, 0, 255))  # ink and ground of the true digit, left
COMPUTED_LABEL = ((0, 0, 0, 255), (255, 220, 60, 255))  # and of the computed digit, right

SMALL_DIGITS = """
.###.. ..#... .###.. .###.. ...#.. #####. .###.. #####. .###.. .###..
#...#. .##... #...#. #...#. ..##.. #..... #..... ....#. #...#. #...#.
#...#. #.#... ....#. ....#. .#.#.. ####.. #..... ...#.. #...#. #...#.
#...#. ..#... ...#.. ..##.. #..#.. ....#. ####.. ..#... .###.. .####.
#...#. ..#... ..#... ....#. #####. ....#. #...#. .#.... #...#. ....#.
#...#. ..#... .#.... #...#. ...#.. #...#. #...#. .#.... #...#. ....#.
.###.. #####. #####. .###.. ...#.. .###.. .###.. .#.... .###.. .###..
"""


def _label_masks():
    """[10, 9, 7] bool: the digits 0..9, 5 x 7, within a border of one pixel."""
    lines = [line.split() for line in SMALL_DIGITS.split("\n") if line]
    masks = np.array([[[c == "#" for c in line[d]] for line in lines] for d in range(10)])
    return np.pad(masks[:, :, :5], ((0, 0), (1, 1), (1, 1)))


LABELS = _label_masks()


def order_wrong_first(labels, predictions):
    """[n] indices: the digits answered wrong, then the others, each group in data order."""
    return np.argsort(np.asarray(labels) == np.asarray(predictions), kind="stable")


def worst_errors(answers, most):
    """[at most `most`] indices of the wrong digits of Answers, the most confident first."""
    wrong = np.flatnonzero(answers.labels != answers.predictions)
    return wrong[np.argsort(-answers.confidences[wrong], kind="stable")][:most]


def confusion(labels, predictions):
    """[10, 10] int: how many digits with the row's label were computed as the column's digit."""
    pairs = 10 * np.asarray(labels, int) + np.asarray(predictions, int)
    return np.bincount(pairs, minlength=100).reshape(10, 10)


def digits_in_cell(answers, true, computed):
    """[n] indices of the digits in this cell of the confusion matrix.

    The most confident come first, but of right digits the least confident.
    """
    found = np.flatnonzero((answers.labels == true) & (answers.predictions == computed))
    keys = answers.confidences[found] * (1 if true == computed else -1)
    return found[np.argsort(keys, kind="stable")]


def mosaic(images, labels, predictions, rows, columns):
    """The first rows * columns digits, wrong ones first, as one picture.

    images: [n, 28, 28] uint8, 255 = ink; labels, predictions: [n] int, 0..9.
    Returns [rows * 28, columns * 28, 4] uint8, RGBA (matplotlib draws that faster
    than RGB). Wrong digits are white on red, the true digit small
    at the left bottom, the computed one at the right bottom; the others are black on white; cells
    beyond n are blank.
    """
    shown = order_wrong_first(labels, predictions)[: rows * columns]
    labels, predictions = (np.asarray(digits, int)[shown] for digits in (labels, predictions))
    wrong = int(np.count_nonzero(labels != predictions))  # these come first
    ink = np.asarray(images)[shown]

    cells = np.full((rows * columns, SIDE, SIDE, 4), PAPER, np.uint8)
    cells[:wrong] = _painted(ink[:wrong], WRONG_PAPER, WRONG_INK)
    cells[wrong : len(shown)] = _painted(ink[wrong:], PAPER, INK)
    height, width = LABELS.shape[1:]
    bottom = slice(SIDE - 1 - height, SIDE - 1)
    cells[:wrong, bottom, :width] = _stamps(labels[:wrong], TRUE_LABEL)
    cells[:wrong, bottom, -1 - width : -1] = _stamps(predictions[:wrong], COMPUTED_LABEL)
    cells[:wrong, -1, :] = cells[:wrong, :, -1] = PAPER  # a thin line between wrong digits
    tiles = cells.reshape(rows, columns, SIDE, SIDE, 4).swapaxes(1, 2)
    return tiles.reshape(rows * SIDE, columns * SIDE, 4)


def _painted(images, paper, pen):
    """[n, 28, 28, 4]: the images, from the colour of the paper to that of the pen."""
    levels = np.arange(256)[:, None] / 255
    shades = np.round(paper + levels * np.subtract(pen, paper)).astype(np.uint8)
    return shades.take(images, axis=0)


def tiles(images, wrong, rows, columns, height, width):
    """Digits as one picture of rows * columns tiles, each with a digit in the middle of its top.

    images: [n, 28, 28] uint8, 255 = ink; wrong: [n] bool, which are white on red, the others black
    on white; height, width: of a tile, in pixels, 28 at least.
    Returns [rows * height, columns * width, 4] uint8, RGBA.
    """
    cells = np.full((rows * columns, height, width, 4), PAPER, np.uint8)
    left = (width - SIDE) // 2
    digits = cells[: len(images), :SIDE, left : left + SIDE]
    digits[~wrong] = _painted(images[~wrong], PAPER, INK)
    digits[wrong] = _painted(images[wrong], WRONG_PAPER, WRONG_INK)
    picture = cells.reshape(rows, columns, height, width, 4).swapaxes(1, 2)
    return picture.reshape(rows * height, columns * width, 4)


def digit_at(labels, predictions, columns, row, column):
    """Index of the digit that mosaic() draws in this cell of so many columns; None: a blank cell.

    labels, predictions: [n] int, as given to mosaic(); row, column: from 0.
    """
    order, place = order_wrong_first(labels, predictions), row * columns + column
    return int(order[place]) if place < len(order) else None


def _stamps(digits, colours):
    """[n, 9, 7, 4]: small pictures of the digits in these colours (ink, ground)."""
    return np.where(LABELS[digits][..., None], *np.array(colours, np.uint8))


def halved(picture):
    """A uint8 picture of even height and width, at half of both: each pixel the mean of four."""

    def mean(a, b):  # rounded down, without leaving 8 bits: half the time of 16
        return (a >> 1) + (b >> 1) + (a & b & 1)

    rows = mean(picture[::2], picture[1::2])
    return mean(rows[:, ::2], rows[:, 1::2])


def tiling(count, aspect=1.8):
    """(rows, columns) for `count` square tiles, as large as fit on a canvas `aspect` wide."""

    def size_and_waste(columns):
        rows = math.ceil(count / columns)
        return min(aspect / columns, 1 / rows), -rows * columns

    columns = max(range(1, count + 1), key=size_and_waste)
    return math.ceil(count / columns), columns


def weight_pictures(first_weights):
    """The first layer's weights as one picture: a tile per neuron or kernel, NaN between tiles.

    first_weights: [784, K] (inputs of a square image) or [height, width, channels, K], of which the
    first channel is shown; at most the first 100 of the K. Returns float [rows * (height + 1) - 1,
    columns * (width + 1) - 1], rows and columns from tiling(). Raises ValueError for other shapes.
    """
    weights = np.asarray(first_weights, float)
    if weights.ndim == 4:
        pictures = weights[:, :, 0, :MOST_NEURONS].transpose(2, 0, 1)
    elif weights.ndim == 2 and math.isqrt(len(weights)) ** 2 == len(weights):
        side = math.isqrt(len(weights))
        pictures = weights[:, :MOST_NEURONS].T.reshape(-1, side, side)
    else:
        raise ValueError(f"no pictures in weights of shape {weights.shape}")
    return tiled(pictures, tiling(len(pictures))[1])


def tiled(tiles, columns):
    """Tiles [n, height, width] as one picture, row by row, with NaN between them and beyond n.

    Returns float [rows * (height + 1) - 1, columns * (width + 1) - 1].
    """
    count, height, width = tiles.shape
    rows = math.ceil(count / columns)
    cells = np.full((rows * columns, height + 1, width + 1), np.nan)
    cells[:count, :height, :width] = tiles
    grid = cells.reshape(rows, columns, height + 1, width + 1).swapaxes(1, 2)
    return grid.reshape(rows * (height + 1), columns * (width + 1))[:-1, :-1]


def layer_picture(outputs, aspect):
    """The outputs of a layer for one digit as a picture, `aspect` times as wide as high at most.

    outputs: feature maps [height, width, channels], of which the first MOST_MAPS are shown, with
    NaN between them; or neurons [n], of which the first MOST_SQUARES are shown, one pixel each.
    Returns the picture, float, NaN where it shows nothing; and how many maps or neurons it shows.
    """
    if outputs.ndim == 3:
        maps = outputs.transpose(2, 0, 1)[:MOST_MAPS]
        return tiled(maps, tiling(len(maps), aspect)[1]), len(maps)
    neurons = outputs.ravel()[:MOST_SQUARES]
    rows, columns = tiling(len(neurons), aspect)
    block = np.full(rows * columns, np.nan)
    block[: len(neurons)] = neurons
    return block.reshape(rows, columns), len(neurons)
