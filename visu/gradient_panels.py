"""The size of the loss's gradient for each layer: over the iterations, and at the newest one."""

import math

import numpy as np
from matplotlib import colormaps, rcParams
from matplotlib.lines import Line2D
from matplotlib.patches import Rectangle
from matplotlib.ticker import LogLocator, NullLocator, StrMethodFormatter
from matplotlib.transforms import offset_copy

from visu.curve_panels import Plot, TimePlot, thin_out

LIGHTEST = 0.75  # of the colour scale, for the last layer; lighter shades are pale on white
LIMITS = 1e-4, 1.0  # of an axis while no gradient is above 0
LARGE = 1.25  # times the type of a tick label: names of layers, and their numbers
THICK = 0.64  # of a bar; 1 is the distance between two


def shades(layers):
    """A colour for each layer, the first one darkest."""
    return colormaps["viridis"](np.linspace(0, LIGHTEST, layers))


def columns(history):
    """(iterations [n], sizes [n, layers]) of the gradients, thinned out, nan where not finite."""
    iterations, sizes = thin_out(history.test_iterations), thin_out(history.gradients)
    layers = len(history.gradients[0]) if history.gradients else 0
    return iterations, np.where(np.isfinite(sizes), sizes, np.nan).reshape(-1, layers)


def limits(sizes):
    """(low, high): the powers of ten between which all sizes above 0 lie."""
    known = np.log10(sizes[sizes > 0])
    if not len(known):
        return LIMITS
    low, high = math.floor(known.min()), math.ceil(known.max())
    return 10.0**low, 10.0 ** max(high, low + 1)


def spread(places, least):
    """Places from 0 to 1, moved so far that any two are `least` apart, and none is above 1."""
    order = np.argsort(places, kind="stable")
    moved = np.array(places, float)[order]
    for k in range(1, len(moved)):
        moved[k] = max(moved[k], moved[k - 1] + least)
    found = np.empty(len(moved))
    found[order] = np.minimum(moved, 1 - least * np.arange(len(moved))[::-1])
    return found


def in_words(size):
    """A gradient's size, in two digits."""
    if np.isnan(size):
        return "not a number (NaN)"
    if size == 0:
        return "exactly 0"
    if size < 1e-6:
        return f"{size:.1e}"
    return f"{size:,.{max(0, 1 - math.floor(math.log10(size)))}f}"


def ratio_in_words(sizes):
    """How much the gradients of the first and the last layer differ; "" where nobody can say."""
    if len(sizes) < 2 or not (sizes[[0, -1]] > 0).all():
        return ""
    (small, one), (large, other) = sorted([(sizes[0], "W1"), (sizes[-1], f"W{len(sizes)}")])
    return f"{other}'s gradient is {float(f'{large / small:.2g}'):,.10g} times {one}'s"


class GradientLines(TimePlot):
    """A line a layer over the iterations, on a logarithmic axis, named at its end."""

    def __init__(self, axes, plan):
        super().__init__(axes, plan, "Gradient per layer (root mean square), logarithmic")
        axes.set(ylim=LIMITS, yscale="log")
        logarithmic(axes.yaxis)
        self.size, self.width = rcParams["font.size"], 3 * rcParams["lines.linewidth"]
        self.layers = []  # a line and a name for each
        self.artists = [self.hint]

    def update(self, history):
        self.fit_iterations(history)
        if history.last_test is self.seen:
            return False
        self.seen = history.last_test
        iterations, sizes = columns(history)
        self.axes.set_ylim(limits(sizes))
        if sizes.shape[1] != len(self.layers):
            self.make_layers(sizes.shape[1])
        for (line, _), values in zip(self.layers, sizes.T, strict=True):
            line.set_data(iterations, np.where(values > 0, values, np.nan))
        if len(sizes):
            self.put_names(iterations[-1], sizes[-1])
        self.tell_nan("gradient", iterations, sizes.sum(axis=1))
        return True

    def make_layers(self, count):
        """A line and a name for each of so many layers, in place of those there are."""
        for artist in self.artists[1:]:
            artist.remove()
        beside = offset_copy(
            self.axes.get_xaxis_transform(), self.axes.figure, 0.5 * self.size, units="points"
        )
        look = {"size": LARGE * self.size, "weight": "bold", "va": "center", "transform": beside}
        self.layers = [
            (
                self.axes.add_line(Line2D([], [], color=colour, linewidth=self.width)),
                self.axes.text(0, 0, "", color=colour, **look),
            )
            for colour in shades(count)
        ]
        self.artists = [self.hint, *(artist for layer in self.layers for artist in layer)]
        for artist in self.artists:
            artist.set_animated(self.hint.get_animated())

    def put_names(self, iteration, sizes):
        """Name each line at its end, none over another; a gradient of 0 is at the bottom."""
        low, high = self.axes.get_ylim()
        ends = np.log(np.where(sizes > 0, sizes, low) / low) / np.log(high / low)
        least = 1.2 * LARGE * self.letter / self.axes.bbox.height
        for k, place in enumerate(spread(ends, least)):
            known = "" if sizes[k] > 0 else f" = {sizes[k]:g}"
            self.layers[k][1].set(x=iteration, y=place, text=f"W{k + 1}{known}")


class GradientBars(Plot):
    """A bar a layer for the newest evaluation, the first layer on top, and the ratio in words."""

    def __init__(self, axes, plan):
        super().__init__(axes, "Newest evaluation, first layer on top", above=1.4)
        axes.set(xlim=LIMITS, xscale="log", yticks=[])
        logarithmic(axes.xaxis)
        axes.set_axisbelow(True)
        axes.spines[["top", "right"]].set_visible(False)
        axes.grid(True, color=rcParams["grid.color"], linewidth=rcParams["grid.linewidth"])
        axes.set_xlabel("root mean square of the gradient · current batch, dropout off")
        axes.xaxis.set_label_coords(0.5, -1.7 * self.letter / axes.bbox.height)
        self.size = rcParams["font.size"]
        above = 1 + 0.7 * self.letter / axes.bbox.height
        self.words = axes.text(0, above, "", transform=axes.transAxes, size=LARGE * self.size)
        self.layers = []  # a bar, a name and a number for each
        self.artists = [self.words]
        self.seen = object()

    def update(self, history):
        if history.last_test is self.seen:
            return False
        self.seen = history.last_test
        _, sizes = columns(history)
        low, high = limits(sizes)
        self.axes.set_xlim(low, high)
        if sizes.shape[1] != len(self.layers):
            self.make_layers(sizes.shape[1])
        for (bar, _, number), size in zip(
            self.layers, sizes[-1] if len(sizes) else (), strict=True
        ):
            bar.set(x=low, width=max(size - low, 0) if size > 0 else 0)
            number.set(x=size if size > 0 else low, text=in_words(size))
        told = (
            [f"iteration {self.seen.iteration:,}", ratio_in_words(sizes[-1])] if len(sizes) else []
        )
        self.words.set_text(":  ".join(filter(None, told)))
        return True

    def make_layers(self, count):
        """A bar, a name and a number for each of so many layers, in place of those there are."""
        for artist in self.artists[1:]:
            artist.remove()
        axes = self.axes
        axes.set_ylim(count + 0.5, 0.5)
        shift = 0.5 * self.size
        left = offset_copy(axes.get_yaxis_transform(), axes.figure, -shift, units="points")
        right = offset_copy(axes.transData, axes.figure, shift, units="points")
        look = {"size": LARGE * self.size, "weight": "bold", "va": "center"}
        self.layers = [
            (
                axes.add_patch(Rectangle((1, k - THICK / 2), 0, THICK, color=colour)),
                axes.text(0, k, f"W{k}", color=colour, ha="right", transform=left, **look),
                axes.text(1, k, "", transform=right, **look),
            )
            for k, colour in enumerate(shades(count), 1)
        ]
        self.artists = [self.words, *(artist for layer in self.layers for artist in layer)]
        for artist in self.artists:
            artist.set_animated(self.words.get_animated())


def logarithmic(axis):
    """Ticks at the powers of ten, with short numbers."""
    axis.set(major_locator=LogLocator(), minor_locator=NullLocator())
    axis.set_major_formatter(StrMethodFormatter("{x:g}"))
