"""The panels over the iterations: what each draws on its axes, and how a History fills it."""

import numpy as np
from matplotlib import rcParams
from matplotlib.lines import Line2D
from matplotlib.patches import Patch
from matplotlib.ticker import StrMethodFormatter

from visu.panels.panel import TimePanel, round_up, series
from visu.panels.style import BANDS, TEST, TRAINING

FLOORS = 0.98, 0.9, 0.8  # where the axis of the accuracy may begin, beside 0
CLIMBED = 1.05  # times the lowest test loss: from there on it overfits
GHOSTS = ("0.88", 1), ("0.75", 3)  # grey and width of the training and test curve replaced


class Curves(TimePanel):
    """Accuracy or loss: training thin, test thick."""

    def __init__(self, axes, run, title):
        super().__init__(axes, run, title)
        thin = rcParams["lines.linewidth"]
        self.train = Line2D([], [], color=TRAINING, linewidth=thin, label="training")
        self.test = Line2D([], [], color=TEST, linewidth=3 * thin, label="test")
        self.test.set_markersize(0.6 * self.letter)
        self.ghosts = [Line2D([], [], color=grey, linewidth=width * thin) for grey, width in GHOSTS]
        self.ghost = None  # the replaced History that they show
        for line in (*self.ghosts, self.train, self.test):
            axes.add_line(line)
        self.artists = [self.train, self.test, self.hint]
        place = {"loc": "lower right", "bbox_to_anchor": (1, 1)}
        axes.legend(handles=[self.train, self.test], ncols=2, **place)

    def update(self, history):
        if not self.is_new(history.last):
            return False
        self.fit_iterations(history)
        if history.ghost is not self.ghost:  # only then, as the background is drawn again
            self.ghost = history.ghost
            for line, points in zip(self.ghosts, (self.ghost.train, self.ghost.test), strict=True):
                line.set_data(*series(points, self.what))
        iterations, values = series(history.train, self.what)
        self.train.set_data(iterations, values)
        self.test.set_data(*series(history.test, self.what))
        self.test.set_marker("o" if len(history.test) == 1 else "")  # no line yet
        self.fit_values(values, self.test.get_ydata())
        self.tell_gap(self.what, iterations, values)
        return True


class Accuracy(Curves):
    """Accuracy on 0..1, and closer when both curves are there to stay."""

    what = "accuracy"

    def __init__(self, axes, run):
        super().__init__(axes, run, "Accuracy")
        axes.yaxis.set_major_formatter(StrMethodFormatter("{x:g}"))
        self.low = 0

    def fit_values(self, train, test):
        """Begin the axis at the highest of FLOORS above which both curves are there to stay.

        That is 4 of the last 5 test values, and 19 of the last 20 training values, so that none of
        the noise is cut off; once there, the axis stays for 2 and 16.
        """
        for low in FLOORS:
            tested, trained = np.sum(test[-5:] >= low), np.sum(train[-20:] >= low)
            enough = (2, 16) if low == self.low else (4, 19)
            if tested >= enough[0] and trained >= enough[1]:
                break
        else:
            low = 0
        self.low = low
        self.set_limits(y=(low, 1 + 0.015 * (1 - low)))  # a thick line at 1 shows in full
        self.title.set_text(f"Accuracy ({low}–1)" if low else "Accuracy")


class Loss(Curves):
    """Cross entropy, on a scale for the recent values: never a flat line at the bottom."""

    what = "loss"

    def __init__(self, axes, run):
        super().__init__(axes, run, "Cross entropy loss")
        self.top = 0
        self.dot = Line2D([], [], color=TEST, marker="o", markersize=0.75 * self.letter)
        self.dot.set(markeredgecolor="white", linestyle="none")
        axes.add_line(self.dot)
        self.lowest = axes.text(0, 0, "", color=TEST, weight="bold", ha="center", va="top")
        self.lowest.set_clip_on(True)
        self.artists += [self.dot, self.lowest]

    def fit_values(self, train, test):
        """Fit the later half of the evaluations, but for a tenth of the training's (noise).

        The scale shrinks only when there is some room to spare, so that it does not flicker.
        """
        train, test = (x[len(x) // 2 :][np.isfinite(x[len(x) // 2 :])] for x in (train, test))
        need = max(np.percentile(train, 90) if len(train) else 0, test.max(initial=0))
        need = max(1.1 * need, 1e-6) if len(train) + len(test) else 100
        if need > self.top or round_up(1.5 * need) < self.top:
            self.top = round_up(need)
        below = test.min(initial=0)  # a student's own loss may be negative
        self.set_limits(y=(-round_up(-1.1 * below) if below < 0 else -0.015 * self.top, self.top))

    def update(self, history):
        if not super().update(history):
            return False
        known = [point for point in history.test if np.isfinite(point.loss)]
        curve = len(known) > 1
        self.dot.set_visible(curve)
        self.lowest.set_visible(curve)
        if curve:  # a dot and a number at the lowest
            at, _, value, *_ = min(known, key=lambda point: point.loss)
            climbed = min(point.loss for point in known[-3:]) > CLIMBED * value  # noise aside
            said = f"lowest {value:.3g}: overfits from here" if climbed else f"lowest {value:.3g}"
            self.dot.set_data([at], [value])
            left, right = self.axes.get_xlim()
            half = 0.29 * len(said) * self.letter / self.axes.bbox.width * (right - left)
            at = min(max(at, left + half), right - half)
            self.lowest.set(x=at, y=value - 0.035 * self.top, text=said)
        return True


class Bands(TimePanel):
    """The range of all weights, or biases: of all of them, the middle 80 %, the middle half.

    name: of the values; kind: the attribute of a Point with their bands.
    """

    margins = 66, 30, 66, 52

    def __init__(self, axes, run):
        super().__init__(axes, run, f"{self.name.capitalize()} range", above=1)
        self.fills = [
            axes.fill_between([0.0], [0.0], [0.0], facecolor=colour, linewidth=0)
            for colour in BANDS.values()
        ]
        self.artists = [*self.fills, self.hint]
        handles = [Patch(color=colour, label=label) for label, colour in BANDS.items()]
        handles[0].set_label(f"all {self.name}")
        place = {"loc": "lower left", "bbox_to_anchor": (self.left, 1)}
        axes.legend(handles=handles[::-1], ncols=3, **place)

    def update(self, history):
        self.fit_iterations(history)  # at the same moment as the curves
        if not self.is_new(history.last_test):
            return False
        known = [point for point in history.test if getattr(point, self.kind) is not None]
        iterations, bands = series(known, self.kind, 6)
        for k, fill in enumerate(self.fills):
            fill.set_data(iterations, bands[:, k], bands[:, 5 - k])
        self.fit_values(bands[np.isfinite(bands)])
        self.tell_gap(self.name, iterations, bands.sum(axis=1))
        return True

    def fit_values(self, values):
        """All there ever was, and zero; it grows in jumps."""
        low, high = values.min(initial=0), values.max(initial=0)
        if low == high:  # nothing yet, or zeros
            low, high = -0.1, 0.1
        least = max(-low, high) / 100
        low = -round_up(1.05 * -low) if -low > least else 0
        high = round_up(1.05 * high) if high > least else 0
        self.set_limits(y=(low, high))


class WeightBands(Bands):
    """The range of all weights."""

    name, kind = "weights", "weight_bands"


class BiasBands(Bands):
    """The range of all biases."""

    name, kind = "biases", "bias_bands"
