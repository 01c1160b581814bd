"""The panel of the first layer's weights."""

import numpy as np
from matplotlib import rcParams

from visu.panels import pictures
from visu.panels.panel import Panel, round_up
from visu.panels.style import out_of


class FirstWeights(Panel):
    """The first layer's weights: a picture per neuron or kernel, all on one scale, zero white."""

    margins = 24, 126, 40, 16
    keeps = ("W1",)

    def __init__(self, axes, run):
        super().__init__(axes, "Weights of the first layer")
        self.image = axes.imshow(
            np.full((1, 1), np.nan), cmap="PuOr", interpolation="nearest", vmin=-1, vmax=1
        )
        self.image.set_cmap(self.image.get_cmap().with_extremes(bad="0.75"))
        size = 1.3 * rcParams["font.size"]
        self.digits = [axes.text(0, 0, "", va="top", weight="bold", size=size) for _ in range(10)]
        self.artists = [self.image, *self.digits]
        axes.set_anchor("NW")
        axes.set_axis_off()
        beside = axes.inset_axes((1.02, 0, 0.025, 1))  # as high as the pictures
        axes.get_figure().colorbar(self.image, cax=beside)

    def update(self, history):
        weights = history.last_test and history.last_test.test.variables["W1"]
        if weights is None or not self.is_new(weights):
            return False
        self.draw(weights, alone=history.run.layers == 1)
        return True

    def draw(self, weights, alone):
        """Draw the weights; alone: whether there is no other layer."""
        try:
            picture = pictures.weight_pictures(weights)
        except ValueError:  # a student's own layer
            return self.title.set_text(f"Weights of the first layer: no picture of {weights.shape}")
        height, width = picture.shape
        self.image.set(data=picture, extent=(0, width, height, 0))
        self.set_limits((0, width), (height, 0))
        self.title.set_text(f"Weights of the first layer: {self.what(weights.shape, alone)}")
        sizes = np.abs(picture[np.isfinite(picture)])
        top = round_up(max(np.percentile(sizes, 99.5) if len(sizes) else 0, 1e-3))
        self.image.set_clim(-top, top)
        if alone and weights.shape[1:] == (10,):
            rows, columns = pictures.tiling(10)
            pitch = (np.array(picture.shape) + 1) // (rows, columns)
            for digit, text in enumerate(self.digits):  # in the corner of its picture
                row, column = pitch * divmod(digit, columns) + 0.8
                text.set(x=column, y=row, text=str(digit))

    @staticmethod
    def what(shape, alone):
        """What the pictures of weights of this shape are, in words."""
        shown = out_of(pictures.MOST_NEURONS, shape[-1])
        if len(shape) == 4:
            return f"{shown} kernels of {shape[0]} × {shape[1]}"
        if alone and shape[-1] == 10:
            return "one picture per digit, 0 to 9"
        return f"one picture per neuron, {shown}"
