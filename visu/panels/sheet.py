"""A sheet of paper to draw a digit on, with the mouse or a pen."""

import numpy as np
from PIL import Image, ImageDraw

SIDE = 280  # pixels, both ways
PEN = 22  # pixels: about as wide as MNIST's strokes, for a digit that fills most of the sheet


class Sheet:
    """The ink on it: [SIDE, SIDE] uint8, 255 = ink."""

    def __init__(self):
        self.clear()

    def clear(self):
        """Take a new sheet."""
        self._image = Image.new("L", (SIDE, SIDE))
        self._pen = 0, 0

    def draw(self, x, y, lifted):
        """Draw a straight line from where the pen was, or where it was lifted, a dot.

        x, y: where the pen is, 0..1 from the left and from the top.
        """
        here = SIDE * x, SIDE * y
        drawing = ImageDraw.Draw(self._image)
        if not lifted:
            drawing.line([self._pen, here], fill=255, width=PEN)
        drawing.ellipse([x - PEN / 2 for x in here] + [x + PEN / 2 for x in here], fill=255)
        self._pen = here

    @property
    def ink(self):
        return np.asarray(self._image)
