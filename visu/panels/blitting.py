"""Draws Panels on an Agg canvas: only what has changed, and from memory what was drawn before."""

import numpy as np
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from visu.panels.dashboard import Panels
from visu.panels.style import DPI


class Painter:
    """Paints Panels made with animated=True; their canvas is one that draws with Agg."""

    def __init__(self, panels):
        self.panels, self.figure = panels, panels.figure
        self.canvas = self.figure.canvas
        self.forget()

    def forget(self):
        """Keep no pixels: they may be those of another size."""
        self.backgrounds = {}  # panel -> the pixels of its background

    def paint(self, parts):
        """Draw these members of panels.moving; returns the areas with new pixels, as Bboxes."""
        for part in parts:
            self._restore_background(part)
        self._draw(artist for part in parts for artist in part.artists)
        if not self.panels.help_shown:
            return [part.cell.padded(1) for part in parts]  # Qt rounds both ends down
        self.figure.draw_artist(self.panels.help)
        return [self.figure.bbox] if parts else []

    def complete(self):
        """After the canvas has drawn what is not animated: keep that, and draw the rest over it."""
        self.forget()
        for part in self.panels.moving:
            self.backgrounds[part] = self.canvas.copy_from_bbox(part.cell)
        self.paint(self.panels.moving)

    def _restore_background(self, part):
        """Restore the cached background of a panel; draw it where there is none, or a stale one."""
        if part in self.backgrounds and not part.axes.stale:
            self.canvas.restore_region(self.backgrounds[part])
        else:
            self._draw([part.paper, part.axes])
            self.backgrounds[part] = self.canvas.copy_from_bbox(part.cell)

    def _draw(self, artists):
        for artist in artists:
            self.figure.draw_artist(artist)


class Offscreen:
    """Panels on a canvas in memory, where only what has changed is drawn anew.

    run: a Run; width, height: in pixels.
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
