"""The curves of several experiments over each other, on a figure of any canvas."""

import math
from dataclasses import dataclass, replace
from operator import itemgetter

import matplotlib.style
import numpy as np
from matplotlib import patheffects, ticker
from matplotlib.backends.backend_agg import RendererAgg
from matplotlib.font_manager import FontProperties

from visu.panels.panel import round_up
from visu.panels.step_colours import line_styles
from visu.panels.style import drawable, style
from visu.record.medians import BAND, data_of, names, over_seeds, value_at

TYPE = 1.3  # times the type of a live window of this size: made for slides
PANELS = {"accuracy": "Accuracy", "loss": "Cross entropy"}
GRADIENTS = "gradients"
TITLES = PANELS | {GRADIENTS: "Gradient of W1, the first layer (root mean square)"}
SMOOTH = 200  # iterations over which training curves are averaged; fewer in a short picture
ENDS = 112  # pixels beside a panel of a figure of 1344 x 756 at least, for its curves' ends
END_SIZE = 0.9  # of the type, for what is written there
LEGEND_SHARE = 0.3  # of the height, at most; more and longer names are written smaller


@dataclass(frozen=True)
class View:
    """What is shown: the panels, the iterations from first to last (None: see end_of), over how
    many of them training curves are averaged (None: as many as suits), whether the loss's axis is
    logarithmic, whether only test curves are drawn, with their names at their ends in place of a
    legend, whether only one run of each experiment is drawn, and what the experiments are called
    (none: by their runs).
    """

    panels: tuple = tuple(PANELS)
    first: int = 0
    last: int | None = None
    smooth: int | None = None
    log: bool = False
    plain: bool = False
    one_seed: bool = False
    names: tuple = ()

    def logarithmic(self, panel):
        """Whether a panel's axis is logarithmic."""
        return panel == GRADIENTS or (self.log and panel == "loss")


def draw(figure, groups, view):
    """Draw experiments, as visu.record.experiments.choose returns them, on an empty Figure."""
    width, height = figure.get_size_inches() * 96
    unit = min(width / 1344, height / 756)
    last = view.last or end_of(groups)
    smooth = view.smooth or min(SMOOTH, max(1, (last - view.first) // 10))
    view = replace(view, last=last, smooth=smooth)
    groups = [group[:1] for group in groups] if view.one_seed else groups
    with matplotlib.style.context(["default", style(TYPE * unit)]):
        ends = {panel: _ends(panel, groups, view) for panel in view.panels}
        longest = max(_length(f"{text}  ") for texts in ends.values() for text, _ in texts)
        room, pad = max(ENDS * unit, END_SIZE * longest) / width, 0.1 * unit
        layout = {"rect": (0, 0, 1 - room, 1), "wspace": 2 * room, "w_pad": pad, "h_pad": pad}
        figure.set_layout_engine("constrained", **layout)
        every = figure.subplots(1, len(view.panels), squeeze=False)[0]
        for axes, panel in zip(every, view.panels, strict=True):
            _panel(axes, panel, groups, view)
        if not view.plain:
            handles = every[0].get_legend_handles_labels()[0]
            _legend(figure, handles, [drawable(text) for text in labels(groups, view)])
        headline = drawable(_headline(groups, view))
        size = matplotlib.rcParams["font.size"] * min(1, 0.98 * width / _length(headline))
        title = figure.suptitle(headline, x=0.01, ha="left", color="0.3", size=size)
        while title.get_window_extent().width > 0.98 * figure.bbox.width:
            title.set_size(0.98 * title.get_size())
        figure.get_layout_engine().execute(figure)
        figure.set_layout_engine("none")  # numbers at the ends leave the panels where they are
        for axes, panel in zip(every, view.panels, strict=True):
            _write_ends(axes, panel, groups, ends[panel], len(groups) if view.plain else 3)


def end_of(groups):
    """Where a picture of these ends: with the longest that sets the axes."""
    return max(saved.end for group in _setting(groups) for saved in group)


def _setting(groups):
    """The experiments that set the axes: not the stopped and short ones, if there are others."""
    return [group for group in groups if group[0].state in ("", "running")] or groups


def _length(text):
    """How wide a text is about, in pixels of 96 to the inch: on a screen small type is some percent
    wider or narrower than large type, as its letters are fitted to the pixels.
    """
    large = FontProperties(size=100)
    width = RendererAgg(1, 1, 96).get_text_width_height_descent(text, large, False)[0]
    return width * matplotlib.rcParams["font.size"] / 100


def _legend(figure, handles, names):
    """The names below the panels, in as many columns as leave them largest."""
    size = matplotlib.rcParams["font.size"]
    width, height = figure.get_size_inches() * 72 / size  # in letters
    longest = max(map(_length, names)) * 72 / 96 / size + 5.5  # handle and space between columns

    def fitting(columns):
        lines = math.ceil(len(names) / columns)
        return min(1, 0.94 * width / (columns * longest), LEGEND_SHARE * height / (1.65 * lines))

    columns = max((2, 1, 3, 4, 5) if len(names) > 3 else (1,), key=fitting)
    figure.legend(
        handles, names, ncols=columns, handlelength=3, columnspacing=2,
        fontsize=size * fitting(columns), loc="outside lower left",
    )  # fmt: skip


def labels(groups, view):
    """For each experiment: its name, its result where it or the picture ends, and its state."""
    texts, counts = [], {*map(len, groups)}  # of seeds
    for text, group in zip(names(groups, view.names), groups, strict=True):
        end, state = group[0].end, group[0].state
        seeds = f"median of {len(group)} seeds" if len(group) > 1 and len(counts) > 1 else ""
        marks = {"stopped": f"stopped at {end:,}", "short": f"only {end:,} iterations"}
        parts = f"{text}: {_result(group, view)}", seeds, marks.get(state, state)
        texts.append(", ".join(filter(None, parts)))
    return texts


def _result(group, view):
    """The test accuracy where the picture ends, or at the evaluation before, which is named; of the
    gradients, W1's where the picture begins and where it ends.
    """
    if GRADIENTS in view.panels:
        first, last = (value_at(group, "W1", at) for at in (view.first, view.last))
        return f"{first[1]:.2g} at iteration {first[0]:,}, {last[1]:.2g} at {last[0]:,}"
    at, value = value_at(group, "test_accuracy", view.last)
    place = "" if at == min(group[0].end, view.last) else f" at {at:,}"
    return f"{100 * value:.2f} %{place}"


def _headline(groups, view):
    """What is drawn in what way."""
    data = data_of(groups)
    parts = [] if data is None else [f"on {data}"]
    if view.first or view.last < end_of(groups):
        parts.append(f"iterations {view.first:,} to {view.last:,}")
    if GRADIENTS in view.panels:
        parts.append("current batch, dropout off")
    elif not view.plain:
        every = min(group[0].run.every for group in groups)
        mean = f", mean over {view.smooth:,} iterations" if view.smooth >= 2 * every else ""
        parts.append(f"thick: test digits, thin: training batches{mean}")
    counts = {*map(len, groups)}
    if view.one_seed:
        parts.append("of one seed, not averaged")
    elif max(counts) > 1:
        seeds = " to ".join(map(str, sorted({min(counts), max(counts)})))
        parts.append(f"median of {seeds} seeds, band: {BAND[0]}th to {BAND[1]}th percentile")
    return "  ·  ".join(parts)


def _columns(panel, view):
    """The columns of curves.csv that a panel shows: of the thick curve and, if there is one, of the
    thin one.
    """
    if panel == GRADIENTS:
        return ["W1"]
    return [f"test_{panel}"] if view.plain else [f"test_{panel}", f"train_{panel}"]


def _panel(axes, panel, groups, view):
    """One panel: thin curves behind, bands, and the thick curves."""
    line = matplotlib.rcParams["lines.linewidth"]
    fitted = []  # (iterations, values) of the curves that the y axis is for
    for group, look in zip(groups, line_styles(groups), strict=True):
        colour = look["color"]
        front, *behind = _columns(panel, view)
        thin = [over_seeds(group, column, view.smooth)[:2] for column in behind]
        for curve in thin:
            axes.plot(*curve, **look, linewidth=1.2 * line, alpha=0.8, zorder=1.5)
        iterations, middle, band = over_seeds(group, front)
        if len(group) > 1:
            axes.fill_between(iterations, *band, color=colour, alpha=0.25, linewidth=0, zorder=2)
        look = look | {"linestyle": "-"} if view.plain else look  # its name tells it from others
        axes.plot(iterations, middle, **look, linewidth=2.5 * line, label=panel)
        if state := group[0].state:
            marker = "o" if state == "running" else "X"
            (end,) = axes.plot(iterations[-1:], middle[-1:], marker, color=colour, zorder=4)
            end.set(markersize=13 * line, markeredgecolor="white", markeredgewidth=1.5 * line)
            end.set_clip_on(state != "running" or iterations[-1] > view.last)
        if group in _setting(groups):
            fitted += [*thin, *((iterations, edge) for edge in band)]
    shown = "" if panel == GRADIENTS else ", test" if view.plain else ", test and training"
    log = ", logarithmic" if view.logarithmic(panel) else ""
    axes.set_title(TITLES[panel] + shown + log, loc="left")
    axes.spines[["top", "right"]].set_visible(False)
    axes.set_axisbelow(True)
    axes.grid(True)
    axes.set_xlabel("iteration")
    axes.set_xlim(view.first, view.last)
    steps = [1, 2, 2.5, 5, 10]
    axes.xaxis.set_major_locator(ticker.MaxNLocator(3 if view.plain else 5, steps=steps))
    axes.xaxis.set_major_formatter(ticker.StrMethodFormatter("{x:,.0f}"))
    _fit_values(axes, panel, fitted, view)


def _fit_values(axes, panel, curves, view):
    """The y axis: all curves, on a linear one but for the first tenth, where they plunge.

    curves: (iterations [n], values [n]) of each.
    """
    log = view.logarithmic(panel)
    begin = view.first + (0 if log else (view.last - view.first) / 10)
    values = []
    for iterations, curve in curves:
        at = np.union1d(iterations, (begin, view.last))  # perhaps no evaluation between these
        values.append(np.interp(at[(at >= begin) & (at <= view.last)], iterations, curve))
    values = np.concatenate(values)
    values = values[np.isfinite(values) & (values > 0 if log else True)]
    if panel == "accuracy":
        error = round_up(max(1.05 * (1 - values.min(initial=1)), 0.01))
        low = max(1 - error, 0)
        axes.set_ylim(low, 1 + 0.01 * (1 - low))
        axes.yaxis.set_major_locator(ticker.MaxNLocator(6, steps=[1, 2, 5, 10]))  # short numbers
        axes.yaxis.set_major_formatter(ticker.StrMethodFormatter("{x:.4g}"))
    elif log:
        _fit_logarithmic(axes, *((values.min(), values.max()) if len(values) else (0.1, 1)))
    else:
        axes.set_ylim(0, round_up(max(1.1 * values.max(initial=0), 1e-6)))


def _fit_logarithmic(axes, low, high):
    """A logarithmic y axis for values from low to high; where 0 is drawn, 0 has a place of its own
    below the powers of ten.
    """
    if any((line.get_ydata() == 0).any() for line in axes.get_lines()):
        low = 10.0 ** math.floor(math.log10(low))
        axes.set_yscale("symlog", linthresh=low, linscale=0.5)
        axes.set_ylim(-low / 10, high * 1.25)
        ticks = ticker.SymmetricalLogLocator(linthresh=low, base=10)
    else:
        axes.set_ylim(low / 2, high * 1.25)
        axes.set_yscale("log")
        ticks = ticker.LogLocator(subs=(1, 2, 5) if high < 1000 * low else (1,))
    axes.yaxis.set_major_locator(ticks)
    axes.yaxis.set_minor_locator(ticker.NullLocator())
    axes.yaxis.set_major_formatter(ticker.StrMethodFormatter("{x:g}"))


def _ends(panel, groups, view):
    """What is written at the ends of the thick curves, and where: a list of (text, (iteration,
    value)), one for each experiment.
    """
    found = []
    for text, group in zip(names(groups, view.names), groups, strict=True):
        end = value_at(group, _columns(panel, view)[0], view.last)
        value = f"{100 * end[1]:.2f} %" if panel == "accuracy" else f"{end[1]:#.3g}"
        state = f", {group[0].state}" if group[0].state else ""
        found.append((drawable(f"{text}: {value}{state}") if view.plain else value, end))
    return found


def _write_ends(axes, panel, groups, ends, lines):
    """Write at the ends of the curves, see _ends, no text over another, and none more than this
    many lines away from its curve.
    """
    size = END_SIZE * matplotlib.rcParams["font.size"]
    pixel = axes.figure.dpi / 72  # to a point
    line = 1.1 * size * pixel
    up = -1 if panel == "accuracy" else 1  # these curves end near the top
    marks = []
    for group, (text, end), look in zip(groups, ends, line_styles(groups), strict=True):
        x, y = axes.transData.transform(end)
        if axes.bbox.padded(1).contains(x, y):
            marks.append((up * y, x, text, end, look["color"], 1 if group[0].state else 0.5))
    halo = patheffects.withStroke(linewidth=0.25 * size, foreground="white")
    placed = []
    for y, x, text, end, colour, aside in sorted(marks, key=itemgetter(0)):
        free = max([y, *(other + line for at, other in placed if abs(at - x) < 5 * line)])
        if free - y < lines * line and axes.bbox.contains(x - 2, up * free):
            placed.append((x, free))
            shift = aside * size, up * (free - y) / pixel
            note = axes.annotate(text, end, shift, textcoords="offset points", va="center")
            note.set(color=colour, size=size, zorder=5, path_effects=[halo])
