"""What the benchmarks share: the scripts, runs of them, and the kinds of values of their flags."""

import argparse
import json
import os
import re
import subprocess
import sys
from pathlib import Path

TOP = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(TOP))

from visu.show.cli import Parser, whole  # noqa: E402, F401  for the benchmarks

SCRIPTS = {path.stem.split("_")[1]: path for path in sorted(TOP.glob("mnist_[0-9]*.py"))}


def length(script):
    """The number of iterations that a script trains for without --iterations."""
    return int(re.search(r"\biterations=([\d_]+)", script.read_text(encoding="utf-8"))[1])


# ---- runs


def python(file, *flags, quiet=False):
    """Run a Python file in a process of its own and return what it prints.

    If it fails, this program ends with the same status. Of what a `quiet` one writes to stderr,
    only the last line is shown, and only then.
    """
    path = os.pathsep.join(filter(None, [str(TOP), os.environ.get("PYTHONPATH")]))
    variables = os.environ | {"PYTHONPATH": path}  # for an edited copy in another folder
    command = [sys.executable, file, *map(str, flags)]
    stderr = subprocess.PIPE if quiet else None
    done = subprocess.run(
        command, env=variables, stdout=subprocess.PIPE, stderr=stderr, text=True, errors="replace"
    )
    if done.returncode and quiet:
        print(*done.stderr.splitlines()[-1:], file=sys.stderr)
    if done.returncode < 0:
        sys.exit(f"{file} was ended by signal {-done.returncode}")
    if done.returncode:
        sys.exit(done.returncode)
    return done.stdout


def run(script, *flags):
    """Run a script headless, in a process of its own, and return the folder with its files."""
    printed = python(script, "--headless", *flags)
    folder = re.search(r"^Files: (.+)$", printed, re.MULTILINE)
    if not folder:
        sys.exit(f"{script.name}: the run was not saved; give a folder that is writable as --runs")
    return Path(folder[1])


def facts(folder):
    """What run.json says of a run, {name: value}; a run that was cut short ends the program."""
    parts = json.loads((Path(folder) / "run.json").read_text())
    if not parts["result"]["completed"]:
        sys.exit(f"{folder}: this run was cut short; delete it and start again")
    return parts["run"] | parts["machine"] | parts["result"]


def curves(folder):
    """The columns of a run's curves.csv, nan where nothing was measured; by name."""
    import numpy as np  # not above: start.py times the import of TensorFlow, numpy included

    return np.genfromtxt(Path(folder) / "curves.csv", delimiter=",", names=True)


# ---- argparse types


def one_of(*names):
    """An argparse type: one of these names. Unlike `choices` it can be used with nargs="*"."""

    def name(text):
        if text not in names:
            raise argparse.ArgumentTypeError(f"'{text}' is not one of {', '.join(names)}")
        return text

    return name


def positive(text):
    """An argparse type: a number above 0."""
    try:
        number = float(text)
    except ValueError:
        number = 0
    if not 0 < number < float("inf"):
        raise argparse.ArgumentTypeError(f"'{text}' is not a number above 0")
    return number
