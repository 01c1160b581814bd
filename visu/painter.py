"""Draws Panels on their canvas: only what has changed, and from memory what was drawn before."""


class Painter:
    """Paints Panels made with animated=True; their canvas is one that draws with Agg."""

    def __init__(self, panels):
        self.panels, self.figure = panels, panels.figure
        self.canvas = self.figure.canvas
        self.backgrounds = {}  # plot -> what its background shows, and its pixels

    def paint(self, changed):
        """Draw these members of panels.moving, or all of them where they are not fresh.

        Returns the areas with new pixels, as Bboxes.
        """
        if not self.panels.fresh:
            self.panels.fresh, changed = True, self.panels.moving
        for part in changed:
            self._lay_background(part)
        self._draw_moving(changed)
        if changed and (changed == self.panels.moving or self.panels.help_shown):
            return [self.figure.bbox]
        return [part.cell for part in changed]

    def complete(self):
        """After the canvas has drawn what does not move: keep that, and draw the rest over it."""
        self.panels.fresh = True
        self.backgrounds.clear()  # their pixels may be those of another size
        for part in self.panels.moving:
            self._keep_background(part)
        self._draw_moving(self.panels.moving)

    def _lay_background(self, part):
        """Put down what does not move of a panel, from memory where it has been drawn before."""
        shown, region = self.backgrounds.get(part, (None, None))
        if shown == part.background():
            self.canvas.restore_region(region)
        else:
            for artist in [part.paper, *part.still]:
                self.figure.draw_artist(artist)
            self._keep_background(part)

    def _keep_background(self, part):
        self.backgrounds[part] = part.background(), self.canvas.copy_from_bbox(part.cell)

    def _draw_moving(self, parts):
        for artist in [artist for part in parts for artist in part.artists]:
            self.figure.draw_artist(artist)
        if self.panels.help_shown:
            self.figure.draw_artist(self.panels.help)
