"""What all panels share: axes in a cell of the figure, an axis of iterations, short numbers."""

import math
import re
import sys
import traceback

import numpy as np
from matplotlib import rcParams
from matplotlib.axes import Axes
from matplotlib.patches import Rectangle
from matplotlib.ticker import MaxNLocator, StrMethodFormatter
from matplotlib.transforms import Bbox, TransformedBbox

from visu.panels.style import WARNING

MOST_POINTS = 2000  # more do not show on a screen, and would slow the drawing of a long run
AHEAD = 2  # seconds: a fast training would else outgrow its axis in every frame
ROUND = (1, 1.5, 2, 3, 4, 5, 6, 8)  # where scales may end, times a power of ten
PAUSED, STEPPING = "PAUSED", "one iteration …"  # how the status of a paused run begins
USUAL = "most often\nthe learning rate is too large"  # the reason for NaN
FAILURES = {}  # class of a panel -> the first exception that it has raised, yet to be printed


def round_up(value, steps=ROUND):
    """The smallest number of the kind step * 10^k that is not below value > 0."""
    power = 10.0 ** math.floor(math.log10(value))
    return next((s * power for s in steps if s * power >= value * (1 - 1e-9)), 10 * power)


def in_short(value):
    """A number at an axis, with its power of ten in few letters: "0.25", "−4e6"."""
    return re.sub(r"e\+?(-?)0*", r"e\1", f"{value:.4g}").replace("-", "−")


def thin_out(column):
    """At most MOST_POINTS entries of a list, evenly chosen, the last one always.

    The distance is a power of two, so that a growing list keeps the points it has shown.
    """
    step = 1
    while len(column) - 1 > step * (MOST_POINTS - 1):
        step *= 2
    return column[:-1:step] + column[-1:]


def series(points, name, *shape):
    """(iterations [n], values [n, *shape]) of Points, thinned out.

    name: of the values' attribute.
    """
    points = thin_out(points)
    iterations = np.array([point.iteration for point in points], float)
    values = np.array([getattr(point, name) for point in points], float)
    return iterations, values.reshape(-1, *shape)


class Panel:
    """A panel: axes of the figure within a cell that is this panel's alone.

    A subclass is made with (axes, run). artists: what changes with nearly every evaluation, in
    drawing order; all else on the axes is the background, which is drawn again only where
    matplotlib has marked it as stale. selection, ask: the Selection of all panels and the
    network's answers, see Dashboard; set before the first update. Limits do not scale by
    themselves, see set_limits; a label of an axis needs a place, as in TimePanel.
    """

    margins = 60, 34, 38, 52  # left, right, top, bottom, for all text outside of the axes
    wide = 1.0  # relative width, 1 for most panels
    asks = False  # whether it asks the network about digits, and so needs a live window
    keeps = ()  # names of the variables that it shows, which a movie has to keep
    failed = False  # whether it has raised an exception
    going_on = ""  # the run's status, as the window tells it

    def __init__(self, axes, title="", above=0):
        """above: lines to leave free between axes and title."""
        self.axes, self.artists = axes, []
        axes.panel = self
        self.seen = ()  # what is_new was given last
        self.letter = rcParams["font.size"] / 72 * axes.get_figure().dpi  # its height, in pixels
        pad = rcParams["axes.titlepad"] + 1.5 * above * rcParams["font.size"]
        self.title = axes.set_title(title, loc="left", pad=pad)
        axes.set_autoscale_on(False)
        axes.tick_params(  # said here as ticks are also made later, when the style is gone
            labelsize=rcParams["font.size"],
            length=rcParams["xtick.major.size"],
            width=rcParams["xtick.major.width"],
        )
        axes.yaxis.set_label_coords(0, 0.5)  # given, as finding places takes time in each drawing

    def put_into(self, cell):
        """Take this cell of the figure, from which nothing sticks out; a Bbox, 0..1 both ways."""
        figure = self.axes.get_figure()
        pixels = figure.bbox.size  # whole ones, so that none lies between two cells
        cell = Bbox(np.round(cell.get_points() * pixels) / pixels)
        self.cell = TransformedBbox(cell, figure.transFigure)  # in pixels
        self.paper = Rectangle(
            cell.p0, cell.width, cell.height, facecolor="white", linewidth=0, antialiased=False
        )
        self.paper.set(transform=figure.transFigure, figure=figure)

    def set_limits(self, x=None, y=None):
        """Set the axes' limits, (low, high), where they differ: equal ones would mark it stale."""
        if x is not None and tuple(x) != self.axes.get_xlim():
            self.axes.set_xlim(x)
        if y is not None and tuple(y) != self.axes.get_ylim():
            self.axes.set_ylim(y)

    def is_new(self, *what):
        """Whether these are not the objects given here last, which are those that are drawn."""
        before, self.seen = self.seen, what
        return list(map(id, what)) != list(map(id, before))

    def update(self, history):
        """Take over what is new; return True where an artist has changed."""
        raise NotImplementedError

    def mouse(self, action, event):
        """A "press", "drag" or "release" of the mouse here, as matplotlib's MouseEvent.

        Returns None where it means nothing, () where this panel has changed, the classes of the
        panels to show now, or, while a pen moves, the one artist that it changes, without a hole.
        """
        return None

    def key(self, key):
        """A key that the window leaves to its panels; returns as mouse does."""
        return None

    def fail(self, error, kind=None):
        """Show a message in place of this panel from now on.

        error: what it has raised; kind: the class that has, where it is not this panel's.
        """
        FAILURES.setdefault(kind or type(self), error)
        self.failed, self.artists = True, []
        self.axes.clear()
        self.axes.set_axis_off()
        text = "this panel has failed: its error is\nprinted when the run has ended"
        text = self.axes.text(0.5, 0.5, text, transform=self.axes.transAxes)
        text.set(ha="center", va="center", size=72 * self.letter / self.axes.get_figure().dpi)


class PanelAxes(Axes):
    """The axes of a panel, which fails where they cannot be drawn."""

    def draw(self, renderer):
        try:
            super().draw(renderer)
        except Exception as error:
            self.panel.fail(error)
            super().draw(renderer)


def print_failures():
    """Print the traceback of each panel that has failed, at the end of a run."""
    for kind, error in FAILURES.items():
        print(f"The panel {kind.__name__} has failed:", file=sys.stderr)
        traceback.print_exception(error)
    FAILURES.clear()


class TimePanel(Panel):
    """A panel over the iterations. The x axis grows in jumps: each one costs a full redraw."""

    def __init__(self, axes, run, title, above=0):
        super().__init__(axes, title, above)
        self.run = run
        # title and legend start above the tick labels
        self.left = -2.8 * self.letter / axes.bbox.width
        self.title.set_x(self.left)
        axes.set_axisbelow(True)
        axes.spines[["top", "right"]].set_visible(False)
        axes.grid(True, color=rcParams["grid.color"], linewidth=rcParams["grid.linewidth"])
        axes.set_xlabel("iteration")
        axes.xaxis.set_label_coords(0.5, -1.7 * self.letter / axes.bbox.height)
        axes.xaxis.set_major_locator(MaxNLocator(5, integer=True))
        axes.xaxis.set_major_formatter(StrMethodFormatter("{x:,.0f}"))
        axes.yaxis.set_major_locator(MaxNLocator(6, steps=[1, 2, 2.5, 5, 10]))
        axes.yaxis.set_major_formatter(lambda value, position: in_short(value))
        self.hint = axes.text(0.5, 0.5, "", transform=axes.transAxes, ha="center", va="center")
        self.hint.set_bbox({"facecolor": "white", "edgecolor": "none", "alpha": 0.8})

    def fit_iterations(self, history):
        """Make room for what is there, and for the first AHEAD seconds of the training."""
        last = max([100, *(point.iteration for point in history.train[-1:])])
        room = round_up(max(last, AHEAD * history.steps_per_second), (1, 2, 5))
        self.set_limits(x=(0, min(room, max(last, self.run.iterations))))

    def tell_gap(self, what, iterations, values):
        """Say since when the values, [n], are not numbers, or why they make no curve."""
        known = np.flatnonzero(np.isfinite(values))
        since = known[-1] + 1 if len(known) else 0
        told, colour = "", "0.3"
        if since < len(values):
            told = f"{what} not a number (NaN) since\niteration {iterations[since]:,.0f}: {USUAL}"
            colour = "black"
        elif not self.run.iterations and len(known) == 1:
            told = "one evaluation, no curve:\nthis run trains nothing"
        self.hint.set(text=told, color=colour)
        self.hint.get_bbox_patch().set_facecolor(WARNING if colour == "black" else "white")
