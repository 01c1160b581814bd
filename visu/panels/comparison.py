"""The curves of several experiments over each other, on a figure of any canvas."""

import math
from dataclasses import dataclass, replace

import matplotlib.style
import numpy as np
from matplotlib import patheffects
from matplotlib.backends.backend_agg import RendererAgg
from matplotlib.font_manager import FontProperties
from matplotlib.ticker import LogLocator, MaxNLocator, NullLocator, StrMethodFormatter

from visu.panels.panel import round_up
from visu.panels.style import COLOURS, drawable, style
from visu.record.medians import BAND, data_of, names, over_seeds, value_at

TYPE = 1.3  # times the type of a live window of this size: made for slides
LOOKS = [(colour, dashes) for dashes in ("-", "--", ":") for colour in COLOURS]
PANELS = {"accuracy": "Accuracy, test and training", "loss": "Cross entropy, test and training"}
GRADIENTS = "gradients"
TITLES = PANELS | {GRADIENTS: "Gradient of the first and of the last layer (root mean square)"}
SMOOTH = 200  # iterations over which training curves are averaged; fewer in a short picture
LEGEND_LINE = 34  # pixels of a figure of 1344 x 756, as those below
LEFT, RIGHT, TOP, BOTTOM, BETWEEN = 84, 112, 88, 76, 178
LEGEND_SHARE = 0.3  # of the height, at most; more and longer names are written smaller


@dataclass(frozen=True)
class View:
    """What is shown: the panels, the iterations from first to last (None: see end_of), over how
    many of them training curves are averaged (None: as many as suits), and whether the loss's axis
    is logarithmic.
    """

    panels: tuple = tuple(PANELS)
    first: int = 0
    last: int | None = None
    smooth: int | None = None
    log: bool = False

    def logarithmic(self, panel):
        """Whether a panel's axis is logarithmic."""
        return panel == GRADIENTS or (self.log and panel == "loss")


def draw(figure, groups, view):
    """Draw experiments, as visu.record.experiments.choose returns them, on an empty Figure."""
    width, height = figure.get_size_inches() * 96
    unit = min(width / 1344, height / 756)
    last = view.last or end_of(groups)
    smooth = view.smooth or min(SMOOTH, max(1, (last - view.first) // 10))
    smooth = 1 if GRADIENTS in view.panels else smooth
    view = replace(view, last=last, smooth=smooth)
    with matplotlib.style.context(["default", style(TYPE * unit)]):
        looks = [LOOKS[k % len(LOOKS)] for k in range(len(groups))]
        every = figure.subplots(1, len(view.panels), squeeze=False)[0]
        for axes, panel in zip(every, view.panels, strict=True):
            _panel(axes, panel, groups, looks, view)
        handles = every[0].get_legend_handles_labels()[0]
        texts = [drawable(text) for text in labels(groups, view)]
        legend = _legend(figure, handles, texts, unit)
        inner = (width - (LEFT + RIGHT + BETWEEN * (len(every) - 1)) * unit) / len(every)
        figure.subplots_adjust(
            left=LEFT * unit / width,
            right=1 - RIGHT * unit / width,
            top=1 - TOP * unit / height,
            bottom=(BOTTOM * unit + legend) / height,
            wspace=BETWEEN * unit / inner,
        )
        headline = drawable(_headline(groups, view))
        text = figure.text(LEFT * unit / width, 1 - 14 * unit / height, headline)
        fitting = min(1, (width - (LEFT + 14) * unit) / _length(headline))
        text.set(va="top", color="0.3", size=matplotlib.rcParams["font.size"] * fitting)
        for axes, panel in zip(every, view.panels, strict=True):
            _values(axes, panel, groups, looks, view)


def end_of(groups):
    """Where a picture of these ends: with the longest that sets the axes."""
    return max(saved.end for group in _setting(groups) for saved in group)


def _setting(groups):
    """The experiments that set the axes: not the stopped and short ones, if there are others."""
    return [group for group in groups if group[0].state in ("", "running")] or groups


def _length(text):
    """How wide a text is, in pixels of 96 to the inch."""
    return RendererAgg(1, 1, 96).get_text_width_height_descent(text, FontProperties(), False)[0]


def _legend(figure, handles, names, unit):
    """The names below the panels, in as many columns as leave them largest; returns its height."""
    width, height = figure.get_size_inches() * 96
    size = matplotlib.rcParams["font.size"]
    column = max(map(_length, names)) + 4.5 * size * 96 / 72  # handle and space between columns
    line = LEGEND_LINE * unit

    def fitting(columns):
        down = LEGEND_SHARE * height / (line * math.ceil(len(names) / columns))
        return min(1, (width - LEFT * unit) / (column * columns), down)

    columns = max((2, 1, 3, 4, 5) if len(names) > 3 else (1,), key=fitting)
    figure.legend(
        handles, names, ncols=columns, handlelength=2, columnspacing=2,
        fontsize=size * fitting(columns), loc="lower left",
        bbox_to_anchor=((LEFT - 14) * unit / width, 0),
    )  # fmt: skip
    return line * math.ceil(len(names) / columns) * fitting(columns)


def labels(groups, view):
    """For each experiment: its name, its result where it or the picture ends, and its state.

    The result is the test accuracy, or the ratio of the last layer's gradient to the first's, where
    the picture begins and where it ends. Where no test digits were evaluated at the end, the
    iteration of the last evaluation before it is named.
    """
    texts = []
    result = _ratios if GRADIENTS in view.panels else _accuracy
    for text, group in zip(names(groups), groups, strict=True):
        end, state = group[0].end, group[0].state
        seeds = f"median of {len(group)} seeds" if len(group) > 1 and _seeds(groups) else ""
        marks = {"stopped": f"stopped at {end:,}", "short": f"only {end:,} iterations"}
        parts = f"{text}: {result(group, view)}", seeds, marks.get(state, state)
        texts.append(", ".join(filter(None, parts)))
    return texts


def _accuracy(group, view):
    """The test accuracy where the picture ends, or at the last evaluation before it, as text."""
    at, value = value_at(group, "test_accuracy", view.last)
    place = "" if at == min(group[0].end, view.last) else f" at {at:,}"
    return f"{100 * value:.2f} %{place}"


def _ratios(group, view):
    """How much larger the last layer's gradient is than the first's where the picture begins and
    where it ends, as text.
    """
    layers = group[0].run.layers
    if layers == 1:
        return "one layer"
    texts = []
    for iteration in view.first, view.last:
        (at, first), (_, last) = (value_at(group, w, iteration) for w in ("W1", f"W{layers}"))
        ratio = f"{float(f'{last / first:.2g}'):,.10g}" if first > 0 and last > 0 else "no number"
        texts.append(f"{ratio} at {'' if texts else 'iteration '}{at:,}")
    return f"W{layers}'s gradient / W1's: {', '.join(texts)}"


def _seeds(groups):
    """Whether the numbers of seeds differ."""
    return len({len(group) for group in groups}) > 1


def _headline(groups, view):
    """What is drawn in what way."""
    data = data_of(groups)
    parts = [] if data is None else [f"on {data}"]
    if view.first or view.last < end_of(groups):
        parts.append(f"iterations {view.first:,} to {view.last:,}")
    if GRADIENTS in view.panels:
        parts.append("thick: first layer, thin: last layer; current batch, dropout off")
    else:
        steps = [np.diff(saved.curves["iteration"]) for group in groups for saved in group]
        closest = min(step.min(initial=np.inf) for step in steps)
        mean = f", mean over {view.smooth:,} iterations" if view.smooth >= 2 * closest else ""
        parts.append(f"thick: test digits, thin: training batches{mean}")
    seeds = max(map(len, groups))
    if seeds > 1:
        median = "" if _seeds(groups) else f"median of {seeds} seeds, "
        parts.append(f"{median}band: {BAND[0]}th to {BAND[1]}th percentile")
    return "  ·  ".join(parts)


def _columns(panel, group):
    """The columns of curves.csv that a panel shows as a thin and as a thick curve."""
    if panel == GRADIENTS:
        return f"W{group[0].run.layers}", "W1"
    return f"train_{panel}", f"test_{panel}"


def _panel(axes, panel, groups, looks, view):
    """One panel: thin curves behind, bands, and the thick curves."""
    thin = matplotlib.rcParams["lines.linewidth"]
    for group, (colour, dashes) in zip(groups, looks, strict=True):
        behind, front = _columns(panel, group)
        iterations, middle, _ = over_seeds(group, behind, view.smooth)
        axes.plot(iterations, middle, color=colour, linewidth=1.2 * thin, alpha=0.8, zorder=1.5)
        iterations, middle, band = over_seeds(group, front)
        if len(group) > 1:
            axes.fill_between(iterations, *band, color=colour, alpha=0.25, linewidth=0, zorder=2)
        axes.plot(iterations, middle, dashes, color=colour, linewidth=2.5 * thin, label=panel)
        if state := group[0].state:
            marker = "o" if state == "running" else "X"
            (end,) = axes.plot(iterations[-1:], middle[-1:], marker, color=colour, zorder=4)
            end.set(markersize=13 * thin, markeredgecolor="white", markeredgewidth=1.5 * thin)
            end.set_clip_on(state != "running" or iterations[-1] > view.last)
    axes.set_title(TITLES[panel] + (", logarithmic" if view.logarithmic(panel) else ""), loc="left")
    axes.spines[["top", "right"]].set_visible(False)
    axes.set_axisbelow(True)
    axes.grid(True)
    axes.set_xlabel("iteration")
    axes.set_xlim(view.first, view.last)
    axes.xaxis.set_major_locator(MaxNLocator(5, steps=[1, 2, 2.5, 5, 10]))
    axes.xaxis.set_major_formatter(StrMethodFormatter("{x:,.0f}"))
    _fit_values(axes, panel, groups, view)


def _fit_values(axes, panel, groups, view):
    """The y axis: all curves, on a linear one but for the first tenth, where they plunge."""
    log = view.logarithmic(panel)
    begin = view.first + (0 if log else (view.last - view.first) / 10)
    values = []
    for group in _setting(groups):
        behind, front = _columns(panel, group)
        thin, middle, _ = over_seeds(group, behind, view.smooth)
        thick, _, (low, high) = over_seeds(group, front)
        for iterations, edge in ((thick, low), (thick, high), (thin, middle)):
            at = np.union1d(iterations, (begin, view.last))  # perhaps no evaluation between these
            values.append(np.interp(at[(at >= begin) & (at <= view.last)], iterations, edge))
    values = np.concatenate(values)
    values = values[np.isfinite(values) & (values > 0 if log else True)]
    if panel == "accuracy":
        error = round_up(max(1.05 * (1 - values.min(initial=1)), 0.01))
        low = max(1 - error, 0)
        axes.set_ylim(low, 1 + 0.01 * (1 - low))
        axes.yaxis.set_major_locator(MaxNLocator(6, steps=[1, 2, 5, 10]))  # short numbers fit
        axes.yaxis.set_major_formatter(StrMethodFormatter("{x:.4g}"))
    elif log:
        low, high = (values.min(), values.max()) if len(values) else (0.1, 1)
        axes.set_ylim(low / 2, high * 1.25)  # first: zeros alone have no such scale
        axes.set_yscale("log")
        axes.yaxis.set_major_locator(LogLocator(subs=(1, 2, 5) if high < 1000 * low else (1,)))
        axes.yaxis.set_minor_locator(NullLocator())
        axes.yaxis.set_major_formatter(StrMethodFormatter("{x:g}"))
    else:
        axes.set_ylim(0, round_up(max(1.1 * values.max(initial=0), 1e-6)))


def _ends(panel, group, view):
    """What is written at the ends of an experiment's curves, {text: (iteration, value)}: the value
    of the thick one, or the names of the layers.
    """
    if panel == GRADIENTS:
        return {column: value_at(group, column, view.last) for column in _columns(panel, group)}
    end = value_at(group, _columns(panel, group)[1], view.last)
    return {f"{100 * end[1]:.2f} %" if panel == "accuracy" else f"{end[1]:#.3g}": end}


def _values(axes, panel, groups, looks, view):
    """Label the ends of the curves, as far as there is room."""
    size = 0.9 * matplotlib.rcParams["font.size"]
    pixel = axes.figure.dpi / 72  # to a point
    marks = [
        (group, colour, text, end)
        for group, (colour, _) in zip(groups, looks, strict=True)
        for text, end in _ends(panel, group, view).items()
    ]
    places = axes.transData.transform([end for *_, end in marks])
    down = panel == "accuracy"  # these curves end near the top
    heights = _apart(places, 1.1 * size * pixel, 5.5 * size * pixel, down)
    halo = patheffects.withStroke(linewidth=0.25 * size, foreground="white")
    for (group, colour, text, end), (x, y), height in zip(marks, places, heights, strict=True):
        if axes.bbox.padded(1).contains(x, y) and axes.bbox.contains(x - 2, height):
            shift = ((1 if group[0].state else 0.5) * size, (height - y) / pixel)
            note = axes.annotate(text, end, shift, textcoords="offset points", va="center")
            note.set(color=colour, size=size, zorder=5, path_effects=[halo])


def _apart(places, height, width, down):
    """Where the centres of texts of this size go, so that none covers another: [n], nan for those
    that would have to move by more than three lines down, or up, from their places [n, 2].
    """
    sign = -1 if down else 1
    found = np.full(len(places), np.nan)
    for k in np.argsort(sign * places[:, 1]):
        near = sign * found[abs(places[:, 0] - places[k, 0]) < width]
        free = np.fmax.reduce([sign * places[k, 1], *(near + height)])
        found[k] = sign * free if abs(free - sign * places[k, 1]) < 3 * height else np.nan
    return found
