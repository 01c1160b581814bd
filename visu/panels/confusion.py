"""The panels of key c: the confusion matrix, and the digits of one of its cells."""

import numpy as np
from matplotlib import colormaps, rcParams
from matplotlib.patches import Rectangle

from visu.panels import pictures
from visu.panels.digit_grids import CaptionedDigits, caption
from visu.panels.panel import Panel
from visu.panels.style import TEST

MOST_IN_CELL = 30  # digits of a cell that are shown
DIAGONAL = 0.93  # grey of the cells of digits read right


def selected_cell(selection, counts):
    """(true, predicted) of the selected cell, or else of the most frequent mistake.

    counts: [10, 10], see pictures.confusion. None where nothing is selected and nothing misread.
    """
    mistakes = counts - np.diag(np.diag(counts))
    most = divmod(int(mistakes.argmax()), 10)
    return selection.cell or (most if mistakes.any() else None)


class Confusion(Panel):
    """How many test digits were predicted as which. A click on a cell selects it."""

    margins = 66, 16, 44, 62

    def __init__(self, axes, run):
        super().__init__(axes, f"Confusion matrix of the {run.test_count:,} test digits")
        large = 1.3 * rcParams["font.size"]
        axes.set(xlim=(0, 10), ylim=(10, 0))
        axes.set_xlabel("predicted digit", size=large)
        axes.set_ylabel("true digit", size=large)
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
        """Write the counts; red, on a scale of their own, are those of the mistakes."""
        answers = history.test_answers
        if not answers or not self.is_new(answers, self.selection.cell):
            return False
        counts = pictures.confusion(answers)
        cell = selected_cell(self.selection, counts)
        true, predicted = cell or (0, 0)
        self.outline.set(visible=cell is not None, xy=(predicted, true))
        diagonal = np.eye(10, dtype=bool)
        shares = counts / max(counts[~diagonal].max(), 1)
        colours = colormaps["Reds"](0.8 * shares)
        colours[counts == 0] = 1
        colours[diagonal] = 3 * [DIAGONAL] + [1]
        self.image.set_data(colours)
        inks = np.where(diagonal, "0.5", np.where(shares > 0.6, "white", "black"))
        for text, count, ink in zip(self.counts, counts.flat, inks.flat, strict=True):
            text.set(text=f"{count}" if count else "", color=ink)
        return True

    def mouse(self, action, event):
        if action != "press":
            return None
        self.selection.cell = min(int(event.ydata), 9), min(int(event.xdata), 9)
        return ()


class CellDigits(CaptionedDigits):
    """The test digits of one cell of the confusion matrix."""

    margins = 16, 18, 44, 8

    def __init__(self, axes, run):
        super().__init__(axes, "", MOST_IN_CELL, widest=4.7)

    def update(self, history):
        answers = history.test_answers
        if not answers or not self.is_new(answers, self.selection.cell):
            return False
        cell = selected_cell(self.selection, pictures.confusion(answers))
        found = pictures.digits_in_cell(answers, *cell) if cell else np.array([], int)
        self.title.set_text(in_words(*cell, len(found)) if cell else "no mistakes")
        shown = found[:MOST_IN_CELL]
        self.draw_captioned(answers, shown, [*map(caption, answers.confidences[shown])])
        return True


def in_words(true, predicted, count):
    """A cell with so many digits."""
    digits = "1 digit" if count == 1 else f"{count:,} digits"
    first = f", the {MOST_IN_CELL} {'least' if true == predicted else 'most'} confident"
    return f"true {true}, predicted {predicted}: {digits}{first if count > MOST_IN_CELL else ''}"
