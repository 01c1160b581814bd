"""The folder of a run: its script, curves.csv, run.json and weights.npz, written and read.

run.json has three parts: "run", the fields of a Run; "result", how far it came, see result();
"machine", on what it ran.
"""

import io
import itertools
import json
import math
import os
import platform
import sys
import time
from contextlib import contextmanager, suppress
from dataclasses import asdict
from functools import cached_property
from pathlib import Path

import numpy as np

from visu.record.run import Point, Run

WEIGHTS = "weights.npz"
WEIGHTS_SECONDS = 10  # between two times that the weights of a run under way are saved
LIBRARIES = "tensorflow", "keras", "numpy", "matplotlib"  # whose versions are saved, if imported
COLUMNS = ["iteration", "train_accuracy", "train_loss", "test_accuracy", "test_loss"]


class NoRun(Exception):
    """A folder holds no run that can be read; the message says why."""


# ---- writing


class RunFolder:
    """Writes the files of one run while it goes on, so that they are there whatever ends it.

    runs: the folder of all runs; source: bytes of the script as it runs; run: the Run.
    path: the folder's, None before there is something to save; saved: whether the last write
    succeeded. What could not be saved is tried again with the next call.
    """

    def __init__(self, runs, source, run):
        self._runs, self._source, self._run = Path(runs), source, run
        self._lines = 0  # evaluations in curves.csv
        self._weights_due = 0.0  # time.monotonic() at which they are to be saved again
        self.path, self.saved = None, False

    def write(self, history, ended=False):
        """Save what is new in a History; nothing if no iteration was made. Raises OSError.

        ended: whether this is the last time, and the weights are saved even if it is soon again.
        """
        if not history.iteration:
            return
        lines, self._lines, self.saved = self._lines, 0, False  # as it is if this fails: all anew
        folder = self.make()
        source, curves = folder / f"{self._run.script}.py", folder / "curves.csv"
        if not source.exists():
            replace(source, self._source)
        if lines and curves.exists():
            with open(curves, "ab") as file:
                file.write(curves_text(history, lines).encode())
        else:
            replace(curves, curves_text(history).encode())
        parts = {"run": asdict(self._run), "result": result(history, ended), "machine": machine()}
        replace(folder / "run.json", json.dumps(parts, indent=2).encode() + b"\n")
        if ended or time.monotonic() >= self._weights_due:
            tested, before = history.last_test, self._run.trained
            iterations = None if before is None else before + tested.iteration
            content = weights_bytes(self._run.title, tested.test.variables, iterations)
            replace(folder / WEIGHTS, content)
            self._weights_due = time.monotonic() + WEIGHTS_SECONDS
        self.saved, self._lines = True, len(history.train)

    def make(self):
        """The folder's path: runs/script/date-time-seed, made if need be. Raises OSError."""
        if self.path is None:
            name = f"{time.strftime('%Y%m%d-%H%M%S')}-seed{self._run.seed}"
            self.path = new_folder(self._runs / self._run.script, name)
        else:
            self.path.mkdir(parents=True, exist_ok=True)  # if it was deleted meanwhile
        return self.path


def result(history, ended=False):
    """How far the run of a History has come, as plain values for run.json.

    ended: whether no more is to come.
    """
    return {
        "iteration": history.iteration,
        "completed": history.completed,
        "ended": ended,
        "seconds": round(history.last.seconds, 3),
        "steps_per_second": round(history.steps_per_second, 1),
        "final_test_accuracy": round(history.test[-1].accuracy, 6),
        "best_test_accuracy": round(history.best_test.accuracy, 6),
    }


def machine():
    """On what a run is made: the command line's flags, the versions, how many cores."""
    affinity = getattr(os, "sched_getaffinity", None)  # Linux only
    return {
        "arguments": sys.argv[1:],
        "versions": {"python": platform.python_version()}
        | {name: sys.modules[name].__version__ for name in LIBRARIES if name in sys.modules},
        "cores": len(affinity(0)) if affinity else os.cpu_count(),
    }


def tails():
    """What follows a name until it is a new one: nothing, -2, -3, ..."""
    return itertools.chain([""], (f"-{k}" for k in itertools.count(2)))


def new_folder(runs, name):
    """Make and return the folder runs/name, or runs/name-2, ... where that is taken, or OSError."""
    for tail in tails():
        folder = Path(runs) / f"{name}{tail}"
        try:
            folder.mkdir(parents=True)
            return folder
        except FileExistsError:
            if not folder.is_dir():  # a file stands in the way, perhaps as a parent
                raise


def replace(path, content):
    """Write these bytes to a file, whole or not at all. Raises OSError; it is then as before.

    On Windows a file that another process reads at this moment cannot be replaced: a second try.
    """
    part = path.with_name(f"{path.name}.part")
    try:
        part.write_bytes(content)
        try:
            os.replace(part, path)
        except PermissionError:
            time.sleep(0.05)
            os.replace(part, path)
    except BaseException:
        part.unlink(missing_ok=True)
        raise


def columns_of(run):
    """The columns of curves.csv: COLUMNS, and W1, W2, ... for Test.gradients."""
    return COLUMNS + [f"W{k + 1}" for k in range(run.layers)]


def curves_text(history, start=0):
    """The lines of curves.csv, from evaluation number `start` on; before the first, the header.

    A line per evaluation, values to 6 digits; empty where the test digits were not evaluated.
    """
    columns = columns_of(history.run)
    tests = {point.iteration: point for point in history.test}
    lines = [] if start else [columns]
    for i, *values in (point[:3] for point in history.train[start:]):
        if i in tests:
            values += [*tests[i][1:3], *tests[i].gradients]
        cells = [str(i)] + [f"{value:.6g}" for value in values]
        lines.append(cells + [""] * (len(columns) - len(cells)))
    return "".join(",".join(line) + "\n" for line in lines)


# ---- reading


class SavedRun:
    """A run as its folder tells it. Raises NoRun where none can be read.

    folder: its Path; since: the time after which a change makes a run recent, in seconds as of
    time.time(); watched: whether recent runs are. run: the Run; result: {name: value} as of
    result(); recent: whether its curves have been written since; watched: whether it is watched.
    """

    def __init__(self, folder, since=math.inf, watched=False):
        self.folder = Path(folder)
        with _told_as_no_run("run.json"):
            parts = json.loads((self.folder / "run.json").read_text(encoding="utf-8"))
            if "run" not in parts:
                raise NoRun("it is from an older version")
            self.run, self.result = Run(**parts["run"]), parts["result"]
        with _told_as_no_run("curves.csv"):
            self.recent = (self.folder / "curves.csv").stat().st_mtime >= since
        self.watched = watched and self.recent

    @property
    def state(self):
        """ "running", "stopped", "short" of its script's own length, or "" for a complete run.

        A run that was killed cannot say so: it is running until its curves are no longer recent.
        """
        if not self.result["completed"]:
            return "running" if self.recent and not self.result["ended"] else "stopped"
        return "short" if self.result["iteration"] < self.run.own_iterations else ""

    @cached_property
    def curves(self):
        """The columns of curves.csv, {name: [n] float64}, nan where nothing was evaluated.

        A last line without its end is ignored: it is still being written, or was cut off.
        Raises NoRun.
        """
        with _told_as_no_run("curves.csv"):
            text = (self.folder / "curves.csv").read_text(encoding="utf-8")
            header, *lines = (line.split(",") for line in text.rpartition("\n")[0].split("\n"))
            columns = columns_of(self.run)
            if header != columns or {*map(len, lines)} != {len(columns)}:
                raise ValueError(f"it is not a table of {','.join(columns)}")
            rows = [[float(x or "nan") for x in line] for line in lines]
            return dict(zip(columns, np.array(rows).T, strict=True))

    def points(self, end):
        """(train, test): the Points of the curves before iteration `end`. Raises NoRun.

        Iterations count from the network's own start; the bands are not in the curves.
        """
        train, test = [], []
        for row in np.transpose([*self.curves.values()]):
            i = (self.run.trained or 0) + int(row[0])
            if i < end:
                train.append(Point(i, *row[1:3], 0.0))
                test.append(Point(i, *row[3:5], 0.0, gradients=row[5:]))
        return train, [point for point in test if np.isfinite(point.accuracy)]

    @property
    def end(self):
        """The iteration at which the curves end."""
        return int(self.curves["iteration"][-1])

    @property
    def source(self):
        """The script's text as it ran. Raises NoRun."""
        name = f"{self.run.script}.py"
        with _told_as_no_run(name):
            return (self.folder / name).read_text(encoding="utf-8", errors="replace")


@contextmanager
def _told_as_no_run(name):
    """Within it whatever a damaged file of this name raises becomes a NoRun."""
    try:
        yield
    except FileNotFoundError:
        raise NoRun(f"it has no {name}") from None
    except (OSError, ValueError, KeyError, TypeError) as error:
        reason = getattr(error, "strerror", None) or error
        raise NoRun(f"{name} cannot be read: {reason}") from None


def points_before(weights, run):
    """(train, test): the Points of the run that has saved these weights, if a Run only shows them.

    weights: the file's path, or None. There are none of other data, or where the file lies alone.
    """
    with suppress(NoRun):
        saved = SavedRun(weights.parent) if weights and not run.iterations else None
        if saved and (saved.run.step, saved.run.data) == (run.step, run.data):
            return saved.points(run.trained or 0)
    return (), ()


def weights_bytes(title, variables, iterations=None):
    """The content of a weights.npz with these variables, {name: array}.

    title: of the step, as "3.1 bigger convolution, dropout"; iterations: that have made them, None
    if unknown.
    """
    content, known = io.BytesIO(), {} if iterations is None else {"iterations": iterations}
    np.savez(content, title=title, **known, **variables)
    return content.getvalue()


def read_weights(path, title):
    """(variables, iterations) of a file with the content of `weights_bytes`.

    title: of the step that wants them. Raises ValueError, one line, where the file is damaged, no
    such file, or another step's.
    """
    try:
        with np.load(path, allow_pickle=False) as file:
            variables = {name: file[name] for name in file.files}
        found = str(variables.pop("title")[()])
        iterations = int(variables.pop("iterations")) if "iterations" in variables else None
    except FileNotFoundError:
        raise ValueError("there is no such file") from None
    except OSError as error:
        raise ValueError(f"it cannot be read: {error.strerror or 'it is damaged'}") from None
    except Exception:  # numpy, zipfile, zlib and tokenize each raise their own
        raise ValueError(f"it is damaged, or not the {WEIGHTS} of a run") from None
    if found.split()[:1] != title.split()[:1]:
        raise ValueError(f"it holds the weights of another step, {ascii(found)[:60]}")
    return variables, iterations
