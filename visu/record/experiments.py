"""Which of the saved runs belong together, and their medians and bands over seeds."""

import functools
import warnings

import numpy as np

from visu.record.run import EDITED, FROM_WEIGHTS
from visu.text import printable

BAND = (10, 90)  # percentiles over the seeds
LEVELS = (0.97, 0.98, 0.99)  # of test accuracy
ENDS = {"first_gradient": 1, "last_gradient": -1}  # which column of gradients.csv
MNIST = "MNIST"  # the data set that comes first


def experiments(runs):
    """Lists of SavedRun that differ by their seed only; of one seed's the last one of `runs`."""
    found = {}
    for run in runs:
        found.setdefault(run.experiment, {})[run.facts.seed] = run
    return [[*seeds.values()] for seeds in found.values()]


def newest(runs, word):
    """The experiments that stand for each label of a step, or for a label in each step.

    runs: oldest first; word: see named.
    """
    alike = {}
    for run in named(runs, word):
        alike.setdefault(variant(run), []).append(run)
    standing = {run.experiment for group in alike.values() for run in representatives(group)}
    found = [group for group in experiments(runs) if group[0].experiment in standing]
    return sorted(found, key=lambda group: variant(group[0]))


def named(runs, word):
    """Those of the runs that have this step, as "2.1", or else this label, or else this script.

    The case of its letters does not count; of a script's name its number will do.
    """
    word = word.casefold()
    return (
        [run for run in runs if run.step.casefold() == word]
        or [run for run in runs if word and run.label.casefold() == word]
        or [run for run in runs if run.facts.script.casefold() == word.removesuffix(".py")]
        or [run for run in runs if run.facts.script.startswith(f"mnist_{word}_")]
    )


def variant(run):
    """Step and label: runs that are alike in both could stand for each other."""
    return run.step, run.label.casefold()


def representatives(runs):
    """Those that stand for runs of one step and label: all that are running, or else one.

    That one is a recent one if there is any, complete rather than stopped or short, of the script's
    own length rather than longer, on MNIST rather than on other data, and of these the newest.
    runs: oldest first.
    """

    def rank(run):
        own = run.iterations == run.length
        return run.recent, not run.state, own, run.facts.data == MNIST

    running = [run for run in runs if run.state == "running"]
    return running or [max(reversed(runs), key=rank)]


def ignored(runs, groups):
    """Those of the runs that gave way to experiments of their step and label: stopped and short
    ones, and those on other data.
    """
    data = {variant(group[0]): group[0].facts.data for group in groups}
    shown = {run.folder for group in groups for run in group}
    return [
        run
        for run in runs
        if variant(run) in data and run.folder not in shown
        if run.state or run.facts.data != data[variant(run)]
    ]


def points(run, column):
    """(iterations [n], values [n]) of a column of curves.csv, where the test digits were evaluated,
    or for a training column of every evaluation; or of one of ENDS.
    """
    if column in ENDS:
        sizes = [*run.gradients.values()]
        return sizes[0], sizes[ENDS[column]]
    curves = run.curves
    read = np.isfinite(curves["test_accuracy"]) | np.isfinite(curves["test_loss"])
    rows = read if column.startswith("test") else slice(None)
    return curves["iteration"][rows], curves[column][rows]


def smoothed(iterations, values, n):
    """Each of the values [k] as the mean of those at most n / 2 iterations away, [k]."""
    ends = [np.searchsorted(iterations, iterations + n / 2, "right")]
    bounds = np.stack([np.searchsorted(iterations, iterations - n / 2), *ends], 1).ravel()
    known = np.isfinite(values)
    counts = np.add.reduceat(np.append(known, 0), bounds)[::2]
    sums = np.add.reduceat(np.append(np.where(known, values, 0), 0), bounds)[::2]
    with np.errstate(invalid="ignore"):
        return np.where(known, sums / counts, np.nan)


def over_seeds(group, column, smooth=1):
    """(iterations [n], median [n], band [2, n]) of a column over the runs of an experiment, where
    all of them were evaluated.

    smooth: over how many iterations of a run a point is the mean, see smoothed.
    """
    columns = [points(run, column) for run in group]
    iterations = functools.reduce(np.intersect1d, [at for at, _ in columns])
    values = [smoothed(at, read, smooth)[np.isin(at, iterations)] for at, read in columns]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)  # where the loss of all is not a number
        return iterations, np.nanmedian(values, axis=0), np.nanpercentile(values, BAND, axis=0)


def value_at(group, column, last):
    """(iteration, value): the median over the seeds at their last evaluation up to `last`."""
    iterations, middle, _ = over_seeds(group, column)
    k = max(np.searchsorted(iterations, last, "right") - 1, 0)
    return int(iterations[k]), middle[k]


def figures(group):
    """What a table says of an experiment, {name: number}: medians over the seeds, inf for never."""
    accuracies = [points(run, "test_accuracy")[1] for run in group]
    losses = [points(run, "test_loss")[1] for run in group]
    facts = {
        "iterations": np.median([run.iterations for run in group]),
        "final": np.median([values[-1] for values in accuracies]),
        "best": np.median([values.max() for values in accuracies]),
        "lowest loss": np.median([np.fmin.reduce(values) for values in losses]),
        "final loss": np.median([values[-1] for values in losses]),
        "seconds": np.median([run.facts.seconds for run in group]),
        "steps_per_second": np.median([run.facts.steps_per_second for run in group]),
    }
    return facts | {level: np.median([reaches(run, level) for run in group]) for level in LEVELS}


def reaches(run, level):
    """The first iteration whose test accuracy is at `level` or above; inf for never."""
    iterations, values = points(run, "test_accuracy")
    return min(iterations[values >= level], default=np.inf)


def name(group):
    """What an experiment is called: its title, or its step and label."""
    run = group[0]
    if not run.label:
        return run.facts.title
    step = run.step if run.step[0].isdigit() else run.facts.title
    ours = {EDITED, FROM_WEIGHTS}.issuperset(run.label.split(", "))
    return f"{step}, {run.label}" if ours else f'{step} "{run.label}"'


def data_of(groups):
    """The name of the data set of all these experiments, None where they differ in it."""
    found = {group[0].facts.data for group in groups}
    return found.pop() if len(found) == 1 else None


def names(groups):
    """What each of several experiments is called: its name, and what else sets it apart."""
    same = data_of(groups) is not None
    found = [name(group) + ("" if same else f", on {group[0].facts.data}") for group in groups]
    return [
        text + (f", {printable(group[-1].folder.name)}" if found.count(text) > 1 else "")
        for text, group in zip(found, groups, strict=True)
    ]


def table(groups):
    """The experiments' results as aligned lines, medians over the seeds."""
    data = data_of(groups)
    step = "step" if data is None else f"step, on {data}"
    lines = [
        (
            *(step, "seeds", "iterations", "final %", "best %", "lowest loss", "final loss"),
            *("to 97 %", "98 %", "99 %", "time", "iterations/s"),
        )
    ]
    for name, group in zip(names(groups), groups, strict=True):
        facts = figures(group)
        reached = [facts[level] for level in LEVELS]
        lines.append(
            (
                name + (f" ({group[0].state})" if group[0].state else ""),
                ",".join(str(run.facts.seed) for run in group),
                f"{facts['iterations']:,.0f}",
                f"{100 * facts['final']:.2f}",
                f"{100 * facts['best']:.2f}",
                f"{facts['lowest loss']:#.3g}",
                f"{facts['final loss']:#.3g}",
                *(f"{i:,.0f}" if i < float("inf") else "–" for i in reached),
                f"{facts['seconds']:.0f} s",
                f"{facts['steps_per_second']:,.0f}",
            )
        )
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    return "\n".join(
        "  ".join([line[0].ljust(widths[0]), *map(str.rjust, line[1:], widths[1:])])
        for line in lines
    )
