"""The runs that lie in a folder, read back: which there are, and which belong together."""

import os
import warnings
from dataclasses import dataclass, fields
from pathlib import Path, PureWindowsPath

import numpy as np

from visu.history import read_curves, read_run, read_text
from visu.text import printable

BAND = (10, 90)  # percentiles over the seeds
LEVELS = (0.97, 0.98, 0.99)  # of test accuracy
MNIST = "MNIST"  # the data set that comes first
MOST_CHARACTERS = 300  # of a title, a label, a name
MOST = 10**9  # iterations, seconds, ...
MOST_LOSS = 1e41  # per 100 digits; float32 ends before
SOURCE_MOST = 1_000_000  # characters of a script


class NoRun(Exception):
    """A folder holds no run that can be read; the message says why."""


@dataclass(frozen=True)
class Facts:
    """What run.json says of a run, as far as it is used here. Checked: see checked_facts."""

    script: str
    title: str
    label: str
    data: str
    seed: int
    planned_iterations: int
    iterations: int
    completed: bool
    seconds: float
    steps_per_second: float


@dataclass(frozen=True, eq=False)
class KeptRun:
    """A run as its folder tells it.

    curves: the columns of curves.csv, each [n] float64, nan where nothing was read; source: the
    script's text as it ran, "" where it was not kept.
    """

    folder: Path
    facts: Facts
    curves: dict
    source: str

    @property
    def step(self):
        """The step's number, as "2.1"."""
        return self.facts.title.split()[0]

    @property
    def label(self):
        """The text given with --label, or ""."""
        return self.facts.label

    @property
    def iterations(self):
        """How far the curves go; of a run under way run.json may be older than they are."""
        return int(self.curves["iteration"][-1])

    @property
    def experiment(self):
        """What is the same in runs that differ by their seed only. One cut short stays alone."""
        facts = self.facts
        shared = facts.title, facts.label, facts.data, facts.planned_iterations
        return *shared, self.source, None if facts.completed else self.folder


def read(folder):
    """The KeptRun in a folder, which may still be written. Raises NoRun where there is none."""
    folder = Path(folder)
    try:
        facts = checked_facts(read_run(_inside(folder, "run.json")))
        curves = read_curves(_inside(folder, "curves.csv"))  # after run.json: not older than it
        check_curves(curves, facts)
        source = _inside(folder, f"{facts.script}.py")
        text = read_text(source, SOURCE_MOST, "replace") if source.exists() else ""
        return KeptRun(folder, facts, curves, text)
    except FileNotFoundError as error:
        name = Path(error.filename).name
        raise NoRun(f"no {name} (still running, or aborted)") from None
    except OSError as error:
        raise NoRun(f"{Path(error.filename).name}: {error.strerror}") from None
    except ValueError as error:
        raise NoRun(str(error)) from None


def _inside(folder, name):
    """The path of a folder's own file. Raises ValueError where it is a link out of the folder."""
    path = folder / name
    if os.path.dirname(os.path.realpath(path)) != os.path.realpath(folder):
        raise ValueError(f"{name} lies outside of the folder")
    return path


def checked_facts(found):
    """The Facts in the value of a run.json, whoever has written it; further keys are ignored.

    Texts are made printable. Raises ValueError with what is wrong.
    """
    if not isinstance(found, dict):
        raise ValueError("run.json is not an object with keys")
    found = {"label": ""} | found  # which the oldest runs lack
    names = {field.name: field.type for field in fields(Facts)}
    missing = [name for name in names if name not in found]
    if missing:
        raise ValueError(f"run.json has no {', '.join(missing)}")
    facts = Facts(**{name: _checked(name, kind, found[name]) for name, kind in names.items()})
    if PureWindowsPath(facts.script).name != facts.script:  # which knows all separators
        raise ValueError("script in run.json is not a plain file name")
    if not facts.title.strip():
        raise ValueError("title in run.json is empty")
    return facts


def _checked(name, kind, value):
    """A value of run.json as bool, str, int or float; else ValueError."""
    if kind is bool:
        valid, wanted = isinstance(value, bool), "true or false"
    elif kind is str:
        valid = isinstance(value, str) and len(value) <= MOST_CHARACTERS
        wanted = f"text of at most {MOST_CHARACTERS} characters"
    else:
        number = isinstance(value, int | kind) and not isinstance(value, bool)
        valid = number and 0 <= value <= MOST
        wanted = f"a {'whole ' if kind is int else ''}number from 0 to {MOST:,}"
    if not valid:
        raise ValueError(f"{name} in run.json is not {wanted}")
    return printable(value) if kind is str else kind(value)


def check_curves(curves, facts):
    """Raise ValueError where the columns of a curves.csv are not the curves of a trained network.

    Losses may be nan or infinite: training can end so.
    """
    at = curves["iteration"]
    if not ((at >= 0) & (at <= MOST) & (at == np.floor(at))).all() or not (np.diff(at) > 0).all():
        raise ValueError("the iterations in curves.csv are not increasing whole numbers")
    for name in "train_accuracy", "test_accuracy":
        known = curves[name][~np.isnan(curves[name])]
        if not ((known >= 0) & (known <= 1)).all():
            raise ValueError(f"{name} in curves.csv is not between 0 and 1")
    for name in "train_loss", "test_loss":
        if np.abs(curves[name][np.isfinite(curves[name])]).max(initial=0) > MOST_LOSS:
            raise ValueError(f"{name} in curves.csv is larger than {MOST_LOSS:g}")
    tested = at[np.isfinite(curves["test_accuracy"])]
    if not len(tested) or at[-1] == 0:
        raise ValueError("nothing was trained and evaluated yet")
    if facts.completed and not tested[-1] == at[-1] == facts.iterations:
        end = f"{tested[-1]:.0f}, run.json at {facts.iterations}"
        raise ValueError(f"the run is completed, but curves.csv ends at iteration {end}")


def find(runs):
    """The folders that hold a run.json, runs/script/run, by the time in their names."""
    folders = [path.parent for path in Path(runs).glob("*/*/run.json")]
    return sorted(folders, key=lambda path: (path.name, path.parent.name))


def experiments(runs):
    """Lists of KeptRun that differ by their seed only; of one seed's the last one of `runs`."""
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


def test_readings(run, column):
    """(iterations [n], values [n]) of the readings of the test digits, or of every batch's."""
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

    smooth: how many neighbouring readings of a run make one, see smoothed.
    """
    columns = [test_readings(run, column) for run in group]
    iterations = np.unique(np.concatenate([i for i, _ in columns]))
    values = np.full([len(group), len(iterations)], np.nan)
    for row, (at, read) in zip(values, columns, strict=True):
        row[np.searchsorted(iterations, at)] = smoothed(read, smooth)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)  # where the loss of all is not a number
        return iterations, np.nanmedian(values, axis=0), np.nanpercentile(values, BAND, axis=0)


def figures(group):
    """What a table says of an experiment, {name: number}: medians over the seeds, inf for never."""
    finals = [test_readings(run, "test_accuracy")[1] for run in group]
    facts = {
        "final": np.median([values[-1] for values in finals]),
        "best": np.median([values.max() for values in finals]),
        "seconds": np.median([run.facts.seconds for run in group]),
        "steps_per_second": np.median([run.facts.steps_per_second for run in group]),
    }
    return facts | {level: np.median([reaches(run, level) for run in group]) for level in LEVELS}


def reaches(run, level):
    """The first iteration whose test accuracy is at `level` or above; inf for never."""
    iterations, values = test_readings(run, "test_accuracy")
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
