"""The size of the loss's gradient for each layer: over the iterations, and at the newest one."""

import math
from itertools import pairwise

import numpy as np
from matplotlib import colormaps, rcParams
from matplotlib.lines import Line2D
from matplotlib.patches import Rectangle
from matplotlib.ticker import LogLocator, NullLocator, StrMethodFormatter
from matplotlib.transforms import offset_copy

from visu.panels.panel import Panel, TimePanel, series

LIGHTEST = 0.75  # of the colour scale, for the last layer; lighter shades are pale on white
LIMITS = 1e-4, 1.0  # of an axis while no gradient is above 0
LARGE = 1.25  # times the type of a tick label: names of layers, and their numbers
ABOVE = 1.4  # lines between axes and title, for one of words
FEWEST = 3  # bars there is room for: a single one does not fill the panel
THICK = 0.64  # of a bar; 1 is the distance between two


def shades(layers):
    """A colour for each layer, the first one darkest."""
    return colormaps["viridis"](np.linspace(0, LIGHTEST, layers))


def limits(sizes):
    """(low, high): the powers of ten between which all sizes above 0 lie."""
    known = np.log10(sizes[sizes > 0])
    if not len(known):
        return LIMITS
    low, high = math.floor(known.min()), math.ceil(known.max())
    return 10.0**low, 10.0 ** max(high, low + 1)


def spread(places, least):
    """Places from 0 to 1, moved so far that any two are `least` apart, and none is above 1."""
    moved, order = np.array(places, float), np.argsort(places, kind="stable")
    for below, above in pairwise(order):
        moved[above] = max(moved[above], moved[below] + least)
    moved[order] = np.minimum(moved[order], 1 - least * np.arange(len(moved))[::-1])
    return moved


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
    """How much the gradients of the first and the last layer differ; "" if that is unknown."""
    if len(sizes) < 2 or not (sizes[[0, -1]] > 0).all():
        return ""
    (small, one), (large, other) = sorted([(sizes[0], "W1"), (sizes[-1], f"W{len(sizes)}")])
    return f"{other}'s gradient is {float(f'{large / small:.2g}'):,.10g} times {one}'s"


class LayerPanel(Panel):
    """A panel with artists for each layer, and a line of words below the title."""

    def add_layers(self, run, words):
        """Add the artists; words: those below the title."""
        self.size, self.width = rcParams["font.size"], 3 * rcParams["lines.linewidth"]
        above = 1 + 0.7 * self.letter / self.axes.bbox.height
        self.words = self.axes.text(self.title.get_position()[0], above, words)
        self.words.set(transform=self.axes.transAxes, size=LARGE * self.size)
        self.layers = [self.add_layer(k, colour) for k, colour in enumerate(shades(run.layers), 1)]
        self.artists += [self.words, *(artist for layer in self.layers for artist in layer)]

    def update(self, history):
        """Show the sizes, nan where not finite."""
        if not self.is_new(history.last_test):
            return False
        iterations, sizes = series(history.test, "gradients", len(self.layers))
        self.show(iterations, np.where(np.isfinite(sizes), sizes, np.nan))
        return True

    def text(self, where, shift, **look):
        """A Text for a layer, beside a place by a share of its letters, to the right or left."""
        transform = offset_copy(where, self.axes.figure, shift * self.size, units="points")
        look |= {"size": LARGE * self.size, "weight": "bold", "va": "center"}
        return self.axes.text(0, 0, "", transform=transform, **look)


class GradientLines(LayerPanel, TimePanel):
    """A line a layer over the iterations, on a logarithmic axis, named at its end."""

    margins = 78, 104, 66, 56

    def __init__(self, axes, run):
        super().__init__(axes, run, "Gradient per layer (root mean square), logarithmic", ABOVE)
        axes.set(ylim=LIMITS, yscale="log")
        logarithmic(axes.yaxis)
        self.artists = [self.hint]
        self.add_layers(run, "how strongly the loss depends on a layer's weights")

    def add_layer(self, k, colour):
        """The line of layer k, and its name."""
        line = Line2D([], [], color=colour, linewidth=self.width, clip_on=False)
        line.set(marker="o", markersize=2.5 * self.width, markevery=[-1])
        name = self.text(self.axes.get_xaxis_transform(), 0.7, color=colour)
        return self.axes.add_line(line), name

    def update(self, history):
        self.fit_iterations(history)
        return super().update(history)

    def show(self, iterations, sizes):
        """Draw the lines; iterations: [n]; sizes: [n, layers]."""
        low, high = limits(sizes)
        self.set_limits(y=(low, high))
        for (line, _), values in zip(self.layers, sizes.T, strict=True):
            line.set_data(iterations, np.where(values > 0, values, np.nan))
        if len(sizes):
            self.put_names(iterations[-1], sizes[-1])
        self.tell_gap("gradient", iterations, sizes.sum(axis=1))

    def put_names(self, iteration, sizes):
        """Name each line at its end, none over another; a gradient of 0 is at the bottom."""
        low, high = self.axes.get_ylim()
        ends = np.log(np.where(sizes > 0, sizes, low) / low) / np.log(high / low)
        least = 1.2 * LARGE * self.letter / self.axes.bbox.height
        for k, place in enumerate(spread(ends, least)):
            known = "" if sizes[k] > 0 else f" = {sizes[k]:g}"
            self.layers[k][1].set(x=iteration, y=place, text=f"W{k + 1}{known}")


class GradientBars(LayerPanel):
    """A bar a layer for the newest evaluation, the first layer on top, and the ratio in words."""

    margins = 66, 116, 66, 56

    def __init__(self, axes, run):
        super().__init__(axes, "Newest evaluation, first layer on top", ABOVE)
        axes.set(xlim=LIMITS, xscale="log", yticks=[], ylim=(max(run.layers, FEWEST) + 0.5, 0.5))
        logarithmic(axes.xaxis)
        axes.set_axisbelow(True)
        axes.spines[["top", "right"]].set_visible(False)
        axes.grid(True, color=rcParams["grid.color"], linewidth=rcParams["grid.linewidth"])
        axes.set_xlabel("root mean square of the gradient · current batch, dropout off")
        axes.xaxis.set_label_coords(0.5, -1.7 * self.letter / axes.bbox.height)
        self.add_layers(run, "")

    def add_layer(self, k, colour):
        """The bar of layer k, its name, and the number at its end."""
        bar = Rectangle((1, k - THICK / 2), 0, THICK, color=colour)
        name = self.text(self.axes.get_yaxis_transform(), -0.5, color=colour, ha="right")
        name.set(y=k, text=f"W{k}")
        number = self.text(self.axes.transData, 0.5)
        number.set(y=k)
        return self.axes.add_patch(bar), name, number

    def show(self, iterations, sizes):
        """Draw the bars; iterations: [n]; sizes: [n, layers], of which the last ones are shown."""
        if not len(sizes):
            return
        low, high = limits(sizes)
        self.set_limits(x=(low, high))
        for (bar, _, number), size in zip(self.layers, sizes[-1], strict=True):
            end = size if size > 0 else low
            bar.set(x=low, width=end - low)
            number.set(x=end, text=in_words(size))
        told = f"iteration {iterations[-1]:,.0f}", ratio_in_words(sizes[-1])
        self.words.set_text(":  ".join(filter(None, told)))


def logarithmic(axis):
    """Ticks at the powers of ten, with short numbers."""
    axis.set(major_locator=LogLocator(), minor_locator=NullLocator())
    axis.set_major_formatter(StrMethodFormatter("{x:g}"))
