"""The network's answer for one digit: large, and as ten probabilities; what it adds to the loss."""

import numpy as np
from matplotlib import rcParams
from matplotlib.font_manager import FontProperties
from matplotlib.patches import PathPatch, Rectangle
from matplotlib.textpath import TextPath
from matplotlib.transforms import Affine2D

from visu.panels.layers import LINE
from visu.panels.style import RED, TEST, percent

ABOVE = 2.4 * LINE  # from the top to the large digit, which is as tall as three bars
BELOW = 3.3 * LINE  # for the words below the bars
TALL = 0.73  # height of a digit, as a share of its type's size
REMINDER = "it can only answer 0 to 9:\na letter or a scribble gets\na digit, too"


class Answer:
    """The predicted digit, large; the ten probabilities; the loss, or a REMINDER."""

    def __init__(self, axes, left, right, height):
        self.pitch = (height - ABOVE - BELOW) / 13.5
        size = rcParams["font.size"]
        tall = min(3 * self.pitch, 0.42 * (right - left))
        self.top = ABOVE + tall + 0.5 * self.pitch
        start, self.long = left + 26, right - left - 26 - 82
        tops, thick = self.top + self.pitch * np.arange(10), 0.84 * self.pitch
        self.bars = axes.barh(tops, 0, thick, left=start, align="edge", linewidth=0)
        self.shares = []
        axes.text(left, 0, "Probabilities", va="top", weight="bold")
        for digit, top in enumerate(tops):
            text = {"y": top + thick / 2, "va": "center"}
            self.shares.append(axes.text(x=right, s="", ha="right", **text))
            axes.text(x=left, s=str(digit), weight="bold", size=1.3 * size, **text)
        self.outline = axes.add_patch(Rectangle((start, 0), self.long, thick, fill=False))
        self.outline.set(edgecolor="black", linewidth=0.2 * size, clip_on=False)
        self.heading = axes.text(left, LINE, "", va="top", linespacing=1.25)
        font, foot, large = FontProperties(weight="bold"), ABOVE + tall, tall / TALL
        self.paths = [TextPath((0, 0), text, large, prop=font) for text in "0123456789?"]
        upright = Affine2D().scale(1, -1).translate(left - 0.07 * large, foot)  # y goes down here
        self.digit = axes.add_patch(PathPatch(self.paths[0], transform=upright + axes.transData))
        self.digit.set(linewidth=0, clip_on=False)
        beside = left + 0.7 * large
        self.share = axes.text(beside, foot, "", weight="bold", size=2 * size)
        self.true = axes.text(beside, ABOVE, "", va="top", linespacing=1.25)
        self.words = axes.text(left, height, "", va="bottom", linespacing=1.25)
        self.artists = [*self.bars, self.outline, *self.shares, self.heading]
        self.artists += [self.digit, self.share, self.true, self.words]

    def show(self, look, selection, run):
        """Draw the answer of a Look, nothing where there is none."""
        there = look is not None and look.probabilities is not None
        for artist in self.artists:
            artist.set_visible(there)
        if selection.training:
            why = ",\nwhere dropout is off" if look and look.drops else ""
            self.heading.set(text=f"in evaluations only{why}", visible=True)
        if not there:
            return
        p, label = look.probabilities, look.label
        predicted, known = int(np.argmax(p)), label is not None
        colour = TEST if label in (None, predicted) else RED
        for digit, (bar, text) in enumerate(zip(self.bars, self.shares, strict=True)):
            bar.set(width=self.long * p[digit], facecolor=colour if digit == predicted else "0.6")
            weight = "bold" if digit in (predicted, label) else "normal"
            text.set(text=percent(p[digit], 1), weight=weight)
        self.digit.set(path=self.paths[predicted if np.isfinite(p).all() else -1], color=colour)
        self.share.set(text=percent(p[predicted], 1), color=colour)
        self.true.set_text("predicted" + f"\ntrue: {label} (outlined)" * known)
        self.heading.set_text(f"at iteration {look.iteration:,}" if run.iterations else run.planned)
        self.outline.set(visible=known, y=self.top + (label or 0) * self.pitch)
        self.words.set_text(loss(p[label]) if known else REMINDER * (selection.sheet is not None))


def loss(p):
    """What a digit adds to the loss, whose true digit has the probability p; in words."""
    value = abs(np.log(max(float(p), 1e-38)))  # no "-0.00"
    return f"loss of this digit\n= −log({p:.3g}) = {value:.2f}"
