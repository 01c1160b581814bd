"""The panels of many digits: the batch, the test digits, the worst errors."""

import math

import numpy as np

from visu.panels import pictures
from visu.panels.one_digit import OneDigit
from visu.panels.panel import Panel
from visu.panels.pictures import SIDE
from visu.panels.style import percent

FEW = 150  # misread digits that are shown without the others
MOST_ERRORS = 40  # of the worst ones
KEY = "misread ones first,\non red, with the\ntrue digit (left),\npredicted (right)"


class DigitGrid(Panel):
    """Digits in a grid of tiles, misread ones on red. A click on a digit opens it.

    answers, indices: which digits of which Answers are drawn; rows, columns: the grid.
    """

    margins = 66, 12, 38, 14
    of_test = True  # whether the Answers are those for the test digits

    def __init__(self, axes, title=""):
        super().__init__(axes, title)
        self.answers, self.indices = None, []
        # noted now, as matplotlib fits the axes to the picture later
        self.width, self.height = axes.bbox.width, axes.bbox.height
        self.image = axes.imshow(np.full((1, 1, 4), 255, np.uint8))
        self.artists = [self.image, *axes.spines.values()]  # the frame stays on top
        axes.set(xticks=[], yticks=[], anchor="NW")
        axes.spines[:].set_color("0.6")
        self.set_grid(1, 1)

    def set_grid(self, rows, columns, ticks=()):
        """Lay out the axes for so many tiles; ticks: (place, label) of each one at the left."""
        self.rows, self.columns = rows, columns
        self.set_limits((0, columns), (rows, 0))
        places = [place for place, _ in ticks]
        if places != [*self.axes.get_yticks()]:
            self.axes.set_yticks(places, [label for _, label in ticks])

    def update(self, history):
        batch = history.last and history.last.train
        answers = history.test_answers if self.of_test else batch
        if not answers or not self.is_new(answers):
            return False
        self.show(answers)
        return True

    def show(self, answers):
        """Draw these Answers, misread digits first."""
        self.draw(answers, pictures.misread_first(answers))

    def draw(self, answers, indices, height=SIDE, width=SIDE):
        """Draw these digits of Answers in the grid; height, width: as for pictures.mosaic."""
        self.answers, self.indices = answers, indices
        # Sharp pixels; but on a screen with clearly fewer than the picture, strokes would break.
        room = min(self.width / self.columns / width, self.height / self.rows / height)
        self.image.set_interpolation("nearest" if room > 0.9 else "hanning")
        half = room < 0.6 and (height, width) == (SIDE, SIDE)  # which does, and is faster
        tiles = self.rows, self.columns, height, width, half
        self.image.set(data=pictures.mosaic(answers, indices, *tiles))
        self.image.set_extent((0, self.columns, self.rows, 0))

    def mouse(self, action, event):
        row, column = int(event.ydata), int(event.xdata)
        place = row * self.columns + column
        if action != "press" or column >= self.columns or place >= len(self.indices):
            return None
        index = int(self.indices[place])
        label = int(self.answers.labels[index])
        self.selection.open(self.answers.images[index], label, index if self.of_test else None)
        return (OneDigit,)


class TrainingDigits(DigitGrid):
    """The current batch of 100, and what the colours and the small digits mean."""

    of_test = False

    def __init__(self, axes, run):
        super().__init__(axes, "Training images (current batch)")
        self.set_grid(10, 10)
        spare = (self.width - self.height) / self.letter  # the square leaves this free
        if spare > 10:
            axes.text(1.05, 1, KEY, transform=axes.transAxes, va="top")
        elif spare < -6:
            axes.text(0, -0.02, KEY, transform=axes.transAxes, va="top")


class TestDigits(DigitGrid):
    """A tenth of the test digits on 25 lines, and what share of all digits lies above each line.

    As misread ones come first, the edge of the red area reads as the accuracy.
    """

    wide = 1.33
    __test__ = False  # to pytest: this is no test

    def __init__(self, axes, run):
        super().__init__(axes)
        shown = max(1, run.test_count // 10)
        columns = math.ceil(math.sqrt(shown * 1.6))  # 1,000 digits: 25 lines of 40
        rows = math.ceil(shown / columns)
        marks = [k for k in (0, 2, 4, 6, 8, 10) if k * run.test_count <= 100 * rows * columns]
        ticks = [(k / 100 * run.test_count / columns, percent(1 - k / 100)) for k in marks]
        self.all = rows, columns, ticks
        of_all = f" of {run.test_count:,}" if shown < run.test_count else ""
        self.said = f"{shown:,}{of_all} test digits, misread ones first"
        self.title.set_text(self.said)
        self.set_grid(*self.all)


class TestDigitsAlone(TestDigits):
    """The same, large; only misread ones when they are few: then their labels can be read."""

    def show(self, answers):
        misread = np.flatnonzero(answers.labels != answers.predictions)
        if 0 < len(misread) < FEW:
            self.title.set_text(f"The {len(misread)} misread test digits")
            self.set_grid(*pictures.tiling(len(misread), self.width / self.height))
            self.draw(answers, misread)
        else:
            self.title.set_text(self.said)
            self.set_grid(*self.all)
            super().show(answers)


class CaptionedDigits(DigitGrid):
    """Digits with a caption below each.

    most: how many digits there may be; widest: the longest caption, in units of its letters' size.
    """

    margins = 18, 18, 44, 8

    def __init__(self, axes, title, most, widest):
        super().__init__(axes, title)
        self.widest = widest
        self.captions = [axes.text(0, 0, "", ha="center", va="top") for _ in range(most)]
        self.artists = [self.image, *self.captions]
        axes.set_axis_off()
        axes.set_aspect("auto")

    def draw_captioned(self, answers, indices, captions):
        """Draw these digits of Answers, as large as they fit; captions: one for each."""
        self.rows, self.columns = pictures.tiling(max(len(indices), 1), size=self.readable)
        letter, side = self.sizes(self.rows, self.columns)
        pixel = side / SIDE
        height = int(self.height / self.rows / pixel)
        width = int(self.width / self.columns / pixel)
        self.draw(answers, indices, height, width)
        self.set_limits((0, self.width / width / pixel), (self.height / height / pixel, 0))
        size = 72 * letter / self.axes.get_figure().dpi
        for k, text in enumerate(self.captions):
            row, column = divmod(k, self.columns)
            place = column + 0.5, row + (SIDE + 0.3 * letter / pixel) / height
            text.set(position=place, size=size, text=captions[k] if k < len(indices) else "")

    def sizes(self, rows, columns):
        """Of a caption's letters and of a digit in such a grid, in pixels.

        A pixel of a digit is left free, as the height of a tile is rounded down to whole ones.
        """
        width, height = self.width / columns, self.height / rows
        letter = min(width / self.widest, 3 * self.letter)
        return letter, min(0.92 * width, (height - 1.7 * letter) * SIDE / (SIDE + 1))

    def readable(self, rows, columns):
        """How good such a grid is: digits are large, but not above captions too small to read."""
        letter, side = self.sizes(rows, columns)
        return min(side, 4.5 * letter), -columns


def caption(confidence):
    """A confidence, 0..1, in percent; nothing where it is not a number."""
    return percent(confidence, 1) if np.isfinite(confidence) else ""


class WorstErrors(CaptionedDigits):
    """The most confident mistakes among the test digits."""

    def __init__(self, axes, run):
        super().__init__(axes, "Worst errors", MOST_ERRORS, widest=8.4)

    def show(self, answers):
        indices = pictures.worst_errors(answers, MOST_ERRORS)
        count = np.count_nonzero(answers.labels != answers.predictions)
        which = "all" if count == len(indices) else f"the {len(indices)} most confident of"
        said = f"{which} {count:,} mistakes: true digit → predicted digit, confidence"
        if not count:
            said = f"none, all {len(answers.labels):,} test digits are right"
        self.title.set_text(f"Worst errors: {said}")
        captions = []
        for k in indices:
            digits = f"{answers.labels[k]} → {answers.predictions[k]}"
            captions.append(", ".join(filter(None, (digits, caption(answers.confidences[k])))))
        self.draw_captioned(answers, indices, captions)
