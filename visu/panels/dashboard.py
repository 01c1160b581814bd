"""The figure: headline, panels, help. It needs no window; a plain Figure draws it as well."""

from collections import deque
from textwrap import shorten

import matplotlib.style
import numpy as np
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.transforms import Bbox

from visu.panels import confusion, curves, digit_grids, first_weights, gradients, one_digit
from visu.panels.panel import Panel
from visu.panels.style import DPI, INCHES, WARNING, drawable, style
from visu.panels.views import HELP, SIX

HEAD = 84  # height of the headline; all lengths here are pixels of a figure of 1344 x 756
RATE_SECONDS = 2  # iterations per second are counted over the last so many

KINDS = {
    "accuracy": curves.Accuracy,
    "loss": curves.Loss,
    "training": digit_grids.TrainingDigits,
    "weights": curves.WeightBands,
    "biases": curves.BiasBands,
    "test": digit_grids.TestDigits,
    "test alone": digit_grids.TestDigitsAlone,
    "first layer": first_weights.FirstWeights,
    "gradients": gradients.GradientLines,
    "gradient bars": gradients.GradientBars,
    "worst errors": digit_grids.WorstErrors,
    "confusion": confusion.Confusion,
    "cell digits": confusion.CellDigits,
    "digit": one_digit.OneDigit,
}
MARGINS = {  # left, right, top, bottom, for tick labels, title and legend
    "training": (66, 12, 38, 14),
    "test": (66, 12, 38, 14),
    "test alone": (66, 12, 38, 14),
    "weights": (66, 28, 66, 52),
    "biases": (66, 28, 66, 52),
    "first layer": (24, 126, 40, 16),
    "gradients": (78, 104, 66, 56),
    "gradient bars": (66, 116, 66, 56),
    "worst errors": (18, 18, 44, 8),
    "confusion": (66, 16, 44, 62),
    "cell digits": (16, 18, 44, 8),
    "digit": (24, 24, 44, 14),
}
OTHER_MARGINS = (60, 34, 38, 52)


class Speed:
    """Iterations per second of training, over the evaluations of the last RATE_SECONDS."""

    def __init__(self):
        self.marks = deque()  # (iteration, seconds)

    def of(self, last):
        """The speed now that `last` is the newest Evaluation."""
        mark = last.iteration, last.seconds
        if self.marks and mark < self.marks[-1]:
            self.marks.clear()  # started again
        if not self.marks or mark != self.marks[-1]:
            self.marks.append(mark)
        while len(self.marks) > 2 and self.marks[1][1] <= last.seconds - RATE_SECONDS:
            self.marks.popleft()
        iteration, seconds = self.marks[0] if len(self.marks) > 1 else (0, 0)
        return (last.iteration - iteration) / max(last.seconds - seconds, 1e-9)


class Headline(Panel):
    """The line above the panels: step, data, iteration, rate, test accuracy, and what goes on."""

    def __init__(self, axes, run, speed):
        super().__init__(axes)
        self.run, self.speed = run, speed
        self.going_on = ""  # shown as it is
        axes.set_axis_off()
        size = matplotlib.rcParams["font.size"] / 12
        width = axes.get_xlim()[1]
        fitting = min(1, 46 / len(run.name))  # a long title leaves room for the status
        title = drawable(run.name, "bold")
        axes.text(18, 47, title, size=21 * size * fitting, weight="bold")
        self.facts = axes.text(18, 16, "", size=13 * size)
        self.accuracy = axes.text(width - 18, 36, "", size=32 * size, weight="bold", ha="right")
        self.wrong = axes.text(width - 18, 12, "", size=13 * size, ha="right")
        self.caption = axes.text(width - 235, 42, "", size=13 * size, ha="right")
        self.status = axes.text(
            width - 365, 47, "", size=18 * size, weight="bold", ha="right",
            bbox={"boxstyle": "round,pad=0.3", "facecolor": WARNING, "edgecolor": "none"},
        )  # fmt: skip
        self.hint = axes.text(width - 365, 14, "h: keys", size=12 * size, color="0.5", ha="right")
        self.artists = [
            self.facts, self.caption, self.accuracy, self.wrong, self.status, self.hint,
        ]  # fmt: skip

    def update(self, history):
        before = [text.get_text() for text in self.artists]
        last, tested = history.last, history.last_test
        facts = [drawable(shorten(self.run.data, 30, placeholder=" …"))]
        if last:
            facts += [
                f"iteration {last.iteration:,} of {self.run.iterations:,}",
                f"epoch {100 * last.iteration / self.run.train_count:.1f}",
            ]
            if np.isfinite(last.learning_rate):  # a cosine over no iterations is not a number
                facts += [f"learning rate {last.learning_rate:.3g}"]
            rate = self.speed.of(last)
            facts += [] if self.going_on else [f"{rate:,.0f} iterations/s"]
        self.facts.set_text("  ·  ".join(facts))
        if tested:
            answers = tested.test.answers
            count = len(answers.labels)
            wrong = np.count_nonzero(answers.labels != answers.predictions)
            earlier = tested.iteration < last.iteration
            at = f" at iteration {tested.iteration:,}" if earlier else ""
            self.wrong.set_text(f"{wrong:,} of {count:,} wrong{at}")
        self.accuracy.set_text(f"{100 * tested.test.answers.accuracy:.2f} %" if tested else "")
        self.caption.set_text("test\naccuracy" if tested else "")
        self.status.set_text(self.going_on)
        return before != [text.get_text() for text in self.artists]


class Panels:
    """Draws a History on a matplotlib Figure of any canvas and size.

    figure: an empty Figure, which is then this object's alone; run: a Run. With animated,
    `moving` is left out when the canvas draws, for blitting. keys: whether there are keys, of which
    a hint tells until the help was shown once; ask(image, label): returns a Look, or None.

    names: the panels shown; moving: headline and plots, each a Plot; selection: their Selection.
    What has been shown once is kept in memory, so that it comes back fast.
    """

    def __init__(self, figure, run, animated=False, keys=False, ask=None):
        self.figure, self.run, self.animated, self.ask = figure, run, animated, ask
        self.speed = Speed()
        self.selection = one_digit.Selection()
        self.names = SIX
        self.status = ""
        self.help_shown, self.help_seen = False, not keys
        self.fresh = False  # whether only what changes is to be drawn, not all
        self.arrange()

    def update(self, history, status=None):
        """Take over what is new in `history`, and the status ("PAUSED") where one is given.

        Returns the members of `moving` to be drawn: those that have changed since the last call.
        """
        self.status = self.status if status is None else status
        self.head.going_on = self.status
        changed = [part.update(history) for part in self.moving]
        whole, self.fresh = not self.fresh, True
        parts = zip(self.moving, changed, strict=True)
        return [part for part, new in parts if whole or new or part.axes.stale]

    def show_only(self, names):
        """Show these panels alone: names out of KINDS, of which SIX are the usual ones."""
        for part in self.moving[1:]:
            part.set_visible(False)
        self.names = tuple(names)
        if self.names not in self.built:
            self.built[self.names] = self.build(self.names)
        for part in self.built[self.names]:
            part.set_visible(True)
        self.moving = [self.head, *self.built[self.names]]
        self.fresh = False

    def mouse(self, action, event):
        """Tell the panel under the mouse; see Plot.mouse."""
        for part in self.moving[1:]:
            if event.inaxes is part.axes:
                return part.mouse(action, event)
        return None

    def key(self, key):
        """Tell the first of the panels that knows this key; see Plot.key."""
        answers = (part.key(key) for part in self.moving[1:])
        return next((answer for answer in answers if answer is not None), None)

    def show_help(self, on):
        """Show the keys on top of everything, or no longer."""
        self.help_shown, self.help_seen = on, True
        self.help.set_visible(on)
        self.head.hint.set_visible(False)
        self.fresh = False  # it hides what has to come back

    def save(self, path):
        """Write the current view as a PNG. Raises OSError if the file cannot be written."""
        self.figure.savefig(path, format="png")

    def arrange(self):
        """Build everything anew, to the figure's size: type and lines grow and shrink with it."""
        self.figure.clear()
        inches = self.figure.get_size_inches()
        self.unit = max(min(inches / INCHES), 0.2)
        self.size = inches * DPI / self.unit  # in the pixels that HEAD and MARGINS are given in
        with matplotlib.style.context(["default", style(self.unit)]):
            self.head = self.headline(*self.size)
            self.help = self.help_text()
        self.head.hint.set_visible(not self.help_seen)
        self.built = {}  # names -> plots
        self.moving = [self.head]
        self.show_only(self.names)

    def build(self, names):
        """The plots with these names, on axes of their own."""
        built = []
        with matplotlib.style.context(["default", style(self.unit)]):
            for name, (cell, place) in zip(names, places(names, *self.size), strict=True):
                plot = KINDS[name](self.figure.add_axes(place.bounds), self.run)
                plot.selection, plot.ask = self.selection, self.ask
                plot.put_into(cell)
                built.append(plot)
        return self.animate(built)

    def animate(self, parts):
        """`parts`, with what the painter draws marked for the canvas."""
        for part in parts:
            for artist in part.artists:
                artist.set_animated(self.animated)
        return parts

    def headline(self, width, height):
        """The strip above the panels, in which lengths are those of HEAD."""
        cell = Bbox.from_bounds(0, 1 - HEAD / height, 1, HEAD / height)
        axes = self.figure.add_axes(cell.bounds)
        axes.set(xlim=(0, width), ylim=(0, HEAD))
        head = Headline(axes, self.run, self.speed)
        head.put_into(cell)
        return self.animate([head])[0]

    def help_text(self):
        """The keys, on top of everything."""
        text = self.figure.text(
            0.5, 0.5, HELP, family="monospace", size=16 * self.unit, linespacing=1.5, zorder=10,
            ha="center", va="center", multialignment="left", visible=self.help_shown,
            bbox={"boxstyle": "round,pad=1", "facecolor": "white", "edgecolor": "0.3"},
        )  # fmt: skip
        text.set_animated(self.animated)
        return text


def places(names, width, height):
    """For each name the panel's cell and within it its axes, as Bboxes from 0 to 1 both ways."""
    rows = 2 if len(names) > 3 else 1
    columns = len(names) // rows
    shares = np.array([1.33 if "test" in names[k::columns] else 1 for k in range(columns)])
    edges = np.concatenate([[0], np.cumsum(shares / shares.sum())]) * width
    tall = (height - HEAD) / rows
    for k, name in enumerate(names):
        row, column = divmod(k, columns)
        ceiling = height - HEAD - row * tall
        cell = np.array([[edges[column], ceiling - tall], [edges[column + 1], ceiling]])
        left, right, top, bottom = MARGINS.get(name, OTHER_MARGINS)
        place = cell + [[left, bottom], [-right, -top]]
        yield Bbox(cell / [width, height]), Bbox(place / [width, height])


def save_picture(path, history, status=""):
    """Write the six panels of `history` as a PNG of 1344 x 756, without any window.

    status: as for Panels. Raises OSError where the file cannot be written.
    """
    figure = Figure(INCHES, dpi=DPI)
    FigureCanvasAgg(figure)
    panels = Panels(figure, history.run)
    panels.update(history, status)
    panels.save(path)
