"""The size of the loss's gradient for each layer: over the iterations, and at the newest one."""

import math
from itertools import pairwise

import numpy as np
from matplotlib import colormaps, rcParams
from matplotlib.lines import Line2D
from matplotlib.ticker import LogLocator, NullLocator, StrMethodFormatter
from matplotlib.transforms import offset_copy

from visu.panels.panel import Panel, TimePanel, series

LIGHTEST = 0.75  # of the colour scale, for the last layer; lighter shades are pale on white
LIMITS = 1e-4, 1e2  # of the axes, the same in all steps, so that they compare at a glance
LARGE = 1.25  # times the type of a tick label: names of layers, and their numbers
ABOVE = 1.4  # lines between axes and title, for one of words
FEWEST = 3  # rows there is room for: a single one does not fill the panel


def shades(layers):
    """A colour for each layer, the first one darkest."""
    return colormaps["viridis"](np.linspace(0, LIGHTEST, layers))


def on_axis(sizes):
    """The sizes, moved to the nearer end of LIMITS where they are beyond; NaN stays."""
    return np.clip(sizes, *LIMITS)


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


def two_digits(number):
    """A number of 1 or more in two digits: "1.4", "16", "4,700"."""
    return f"{float(f'{number:.2g}'):,.10g}"


def ratio_in_words(sizes):
    """How much the gradients of the first and the last layer differ; "" if that is unknown."""
    if len(sizes) < 2 or not (sizes[[0, -1]] > 0).all():
        return ""
    (small, one), (large, other) = sorted([(sizes[0], "W1"), (sizes[-1], f"W{len(sizes)}")])
    return f"{other} : {one} = {two_digits(large / small)}"


def factor_in_words(size, next_size):
    """How the gradient changes on its way back, from the next layer to this one; "" if unknown."""
    if not (size > 0 and next_size > 0):
        return ""
    up = size > next_size
    return f"{'×' if up else '÷'} {two_digits(size / next_size if up else next_size / size)}"


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
        self.add_layers(run, "how steeply the loss depends on a layer's weights")

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
        for (line, _), values in zip(self.layers, sizes.T, strict=True):
            line.set_data(iterations, on_axis(values))
        if len(sizes):
            self.put_names(iterations[-1], sizes[-1])
        self.tell_gap("gradient", iterations, sizes.sum(axis=1))

    def put_names(self, iteration, sizes):
        """Name each line at its end, none over another; a gradient of 0 is at the bottom."""
        low, high = LIMITS
        ends = np.log(np.nan_to_num(on_axis(sizes), nan=low) / low) / np.log(high / low)
        least = 1.2 * LARGE * self.letter / self.axes.bbox.height
        for k, place in enumerate(spread(np.maximum(ends, least / 2), least)):
            known = "" if sizes[k] > 0 else f" = {sizes[k]:g}"
            self.layers[k][1].set(x=iteration, y=place, text=f"W{k + 1}{known}")


class GradientDots(LayerPanel):
    """A dot a layer for the newest evaluation, the first layer on top; the factors between them."""

    margins = 66, 116, 84, 56

    def __init__(self, axes, run):
        super().__init__(axes, "Newest evaluation, first layer on top", ABOVE + 1)
        axes.set(xlim=LIMITS, xscale="log", yticks=[], ylim=(max(run.layers, FEWEST) + 0.5, 0.5))
        logarithmic(axes.xaxis)
        axes.set_axisbelow(True)
        axes.spines[["top", "right"]].set_visible(False)
        axes.grid(True, color=rcParams["grid.color"], linewidth=rcParams["grid.linewidth"])
        axes.set_xlabel("root mean square of the gradient · current batch, dropout off")
        axes.xaxis.set_label_coords(0.5, -1.7 * self.letter / axes.bbox.height)
        self.way = axes.add_line(Line2D([], [], color="0.6"))
        self.artists = [self.way]
        self.add_layers(run, "")
        self.way.set_linewidth(self.width)
        self.words.set(size=2.2 * self.size, weight="bold")
        above = self.words.get_position()[1]
        self.when = axes.text(1.1, above, "", transform=axes.transAxes, size=LARGE * self.size)
        self.when.set_ha("right")
        self.factors = [self.text(axes.transData, 1, color="0.35") for _ in self.layers[1:]]
        self.artists += [self.when, *self.factors]

    def add_layer(self, k, colour):
        """The dot of layer k, its name, and the number beside it."""
        dot = Line2D([], [], color=colour, marker="o", markersize=1.6 * self.size, clip_on=False)
        name = self.text(self.axes.get_yaxis_transform(), -0.5, color=colour, ha="right")
        name.set(y=k, text=f"W{k}")
        number = self.text(self.axes.transData, 1.2)
        number.set_y(k)
        return self.axes.add_line(dot), name, number

    def show(self, iterations, sizes):
        """Draw the dots; iterations: [n]; sizes: [n, layers], of which the last ones are shown."""
        if not len(sizes):
            return
        last, places = sizes[-1], on_axis(sizes[-1])
        rows = 1 + np.arange(len(last))
        self.way.set_data(places, rows)
        for k, (dot, _, number) in enumerate(self.layers):
            dot.set_data(places[k : k + 1], rows[k : k + 1])
            number.set(x=np.nan_to_num(places[k], nan=LIMITS[0]), text=in_words(last[k]))
        for k, factor in enumerate(self.factors):
            middle = np.sqrt(places[k] * places[k + 1])
            factor.set(x=np.nan_to_num(middle, nan=LIMITS[0]), y=rows[k] + 0.5)
            factor.set_text(factor_in_words(last[k], last[k + 1]))
        self.words.set_text(ratio_in_words(last))
        self.when.set_text(f"at iteration {iterations[-1]:,.0f}")


def logarithmic(axis):
    """Ticks at the powers of ten, with short numbers."""
    axis.set(major_locator=LogLocator(), minor_locator=NullLocator())
    axis.set_major_formatter(StrMethodFormatter("{x:g}"))
