"""Digits, weights and layers as pictures: arrays in, arrays out. numpy only."""

import math

import numpy as np

from visu.panels.style import RED, WARNING

SIDE = 28  # pixels of one digit, both ways
MOST_NEURONS = 100  # of the first layer, in weight_pictures
MOST_MAPS, MOST_SQUARES = 64, 400  # feature maps and neurons of a layer, in layer_picture


def rgba(colour):
    """A colour "#rrggbb" as four numbers, 0..255."""
    return *bytes.fromhex(colour[1:]), 255


WHITE, BLACK = rgba("#ffffff"), rgba("#000000")
MISREAD_PAPER = rgba(RED)
TRUE_LABEL = WHITE, rgba("#780000")  # ink and ground of the small true digit
PREDICTED_LABEL = BLACK, rgba(WARNING)

SMALL_DIGITS = """
.###.. ..#... .###.. .###.. ...#.. #####. .###.. #####. .###.. .###..
#...#. .##... #...#. #...#. ..##.. #..... #..... ....#. #...#. #...#.
#...#. #.#... ....#. ....#. .#.#.. ####.. #..... ...#.. #...#. #...#.
#...#. ..#... ...#.. ..##.. #..#.. ....#. ####.. ..#... .###.. .####.
#...#. ..#... ..#... ....#. #####. ....#. #...#. .#.... #...#. ....#.
#...#. ..#... .#.... #...#. ...#.. #...#. #...#. .#.... #...#. ....#.
.###.. #####. #####. .###.. ...#.. .###.. .###.. .#.... .###.. .###..
"""


# [10, 9, 7] bool: the digits 0..9, within a border of one pixel; the blanks above are borders too
_dots = np.array([list(line) for line in SMALL_DIGITS.strip().split("\n")]) == "#"
LABELS = np.pad(_dots, ((1, 1), (1, 0))).reshape(9, 10, 7).swapaxes(0, 1)


def misread_first(answers):
    """[n] indices of the digits of Answers: those misread, then the others, each in data order."""
    return np.argsort(answers.labels == answers.predictions, kind="stable")


def worst_errors(answers, most):
    """[at most `most`] indices of the misread digits of Answers, the most confident first."""
    misread = np.flatnonzero(answers.labels != answers.predictions)
    return misread[np.argsort(-answers.confidences[misread], kind="stable")][:most]


def confusion(answers):
    """[10, 10] int: how many digits with the row's label were predicted as the column's digit."""
    pairs = 10 * answers.labels.astype(int) + answers.predictions
    return np.bincount(pairs, minlength=100).reshape(10, 10)


def digits_in_cell(answers, true, predicted):
    """[n] indices of the digits in this cell of the confusion matrix.

    The most confident come first, but of digits read right the least confident.
    """
    found = np.flatnonzero((answers.labels == true) & (answers.predictions == predicted))
    keys = answers.confidences[found] * (1 if true == predicted else -1)
    return found[np.argsort(keys, kind="stable")]


def mosaic(answers, indices, rows, columns, height=SIDE, width=SIDE, half=False):
    """Digits as one picture of rows * columns tiles, each with a digit in the middle of its top.

    indices: [n] int, which digits of Answers, of which the first rows * columns are drawn; height,
    width: of a tile, in pixels, SIDE at least; half: tiles as large as a digit, at half of its
    size. Misread digits are white on red, the others black on white. Where tiles are as large as a
    digit, the misread ones bear the true digit, small at the left bottom, and the predicted one at
    the right. Tiles beyond n are blank.
    Returns [rows * height, columns * width, 4] uint8, RGBA (drawn faster than RGB by matplotlib).
    """
    indices = indices[: rows * columns]
    labels, predictions = answers.labels[indices], answers.predictions[indices]
    images, misread = answers.images[indices], labels != predictions
    if half:
        height = width = SIDE // 2
        images = halved(images.reshape(-1, SIDE)).reshape(-1, height, width)
    digits = _painted(images, WHITE, BLACK)
    red = _painted(images[misread], MISREAD_PAPER, WHITE)
    if (height, width) == (SIDE, SIDE):
        _put_labels(red, labels[misread], predictions[misread])
    digits[misread] = red
    if half:
        return tiled(digits, rows, columns, WHITE)
    left = (width - SIDE) // 2
    margins = (0, 0), (0, height - SIDE), (left, width - SIDE - left), (0, 0)
    return tiled(np.pad(digits, margins, constant_values=WHITE[0]), rows, columns, WHITE)


def _painted(images, paper, ink):
    """[..., 4]: the images [...] uint8, from the colour of the paper to that of the ink."""
    levels = np.arange(256)[:, None] / 255
    shades = np.round(paper + levels * np.subtract(ink, paper)).astype(np.uint8)
    return shades.take(images, axis=0)


def _put_labels(pictures, true, predicted):
    """Write the true and the predicted digits into [n, 28, 28, 4], and a thin line around each."""
    height, width = LABELS.shape[1:]
    bottom = slice(SIDE - 1 - height, SIDE - 1)
    for digits, colours, place in (
        (true, TRUE_LABEL, slice(width)),
        (predicted, PREDICTED_LABEL, slice(-1 - width, -1)),
    ):
        small = np.where(LABELS[digits][..., None], *np.array(colours, np.uint8))
        pictures[:, bottom, place] = small
    pictures[:, -1, :] = pictures[:, :, -1] = WHITE


def tiled(tiles, rows, columns, blank):
    """Tiles [n, height, width] or [n, height, width, colours] as one picture, row by row.

    blank: what is beyond n. Returns [rows * height, columns * width] or the same with colours.
    """
    cells = np.full((rows * columns, *tiles.shape[1:]), blank, tiles.dtype)
    cells[: len(tiles)] = tiles
    _, height, width, *colours = cells.shape
    grid = cells.reshape(rows, columns, height, width, *colours).swapaxes(1, 2)
    return grid.reshape(rows * height, columns * width, *colours)


def tiling(count, aspect=1.8, size=None):
    """(rows, columns) for `count` tiles, as large as they fit, with few blank ones.

    The tiles are square, on a canvas `aspect` times as wide as high. size: a function of rows and
    columns that says how large other tiles would be.
    """
    size = size or (lambda rows, columns: min(aspect / columns, 1 / rows))
    tilings = [(math.ceil(count / columns), columns) for columns in range(1, count + 1)]
    return max(tilings, key=lambda tiling: (size(*tiling), -math.prod(tiling)))


def halved(picture):
    """A uint8 picture of even height and width at half of both: each pixel the mean of four."""

    def mean(a, b):  # rounded down, without leaving 8 bits: half the time of 16
        return (a >> 1) + (b >> 1) + (a & b & 1)

    rows = mean(picture[::2], picture[1::2])
    return mean(rows[:, ::2], rows[:, 1::2])


def framed(maps, aspect=1.8):
    """Maps [height, width, n] float as one picture, with NaN between them and where there is none.

    aspect: as for tiling. Returns [rows * (height + 1) - 1, columns * (width + 1) - 1].
    """
    tiles = np.pad(maps.transpose(2, 0, 1), ((0, 0), (0, 1), (0, 1)), constant_values=np.nan)
    return tiled(tiles, *tiling(len(tiles), aspect), np.nan)[:-1, :-1]


def weight_pictures(first_weights):
    """The first layer's weights as one picture: a tile per neuron or kernel, as framed() has it.

    first_weights: [784, K] (inputs of a square image) or [height, width, channels, K], of which the
    first channel is shown; at most the first 100 of the K. Raises ValueError for other shapes.
    """
    weights = np.asarray(first_weights, float)[..., :MOST_NEURONS]
    side = math.isqrt(len(weights))
    if weights.ndim == 2 and side**2 == len(weights):
        weights = weights.reshape(side, side, 1, -1)
    if weights.ndim != 4:
        raise ValueError(f"no pictures in weights of shape {np.shape(first_weights)}")
    return framed(weights[:, :, 0])


def layer_picture(outputs, aspect):
    """The outputs of a layer for one digit as a picture, `aspect` times as wide as high at most.

    outputs: feature maps [height, width, channels], of which the first MOST_MAPS are shown, as
    framed() has it; or neurons [n], of which the first MOST_SQUARES are shown, one pixel each.
    Returns the picture, float, NaN where it shows nothing; and how many maps or neurons it shows.
    """
    outputs = np.asarray(outputs, float)
    if outputs.ndim == 3:
        maps = outputs[..., :MOST_MAPS]
        return framed(maps, aspect), maps.shape[-1]
    neurons = outputs.ravel()[:MOST_SQUARES]
    squares = neurons.reshape(-1, 1, 1)
    return tiled(squares, *tiling(len(neurons), aspect), np.nan), len(neurons)
