"""Which of the saved runs a command line means."""

import glob
import itertools
import math
import os
import sys
from pathlib import Path

from visu.record import experiments, saved_run
from visu.show.terminal import say


class Wrong(Exception):
    """What was asked for cannot be done; the message says why and what to do."""


class Runs:
    """Reads runs, and reads one again only where its files have changed.

    place: the folder of all runs; scripts: the path of each step's own script, {step: path}, from
    which edited ones differ; since: the time after which a change makes a run recent, in seconds
    as of time.time(), None if they are not watched; gradients: whether runs without are skipped.
    """

    def __init__(self, place, scripts, since=None, gradients=False):
        self.place, self.watched, self.gradients = place, since is not None, gradients
        self._since = since if self.watched else math.inf
        self._scripts = scripts
        self._ladder = {
            step: (path.stem, saved_run.read_text(path, saved_run.SOURCE_MOST, "replace"))
            for step, path in scripts.items()
        }
        self._found = {}
        self._told = set()  # lines about runs without gradients
        self.kind = "run with gradients" if gradients else "run"

    def read(self, folders):
        """The SavedRun of each folder; one that holds none is named and skipped."""
        found = [run for folder in folders if (run := self._read(Path(folder)))]
        return self.with_gradients(found) if self.gradients else found

    def with_gradients(self, runs):
        """Those of the runs that have gradients; a line tells of the others, once."""
        found, others = [], {}
        for run in runs:
            try:
                if run.gradients:
                    found.append(run)
            except saved_run.NoRun as why:
                others.setdefault(str(why), []).append(run)
        for why, skipped in others.items():
            line = f"Skipped runs: {len(skipped)}, such as {skipped[-1].folder}: {why}"
            if line not in self._told:
                say(line, sys.stderr)
            self._told.add(line)
        return found

    def _read(self, folder):
        files = "run.json", "curves.csv", "window.png"
        stamp = [saved_run.changed(folder / name) for name in files]
        if self._found.get(folder, ("",))[0] != stamp:
            try:
                run = saved_run.read(folder, self._ladder, self._since)
            except saved_run.NoRun as why:
                say(f"{folder} is skipped: {why}", sys.stderr)
                run = None
            self._found[folder] = stamp, run
        return self._found[folder][1]

    def is_folder(self, word):
        """Whether a word names a folder: that of a run, or any whose name is not a step's."""
        is_run = os.path.exists(os.path.join(word, "run.json"))
        return is_run or os.path.isdir(word) and not self.script(word)

    def script(self, step):
        """The name of a step's script, "" where there is none."""
        return self._scripts[step].name if step in self._scripts else ""

    def hint(self, step):
        """How to make a run of a step, as the end of a sentence."""
        return f"; python {self.script(step)} makes one" if self.script(step) else ""


def choose(which, runs):
    """The experiments that a person has named: lists of runs that differ by their seed only.

    which: steps, labels, folders of runs, or nothing for all steps; runs: a Runs. Raises Wrong
    where one of them is missing; while runs are watched only where all are.
    """
    which = [path for word in which for path in sorted(glob.glob(word)) or [word]]  # cmd does not
    folders = [word for word in which if runs.is_folder(word)]
    given = {Path(word).resolve(): word for word in folders}
    words = [word for word in which if word not in folders]
    saved = runs.read(saved_run.find(runs.place)) if words or not which else []
    words = words if which else sorted({run.step for run in saved})
    found = [experiments.newest(saved, word) for word in words]
    groups = list(itertools.chain(*found))
    ignored, drawn = experiments.ignored(saved, groups), _folders(groups)
    others = [word for folder, word in given.items() if folder not in drawn]
    groups += experiments.experiments(runs.read(others))
    if [] in found and not (groups and runs.watched):
        word = words[found.index([])]
        where = f"{runs.place}{runs.hint(word)}"
        raise Wrong(f"{word} is no folder, and no step or label of a {runs.kind} in {where}")
    if not groups:
        missing = f"there is no {runs.kind} in {runs.place}{runs.hint('1.0')}"
        raise Wrong(f"no {runs.kind} lies in {', '.join(given.values())}" if given else missing)
    ignored = [run for run in ignored if run.folder.resolve() not in _folders(groups)]
    if ignored and not runs.watched:
        why = ", ".join(sorted({run.state or f"on {run.facts.data}" for run in ignored}))
        instead = "other runs stand for their steps. Name a run's folder to draw it."
        say(f"Ignored runs: {len(ignored)} ({why}); {instead}", sys.stderr)
    return [*{frozenset(_folders([group])): group for group in groups}.values()]


def _folders(groups):
    """The resolved paths of the folders of all runs of experiments."""
    return {run.folder.resolve() for group in groups for run in group}


def newest_run(word, runs):
    """The newest run of a step (unedited or at least without a label, if there is one), of a label,
    or in a folder.
    """
    every = [run for group in choose([word], runs) for run in group]
    return max(every, key=lambda run: (not run.label, not run.facts.label, run.folder.name))
