"""The panels about mistakes: the worst ones, the confusion matrix and the digits of a cell."""

import math

import numpy as np
from matplotlib import colormaps, rcParams
from matplotlib.patches import Rectangle

from visu.panels import pictures
from visu.panels.one_digit import OneDigit
from visu.panels.panel import Panel
from visu.panels.style import TEST
from visu.text import percent

MOST_ERRORS, MOST_IN_CELL = 40, 30  # digits shown
DIAGONAL = 0.93  # grey of the right digits' cells


def chosen_cell(focus, counts):
    """(true, computed) of the cell to look at: the chosen one, or the most frequent mistake.

    counts: [10, 10], see pictures.confusion. None where nothing was chosen and nothing is wrong.
    """
    mistakes = counts - np.diag(np.diag(counts))
    most = divmod(int(mistakes.argmax()), 10)
    return focus.cell or (most if mistakes.any() else None)


class Tiles(Panel):
    """Digits with a caption below each, as large as they fit. A click on a digit opens it.

    most: how many digits there may be; widest: the longest caption, in units of its letters' size.
    """

    def __init__(self, axes, title, most, widest):
        super().__init__(axes, title)
        self.widest = widest
        self.answers, self.indices = None, []  # the digits shown
        self.grid = 1, 1, 1  # columns; height and width of a tile, in pixels of its digit
        blank = np.full((1, 1, 4), 255, np.uint8)
        self.image = axes.imshow(blank, aspect="auto", interpolation="nearest")
        self.captions = [axes.text(0, 0, "", ha="center", va="top") for _ in range(most)]
        self.artists = [self.image, *self.captions]
        axes.set_axis_off()

    def show(self, answers, indices, captions):
        """Show these digits of Answers; captions: one for each."""
        self.answers, self.indices = answers, indices
        rows, columns, letter, side = self.layout(max(len(indices), 1))
        box, pixel = self.axes.bbox, side / pictures.SIDE
        height, width = int(box.height / rows / pixel), int(box.width / columns / pixel)
        self.grid = columns, height, width
        wrong = answers.labels[indices] != answers.predictions[indices]
        picture = pictures.tiles(answers.images[indices], wrong, rows, columns, height, width)
        self.image.set(data=picture, extent=(0, columns * width, rows * height, 0))
        self.set_limits((0, box.width / pixel), (box.height / pixel, 0))
        size = 72 * letter / self.axes.get_figure().dpi
        for k, text in enumerate(self.captions):
            row, column = divmod(k, columns)
            place = (column + 0.5) * width, row * height + pictures.SIDE + 0.3 * letter / pixel
            text.set(position=place, size=size, text=captions[k] if k < len(indices) else "")

    def layout(self, count):
        """(rows, columns, letter size, side of a digit), the sizes in pixels, for so many tiles.

        Digits are smaller where their captions would be too small to read. A pixel of a digit is
        left free, as the height of a tile is rounded down to whole ones.
        """

        def tiling(columns):
            rows = math.ceil(count / columns)
            width, height = self.axes.bbox.width / columns, self.axes.bbox.height / rows
            letter = min(width / self.widest, 3 * self.letter)
            side = (height - 1.7 * letter) * pictures.SIDE / (pictures.SIDE + 1)
            return rows, columns, letter, min(0.92 * width, side)

        tilings = map(tiling, range(1, count + 1))
        return max(tilings, key=lambda tiling: min(tiling[3], 4.5 * tiling[2]))

    def mouse(self, action, event):
        columns, height, width = self.grid
        row, column = int(event.ydata // height), int(event.xdata // width)
        k = row * columns + column
        if action != "press" or column >= columns or k >= len(self.indices):
            return None
        index = self.indices[k]
        self.focus.open(self.answers.images[index], int(self.answers.labels[index]), int(index))
        return (OneDigit,)


def caption(confidence, before=""):
    """A confidence, 0..1, as a caption; before: what comes before it. Nothing where unknown."""
    return before + percent(confidence, 1) if np.isfinite(confidence) else ""


class WorstErrors(Tiles):
    """The most confident mistakes among the test digits."""

    margins = 18, 18, 44, 8

    def __init__(self, axes, run):
        super().__init__(axes, "Worst errors", MOST_ERRORS, widest=8.4)

    def update(self, history):
        answers = history.last_test and history.last_test.test.answers
        if answers is None or answers is self.answers:
            return False
        indices = pictures.worst_errors(answers, MOST_ERRORS)
        mistakes = np.count_nonzero(answers.labels != answers.predictions)
        few = mistakes == len(indices)
        which = "all" if few else f"the {len(indices)} most confident of"
        which += f" {mistakes:,} mistakes: true digit → computed digit, confidence"
        none = f"none, all {len(answers.labels):,} test digits are right"
        self.title.set_text(f"Worst errors: {which if mistakes else none}")
        digits = (part[indices] for part in (answers.labels, answers.predictions))
        confidences = answers.confidences[indices]
        captions = [
            f"{true} → {computed}{caption(confidence, ', ')}"
            for true, computed, confidence in zip(*digits, confidences, strict=True)
        ]
        self.show(answers, indices, captions)
        return True


class CellDigits(Tiles):
    """The test digits of one cell of the confusion matrix."""

    margins = 16, 18, 44, 8

    def __init__(self, axes, run):
        super().__init__(axes, "", MOST_IN_CELL, widest=4.7)
        self.asked = self.chosen = None  # the focus's cell, and the one shown

    def update(self, history):
        answers = history.last_test and history.last_test.test.answers
        if answers is None or answers is self.answers and self.focus.cell == self.asked:
            return False
        self.asked = self.focus.cell
        cell = chosen_cell(self.focus, pictures.confusion(answers.labels, answers.predictions))
        self.chosen = cell
        found = pictures.digits_in_cell(answers, *cell) if cell else []
        self.title.set_text(self.what(len(found)))
        indices = np.array(found[:MOST_IN_CELL], int)
        captions = [caption(one) for one in answers.confidences[indices]]
        self.show(answers, indices, captions)
        return True

    def what(self, count):
        """The title for so many digits in the cell."""
        if not self.chosen:
            return "no mistakes"
        digits = "1 digit" if count == 1 else f"{count:,} digits"
        true, computed = self.chosen
        first = f", the {MOST_IN_CELL} {'least' if true == computed else 'most'} confident"
        return f"true {true}, computed {computed}: {digits}{first if count > MOST_IN_CELL else ''}"


class Confusion(Panel):
    """How many test digits were computed as which. A click on a cell chooses it."""

    margins = 66, 16, 44, 62

    def __init__(self, axes, run):
        super().__init__(axes, f"Confusion matrix of the {run.test_count:,} test digits")
        self.answers, self.chosen = None, None
        large = 1.3 * rcParams["font.size"]
        axes.set(xlim=(0, 10), ylim=(10, 0), xlabel="computed digit", ylabel="true digit")
        axes.xaxis.label.set_size(large)
        axes.yaxis.label.set_size(large)
        axes.xaxis.set_label_coords(0.5, -2 * self.letter / axes.bbox.height)
        axes.yaxis.set_label_coords(-1.7 * self.letter / axes.bbox.width, 0.5)
        axes.set_xticks(np.arange(10) + 0.5, range(10))
        axes.set_yticks(np.arange(10) + 0.5, range(10))
        axes.tick_params(length=0, labelsize=large)
        blank = np.full((10, 10, 4), 255, np.uint8)
        self.image = axes.imshow(
            blank, aspect="auto", interpolation="nearest", extent=(0, 10, 10, 0)
        )
        lines = {"color": rcParams["grid.color"], "linewidth": rcParams["grid.linewidth"]}
        grid = axes.hlines(range(1, 10), 0, 10, **lines), axes.vlines(range(1, 10), 0, 10, **lines)
        size = 7.2 / axes.get_figure().dpi * min(0.42 * axes.bbox.height, 0.34 * axes.bbox.width)
        middle = {"ha": "center", "va": "center_baseline", "size": size}
        self.counts = [axes.text(k % 10 + 0.5, k // 10 + 0.5, "", **middle) for k in range(100)]
        width = 4 * rcParams["lines.linewidth"]
        self.outline = Rectangle((0, 0), 1, 1, fill=False, linewidth=width, edgecolor=TEST)
        axes.add_patch(self.outline)
        self.artists = [self.image, *grid, *axes.spines.values(), self.outline, *self.counts]

    def update(self, history):
        answers = history.last_test and history.last_test.test.answers
        if answers is None:
            return False
        counts = pictures.confusion(answers.labels, answers.predictions)
        cell = chosen_cell(self.focus, counts)
        if answers is self.answers and cell == self.chosen:
            return False
        self.answers, self.chosen = answers, cell
        self.outline.set_visible(cell is not None)
        true, computed = cell or (0, 0)
        self.outline.set_xy((computed, true))
        self.show(counts)
        return True

    def show(self, counts):
        """Write the counts [10, 10]; red, on a scale of their own, are those of the mistakes."""
        diagonal = np.eye(10, dtype=bool)
        shares = counts / max(counts[~diagonal].max(), 1)
        colours = colormaps["Reds"](0.8 * shares)
        colours[counts == 0] = 1
        colours[diagonal] = 3 * [DIAGONAL] + [1]
        self.image.set_data(colours)
        pens = np.where(diagonal, "0.5", np.where(shares > 0.6, "white", "black"))
        for text, count, pen in zip(self.counts, counts.flat, pens.flat, strict=True):
            text.set(text=f"{count}" if count else "", color=pen)

    def mouse(self, action, event):
        if action != "press":
            return None
        self.focus.cell = min(int(event.ydata), 9), min(int(event.xdata), 9)
        return ()
