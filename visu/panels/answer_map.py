"""The panel of key m: where the network places 1,000 test digits between the ten answers."""

import numpy as np
from matplotlib import rcParams
from matplotlib.lines import Line2D

from visu.panels.one_digit import OneDigit
from visu.panels.panel import Panel
from visu.panels.style import RED

TURNS = np.arange(10) / 10 * 2 * np.pi
CORNERS = np.stack([np.sin(TURNS), np.cos(TURNS)], axis=1)  # [10, 2]: 0 on top, then clockwise
COLOURS = (  # of the digits 0 to 9; none is RED, which is for misread ones
    "#0072b2", "#e69f00", "#009e73", "#cc79a7", "#56b4e9",
    "#8b5a2b", "#000000", "#999999", "#a6a600", "#6a3d9a",
)  # fmt: skip
REACH = 1.2  # of the axes, upwards and downwards; the corners are at 1
NEAR = 0.04  # how near to a digit a click has to be
WORDS = """\
A dot is a test digit,
in the colour of its
true digit.

In a corner: that
answer with 100 %.
Between two corners:
undecided.
In the middle: all ten
alike."""


class AnswerMap(Panel):
    """Test digits at Y @ CORNERS, Y the network's probabilities; misread ones have a red ring."""

    margins = 16, 16, 34, 8

    def __init__(self, axes, run):
        super().__init__(axes, "Map of answers")
        wide = REACH * axes.bbox.width / axes.bbox.height
        axes.set(xlim=(-wide, wide), ylim=(-REACH, REACH))
        axes.set_axis_off()
        self.test = None  # the newest Test
        size, width = rcParams["font.size"], rcParams["lines.linewidth"]
        around = np.concatenate([CORNERS, CORNERS[:1]])
        axes.add_line(Line2D(*around.T, color="0.85", linewidth=width))
        for digit, (x, y) in enumerate(1.1 * CORNERS):
            axes.text(
                x, y, str(digit), color=COLOURS[digit], size=2.2 * size, weight="bold",
                ha="center", va="center_baseline",
            )  # fmt: skip
        axes.text(-wide, 1.1, WORDS, size=1.3 * size, va="top", linespacing=1.3)
        dots = {"linestyle": "none", "marker": "o", "clip_on": False}
        self.dots = [
            axes.add_line(Line2D([], [], color=colour, markersize=0.55 * size, **dots))
            for colour in COLOURS
        ]
        for line in self.dots:
            line.set_markeredgewidth(0)
        self.rings = axes.add_line(Line2D([], [], color=RED, markersize=0.85 * size, **dots))
        self.rings.set(markerfacecolor="none", markeredgewidth=1.5 * width)
        self.own = axes.add_line(Line2D([], [], color="black", markersize=1.8 * size, **dots))
        self.own.set(marker="*", markerfacecolor="white", markeredgewidth=2 * width)
        self.named = axes.text(0, 0, "", size=1.3 * size, weight="bold", va="center")
        self.artists = [*self.dots, self.rings, self.own, self.named]

    def update(self, history):
        selection, tested = self.selection, history.last_test
        drawn = selection.sheet is not None and selection.image is not None
        self.asks = drawn  # so that the network is copied, and can answer
        look = self.ask(selection.image, None) if drawn and self.ask else None
        if not tested or not self.is_new(tested, look):
            return False
        self.test = tested.test
        answers, sample = self.test.answers, self.test.sample
        self.places = self.test.probabilities @ CORNERS
        labels = answers.labels[sample]
        for digit, line in enumerate(self.dots):
            line.set_data(*self.places[labels == digit].T)
        self.rings.set_data(*self.places[labels != answers.predictions[sample]].T)
        self.show_own(look)
        return True

    def show_own(self, look):
        """Show where the digit is that was drawn by hand; look: the Look at it, or None."""
        there = look is not None
        place = look.probabilities @ CORNERS if there else np.zeros(2)
        self.own.set(visible=there, xdata=place[:1], ydata=place[1:])
        self.named.set(visible=there, position=place + [0.06, 0], text="your digit")

    def mouse(self, action, event):
        """A click on a dot opens its digit."""
        if action != "press" or not self.test:
            return None
        distances = np.linalg.norm(self.places - [event.xdata, event.ydata], axis=1)
        nearest = int(np.nanargmin(distances)) if np.isfinite(distances).any() else None
        if nearest is None or distances[nearest] > NEAR:
            return None
        index, answers = int(self.test.sample[nearest]), self.test.answers
        self.selection.open(answers.images[index], int(answers.labels[index]), index)
        return (OneDigit,)
