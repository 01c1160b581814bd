"""Which of the saved runs belong together, and their medians and bands over seeds."""

import warnings

import numpy as np

from visu.text import printable

BAND = (10, 90)  # percentiles over the seeds
LEVELS = (0.97, 0.98, 0.99)  # of test accuracy
MNIST = "MNIST"  # the data set that comes first


def experiments(runs):
    """Lists of SavedRun that differ by their seed only; of one seed's the last one of `runs`."""
    found = {}
    for run in runs:
        found.setdefault(run.experiment, {})[run.facts.seed] = run
    return [[*seeds.values()] for seeds in found.values()]


def newest(runs, word):
    """The experiments that stand for each label of a step, or for a label in each step.

    runs: oldest first; word: a step's number, as "2.1", or else a label.
    """
    chosen = [run for run in runs if run.step == word] or [r for r in runs if r.label == word]
    alike = {}
    for run in chosen:
        alike.setdefault((run.step, run.label), []).append(run)
    standing = {representative(group).experiment for group in alike.values()}
    found = [group for group in experiments(runs) if group[0].experiment in standing]
    return sorted(found, key=name)


def representative(runs):
    """The run that stands for others of its step and label: the newest on MNIST, if there is one.

    runs: oldest first.
    """
    return ([run for run in runs if run.facts.data == MNIST] or runs)[-1]


def on_other_data(runs, groups):
    """Those of the runs that gave way to experiments of their step and label on other data."""
    data = {(group[0].step, group[0].label): group[0].facts.data for group in groups}
    same = (run.facts.data == data.get((run.step, run.label), run.facts.data) for run in runs)
    return [run for run, shown in zip(runs, same, strict=True) if not shown]


def points(run, column):
    """(iterations [n], values [n]) of a column of curves.csv, where the test digits were evaluated,
    or for a training column of every evaluation.
    """
    curves = run.curves
    read = np.isfinite(curves["test_accuracy"]) | np.isfinite(curves["test_loss"])
    rows = read if column.startswith("test") else slice(None)
    return curves["iteration"][rows], curves[column][rows]


def smoothed(values, n):
    """Each of the values [k] as the mean of the n around it, of fewer at the ends."""
    known, around = np.isfinite(values), slice((n - 1) // 2, (n - 1) // 2 + len(values))
    counts = np.convolve(known, np.ones(n))[around]
    sums = np.convolve(np.where(known, values, 0), np.ones(n))[around]
    with np.errstate(invalid="ignore"):
        return np.where(known, sums / counts, np.nan)


def over_seeds(group, column, smooth=1):
    """(iterations [n], median [n], band [2, n]) of a column over the runs of an experiment.

    smooth: how many neighbouring evaluations of a run make one, see smoothed.
    """
    columns = [points(run, column) for run in group]
    iterations = np.unique(np.concatenate([i for i, _ in columns]))
    values = np.full([len(group), len(iterations)], np.nan)
    for row, (at, read) in zip(values, columns, strict=True):
        row[np.searchsorted(iterations, at)] = smoothed(read, smooth)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)  # where the loss of all is not a number
        return iterations, np.nanmedian(values, axis=0), np.nanpercentile(values, BAND, axis=0)


def figures(group):
    """What a table says of an experiment, {name: number}: medians over the seeds, inf for never."""
    finals = [points(run, "test_accuracy")[1] for run in group]
    facts = {
        "final": np.median([values[-1] for values in finals]),
        "best": np.median([values.max() for values in finals]),
        "seconds": np.median([run.facts.seconds for run in group]),
        "steps_per_second": np.median([run.facts.steps_per_second for run in group]),
    }
    return facts | {level: np.median([reaches(run, level) for run in group]) for level in LEVELS}


def reaches(run, level):
    """The first iteration whose test accuracy is at `level` or above; inf for never."""
    iterations, values = points(run, "test_accuracy")
    return min(iterations[values >= level], default=np.inf)


def name(group):
    """What an experiment is called: title, label."""
    return ", ".join(filter(None, [group[0].facts.title, group[0].label]))


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
