"""The outputs of a network's layers for one digit: a column for each, between digit and bars."""

from typing import NamedTuple

import numpy as np
from matplotlib import colormaps, rcParams
from matplotlib.lines import Line2D

from visu.panels import pictures
from visu.panels.style import out_of, percent

MOST_LAYERS = 8  # whose outputs are shown
# lengths, in pixels of a figure of 1344 x 756: headings, digit, space between columns, a line
HEADING, LEFT, GAP, LINE = 74, 246, 34, 21
SATURATED = 0.05  # a sigmoid's output this near to 0 or 1
SCALE = "white: 0, darker: larger, on each layer's own scale"
# where there is no number: white; grey between feature maps
BLANK, BETWEEN = (colormaps["PuOr"].with_extremes(bad=bad) for bad in ("white", "0.75"))


class Grid(NamedTuple):
    """Where numbers are drawn: `count` tiles of height × width, in columns, `gap` numbers apart.

    left, top: of the first number; pixel: its side; these three in the panel's units.
    """

    left: float
    top: float
    pixel: float
    height: int
    width: int
    gap: int
    columns: int
    count: int

    def at(self, x, y):
        """(row, column, tile) of the number at this place, None where there is none."""
        down, row = divmod((y - self.top) / self.pixel, self.height + self.gap)
        across, column = divmod((x - self.left) / self.pixel, self.width + self.gap)
        tile = int(down * self.columns + across)
        there = row < self.height and column < self.width and 0 <= across < self.columns
        return (int(row), int(column), tile) if there and 0 <= tile < self.count else None

    def square(self, row, column, tile, rows=1, columns=1):
        """The outline of this number, or of so many from there on: [6, 2], NaN at its end."""
        down, across = divmod(tile, self.columns)
        first = across * (self.width + self.gap) + column, down * (self.height + self.gap) + row
        x, y = (0, columns, columns, 0, 0, np.nan), (0, 0, rows, rows, 0, np.nan)
        return (self.left, self.top) + self.pixel * (np.stack([x, y], axis=1) + first)

    @property
    def outline(self):
        """The outline of all numbers, as square() has it."""
        rows = -(-self.count // self.columns) * (self.height + self.gap) - self.gap
        return self.square(0, 0, 0, rows, self.columns * (self.width + self.gap) - self.gap)


class Layers:
    """A column per layer: its name, its outputs as a picture, × on what was dropped."""

    def __init__(self, axes, left, right, height):
        self.left, self.right = left, right
        self.grids = []  # a Grid for each layer shown
        self.points = 72 / axes.get_figure().dpi * axes.bbox.width / axes.get_xlim()[1]
        self.size = rcParams["font.size"]
        place = left, left + 1, HEADING + 1, HEADING
        self.columns, self.artists = [], []
        for _ in range(MOST_LAYERS):
            image = picture(axes, place, (-1, 1), BLANK)
            cross = axes.add_line(Line2D([], [], color="0.2", linestyle="none"))
            name, share = (axes.text(0, y, "", va="top", linespacing=1.25) for y in (0, 2 * LINE))
            self.columns.append((image, cross, name, share))
            self.artists += [image, cross, share]
        self.scale = axes.text(left, height, "", va="bottom", color="0.4")

    def show(self, look, bottom):
        """Draw the layers of a Look, nothing for None; bottom: where their legend ends."""
        self.height, self.grids = bottom - 1.4 * LINE - HEADING, []
        layers = look.layers[:MOST_LAYERS] if look else ()
        pitch = (self.right - self.left + GAP) / max(len(layers), 1)
        width = min(pitch - GAP / 2, LEFT)
        for k, column in enumerate(self.columns):
            for artist in column:
                artist.set_visible(k < len(layers))
            if k < len(layers):
                drops = look.training and look.drops
                self.show_layer(k, layers[k], drops, self.left + k * pitch, width)
        self.scale.set(text=legend(look) if layers else "", y=bottom)

    def at(self, x, y):
        """(layer, row, column, feature map or neuron) of the number at this place, or None."""
        found = [(k, *place) for k, grid in enumerate(self.grids) if (place := grid.at(x, y))]
        return found[0] if found else None

    def show_layer(self, k, layer, drops, left, width):
        """Fill column k, `width` wide; drops: as for in_words."""
        image, cross, name, share = self.columns[k]
        aspect = width / self.height
        dropped = np.zeros_like(layer.outputs, bool) if layer.dropped is None else layer.dropped
        pixels, shown = pictures.layer_picture(layer.outputs * ~dropped, aspect)
        rows, columns = pixels.shape
        pixel = min(width / columns, self.height / rows)
        extent = left, left + columns * pixel, HEADING + rows * pixel, HEADING
        top = max(abs(pixels[np.isfinite(pixels)]).max(initial=0), 1e-9)  # training may diverge
        image.set(data=pixels, extent=extent, clim=(-top, top))
        maps = dropped.ndim == 3
        image.set_cmap(BETWEEN if maps else BLANK)
        tile = (*dropped.shape[:2], 1) if maps else (1, 1, 0)
        across = (columns + tile[2]) // (tile[1] + tile[2])
        self.grids.append(Grid(left, HEADING, pixel, *tile, across, shown))
        at = np.nonzero(pictures.layer_picture(dropped, aspect)[0] == 1)
        cross.set_data(left + (at[1] + 0.5) * pixel, HEADING + (at[0] + 0.5) * pixel)
        marker, side, edge = ("x", 0.7, 0.16) if pixel > 9 else ("s", 0.6, 0)
        cross.set(marker=marker, markersize=side * pixel * self.points)
        cross.set_markeredgewidth(edge * pixel * self.points)
        of, said = in_words(layer, shown, drops)
        size = self.size * min(1, width / 160)
        name.set(x=left, text=f"Y{k + 1}\n{of}", size=size)
        share.set(x=left, text=said, size=size)


def in_words(layer, shown, drops):
    """A layer in two short lines; shown: how many of its maps or neurons are; drops: whether this
    is a training step with dropout.
    """
    outputs, dropped = layer.outputs, layer.dropped
    maps = outputs.ndim == 3
    count = outputs.shape[-1] if maps else outputs.size
    words = ("maps" if shown < count else "feature maps") if maps else "neurons"
    share = ""
    if drops and dropped is None:
        share = "none dropped"
    elif drops and maps:
        share = f"{percent(np.mean(dropped))} dropped"
    elif drops:
        share = f"{dropped.sum()} of {dropped.size} dropped"
    elif layer.kind == "Sigmoid":
        share = f"{percent(np.mean(abs(outputs - 0.5) > 0.5 - SATURATED))} saturated"
    elif "Relu" in layer.kind:
        share = f"{percent(np.mean(outputs == 0))} zero"
    size = f"{outputs.shape[0]}×{outputs.shape[1]}: " if maps else ""
    return f"{out_of(shown, count)} {words}", size + share


def legend(look):
    """What the colours mean, and the words."""
    said = SCALE
    if look.training and look.drops:
        said = "white: 0, darker: larger; ×, ■: dropped in this step, counts as 0"
    elif any(layer.kind == "Sigmoid" for layer in look.layers):
        said += f"; saturated: < {SATURATED} or > {1 - SATURATED}"
    if len(look.layers) > MOST_LAYERS:
        said += f"; {MOST_LAYERS} of {len(look.layers)} layers"
    return said


def picture(axes, extent, clim, cmap):
    """An image of zeros with sharp pixels; the parameters are as for matplotlib's images."""
    image = axes.imshow(np.zeros((1, 1)), extent=extent, cmap=cmap)
    image.set(interpolation="nearest", clip_on=False, clim=clim)
    axes.set_aspect("auto")
    return image
