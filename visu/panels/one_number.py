"""How one number of a layer is made: a patch of what is before it × weights, the sum, the bias."""

import numpy as np
from matplotlib import rcParams
from matplotlib.lines import Line2D
from matplotlib.patheffects import withStroke

from visu.panels import pictures
from visu.panels.layers import BLANK, HEADING, LINE, picture

SIGN, WORDS = 44, 250  # widths of × and =, and of the calculation, in pixels as in layers
MOST = 6  # rows and columns of a picture with its numbers
NAMES = {"Relu": "ReLU", "Sigmoid": "sigmoid", "Tanh": "tanh"}


def patch_of(product, row, column):
    """The inputs of a Product that its sum at this place reads, [rows, columns, channels] float,
    with zeros beyond the edges; and the first row and column of the patch in the inputs.
    """
    (rows, columns), firsts = product.weights.shape[:2], []
    for k, place in enumerate((row, column)):
        size, stride = product.inputs.shape[k], product.strides[k]
        beyond = (-(-size // stride) - 1) * stride + product.weights.shape[k] - size
        before = max(beyond, 0) // 2 if product.padding == "SAME" else 0
        firsts.append(place * stride - before)
    padded = np.pad(product.inputs, [(rows, rows), (columns, columns), (0, 0)])
    top, left = firsts[0] + rows, firsts[1] + columns
    return padded[top : top + rows, left : left + columns], *firsts


def product_of(look, number):
    """The Product behind a selected number, see Selection; None where there is none."""
    known = look and number and number[0] < len(look.layers)
    return look.layers[number[0]].product if known else None


def in_figures(value, decimals=2):
    """A number in few letters: "−0.12", "12.3"."""
    decimals -= (abs(value) >= 10) + (abs(value) >= 100)
    return f"{value:z.{decimals}f}".replace("-", "−")


def calculation(layer, number, parts):
    """From the sum of the products to the output: [(name, value), ...], each in words.

    number: see Selection; parts: [channels], of the sum.
    """
    n, total, bias = number[-1], parts.sum(), layer.product.bias
    place = number[-layer.outputs.ndim :]  # neurons have no row and column
    steps, name = [("sum", total)], "output"
    if len(parts) > 1 and layer.product.inputs.shape[:2] != (1, 1):
        most = strongest(parts)
        steps = [(f"sum, map {most + 1}", parts[most]), (f"all {len(parts)} maps", total)]
    if bias is not None:
        steps += [("+ bias", bias[n]), ("=", total + bias[n])]
        name = NAMES.get(layer.kind, name)
    steps += [(f"→ {name}", layer.outputs[place])]
    if layer.dropped is not None and layer.dropped[place]:
        steps += [("dropped", 0)]
    return [(name, in_figures(value, 3)) for name, value in steps]


def strongest(parts):
    """Which channel adds most to a sum, or takes most from it."""
    return int(np.argmax(abs(parts)))


class OneNumber:
    """Three pictures, patch × weights = products, the calculation, and outlines in the layers."""

    def __init__(self, axes, right, height):
        self.side = min(0.4 * (height - HEADING), (right - WORDS - 2 * SIGN) / 3)
        above, size = height - self.side, rcParams["font.size"]
        self.top = above - 2.4 * LINE
        self.points = 72 / axes.get_figure().dpi * axes.bbox.width / axes.get_xlim()[1]
        self.title = axes.text(0, self.top, "", va="top", weight="bold")
        self.pictures, self.artists = [], [self.title]
        for k, sign in enumerate(("×", "=", "")):
            left = k * (self.side + SIGN)
            image = picture(axes, (left, left + self.side, height, above), (-1, 1), BLANK)
            caption = axes.text(left, above - 4, "", va="bottom")
            middle = left + self.side + SIGN / 2, above + self.side / 2
            sign = axes.text(*middle, sign, ha="center", va="center", size=2 * size)
            figures = [axes.text(0, 0, "", ha="center", va="center") for _ in range(MOST**2)]
            self.pictures.append((image, caption, figures))
            self.artists += [image, caption, sign, *figures]
        table = {"y": above, "s": "", "va": "top", "linespacing": 1.5, "size": 1.4 * size}
        self.names = axes.text(x=3 * (self.side + SIGN) - SIGN / 2, **table)
        self.values = axes.text(x=right, ha="right", **table)
        self.outlines = axes.add_line(Line2D([], [], color="black", linewidth=0.13 * size))
        self.outlines.set_path_effects([withStroke(linewidth=0.3 * size, foreground="white")])
        self.artists += [self.names, self.values, self.outlines]

    @np.errstate(invalid="ignore", over="ignore")  # of a network that has diverged
    def show(self, look, number, grids):
        """Show how a selected number of a Look is made, nothing for None; grids: of the digit and
        each layer, see Grid.
        """
        for artist in self.artists:
            artist.set_visible(number is not None)
        self.outlines.set_data([], [])
        if number is None:
            return
        k, row, column, n = number
        layer, product = look.layers[k], look.layers[k].product
        patch, *first = patch_of(product, row, column)
        weights = product.weights[..., n]
        parts = (patch * weights).sum(axis=(0, 1))
        steps = calculation(layer, number, parts)
        for text, words in zip((self.names, self.values), zip(*steps, strict=True), strict=True):
            text.set_text("\n".join(words))
        where = f", row {row + 1}, column {column + 1}" if layer.outputs.ndim == 3 else ""
        kind = "map" if where else "neuron"
        self.title.set_text(f"One number of Y{k + 1}: {kind} {n + 1}{where}")
        self.outline(*grids[k : k + 2], number, first, patch, product)
        of, source = "", f"Y{k}" if k else "the digit"
        if patch.shape[:2] == (1, 1):
            patch, weights = (pictures.layer_picture(x.ravel(), 1)[0] for x in (patch, weights))
        else:
            most = strongest(parts)
            patch, weights = patch[..., most], weights[..., most]
            of = f", map {most + 1} of {len(parts)}" if len(parts) > 1 else ""
        self.draw(0, patch, f"{source}{of}", product.inputs, ink=k == 0)
        self.draw(1, weights, f"weights W{k + 1}{of}", weights)
        self.draw(2, patch * weights, "products", patch * weights)

    def outline(self, before, here, number, first, patch, product):
        """Outline the number in its layer, and its patch in each map of the one before."""
        _, row, column, n = number
        squares = [here.square(row, column, n)]
        if patch.shape == product.inputs.shape:
            squares += [before.outline]
        else:
            squares += [before.square(*first, k, *patch.shape[:2]) for k in range(before.count)]
        self.outlines.set_data(*np.concatenate(squares).T)

    def draw(self, k, values, said, scale, ink=False):
        """Draw values [rows, columns] as picture k; scale: an array, whose largest value has the
        darkest colour; ink: whether these are pixels, black on white.
        """
        image, caption, figures = self.pictures[k]
        top = max(abs(scale[np.isfinite(scale)]).max(initial=0), 1e-9)
        image.set(data=values, cmap="gray_r" if ink else BLANK, clim=(-top * (not ink), top))
        caption.set_text(said)
        rows, columns = values.shape
        cell, (left, _, _, above) = self.side / max(rows, columns), image.get_extent()
        image.set_extent((left, left + columns * cell, above + rows * cell, above))
        for text in figures:
            text.set_visible(False)
        if max(rows, columns) > MOST:
            return
        for text, ((i, j), value) in zip(figures, np.ndenumerate(values), strict=False):
            text.set(text=in_figures(value) if np.isfinite(value) else "", visible=True)
            text.set(x=left + (j + 0.5) * cell, y=above + (i + 0.5) * cell)
            text.set(color="white" if abs(value) > 0.55 * top else "black")
            text.set_size(min(0.29 * cell * self.points, 1.2 * rcParams["font.size"]))
