"""The live picture in a notebook's cell, refreshed in place. Only this module imports IPython."""

import time
from io import BytesIO

from IPython.display import Image, display
from matplotlib.image import imsave

from visu.panels.dashboard import Offscreen

LOOK_SECONDS = 0.1  # between two looks at the training, and at most until an interrupt is obeyed
REFRESH_SECONDS = 1.0  # between two pictures


class Notebook:
    """A picture of a History below the cell: serves as Window does, without keys.

    live: as for Window. Nobody can close it, so that show() ends with the run.
    """

    def __init__(self, live):
        self.live, self.history = live, live.history
        self.screen = Offscreen(self.history.run)
        self.dashboard = self.screen.dashboard
        self.handle = None  # IPython's, of the output that holds the picture

    def show(self, begin):
        """Call begin(); block until the run is complete, or stopped. The picture stays."""
        begin()
        due = 0
        while True:
            status = self.live.poll()
            ended = status is None or self.history.completed
            if ended or time.monotonic() >= due:
                due = time.monotonic() + REFRESH_SECONDS
                self._refresh(status or "")
            if ended:
                return
            time.sleep(LOOK_SECONDS)

    def _refresh(self, status):
        """Show what is new, in the place of the picture before."""
        if not self.screen.draw(self.history, status):
            return
        png = BytesIO()
        imsave(png, self.screen.pixels, format="png")
        name = f"{self.history.run.name}: the live window"
        picture = Image(png.getvalue(), format="png", alt=name)
        if self.handle:
            self.handle.update(picture)
        else:
            self.handle = display(picture, display_id=True)
