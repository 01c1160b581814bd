"""The runs that lie in a folder, read back: which there are, and which belong together."""

import warnings
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from visu.history import read_curves, read_run

BAND = (10, 90)  # percentiles over the seeds
LEVELS = (0.97, 0.98, 0.99)  # of test accuracy


class NoRun(Exception):
    """A folder holds no run that can be read; the message says why."""


@dataclass(frozen=True, eq=False)
class KeptRun:
    """A run as its folder tells it.

    facts: what stands in run.json; curves: the columns of curves.csv, each [n] float64, nan where
    nothing was read; source: the script's text as it ran, "" where it was not kept.
    """

    folder: Path
    facts: dict
    curves: dict
    source: str

    @property
    def step(self):
        """The step's number, as "2.1"."""
        return self.facts["title"].split()[0]

    @property
    def label(self):
        """The text given with --label, or ""."""
        return self.facts.get("label", "")

    @property
    def experiment(self):
        """What is the same in runs that differ by their seed only. One cut short stays alone."""
        facts = self.facts
        shared = facts["title"], self.label, facts["data"], facts["planned_iterations"]
        return *shared, self.source, None if facts["completed"] else self.folder


def read(folder):
    """The KeptRun in a folder. Raises NoRun where there is none, or a damaged one."""
    folder = Path(folder)
    try:
        facts, curves = read_run(folder / "run.json"), read_curves(folder / "curves.csv")
        source = folder / f"{facts['script']}.py"
        run = KeptRun(
            folder, facts, curves, source.read_text(encoding="utf-8") if source.is_file() else ""
        )
        hash(run.experiment), run.step, str(facts["seed"])  # all that is used later is there
        float(facts["seconds"]), float(facts["steps_per_second"])
    except FileNotFoundError as error:
        raise NoRun(f"it has no {Path(error.filename).name}, yet or for ever") from None
    except (OSError, ValueError, KeyError, TypeError, AttributeError, IndexError) as error:
        raise NoRun(f"it is damaged or of another kind ({error!r})") from None
    if not np.isfinite(curves["test_accuracy"]).any():
        raise NoRun("nothing was read in it")
    return run


def find(runs):
    """The folders that may hold runs, runs/script/run, by the time in their names, oldest first."""
    folders = [path for path in Path(runs).glob("mnist_*/*") if path.is_dir()]
    return sorted(folders, key=lambda path: (path.name, path.parent.name))


def experiments(runs):
    """Lists of KeptRun that differ by their seed only; of one seed's the last one of `runs`."""
    found = {}
    for run in runs:
        found.setdefault(run.experiment, {})[run.facts["seed"]] = run
    return [[*seeds.values()] for seeds in found.values()]


def newest(runs, word):
    """The experiments with the newest run of a label, or of each label of a step.

    runs: oldest first; word: a label, or a step's number, as "2.1".
    """
    chosen = [run for run in runs if word in (run.step, run.label)]
    latest = {(run.step, run.label): run.experiment for run in chosen}
    found = [group for group in experiments(runs) if group[0].experiment in latest.values()]
    return sorted(found, key=name)


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
        "seconds": np.median([run.facts["seconds"] for run in group]),
        "steps_per_second": np.median([run.facts["steps_per_second"] for run in group]),
    }
    return facts | {level: np.median([reaches(run, level) for run in group]) for level in LEVELS}


def reaches(run, level):
    """The first iteration whose test accuracy is at `level` or above; inf for never."""
    iterations, values = test_readings(run, "test_accuracy")
    return min(iterations[values >= level], default=np.inf)


def name(group):
    """What an experiment is called: title, label."""
    return ", ".join(filter(None, [group[0].facts["title"], group[0].label]))


def names(groups):
    """What each of several experiments is called: its name, and what else sets it apart."""
    several = len({group[0].facts["data"] for group in groups}) > 1
    on = [f", on {group[0].facts['data']}" if several else "" for group in groups]
    found = [name(group) + data for group, data in zip(groups, on, strict=True)]
    return [
        text + (f", {group[-1].folder.name}" if found.count(text) > 1 else "")
        for text, group in zip(found, groups, strict=True)
    ]
