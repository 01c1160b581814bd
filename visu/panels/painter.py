"""Draws a Dashboard on an Agg canvas by blitting: only the panels that have changed."""

import numpy as np
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from visu.panels.dashboard import Dashboard
from visu.panels.style import DPI


class Painter:
    """Draws panels of a Dashboard made with animated=True; its canvas is one that uses Agg."""

    def __init__(self, dashboard):
        self.dashboard, self.figure = dashboard, dashboard.figure
        self.canvas = self.figure.canvas
        self.backgrounds = {}  # panel -> the pixels of its background

    def paint(self, panels):
        """Draw these panels of the dashboard; returns the areas with new pixels, as Bboxes."""
        for panel in panels:
            self._restore_background(panel)
        for panel in panels:
            try:
                self._draw(panel.artists)
            except Exception as error:
                panel.fail(error)
        if not self.dashboard.help_shown:
            return [panel.cell.padded(1) for panel in panels]  # Qt rounds both ends down
        self._draw([self.dashboard.help])
        return [self.figure.bbox] if panels else []

    def complete(self):
        """After the canvas has drawn the backgrounds: cache these, and draw the artists on them."""
        self.backgrounds = {
            panel: self.canvas.copy_from_bbox(panel.cell) for panel in self.dashboard.panels
        }
        self.paint(self.dashboard.panels)

    def _restore_background(self, panel):
        """Restore the cached background of a panel; draw it where there is none, or a stale one."""
        if panel in self.backgrounds and not panel.axes.stale:
            self.canvas.restore_region(self.backgrounds[panel])
        else:
            self._draw([panel.paper, panel.axes])
            self.backgrounds[panel] = self.canvas.copy_from_bbox(panel.cell)

    def _draw(self, artists):
        for artist in artists:
            self.figure.draw_artist(artist)


class Offscreen(Painter):
    """Draws a Dashboard of its own, on a canvas in memory.

    run: a Run; width, height: in pixels.
    """

    def __init__(self, run, width=1344, height=756):
        figure = FigureCanvasAgg(Figure((width / DPI, height / DPI), dpi=DPI)).figure
        super().__init__(Dashboard(figure, run, animated=True))

    def draw(self, history, status=""):
        """Draw a History and the status; False where nothing has changed. See Dashboard.update."""
        return bool(self.paint(self.dashboard.update(history, status)))

    @property
    def pixels(self):
        """What was drawn, [height, width, 4] uint8; the next drawing changes it."""
        return np.asarray(self.canvas.buffer_rgba())
