"""The panels in memory, for pictures that go elsewhere: into a notebook, into a movie."""

import numpy as np
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from visu.painter import Painter
from visu.panels import DPI, Panels


class Offscreen:
    """Panels on a canvas in memory, where only what has changed is drawn anew.

    run: a history.Run; width, height: in pixels.
    """

    def __init__(self, run, width, height):
        self.figure = Figure((width / DPI, height / DPI), dpi=DPI)
        self.canvas = FigureCanvasAgg(self.figure)
        self.panels = Panels(self.figure, run, animated=True)
        self.painter = Painter(self.panels)

    def draw(self, history, status=""):
        """Draw a History, and the status as Panels takes it; False where nothing has changed."""
        changed = self.panels.update(history, status)
        return bool(self.painter.paint(changed))

    @property
    def pixels(self):
        """What was drawn, [height, width, 4] uint8; the next drawing changes it."""
        return np.asarray(self.canvas.buffer_rgba())
