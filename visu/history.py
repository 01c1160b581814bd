"""What a run has measured, in one place, and the files that keep it: curves.csv and run.json."""

import csv
import itertools
import json
from bisect import bisect_right
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

COLUMNS = ["iteration", "train_accuracy", "train_loss", "test_accuracy", "test_loss"]


@dataclass(frozen=True)
class Run:
    """What is known of a run beforehand.

    title: the step, as "1.0 softmax"; data: the data set's name; iterations: how many are planned;
    test_count: how many test digits there are.
    """

    title: str
    data: str
    iterations: int
    test_count: int


@dataclass(frozen=True)
class Measure:
    """The network's answers to n digits, dropout off.

    accuracy: share of right answers, 0..1; loss: cross entropy per 100 digits (the slides' sum);
    images: [n, 28, 28] float 0..1; labels, predictions: [n] int, the true and the computed digit.
    """

    accuracy: float
    loss: float
    images: np.ndarray
    labels: np.ndarray
    predictions: np.ndarray


@dataclass(frozen=True)
class Reading:
    """What was read off after `iteration` updates, before the next one. Finished, never changed.

    seconds: training time so far, pauses and compiling not counted; train: the current batch;
    test: the whole test set, or None where it was not read. With `test` come the boundaries of
    the percentile bands, [8] float each, and `first`, a copy of the first layer's weights.
    """

    iteration: int
    seconds: float
    learning_rate: float
    train: Measure
    test: Measure | None = None
    weights: np.ndarray | None = None
    biases: np.ndarray | None = None
    first: np.ndarray | None = None


@dataclass
class History:
    """All readings of a run as growing columns; of the bulky parts only the newest are kept.

    test_*, weights and biases have one entry per test reading, at `test_iterations`.
    """

    train_iterations: list = field(default_factory=list)
    train_accuracy: list = field(default_factory=list)
    train_loss: list = field(default_factory=list)
    test_iterations: list = field(default_factory=list)
    test_accuracy: list = field(default_factory=list)
    test_loss: list = field(default_factory=list)
    weights: list = field(default_factory=list)
    biases: list = field(default_factory=list)
    last: Reading | None = None  # the newest reading
    last_test: Reading | None = None  # the newest one that read the test set

    def append(self, reading):
        """Take in the next Reading; one that does not come after the last starts a new run."""
        if self.last is not None and reading.iteration <= self.last.iteration:
            self.__init__()
        self.last = reading
        self.train_iterations.append(reading.iteration)
        self.train_accuracy.append(reading.train.accuracy)
        self.train_loss.append(reading.train.loss)
        if reading.test is not None:
            self.last_test = reading
            self.test_iterations.append(reading.iteration)
            self.test_accuracy.append(reading.test.accuracy)
            self.test_loss.append(reading.test.loss)
            self.weights.append(reading.weights)
            self.biases.append(reading.biases)

    def at(self, last, last_test):
        """The History as it was when these were its newest Readings."""
        then = History(last=last, last_test=last_test)
        trained = bisect_right(self.train_iterations, last.iteration)
        tested = bisect_right(self.test_iterations, last_test.iteration)
        for name, column in vars(self).items():
            if isinstance(column, list):
                setattr(then, name, column[: trained if name.startswith("train_") else tested])
        return then

    @property
    def best_test(self):
        """(accuracy, iteration) of the best test reading, the first of several; needs one."""
        best = int(np.argmax(self.test_accuracy))
        return self.test_accuracy[best], self.test_iterations[best]

    @property
    def iteration(self):
        """How many iterations the newest reading stands for; 0 before the first."""
        return self.last.iteration if self.last else 0

    @property
    def steps_per_second(self):
        """Iterations per second so far, readings included; 0.0 before the first."""
        return self.last.iteration / self.last.seconds if self.last and self.last.seconds else 0.0

    def results(self, iterations):
        """What run.json says of the result, as plain values; iterations: the planned ones."""
        return {
            "planned_iterations": iterations,
            "iterations": self.iteration,
            "completed": self.iteration >= iterations,
            "seconds": round(self.last.seconds, 3),
            "steps_per_second": round(self.steps_per_second, 1),
            "final_test_accuracy": round(self.test_accuracy[-1], 6),
            "best_test_accuracy": round(self.best_test[0], 6),
        }


def new_folder(runs, name):
    """Make and return the folder runs/name, or runs/name-2, ... where that is taken, or OSError."""
    for tail in itertools.chain([""], (f"-{k}" for k in itertools.count(2))):
        folder = Path(runs) / f"{name}{tail}"
        try:
            folder.mkdir(parents=True)
            return folder
        except FileExistsError:
            if not folder.is_dir():  # a file stands in the way, perhaps as a parent
                raise


def write_curves(path, history):
    """Write a History's curves: a line per reading, to 6 digits, empty where nothing was read."""
    tests = zip(history.test_accuracy, history.test_loss, strict=True)
    tests = dict(zip(history.test_iterations, tests, strict=True))
    train = (history.train_iterations, history.train_accuracy, history.train_loss)
    with open(path, "w", newline="") as file:
        lines = csv.writer(file, lineterminator="\n")
        lines.writerow(COLUMNS)
        for i, *values in zip(*train, strict=True):
            values += tests.get(i, ())
            lines.writerow([i] + [f"{value:.6g}" for value in values] + [""] * (4 - len(values)))


def read_curves(path):
    """The columns of a curves.csv, {name: [n] float64}, nan where empty; else ValueError."""
    with open(path, newline="") as file:
        header, *lines = [*csv.reader(file)] or [[]]
    if header != COLUMNS or any(len(line) != len(COLUMNS) for line in lines):
        raise ValueError(f"{path} is no table of {','.join(COLUMNS)}")
    rows = np.array([[float(x or "nan") for x in line] for line in lines]).reshape(-1, len(COLUMNS))
    return dict(zip(COLUMNS, rows.T, strict=True))


def write_run(path, facts):
    """Write the facts of a run, {name: plain value}, as JSON."""
    Path(path).write_text(json.dumps(facts, indent=2) + "\n")


def read_run(path):
    """The facts that write_run has written; OSError or ValueError if they can't be read."""
    return json.loads(Path(path).read_text())
