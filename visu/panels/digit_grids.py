"""The panels that are pictures: the digits, and the first layer's weights."""

import math

import numpy as np
from matplotlib import rcParams

from visu.panels import pictures
from visu.panels.one_digit import OneDigit
from visu.panels.panel import Panel, round_up
from visu.text import out_of

FEW = 150  # wrong digits that are shown without the others
BLANK = np.zeros((0, pictures.SIDE, pictures.SIDE), np.uint8), [], []
KEY = "wrong ones first,\non red, with the\ntrue digit (left),\ncomputed (right)"


class Mosaic(Panel):
    """A mosaic of digits, wrong ones first. rows, columns: its cells."""

    margins = 66, 12, 38, 14
    of_test = False  # whether these are the test digits
    wrong = None  # the test digits' own indices where only the wrong ones are shown

    def __init__(self, axes, title, rows, columns):
        super().__init__(axes, title)
        self.rows, self.columns = rows, columns
        self.drawn = None
        self.digits = BLANK  # images, labels, predictions in the picture
        blank = np.full((rows * pictures.SIDE, columns * pictures.SIDE, 4), 255, np.uint8)
        self.image = axes.imshow(blank, extent=(0, columns, rows, 0))
        # Sharp pixels; but on a screen with clearly fewer than the picture, strokes would break.
        room = min(axes.bbox.width / columns, axes.bbox.height / rows) / pictures.SIDE
        self.smooth = "nearest" if room > 0.9 else "hanning"
        self.image.set_interpolation(self.smooth)
        self.halve = room < 0.6  # then a picture of half the size does as well, drawn faster
        self.artists = [self.image, *axes.spines.values()]  # the frame stays on top
        axes.set(xlim=(0, columns), ylim=(rows, 0), xticks=[], yticks=[])
        axes.spines[:].set_color("0.6")

    def show(self, answers):
        """Draw the digits of these Answers, nothing for None; return True where they are new."""
        if answers is self.drawn:
            return False
        self.drawn = answers
        if answers:
            self.digits = answers.images, answers.labels, answers.predictions
        else:
            self.digits = BLANK
        picture = pictures.mosaic(*self.digits, self.rows, self.columns)
        self.image.set_data(pictures.halved(picture) if self.halve else picture)
        return True

    def mouse(self, action, event):
        """A click on a digit opens it."""
        if action != "press" or event.inaxes is not self.axes:
            return None
        images, labels, predictions = self.digits
        columns, row, column = (int(x) for x in (self.axes.get_xlim()[1], event.ydata, event.xdata))
        chosen = pictures.digit_at(labels, predictions, columns, row, column)
        if chosen is None:
            return None
        index = chosen if self.wrong is None else self.wrong[chosen]
        self.focus.open(images[chosen], int(labels[chosen]), int(index) if self.of_test else None)
        return (OneDigit,)


class TrainingDigits(Mosaic):
    """The current batch of 100, and what the colours and the small digits mean."""

    def __init__(self, axes, run):
        super().__init__(axes, "Training images (current batch)", 10, 10)
        axes.set_anchor("NW")
        spare = (axes.bbox.width - axes.bbox.height) / self.letter  # the square leaves this free
        if spare > 10:
            axes.text(1.05, 1, KEY, transform=axes.transAxes, va="top")
        elif spare < -6:
            axes.text(0, -0.02, KEY, transform=axes.transAxes, va="top")

    def update(self, history):
        return self.show(history.last and history.last.train)


class TestDigits(Mosaic):
    """A tenth of the test digits on 25 lines, and what share of all digits lies above each line.

    As wrong ones come first, the edge of the red area reads as the accuracy.
    """

    of_test = True
    wide = 1.33

    def __init__(self, axes, run):
        shown = max(1, run.test_count // 10)
        columns = math.ceil(math.sqrt(shown * 1.6))  # 1,000 digits: 25 lines of 40
        rows = math.ceil(shown / columns)
        self.room = axes.bbox.width / axes.bbox.height
        super().__init__(axes, "Test images", rows, columns)
        axes.set_anchor("NW")
        marks = [
            mark for mark in (0, 2, 4, 6, 8, 10) if mark * run.test_count <= 100 * rows * columns
        ]
        self.marks = [mark / 100 * run.test_count / columns for mark in marks]
        self.mark_labels = [f"{100 - mark} %" for mark in marks]
        self.frame()

    def frame(self):
        """Lay out the axes for all of these digits."""
        if self.title.get_text() != "Test images" or not len(self.axes.get_yticks()):
            self.set_limits((0, self.columns), (self.rows, 0))
            self.axes.set_yticks(self.marks, self.mark_labels)
        self.image.set(extent=(0, self.columns, self.rows, 0), interpolation=self.smooth)
        self.title.set_text("Test images")

    def update(self, history):
        return self.show(history.last_test and history.last_test.test.answers)


class TestDigitsAlone(TestDigits):
    """The same, large; the wrong ones only when they are few: then their labels can be read."""

    def show(self, answers):
        if answers is self.drawn:
            return False
        wrong = np.flatnonzero(answers.labels != answers.predictions) if answers else []
        self.wrong = wrong if 0 < len(wrong) < FEW else None
        if self.wrong is None:
            self.frame()
            return super().show(answers)
        self.drawn = answers
        rows, columns = pictures.tiling(len(wrong), self.room)
        self.digits = answers.images[wrong], answers.labels[wrong], answers.predictions[wrong]
        picture = pictures.mosaic(*self.digits, rows, columns)
        self.image.set(data=picture, extent=(0, columns, rows, 0))
        self.image.set_interpolation("nearest")
        self.set_limits((0, columns), (rows, 0))
        self.axes.set_yticks([])
        self.title.set_text(f"Test images: the {len(wrong)} wrong ones")
        return True


class FirstWeights(Panel):
    """The first layer's weights: a picture per neuron or kernel, all on one scale, zero white."""

    margins = 24, 126, 40, 16
    keeps = ("W1",)

    def __init__(self, axes, run):
        super().__init__(axes, "Weights of the first layer")
        self.drawn = None
        axes.set_anchor("NW")
        self.image = axes.imshow(
            np.full((1, 1), np.nan), cmap="RdBu", interpolation="nearest", vmin=-1, vmax=1
        )
        self.image.set_cmap(self.image.get_cmap().with_extremes(bad="0.75"))
        size = 1.3 * rcParams["font.size"]
        self.digits = [axes.text(0, 0, "", va="top", weight="bold", size=size) for _ in range(10)]
        self.artists = [self.image, *self.digits]
        axes.set_axis_off()
        beside = axes.inset_axes((1.02, 0, 0.025, 1))  # as high as the pictures
        self.scale = axes.get_figure().colorbar(self.image, cax=beside)

    def update(self, history):
        weights = history.last_test and history.last_test.test.variables["W1"]
        if weights is self.drawn:
            return False
        self.drawn = weights
        if weights is not None:
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
            self.name_digits(picture.shape)

    def name_digits(self, shape):
        """Put its digit into the corner of each of ten pictures; shape: of all in one."""
        rows, columns = pictures.tiling(10)
        pitch = (np.array(shape) + 1) // (rows, columns)
        for digit, text in enumerate(self.digits):
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
