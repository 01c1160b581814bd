"""Writes the files of a run, in a folder of its own, while it goes on; saved_run reads them."""

import csv
import io
import itertools
import json
import os
import platform
import sys
import time
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from visu.record import weights_file
from visu.show.terminal import say

WEIGHTS_SECONDS = 10  # between two times that the weights of a run under way are saved
COLUMNS = ["iteration", "train_accuracy", "train_loss", "test_accuracy", "test_loss"]


class RunFolder:
    """Writes the files of one run: its script, curves.csv, gradients.csv, run.json, weights.npz.

    They grow with the run, so that they are there whatever ends it. The folder is made when there
    is something to save. What cannot be saved is tried again with the next call, and said once.

    args: from parse_args, of which runs, script, source, title and label count; seed: of the run;
    plan: the history.Plan; device: what trains, as text.
    path: the folder's, None before it is made; saved: whether its files have all there is.
    """

    def __init__(self, args, seed, plan, device):
        self._args, self._seed, self._plan = args, seed, plan
        self._facts = about(args, seed, plan, device)
        self._lines = {}  # name of a table -> how many evaluations are in the file
        self._weights_due = 0.0  # time.monotonic() at which they are to be saved again
        self._warned = False
        self.path, self.saved = None, False

    def write(self, history, ended=False):
        """Save what is new in a History; nothing if no iteration was made.

        ended: whether this is the last time, and the weights are saved even if it is soon again.
        """
        if not history.iteration:
            return
        try:
            self._write_tables(self.make(), history)
            facts = self._facts | history.results(self._plan.iterations)
            write_run(self.path / "run.json", facts)
            if ended or time.monotonic() >= self._weights_due:
                content = weights_file.to_bytes(self._args.title, history.last_test.variables)
                replace(self.path / weights_file.NAME, content)
                self._weights_due = time.monotonic() + WEIGHTS_SECONDS
            self.saved = True
        except OSError as error:
            self.saved, self._lines = False, {}
            self.warn(error)

    def make(self):
        """The folder's path: runs/script/date-time-seed, made if need be. Raises OSError."""
        if self.path is None:
            name = f"{time.strftime('%Y%m%d-%H%M%S')}-seed{self._seed}"
            self.path = new_folder(self._args.runs / self._args.script, name)
        else:
            self.path.mkdir(parents=True, exist_ok=True)  # if it was deleted meanwhile
        return self.path

    def warn(self, error):
        """Say, once, that a file could not be saved."""
        if not self._warned:
            say(
                f"This run could not be saved: {error}. Choose another folder with --runs FOLDER.",
                sys.stderr,
            )
            self._warned = True

    def _write_tables(self, folder, history):
        """Append the lines that are new; at first, and after a failure, write all there is.

        gradients.csv comes first, so that a reader of a run under way finds it no shorter than
        curves.csv.
        """
        source = folder / f"{self._args.script}.py"
        if not source.exists():
            replace(source, self._args.source)
        for name, text, iterations in (
            ("gradients.csv", gradients_text, history.test_iterations),
            ("curves.csv", curves_text, history.train_iterations),
        ):
            path, start = folder / name, self._lines.get(name, 0)
            if start and path.exists():
                with open(path, "a", encoding="utf-8", newline="") as file:
                    file.write(text(history, start))
            else:
                replace(path, text(history))
            self._lines[name] = len(iterations)


def about(args, seed, plan, device):
    """What run.json says of a run beside its results: plain values only."""
    affinity = getattr(os, "sched_getaffinity", None)  # Linux only
    return {
        "script": args.script,
        "title": args.title,
        "label": args.label,
        "arguments": sys.argv[1:],
        "from_weights": args.weights is not None,
        "seed": seed,
        "data": plan.data,
        "versions": {"python": platform.python_version()}
        | {name: _version(name) for name in ("tensorflow", "keras", "numpy", "matplotlib")},
        "device": device,
        "cores": len(affinity(0)) if affinity else os.cpu_count(),
    }


def _version(name):
    """The version of a library, also of one that is installed under another name."""
    try:
        return version(name)
    except PackageNotFoundError:  # such as tensorflow-cpu
        return getattr(sys.modules.get(name), "__version__", "unknown")


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
    """Write a file, text or bytes, whole or not at all. Raises OSError; it is then as before."""
    part = path.with_name(f"{path.name}.part")
    try:
        part.write_bytes(content.encode() if isinstance(content, str) else content)
        os.replace(part, path)
    except BaseException:
        part.unlink(missing_ok=True)
        raise


def curves_text(history, start=0):
    """The lines of curves.csv, from evaluation number `start` on; before the first, the header.

    A line per evaluation, values to 6 digits, empty where the test digits were not evaluated.
    """
    tests = zip(history.test_accuracy, history.test_loss, strict=True)
    tests = dict(zip(history.test_iterations, tests, strict=True))
    train = zip(history.train_iterations, history.train_accuracy, history.train_loss, strict=True)
    rows = [[*row, *tests.get(row[0], ())] for row in itertools.islice(train, start, None)]
    return _table(COLUMNS, rows, start)


def gradients_text(history, start=0):
    """The lines of gradients.csv, from evaluation number `start` of the test digits on: iteration,
    W1, W2, ..., the root mean square of the gradient of each layer's weights.
    """
    rows = zip(history.test_iterations, history.gradients, strict=True)
    rows = [[i, *sizes] for i, sizes in itertools.islice(rows, start, None)]
    return _table(gradient_columns(len(rows[0]) - 1 if rows else 0), rows, start)


def gradient_columns(layers):
    """The header of gradients.csv."""
    return ["iteration", *(f"W{k}" for k in range(1, layers + 1))]


def _table(columns, rows, start):
    """CSV lines of rows [iteration, value, ...], empty where values are missing; with a header
    where start is 0.
    """
    text = io.StringIO()
    lines = csv.writer(text, lineterminator="\n")
    if not start:
        lines.writerow(columns)
    for i, *values in rows:
        empty = [""] * (len(columns) - 1 - len(values))
        lines.writerow([i] + [f"{value:.6g}" for value in values] + empty)
    return text.getvalue()


def write_run(path, facts):
    """Write the facts of a run, {name: plain value}, as JSON. Raises OSError."""
    replace(path, json.dumps(facts, indent=2) + "\n")
