"""The panels over the iterations: what each draws on its axes, and how a History fills it."""

import math
import re

import numpy as np
from matplotlib import rcParams
from matplotlib.lines import Line2D
from matplotlib.patches import Patch, Rectangle
from matplotlib.ticker import MaxNLocator, StrMethodFormatter
from matplotlib.transforms import Bbox, TransformedBbox

from visu.panels.style import BANDS, TEST, TRAINING

MOST_POINTS = 2000  # more do not show on a screen, and would slow the drawing of a long run
AHEAD = 2  # seconds: a fast training would else outgrow its axis in every frame
FLOORS = 0.98, 0.9  # where the axis of the accuracy may begin, beside 0
GHOSTS = ("0.88", 1), ("0.75", 3)  # grey and width of the training and test curve replaced
ROUND = (1, 1.5, 2, 3, 4, 5, 6, 8)  # where scales may end, times a power of ten


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


class Plot:
    """A panel: axes of the figure within a cell that is this panel's alone.

    focus: the Focus of all panels, set by Panels before the first update.

    The background, drawn again where it shows something else, is `fixed`, which never changes, and
    `still`, the axes; artists: what moves on it, in drawing order.
    """

    def __init__(self, axes, title="", above=0):
        """above: lines to leave free between axes and title."""
        self.axes, self.still = axes, [axes]
        self.letter = rcParams["font.size"] / 72 * axes.get_figure().dpi  # its height, in pixels
        pad = rcParams["axes.titlepad"] + 1.5 * above * rcParams["font.size"]
        self.title = axes.set_title(title, loc="left", pad=pad)
        self.fixed, self.artists = [], []
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

    def set_visible(self, on):
        """Whether the figure shows this panel."""
        for axes in self.still:
            axes.set_visible(on)

    def background(self):
        """What the background shows; where it differs from before, it is to be drawn again."""
        return self.title.get_text(), self.axes.get_xlim(), self.axes.get_ylim()

    def update(self, history):
        """Take over what is new; return True where something is."""
        raise NotImplementedError

    def mouse(self, action, event):
        """A "press", "drag" or "release" of the mouse here, as matplotlib's MouseEvent.

        Returns None where it means nothing, () where this panel has changed, or the names of the
        panels to show now.
        """
        return None

    def key(self, key):
        """A key that the window leaves to its panels; returns as mouse does."""
        return None


class TimePlot(Plot):
    """A panel over the iterations. The x axis grows in jumps: each one costs a full redraw."""

    def __init__(self, axes, run, title, above=0):
        super().__init__(axes, title, above)
        self.run = run
        # title and legend start above the tick labels
        self.left = -2.8 * self.letter / axes.bbox.width
        self.title.set_x(self.left)
        self.seen = object()  # the Evaluation that is drawn; at first none, and not None either
        axes.set_axisbelow(True)
        axes.spines[["top", "right"]].set_visible(False)
        axes.grid(True, color=rcParams["grid.color"], linewidth=rcParams["grid.linewidth"])
        axes.set_xlabel("iteration")
        axes.xaxis.set_label_coords(0.5, -1.7 * self.letter / axes.bbox.height)
        axes.xaxis.set_major_locator(MaxNLocator(5, integer=True))
        axes.xaxis.set_major_formatter(StrMethodFormatter("{x:,.0f}"))
        axes.yaxis.set_major_locator(MaxNLocator(6, steps=[1, 2, 2.5, 5, 10]))
        axes.yaxis.set_major_formatter(lambda value, position: in_short(value))
        self.hint = axes.text(
            0.5, 0.5, "", transform=axes.transAxes, ha="center", va="center", color="#c81e1e"
        )
        self.hint.set_bbox({"facecolor": "white", "edgecolor": "none", "alpha": 0.8})

    def fit_iterations(self, history):
        """Make room for what is there, and for the first AHEAD seconds of the training."""
        last = max(history.iteration, 100)
        room = round_up(max(last, AHEAD * history.steps_per_second), (1, 2, 5))
        self.axes.set_xlim(0, min(room, max(last, self.run.iterations)))

    def tell_nan(self, what, iterations, values):
        """Say where the numbers broke down, as the curve has a gap there; values: [n]."""
        broken = ~np.isfinite(values)
        hint = ""
        if broken.any() and broken[-1]:
            hint = f"{what} not a number (NaN)\nsince iteration {iterations[broken.argmax()]:,.0f}"
        self.hint.set_text(hint)


class Curves(TimePlot):
    """Accuracy or loss: training thin, test thick."""

    def __init__(self, axes, run, title):
        super().__init__(axes, run, title)
        thin = rcParams["lines.linewidth"]
        self.train = Line2D([], [], color=TRAINING, linewidth=thin, label="training")
        self.test = Line2D([], [], color=TEST, linewidth=3 * thin, label="test")
        self.test.set_markersize(0.6 * self.letter)
        self.ghost, self.ghosts = (
            None,
            [Line2D([], [], color=grey, linewidth=width * thin) for grey, width in GHOSTS],
        )
        for line in (*self.ghosts, self.train, self.test):
            axes.add_line(line)
        self.artists = [self.train, self.test, self.hint]
        self.fixed = [
            axes.legend(
                handles=[self.train, self.test], loc="lower right", bbox_to_anchor=(1, 1), ncols=2
            )
        ]

    def update(self, history):
        if history.last is self.seen:
            return False
        self.seen = history.last
        self.fit_iterations(history)
        self.show_ghost(history.ghost)
        iterations, values = self.points(history.train)
        self.train.set_data(iterations, values)
        self.test.set_data(self.points(history.test))
        self.test.set_marker("o" if len(history.test) == 1 else "")  # no line yet
        self.fit_values(values, self.test.get_ydata())
        self.tell_nan(self.what, iterations, values)
        return True

    def points(self, points):
        """(iterations [n], values [n]) of TrainPoints or TestPoints, thinned out."""
        points = thin_out(points)
        values = [(point.iteration, getattr(point, self.what)) for point in points]
        return np.array(values, float).reshape(-1, 2).T

    def show_ghost(self, ghost):
        """Draw the curves of the run that this one has replaced, behind, as they do not move."""
        if ghost is not self.ghost:
            self.ghost = ghost
            for line, points in zip(self.ghosts, (ghost.train, ghost.test), strict=True):
                line.set_data(self.points(points))

    def background(self):
        return super().background(), id(self.ghost)


class Accuracy(Curves):
    """Accuracy on 0..1, and closer when both curves are there to stay."""

    what = "accuracy"

    def __init__(self, axes, run):
        super().__init__(axes, run, "Accuracy")
        axes.yaxis.set_major_formatter(StrMethodFormatter("{x:g}"))
        self.low = 0

    def fit_values(self, train, test):
        """Begin the axis at the highest of FLOORS above which both curves are there to stay.

        That is 4 of the last 5 test values, and 19 of the last 20 training values, so that none of
        the noise is cut off; once there, the axis stays for 2 and 16.
        """
        for low in FLOORS:
            tested, trained = (
                np.count_nonzero(test[-5:] >= low),
                np.count_nonzero(train[-20:] >= low),
            )
            enough = (2, 16) if low == self.low else (4, 19)
            if tested >= enough[0] and trained >= enough[1]:
                break
        else:
            low = 0
        self.low = low
        self.axes.set_ylim(low, 1 + 0.015 * (1 - low))  # a thick line at 1 shows in full
        self.title.set_text(f"Accuracy ({low}–1)" if low else "Accuracy")


class Loss(Curves):
    """Cross entropy, on a scale for the recent values: never a flat line at the bottom."""

    what = "loss"

    def __init__(self, axes, run):
        super().__init__(axes, run, "Cross entropy loss")
        self.top = 0
        self.dot = Line2D([], [], color=TEST, marker="o", markersize=0.75 * self.letter)
        self.dot.set(markeredgecolor="white", linestyle="none")
        axes.add_line(self.dot)
        self.lowest = axes.text(0, 0, "", color=TEST, weight="bold", ha="center", va="top")
        self.artists += [self.dot, self.lowest]

    def fit_values(self, train, test):
        """Fit the later half of the evaluations, but for a tenth of the training's (noise).

        The scale shrinks only when there is some room to spare, so that it does not flicker.
        """
        train, test = (x[len(x) // 2 :][np.isfinite(x[len(x) // 2 :])] for x in (train, test))
        need = max(np.percentile(train, 90) if len(train) else 0, test.max(initial=0))
        need = max(1.1 * need, 1e-6) if len(train) + len(test) else 100
        if need > self.top or round_up(1.5 * need) < self.top:
            self.top = round_up(need)
        self.axes.set_ylim(-0.015 * self.top, self.top)

    def update(self, history):
        new = super().update(history)
        known = [point for point in history.test if np.isfinite(point.loss)]
        if new and known:
            self.mark_lowest(min(known, key=lambda point: point.loss))
        return new

    def mark_lowest(self, point):
        """A dot and a number at the lowest test loss: what comes after it is overfitting."""
        at, value = point.iteration, point.loss
        self.dot.set_data([at], [value])
        left, right = self.axes.get_xlim()
        half = 3.4 * self.letter / self.axes.bbox.width * (right - left)  # of the text's width
        at = min(max(at, left + half), right - half)
        self.lowest.set(x=at, y=value - 0.035 * self.top, text=f"lowest {value:.3g}")


class Bands(TimePlot):
    """The range of all weights, or biases: 7 bands with a seventh of the values each."""

    def __init__(self, axes, run, name):
        super().__init__(axes, run, f"{name.capitalize()} range", above=1)
        self.name = name
        self.fills = [
            axes.fill_between([0.0], [0.0], [0.0], facecolor=colour, linewidth=0)
            for colour in BANDS.values()
        ]
        self.artists = [*self.fills, self.hint]
        handles = [Patch(color=colour, label=label) for label, colour in BANDS.items()]
        handles[0].set_label(f"all {name}")
        place = {"loc": "lower left", "bbox_to_anchor": (self.left, 1)}
        self.fixed = [axes.legend(handles=handles[::-1], ncols=4, **place)]

    def update(self, history):
        self.fit_iterations(history)  # at the same moment as the curves
        if history.last_test is self.seen:
            return False
        self.seen = history.last_test
        points = thin_out(history.test)
        iterations = np.array([point.iteration for point in points], float)
        kind = "weight_bands" if self.name == "weights" else "bias_bands"
        bands = np.array([getattr(point, kind) for point in points], float).reshape(-1, 8)
        for k, fill in enumerate(self.fills):
            fill.set_data(iterations, bands[:, k], bands[:, 7 - k])
        self.fit_values(bands[np.isfinite(bands)])
        self.tell_nan(self.name, iterations, bands.sum(axis=1))
        return True

    def fit_values(self, values):
        """All there ever was, and zero; it grows in jumps."""
        low, high = values.min(initial=0), values.max(initial=0)
        if low == high:  # nothing yet, or zeros
            low, high = -0.1, 0.1
        least = max(-low, high) / 100
        self.axes.set_ylim(
            -round_up(1.05 * -low) if -low > least else 0,
            round_up(1.05 * high) if high > least else 0,
        )
