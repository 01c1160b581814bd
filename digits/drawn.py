"""Draws digits in the shape of MNIST from pen strokes, for machines without a network.

`make` draws a data set. Each picture has a row of random numbers of its own: they choose one of the
ways of writing in digits/strokes.py, move its points, bend and slant the whole; then a round pen
follows the path. The amounts were chosen on MNIST's training digits.

The pictures are the same to the byte on every machine: the random bits are those of PCG64, whose
raw stream numpy does not change; all that follows is + - * / and square roots, element by element,
which IEEE 754 defines to the last bit, and sums of integers. There is no exp, no matrix product and
no sum of many floats.
"""

import math

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

from digits.strokes import GLYPHS, parse

CHUNK = 500  # pictures drawn at once: their arrays then fit into the CPU's cache
PIECES = 64  # straight pieces of a digit's path, about a pixel each
POSE = 10  # random numbers of a picture for its pen and its pose
BOX, SIDE = 20, 28  # pixels: the digit's own box, the picture
MARGIN = 5  # pixels around the box, so that every window lies on the canvas
CANVAS = BOX + 2 * MARGIN
REACH = 4  # a window goes this many pixels to either side: enough for all but the thickest blots


def make(seed=0, train=60_000, test=10_000, progress=None):
    """Draws digits: train images [train, 28, 28] and labels [train], test images and labels; uint8.

    Images go from 0 (paper, black) to 255 (ink, white). The first k of each part are the same
    however many there are. progress(done, total) is called after every CHUNK of pictures.
    """
    done, arrays = 0, []
    for count, source in zip((train, test), np.random.SeedSequence(seed).spawn(2), strict=True):
        images, labels = np.empty((count, SIDE, SIDE), np.uint8), np.empty(count, np.uint8)
        bits = np.random.PCG64(source)
        for first in range(0, count, CHUNK):
            n = min(CHUNK, count - first)
            raw = bits.random_raw(n * NUMBERS).reshape(n, NUMBERS)
            images[first : first + n], labels[first : first + n] = draw(raw)
            done += n
            if progress:
                progress(done, train + test)
        arrays += [images, labels]
    return tuple(arrays)


def draw(raw):
    """Draws pictures from random bits [n, NUMBERS], uint64: images [n, 28, 28], labels [n]; uint8.

    The first number of a row chooses the way of writing: the n-th share of LIMITS is the n-th way.
    """
    way = np.searchsorted(LIMITS, (raw[:, 0] >> np.uint64(11)) / 2.0**53, side="right")
    pen, pose, moves = np.split(normal(raw[:, 1:]), [2, POSE], axis=1)
    points, pressure = wobble(way, moves)
    places = curve(bend(points, pose), way)
    pressure = curve(pressure, way)[..., 0].astype(np.float32)
    thickness = 1.1 + 0.15 * pen[:, 0]
    radius, edge = np.minimum(thickness * thickness, 2.6), 1.3 + 0.15 * pen[:, 1]  # pixels
    return centred(ink(fit(places, radius), pressure, LIFTED[way], radius, edge)), LABELS[way]


def normal(raw):
    """Returns nearly normal random numbers (sd 1), each the sum of the four 16-bit parts of raw."""
    quarters = np.ascontiguousarray(raw).view(np.uint16).reshape(*raw.shape, 4)
    total = quarters.sum(axis=-1, dtype=np.int64)  # whatever the order of the bytes
    return (total - 2 * 65_535) / (65_536 / math.sqrt(3))


# ---- the ways of writing as tables, one row each ----


def table_row(points, strokes):
    """Returns a way of writing as arrays, from points [k, 2] and strokes (lists of their indices).

    These are the points [MOST, 2]; for the free end of a stroke the index of the point beside it,
    for any other point its own [MOST]; the first stroke of each point [MOST]; what `pieces`
    returns.
    """
    beside, first_stroke = np.arange(MOST), np.zeros(MOST, np.intp)
    named = [point for stroke in strokes for point in stroke]
    for number, stroke in reversed([*enumerate(strokes)]):
        first_stroke[stroke] = number
        for end, neighbour in (stroke[:2], stroke[:-3:-1]):
            if named.count(end) == 1:
                beside[end] = neighbour
    padded = np.pad(points, ((0, MOST - len(points)), (0, 0)))
    return padded, beside, first_stroke, *pieces(points, strokes)


def pieces(points, strokes):
    """Cuts strokes into PIECES pieces of about the same length, those with the pen up included.

    Returns the ends of the pieces: the four points of the spline [PIECES + 1, 4] and where between
    the middle two the end lies [PIECES + 1], 0 to 1; and for each piece whether the pen is up.
    """
    spans = []  # number of the stroke, four points
    for number, stroke in enumerate(strokes):
        row = [stroke[0], *stroke, stroke[-1]]
        fours = [row[k : k + 4] for k in range(len(row) - 3)]
        spans += [(number, four) for four in fours if four[1] != four[2]]  # equal at a corner
    lengths = [math.dist(*points[four[1:3]]) for _, four in spans]
    counts = [1] * len(spans)  # of pieces
    for _ in range(PIECES + 1 - len(strokes) - len(spans)):
        # rounded: where two are equal, a last bit must not decide
        counts[max(range(len(spans)), key=lambda k: round(lengths[k] / counts[k], 9))] += 1
    ends = []
    for k, ((number, four), count) in enumerate(zip(spans, counts, strict=True)):
        last = k + 1 == len(spans) or spans[k + 1][0] != number
        ends += [(number, four, step / count) for step in range(count + last)]
    numbers, fours, at = zip(*ends, strict=True)
    return np.array(fours), np.array(at), np.diff(numbers) != 0


WAYS = [
    (digit, weight / math.fsum(w for w, _ in ways), *parse(text))
    for digit, ways in GLYPHS.items()
    for weight, text in ways
]
LABELS = np.array([digit for digit, *_ in WAYS], np.uint8)
LIMITS = np.cumsum([share / len(GLYPHS) for _, share, *_ in WAYS])[:-1]
MOST = max(len(points) for *_, points, _ in WAYS)
POINTS, BESIDE, STROKE, FOURS, AT, LIFTED = map(
    np.stack, zip(*(table_row(points, strokes) for *_, points, strokes in WAYS), strict=True)
)
STROKES = int(STROKE.max()) + 1
NUMBERS = 1 + POSE + 4 * MOST + 2 * STROKES  # random numbers of a picture


# ---- a way of writing to the path of the pen ----


def wobble(way, z):
    """Returns the points [n, MOST, 2] of these ways of writing [n], moved at random.

    Each point moves, each stroke moves as a whole, and free ends become longer or shorter. Also
    returns the pressure of the pen at each point, about 1 [n, MOST, 1].
    z: random numbers [n, 4 * MOST + 2 * STROKES].
    """
    n, rows = len(way), np.arange(len(way))[:, np.newaxis]
    each, ends, press, strokes = np.split(z, [2 * MOST, 3 * MOST, 4 * MOST], axis=1)
    points = POINTS[way]
    outwards = points - points[rows, BESIDE[way]]
    shift = strokes.reshape(n, STROKES, 2)[rows, STROKE[way]]
    points = points + 0.034 * each.reshape(n, MOST, 2) + 0.03 * shift
    return points + 0.2 * ends[..., np.newaxis] * outwards, 1 + 0.1 * press[..., np.newaxis]


def bend(points, z):
    """Bends, turns, slants and stretches digits: points [n, k, 2]; z: random numbers [n, 8]."""
    bow, taper, high, wide, lean, turn, aspect, tilt = z[..., np.newaxis].transpose(1, 0, 2)
    x, y = points[..., 0], points[..., 1]
    middle = y - 0.5
    y = y + 0.15 * high * y * (1 - y)
    x = x * (1 + 0.3 * taper * middle) + 0.2 * bow * middle * middle + 0.25 * wide * x * (0.6 - x)
    stretch = 1.02 + 0.11 * aspect
    x = x * (stretch * stretch)
    slanted = x - (0.14 + 0.22 * lean + 0.1 * turn) * y
    return np.stack([slanted, y + (0.1 * turn + 0.05 * tilt) * x], axis=-1)


def curve(values, way):
    """Interpolates values at the points [n, MOST, c] to the ends of the pieces [n, PIECES + 1, c].

    A Catmull-Rom spline (Catmull and Rom 1974): it passes through the points.
    """
    rows = np.arange(len(way))[:, np.newaxis, np.newaxis]
    a, b, c, d = values[rows, FOURS[way]].transpose(2, 0, 1, 3)
    t = AT[way][..., np.newaxis]
    return b + 0.5 * t * ((c - a) + t * ((3 * (b - c) + d - a) * t + (2 * a - 5 * b + 4 * c - d)))


# ---- the path of the pen to a picture; pixel (y, x) is the square from x, y to x + 1, y + 1 ----


def fit(places, border):
    """Scales places [n, k, 2] so that ink, border [n] wide around them, just fits the box; float32.

    The shape is kept. The box is the middle of the canvas: MARGIN to MARGIN + BOX.
    """
    low, high = places.min(axis=1), places.max(axis=1)
    scale = (BOX - 2 * border) / (high - low).max(axis=1)
    middle = ((low + high) / 2)[:, np.newaxis]
    return ((places - middle) * scale[:, np.newaxis, np.newaxis] + CANVAS / 2).astype(np.float32)


def ink(places, pressure, lifted, radius, edge):
    """Draws with a round pen. Returns the box, grey values [n, BOX, BOX] uint8, 0 to 255 (ink).

    places [n, k + 1, 2] float32: the pen moves straight from each to the next, in pixels of the
    canvas; pressure [n, k + 1] float32: factor of its radius; lifted [n, k] bool: no ink up to the
    next place; radius [n]: in pixels; edge [n]: width of the fade-out, half of it outside the
    radius.
    """
    n, pieces = lifted.shape
    # In this loop the pictures are the last axis: numpy is fast over a long one.
    ends = np.ascontiguousarray(places.transpose(1, 2, 0))  # [pieces + 1, x or y, n]
    start = ends[:-1]
    step = np.where(lifted.T[:, np.newaxis], np.float32(0), ends[1:] - start)
    square = step[:, 0] * step[:, 0] + step[:, 1] * step[:, 1] + np.float32(1e-6)
    finer = 1 / (pressure * pressure).T
    corner = np.floor(start + step / 2).astype(np.intp) - REACH
    window = np.arange(2 * REACH + 1)
    pixels = (window[:, np.newaxis] * CANVAS + window)[..., np.newaxis]
    first = (np.arange(n) * CANVAS + corner[:, 1]) * CANVAS + corner[:, 0]  # [pieces, n]
    offset = (corner - start).astype(np.float32)
    centre = (window + np.float32(0.5)).astype(np.float32)[:, np.newaxis]
    # squared distance to the path
    nearest = np.full(n * CANVAS * CANVAS, CANVAS * CANVAS, np.float32)
    for k in range(pieces):  # the pixels in a window around each piece
        at = first[k] + pixels
        dx, dy = offset[k, 0] + centre, (offset[k, 1] + centre)[:, np.newaxis]
        sx, sy = step[k]
        # t: how far along the piece its point nearest to the pixel lies, 0 to 1
        t = np.clip(dx * (sx / square[k]) + dy * (sy / square[k]), 0, 1)
        ex, ey = dx - t * sx, dy - t * sy
        nearest[at] = np.minimum(nearest[at], (ex * ex + ey * ey) * finer[k])
    inside = slice(MARGIN, MARGIN + BOX)
    distance = np.sqrt(nearest.reshape(n, CANVAS, CANVAS)[:, inside, inside])
    radius, edge = (x.astype(np.float32)[:, np.newaxis, np.newaxis] for x in (radius, edge))
    grey = np.clip((radius - distance) / edge + np.float32(0.5), 0, 1)
    return np.rint(255 * grey * grey * (3 - 2 * grey)).astype(np.uint8)


def centred(boxes):
    """Returns pictures [n, 28, 28] with the centres of mass of boxes [n, BOX, BOX] in the middle.

    As in MNIST the middle is pixel 14, 14, and boxes are moved by whole pixels.
    """
    mass, middles = boxes.sum(axis=(1, 2), dtype=np.int64), []
    for axis in (2, 1):  # y, x
        moment = (boxes.sum(axis=axis, dtype=np.int64) * np.arange(BOX)).sum(axis=1)
        middles.append((2 * moment + mass) // (2 * mass))
    padded = np.pad(boxes, ((0, 0), (SIDE // 2, SIDE // 2), (SIDE // 2, SIDE // 2)))
    y, x = middles
    return sliding_window_view(padded, (SIDE, SIDE), (1, 2))[np.arange(len(boxes)), y, x]
