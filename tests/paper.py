"""Digits on paper: as a phone would photograph them, and one made by hand."""

import numpy as np
from PIL import Image

HEIGHT, WIDTH = 480, 640


def on_paper(digit, rng, dark_paper=False):
    """A picture [HEIGHT, WIDTH] uint8 of a digit [28, 28] uint8: enlarged by 4 to 12, somewhere on
    light or dark paper, under uneven light, with noise.
    """
    side = int(28 * 8 * rng.uniform(0.5, 1.5))
    enlarged = Image.fromarray(digit).resize((side, side), Image.Resampling.BICUBIC)
    ink = np.zeros((HEIGHT, WIDTH))
    top, left = rng.integers(0, (HEIGHT - side + 1, WIDTH - side + 1))
    ink[top : top + side, left : left + side] = np.asarray(enlarged) / 255
    y, x = np.mgrid[-1 : 1 : HEIGHT * 1j, -1 : 1 : WIDTH * 1j]
    turn = rng.uniform(0, 2 * np.pi)
    light = 0.7 + 0.2 * (np.cos(turn) * x + np.sin(turn) * y) - 0.05 * (x * x + y * y)
    bright = light * (0.15 + 0.75 * ink if dark_paper else 0.9 - 0.65 * ink)
    bright += rng.normal(0, 0.04, bright.shape)
    return np.clip(np.rint(255 * bright), 0, 255).astype(np.uint8)


def seven():
    """A 7 made by hand, [120, 100] bool."""
    ink = np.zeros((120, 100), bool)
    ink[20:30, 20:80] = ink[20:100, 70:80] = True
    return ink
