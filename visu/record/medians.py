"""The results of experiments, lists of SavedRun, over their seeds: medians, bands, a table."""

import functools
import warnings

import numpy as np

from visu.record.run import EDITED, FROM_WEIGHTS

BAND = (10, 90)  # percentiles over the seeds
LEVELS = (0.97, 0.98, 0.99)  # of test accuracy
COLUMNS = {  # of the table, beside step and seeds
    "iterations": "{:,.0f}", "final %": "{:.2f}", "best %": "{:.2f}", "lowest loss": "{:#.3g}",
    "final loss": "{:#.3g}", "to 97 %": "{:,.0f}", "98 %": "{:,.0f}", "99 %": "{:,.0f}",
    "time": "{:.0f} s", "iterations/s": "{:,.0f}",
}  # fmt: skip


def points(saved, column):
    """(iterations [n], values [n]) of a column of curves.csv: of each evaluation for a training
    column, else of those of the test digits.
    """
    curves = saved.curves
    rows = slice(None) if column.startswith("train") else np.isfinite(curves["test_accuracy"])
    return curves["iteration"][rows], curves[column][rows]


def smoothed(iterations, values, n):
    """Each of the values [k] as the mean of those at most n / 2 iterations away, [k]."""
    first = np.searchsorted(iterations, iterations - n / 2)
    end = np.searchsorted(iterations, iterations + n / 2, "right")
    sums = np.add.reduceat(np.append(values, 0), np.stack([first, end], 1).ravel())[::2]
    return sums / (end - first)


def over_seeds(group, column, smooth=1):
    """(iterations [n], median [n], band [2, n]) of a column over the runs of an experiment, where
    all of them were evaluated.

    smooth: over how many iterations of a run a point is the mean, see smoothed.
    """
    columns = [points(saved, column) for saved in group]
    iterations = functools.reduce(np.intersect1d, [at for at, _ in columns])
    values = [smoothed(at, read, smooth)[np.isin(at, iterations)] for at, read in columns]
    percentile = np.nanpercentile if np.isnan(values).any() else np.percentile  # by far faster
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)  # where the loss of all is not a number
        return iterations, np.nanmedian(values, axis=0), percentile(values, BAND, axis=0)


def value_at(group, column, last):
    """(iteration, value): the median over the seeds at their last evaluation up to `last`."""
    iterations, middle, _ = over_seeds(group, column)
    k = max(np.searchsorted(iterations, last, "right") - 1, 0)
    return int(iterations[k]), middle[k]


def name(run):
    """What the experiment of a Run is called: its title, or its step and variant."""
    if not run.variant:
        return run.title
    step = run.step if run.step[0].isdigit() else run.title
    ours = {EDITED, FROM_WEIGHTS}.issuperset(run.variant.split(", "))
    return f"{step}, {run.variant}" if ours else f'{step} "{run.variant}"'


def data_of(groups):
    """The name of the data set of all these experiments, None where they differ in it."""
    found = {group[0].run.data for group in groups}
    return found.pop() if len(found) == 1 else None


def names(groups, given=()):
    """What each of several experiments is called: its name, or the one that is given for it, and
    what else sets it apart.
    """
    same = data_of(groups) is not None
    called = given or [name(group[0].run) for group in groups]
    found = [
        text + ("" if same else f", on {group[0].run.data}")
        for text, group in zip(called, groups, strict=True)
    ]
    return [
        text + (f", {group[-1].folder.name}" if found.count(text) > 1 else "")
        for text, group in zip(found, groups, strict=True)
    ]


def figures(saved, until):
    """The numbers of a run up to this iteration, one for each of COLUMNS; inf for a level that was
    not reached, and for the time of a part of a run, which its folder does not tell.
    """
    whole = saved.end <= until
    iterations, accuracies = points(saved, "test_accuracy")
    shown = max(np.searchsorted(iterations, until, "right"), 1)  # evaluations of the test digits
    iterations, accuracies = iterations[:shown], accuracies[:shown]
    losses = points(saved, "test_loss")[1][:shown]
    return [
        saved.end if whole else iterations[-1],
        100 * accuracies[-1],
        100 * accuracies.max(),
        np.fmin.reduce(losses),
        losses[-1],
        *(min(iterations[accuracies >= level], default=np.inf) for level in LEVELS),
        saved.result["seconds"] if whole else np.inf,
        saved.result["steps_per_second"],
    ]


def table(groups, until=np.inf):
    """The experiments' results up to this iteration as aligned lines, medians over the seeds."""
    data = data_of(groups)
    lines = [("step" if data is None else f"step, on {data}", "seeds", *COLUMNS)]
    for text, group in zip(names(groups), groups, strict=True):
        state, seeds = group[0].state, ",".join(str(saved.run.seed) for saved in group)
        numbers = np.median([figures(saved, until) for saved in group], axis=0)
        cells = [form.format(x) for form, x in zip(COLUMNS.values(), numbers, strict=True)]
        cells = ["–" if "inf" in cell else cell for cell in cells]
        lines.append((text + (f" ({state})" if state else ""), seeds, *cells))
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    return "\n".join(
        "  ".join([line[0].ljust(widths[0]), *map(str.rjust, line[1:], widths[1:])])
        for line in lines
    )
