"""The panels in memory, for pictures that go elsewhere: into a notebook, into a movie."""

import numpy as np
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from visu.panels import DPI, Panels


class Offscreen:
    """Panels on a canvas in memory, where only what has changed is drawn anew.

    run: a history.Run; width, height: in pixels.
    """

    def __init__(self, run, width, height):
        self.figure = Figure((width / DPI, height / DPI), dpi=DPI)
        self.canvas = FigureCanvasAgg(self.figure)
        self.panels = Panels(self.figure, run, animated=True)
        self.background = None  # all that does not move

    def draw(self, history, status=""):
        """Draw a History, and the status as Panels takes it; False where nothing has changed."""
        changed = self.panels.update(history, status)
        if self.panels.fresh and not changed:
            return False
        if not self.panels.fresh:
            self.canvas.draw()
            self.background = self.canvas.copy_from_bbox(self.figure.bbox)
            self.panels.fresh = True
        self.canvas.restore_region(self.background)
        for part in self.panels.moving:
            for artist in part.artists:
                self.figure.draw_artist(artist)
        return True

    @property
    def pixels(self):
        """What was drawn, [height, width, 4] uint8; the next drawing changes it."""
        return np.asarray(self.canvas.buffer_rgba())
