"""Digits in the shape of MNIST, drawn from pen strokes: for where there is no network.

`make` is the face. Each picture has a row of random numbers to itself; they choose one of the
GLYPHS, bend its points (`pose`), and a round pen follows them (`ink`). As MNIST's, a digit is
fitted into a box of 20 x 20 pixels and placed with its centre of mass in the middle of 28 x 28
(LeCun, Cortes and Burges's MNIST page).

The pictures are the same to the byte on every machine: the bits come from PCG64, whose raw stream
numpy keeps; all that follows is + - * / and square roots element by element, which IEEE 754 fixes
to the last bit, and sums of integers. So no exp, no matrix product, no sum of floats.
"""

import numpy as np

from digits.strokes import GLYPHS, parse

CHUNK = 500  # pictures drawn at once: their distances then stay in the cache
SEGMENTS = 64  # straight pieces of a digit, about a pixel each
BOX, SIDE = 20, 28  # pixels: the digit's own box, the picture
MARGIN = 5  # pixels around the box, where the pen's reach may go
ROOM = BOX + 2 * MARGIN
REACH = 4  # pixels from the middle of a piece that its ink may touch, at most
POSE = 10  # random numbers of a picture for its pose and its pen


def make(seed=0, train=60_000, test=10_000, progress=None):
    """Draws digits: train images [train, 28, 28] and labels [train], test images and labels; uint8.

    Images go from 0 (paper, black) to 255 (ink, white). The first k of each part are the same
    however many there are. progress(done, total) is called after every few hundred pictures.
    """
    arrays = []
    for count, source in zip((train, test), np.random.SeedSequence(seed).spawn(2), strict=True):
        images, labels = np.empty((count, SIDE, SIDE), np.uint8), np.empty(count, np.uint8)
        bits = np.random.PCG64(source)
        for first in range(0, count, CHUNK):
            part = slice(first, min(first + CHUNK, count))
            raw = bits.random_raw((part.stop - first) * NUMBERS)
            images[part], labels[part] = draw(raw.reshape(-1, NUMBERS))
            if progress:
                progress(part.stop + (len(arrays) and train), train + test)
        arrays += [images, labels]
    return tuple(arrays)


def draw(raw):
    """Draws pictures from random bits, raw [n, NUMBERS] uint64: images [n, 28, 28], labels [n]."""
    glyph = np.searchsorted(SHARES, (raw[:, 0] >> np.uint64(11)) / 2.0**53, side="right")
    z = normal(raw[:, 1:])
    pose_z, z = z[:, :POSE], z[:, POSE:]
    points = bend(wobble(glyph, z), pose_z)
    path = curve(points, glyph)
    radius, edge = pen(pose_z)
    path = fit(path, radius)
    return centred(ink(path, LIFTED[glyph], radius, edge)), LABELS[glyph]


def normal(raw):
    """Nearly normal random numbers from bits, uint64: the sum of four 16-bit numbers, sd 1."""
    quarters = np.ascontiguousarray(raw).view(np.uint16).reshape(*raw.shape, 4)
    total = quarters.sum(axis=-1, dtype=np.int64)  # in any order of the bytes
    return (total - 2 * 65_535) / (65_536 / 3**0.5)


# ---- glyphs to tables: one row per glyph, padded to the same lengths ----


def pieces(points, rows):
    """The ends of SEGMENTS straight pieces of a glyph, evenly spaced along its strokes.

    Returns for each end its four points [SEGMENTS + 1, 4] and where between the two middle ones it
    lies [SEGMENTS + 1], 0 to 1; and whether the pen is lifted between it and the next one.
    """
    spans = []  # (four points, stroke)
    for number, row in enumerate(rows):
        padded = [row[0], *row, row[-1]]
        spans += [
            (padded[k : k + 4], number)
            for k in range(len(row) - 1)
            if row[k] != row[k + 1]  # at a corner
        ]
    lengths = [((points[four[1]] - points[four[2]]) ** 2).sum() ** 0.5 for four, _ in spans]
    counts = shared(SEGMENTS + 1 - len(rows), lengths)
    fours, at, stroke = [], [], []
    for k, ((four, number), count) in enumerate(zip(spans, counts, strict=True)):
        last = k + 1 == len(spans) or spans[k + 1][1] != number
        for step in range(count + last):
            fours.append(four)
            at.append(step / count)
            stroke.append(number)
    return np.array(fours), np.array(at), np.diff(stroke) != 0


def shared(total, lengths):
    """Shares out `total` things by length, each gets one or more; the counts."""
    counts = [1] * len(lengths)
    for _ in range(total - len(lengths)):
        counts[max(range(len(lengths)), key=lambda k: lengths[k] / counts[k])] += 1
    return counts


def tables():
    """Returns what the functions below look up by glyph, one array each; see their names."""
    glyphs = [(d, w, *parse(text)) for d, ways in GLYPHS.items() for w, text in ways]
    most = max(len(points) for _, _, points, _ in glyphs)
    totals = {d: sum(w for w, _ in ways) for d, ways in GLYPHS.items()}
    shares = np.cumsum([w / totals[d] / len(GLYPHS) for d, w, _, _ in glyphs])[:-1]
    labels = np.array([d for d, _, _, _ in glyphs], np.uint8)
    padded = np.zeros((len(glyphs), most, 2))
    before = np.tile(np.arange(most), (len(glyphs), 1))
    stroke = np.zeros((len(glyphs), most), np.intp)
    for k, (_, _, points, rows) in enumerate(glyphs):
        padded[k, : len(points)] = points
        named = [point for row in rows for point in row]
        for number, row in reversed([*enumerate(rows)]):
            stroke[k, row] = number
            for end, neighbour in ((row[0], row[1]), (row[-1], row[-2])):
                if named.count(end) == 1:
                    before[k, end] = neighbour
    cut = [pieces(points, rows) for _, _, points, rows in glyphs]
    fours, at, lifted = (np.stack(parts) for parts in zip(*cut, strict=True))
    return shares, labels, padded, before, stroke, fours, at, lifted


SHARES, LABELS, POINTS, BEFORE, STROKE, FOURS, AT, LIFTED = tables()
STROKES = int(STROKE.max()) + 1
NUMBERS = 1 + POSE + 4 * POINTS.shape[1] + 2 * STROKES  # random numbers of a picture


# ---- strokes to pictures ----


def wobble(glyph, z):
    """The points [n, points, 2] of these glyphs [n], each moved, and each stroke as a whole.

    Free ends of strokes go further or stop short. z: random numbers [n, points * 3 + STROKES * 2].
    """
    n, most = len(glyph), POINTS.shape[1]
    each, ends, press, strokes = np.split(z, [2 * most, 3 * most, 4 * most], axis=1)
    rows = np.arange(n)[:, np.newaxis]
    points = POINTS[glyph]
    along = points - points[rows, BEFORE[glyph]]
    shift = strokes.reshape(n, STROKES, 2)[rows, STROKE[glyph]]
    longer = along * (0.2 * ends[..., np.newaxis])
    points = points + 0.034 * each.reshape(n, most, 2) + 0.03 * shift + longer
    return np.concatenate([points, 1 + 0.1 * press[..., np.newaxis]], axis=-1)


def bend(points, z):
    """Bends, leans and stretches digits: points [n, points, 2]; z: random numbers [n, POSE]."""
    bow, taper, high, wide, lean, turn, aspect, tilt = z[:, 2:, np.newaxis].transpose(1, 0, 2)
    x, y, pressure = points.transpose(2, 0, 1)
    middle = y - 0.5
    y = y + 0.15 * high * y * (1 - y)
    x = x * (1 + 0.3 * taper * middle) + 0.2 * bow * middle * middle + 0.25 * wide * x * (0.6 - x)
    stretch = 1.04 + 0.11 * aspect
    x = x * (stretch * stretch)
    turn = 0.1 * turn
    slant = -0.14 - 0.22 * lean
    return np.stack([x + (slant - turn) * y, y + turn * x + 0.05 * tilt * x, pressure], axis=-1)


def curve(points, glyph):
    """The ends [n, SEGMENTS + 1, 2] of the pieces of the curve through points [n, points, 2].

    A Catmull-Rom spline (Catmull and Rom 1974): it passes through its points.
    """
    rows = np.arange(len(glyph))[:, np.newaxis, np.newaxis]
    a, b, c, d = points[rows, FOURS[glyph]].transpose(2, 0, 1, 3)
    t = AT[glyph][..., np.newaxis]
    cubic = (3 * (b - c) + d - a) * t + (2 * a - 5 * b + 4 * c - d)
    return b + 0.5 * t * ((c - a) + t * cubic)


def pen(z):
    """Radius and width of the grey edge [n], in pixels; z: random numbers [n, POSE]."""
    thickness = 1.11 + 0.15 * z[:, 0]
    return np.minimum(thickness * thickness, 2.8), 1.3 + 0.15 * z[:, 1]


def fit(path, border):
    """Scales paths [n, ends, 2] so that ink, border [n] wide around them, fits the box; float32."""
    places = path[..., :2]
    low, high = places.min(axis=1), places.max(axis=1)
    free = BOX - 2 * border
    scale = free / (high - low).max(axis=1)
    middle = ((low + high) / 2)[:, np.newaxis]
    places = (places - middle) * scale[:, np.newaxis, np.newaxis] + ROOM / 2
    return np.concatenate([places, path[..., 2:]], axis=-1).astype(np.float32)


def ink(path, lifted, radius, edge):
    """What a round pen leaves: grey values [n, ROOM, ROOM] uint8, from 0 (none) to 255.

    path: ends of pieces [n, SEGMENTS + 1, 2] in pixels; lifted [n, SEGMENTS]: no ink on the way to
    the next end; radius, edge [n]: of the pen, and the width over which its ink fades out.
    """
    n, width = len(path), 2 * REACH + 1
    path, pressure = path[..., :2], path[..., 2]
    nearest = np.full((n, ROOM * ROOM), 1000, np.float32)  # squared distance to the path
    step = np.where(lifted[..., np.newaxis], np.float32(0), path[:, 1:] - path[:, :-1])
    square = step[..., 0] * step[..., 0] + step[..., 1] * step[..., 1] + np.float32(1e-6)
    corner = np.clip(np.floor(path[:, :-1] + step / 2).astype(np.intp) - REACH, 0, ROOM - width)
    window = (np.arange(width)[:, np.newaxis] * ROOM + np.arange(width)).ravel()
    picture = np.arange(n) * (ROOM * ROOM)
    centre = np.arange(width, dtype=np.float32) + np.float32(0.5)
    flat = nearest.reshape(-1)
    finer = (1 / (pressure * pressure))[..., np.newaxis]
    for k in range(step.shape[1]):  # a window of pixels around each piece
        at = (picture + corner[:, k, 1] * ROOM + corner[:, k, 0])[:, np.newaxis] + window
        away = centre + (corner[:, k] - path[:, k]).astype(np.float32)[..., np.newaxis]
        dx, dy = away[:, 0, np.newaxis, :], away[:, 1, :, np.newaxis]
        sx, sy = step[:, k, 0, np.newaxis, np.newaxis], step[:, k, 1, np.newaxis, np.newaxis]
        share = square[:, k, np.newaxis, np.newaxis]
        t = np.clip(dx * (sx / share) + dy * (sy / share), 0, 1)  # the nearest point of the piece
        ex, ey = dx - t * sx, dy - t * sy
        distance = (ex * ex + ey * ey).reshape(n, -1) * finer[:, k]
        flat[at] = np.minimum(flat[at], distance)
    radius, edge = (x.astype(np.float32)[:, np.newaxis] for x in (radius, edge))
    grey = np.clip((radius + edge / 2 - np.sqrt(nearest)) / edge, 0, 1)
    grey = np.rint(255 * grey * grey * (3 - 2 * grey)).astype(np.uint8).reshape(n, ROOM, ROOM)
    inside = slice(MARGIN, MARGIN + BOX)
    framed = np.zeros_like(grey)
    framed[:, inside, inside] = grey[:, inside, inside]
    return framed


def centred(grey):
    """Pictures [n, 28, 28] with the centre of mass of these [n, ROOM, ROOM] at pixel 14, 14."""
    n = len(grey)
    mass = grey.sum(axis=(1, 2), dtype=np.int64)
    index = np.arange(ROOM)
    rows = []
    for axis in (2, 1):
        moment = (grey.sum(axis=axis, dtype=np.int64) * index).sum(axis=1)
        first = (2 * moment + mass) // (2 * mass) - SIDE // 2
        rows.append(np.clip(first[:, np.newaxis] + np.arange(SIDE), 0, ROOM - 1))
    y, x = rows
    return grey[np.arange(n)[:, np.newaxis, np.newaxis], y[:, :, np.newaxis], x[:, np.newaxis]]
