"""Reads and checks the files of a run, which run_folder has written, or anybody else."""

import ast
import json
import math
import os
import re
from dataclasses import dataclass, fields
from functools import cached_property
from pathlib import Path, PureWindowsPath

import numpy as np

from visu.record.run_folder import COLUMNS, gradient_columns
from visu.text import printable

CURVES_MOST = 50_000_000  # characters of a table: a curves.csv of 10^7 iterations has half of it
RUN_MOST = 1_000_000  # of a run.json
MOST_CHARACTERS = 300  # of a title, a label, a name
MOST = 10**9  # iterations, seconds, ...
MOST_LOSS = 1e41  # per 100 digits, and of a gradient; float32 ends before
SOURCE_MOST = 1_000_000  # characters of a script
OWN_LENGTH = re.compile(r"[(,]\s*iterations\s*=\s*(\d[\d_]{0,12})")  # in a script
EDITED = "edited"  # the label of a run without one whose script is not the step's any more
FROM_WEIGHTS = "from weights"  # and of one that did not start where the step does


class NoRun(Exception):
    """A folder holds no run that can be read; the message says why."""


@dataclass(frozen=True)
class Facts:
    """What run.json says of a run, as far as it is used here. Checked: see checked_facts."""

    script: str
    title: str
    label: str
    from_weights: bool
    data: str
    seed: int
    planned_iterations: int
    iterations: int
    completed: bool
    seconds: float
    steps_per_second: float


@dataclass(frozen=True, eq=False)
class SavedRun:
    """A run as its folder tells it.

    curves: the columns of curves.csv, each [n] float64, nan where nothing was evaluated;
    source: the script's text as it ran, "" where it was not saved; label: what tells the run from
    those of the unedited step, "" for these; recent: whether it has changed since the time asked
    for; ended: whether it has a window.png, which is written last.
    """

    folder: Path
    facts: Facts
    curves: dict
    source: str
    label: str = ""
    recent: bool = False
    ended: bool = True

    @cached_property
    def gradients(self):
        """The columns of gradients.csv, "iteration", "W1", ..., each [n] float64.

        Read when they are first asked for. Raises NoRun where there are none.
        """
        try:
            found = read_gradients(_inside(self.folder, "gradients.csv"))
            check_gradients(found)
            return found
        except FileNotFoundError:
            raise NoRun("no gradients.csv (from an older version, or deleted)") from None
        except OSError as error:
            raise NoRun(f"gradients.csv: {error.strerror}") from None
        except ValueError as error:
            raise NoRun(str(error)) from None

    @property
    def step(self):
        """The step's number, as "2.1"."""
        return self.facts.title.split()[0]

    @property
    def iterations(self):
        """How far the curves go; of a run under way run.json may be older than they are."""
        return int(self.curves["iteration"][-1])

    @property
    def length(self):
        """How many iterations the script trains for without --iterations, as far as is known."""
        found = OWN_LENGTH.search(self.source)
        return int(found[1].replace("_", "")) if found else self.facts.planned_iterations

    @property
    def state(self):
        """ "running", "stopped", "short" of its script's own length, or "" for a complete run."""
        if not self.facts.completed:
            return "running" if self.recent and not self.ended else "stopped"
        return "short" if self.iterations < self.length else ""

    @property
    def experiment(self):
        """What is the same in runs that differ by their seed only.

        One that is not complete stays alone, and so does a recent one: it is watched.
        """
        facts = self.facts
        alone = self.recent or not facts.completed
        shared = facts.title, self.label.casefold(), facts.data, self.iterations
        return *shared, program(self.source), self.folder if alone else None


def changed(path):
    """When a file was last changed, in seconds as of time.time(); 0 where there is none."""
    try:
        return path.stat().st_mtime
    except OSError:
        return 0


def read(folder, ladder=(), since=math.inf):
    """The SavedRun in a folder, which may still be written. Raises NoRun where there is none.

    ladder: name and text of each step's own script, {step: (name, text)}; since: the time after
    which a change makes a run recent, in seconds as of time.time().
    """
    folder = Path(folder)
    ended, recent = os.path.exists(folder / "window.png"), changed(folder / "curves.csv") >= since
    try:
        facts = checked_facts(read_run(_inside(folder, "run.json")))
        curves = read_curves(_inside(folder, "curves.csv"))  # after run.json: not older than it
        check_curves(curves, facts)
        source = _inside(folder, f"{facts.script}.py")
        text = read_text(source, SOURCE_MOST, "replace") if source.exists() else ""
        label = _label(facts, text, dict(ladder))
        return SavedRun(folder, facts, curves, text, label, recent, ended)
    except FileNotFoundError as error:
        name = Path(error.filename).name
        raise NoRun(f"no {name} (still running, or aborted)") from None
    except OSError as error:
        raise NoRun(f"{Path(error.filename).name}: {error.strerror}") from None
    except ValueError as error:
        raise NoRun(str(error)) from None


def program(text):
    """What a script computes, to be compared: without its docstring, comments and layout.

    Of what is no Python, the text itself.
    """
    try:
        tree = ast.parse(text)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return text
    return ast.dump(ast.Module(tree.body[ast.get_docstring(tree) is not None :], []))


def _label(facts, text, ladder):
    """What tells a run from those of the step's own script, from its own start: its label, or the
    name of a copy, or EDITED; then FROM_WEIGHTS; else "". Docstrings, comments and layout do not
    count.
    """
    name, own = ladder.get(facts.title.split()[0], (facts.script, ""))
    copy = facts.script if name != facts.script else ""
    edited = text and own and program(text) != program(own)
    label = facts.label or copy or (EDITED if edited else "")
    return ", ".join(filter(None, [label, FROM_WEIGHTS if facts.from_weights else ""]))


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
    found = {"label": "", "from_weights": False} | found  # which older runs lack
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
    _check_iterations(at, "curves.csv")
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


def check_gradients(gradients):
    """Raise ValueError where the columns of a gradients.csv are not sizes; nan and inf may be."""
    at, *sizes = gradients.values()
    _check_iterations(at, "gradients.csv")
    if not sizes or not len(at):
        raise ValueError("gradients.csv is empty")
    sizes = np.array(sizes)
    known = sizes[np.isfinite(sizes)]
    if not ((known >= 0) & (known <= MOST_LOSS)).all():
        raise ValueError(f"a gradient in gradients.csv is not between 0 and {MOST_LOSS:g}")


def _check_iterations(at, name):
    """Raise ValueError where these are not increasing whole numbers."""
    if not ((at >= 0) & (at <= MOST) & (at == np.floor(at))).all() or not (np.diff(at) > 0).all():
        raise ValueError(f"the iterations in {name} are not increasing whole numbers")


def find(runs):
    """The folders that hold a run.json, runs/script/run, by the time in their names."""
    folders = [path.parent for path in Path(runs).glob("*/*/run.json")]
    return sorted(folders, key=lambda path: (path.name, path.parent.name))


def read_curves(path):
    """The columns of a curves.csv, {name: [n] float64}, nan where empty; OSError or ValueError."""
    return _read_table(path, lambda count: COLUMNS)


def read_gradients(path):
    """The columns of a gradients.csv: "iteration", "W1", ...; see read_curves."""
    return _read_table(path, lambda count: gradient_columns(count - 1))


def _read_table(path, columns):
    """The columns of a CSV file of numbers, {name: [n] float64}, nan where empty.

    columns(n): the header of a table of n columns. A last line without its end is ignored: it is
    still being written, or was cut off. Raises OSError or ValueError.
    """
    name = Path(path).name
    complete, _, _ = read_text(path, CURVES_MOST).rpartition("\n")
    header, *lines = (line.split(",") for line in complete.split("\n"))
    names = columns(len(header))
    if header != names or any(len(line) != len(names) for line in lines):
        raise ValueError(f"{name} is not a table of {','.join(names[:5])}")
    try:
        rows = [[float(x or "nan") for x in line] for line in lines]
    except ValueError:
        raise ValueError(f"{name} holds something that is not a number") from None
    return dict(zip(names, np.array(rows).reshape(-1, len(names)).T, strict=True))


def read_run(path):
    """What write_run has written, unchecked; OSError or ValueError if it can't be read."""
    text = read_text(path, RUN_MOST)
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        raise ValueError(f"{Path(path).name} is not valid JSON") from None


def read_text(path, most, errors="strict"):
    """The text of a regular UTF-8 file of at most `most` characters; else OSError or ValueError.

    errors: what to do with bytes that are not UTF-8, as for open.
    """
    path = Path(path)
    if path.exists() and not path.is_file():  # a named pipe would never end
        raise ValueError(f"{path.name} is not a file")
    try:
        with open(path, encoding="utf-8", errors=errors) as file:
            text = file.read(most + 1)
    except UnicodeDecodeError:
        raise ValueError(f"{path.name} is not UTF-8 text") from None
    if len(text) > most:
        raise ValueError(f"{path.name} is longer than {most:,} characters")
    return text
