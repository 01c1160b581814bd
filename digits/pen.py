"""Turns the path of a pen into pictures like those of MNIST: 20 x 20 pixels, centred in 28 x 28.

Pixel (row y, column x) is the square from (x, y) to (x + 1, y + 1). n pictures are drawn at once.
Only + - * / and square roots, element by element, and sums of integers: see digits/drawn.py.
"""

import numpy as np

BOX, SIDE = 20, 28  # pixels: the digit's own box, the picture
MARGIN = 5  # pixels around the box, so that every window lies on the canvas
CANVAS = BOX + 2 * MARGIN
REACH = 4  # a window goes this many pixels to either side: enough for all but the thickest blots


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
    n, blank = len(boxes), BOX  # what lies outside a box is taken from a blank row behind it
    mass = boxes.sum(axis=(1, 2), dtype=np.int64)
    places = []
    for axis in (2, 1):  # y, x
        moment = (boxes.sum(axis=axis, dtype=np.int64) * np.arange(BOX)).sum(axis=1)
        middle = (2 * moment + mass) // (2 * mass)
        index = middle[:, np.newaxis] - SIDE // 2 + np.arange(SIDE)
        places.append(np.where((index < 0) | (index > BOX), blank, index))
    y, x = places[0][:, :, np.newaxis], places[1][:, np.newaxis]
    return np.pad(boxes, ((0, 0), (0, 1), (0, 1)))[np.arange(n)[:, np.newaxis, np.newaxis], y, x]
