"""What the benchmarks share: the scripts, runs of them, and the kinds of values of their flags."""

import argparse
import os
import re
import subprocess
import sys
from pathlib import Path

TOP = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(TOP))

from visu.record.ladder import LADDER  # noqa: E402
from visu.record.run_folder import SavedRun, machine  # noqa: E402
from visu.show.terminal import Parser, whole  # noqa: E402, F401  for the benchmarks

SCRIPTS = {step: TOP / f"{own.script}.py" for step, own in LADDER.items()}


def edited(folder, step, edits):
    """Write an edited copy of a step's script to a folder, and return its path.

    edits: texts (old, new), or (old, new, times); each old one is there once, or so many times.
    """
    source = SCRIPTS[step].read_text(encoding="utf-8")
    for old, new, *times in edits:
        found, there = source.count(old), times[0] if times else 1
        assert found == there, f"{old!r} is there {found} times, in {SCRIPTS[step].name}"
        source = source.replace(old, new)
    copy = Path(folder, SCRIPTS[step].name)
    copy.write_text(source, encoding="utf-8")
    return copy


# ---- runs


def run(script, *flags):
    """Run a script headless, in a process of its own, and return its SavedRun.

    If it fails, this program ends with the same status.
    """
    path = os.pathsep.join(filter(None, [str(TOP), os.environ.get("PYTHONPATH")]))
    variables = os.environ | {"PYTHONPATH": path}  # for an edited copy in another folder
    command = [sys.executable, *map(str, [script, "--headless", *flags])]
    done = subprocess.run(command, env=variables, stdout=subprocess.PIPE, text=True)
    if done.returncode < 0:
        sys.exit(f"{script.name} was ended by signal {-done.returncode}")
    if done.returncode:
        sys.exit(done.returncode)
    return saved_run(done.stdout, script.name)


def saved_run(printed, name):
    """The SavedRun of a script with this name that printed this text.

    Where it has none, or was cut short, this program ends.
    """
    folder = re.search(r"^Files: (.+)$", printed, re.MULTILINE)
    if not folder:
        sys.exit(f"{name}: the run was not saved; give a folder that is writable as --runs")
    saved = SavedRun(folder[1])
    if not saved.result["completed"]:
        sys.exit(f"{folder[1]}: this run was cut short; start again")
    return saved


def conditions(where=None):
    """A line on a machine, as visu.record.run_folder.machine tells of it, or on this one.

    For this one it imports Keras, whose version is then known whatever name it is installed under.
    """
    if where is None:
        import visu.training.quiet_tensorflow  # noqa: F401, I001
        import keras  # noqa: F401
    where = where or machine()
    versions = (f"{name} {version}" for name, version in where["versions"].items())
    return ", ".join([f"{where['cores']} cores", *versions])


# ---- argparse types


def one_of(*names):
    """An argparse type: one of these names. Unlike `choices` it can be used with nargs="*"."""

    def name(text):
        if text not in names:
            raise argparse.ArgumentTypeError(f"'{text}' is not one of {', '.join(names)}")
        return text

    return name
