"""Which saved runs belong together, and which of them a command line means.

An experiment is a list of SavedRun that differ by their seed only.
"""

import glob
import os
import time
from itertools import chain
from pathlib import Path

from visu.record.ladder import LADDER
from visu.record.medians import name
from visu.record.run_folder import NoRun, SavedRun

MNIST = "MNIST"  # the data set that comes first
RECENT_SECONDS = 60  # a run that has not ended is under way if it wrote so shortly before


class Wrong(Exception):
    """What was asked for cannot be done; the message says why and what to do.

    reason: the former alone; commands: what makes the missing runs, each a line for a terminal.
    """

    def __init__(self, reason, commands=()):
        super().__init__(reason + (f"; {commands[0]} makes one" if commands else ""))
        self.reason, self.commands = reason, commands


class Runs:
    """Reads saved runs, and reads one again only where its files have changed.

    place: the folder of all runs; tell: called with each line for the user; watched: whether those
    are watched that have been written in the last RECENT_SECONDS, or will be.
    """

    usual = Path(__file__).resolve().parents[2] / "runs"  # place, if no other one is given

    def __init__(self, place, tell, watched=False):
        self.place, self.tell, self.watched = Path(place), tell, watched
        self._since = time.time() - RECENT_SECONDS
        self._read = {}  # folder: when its files were changed, and its SavedRun or None

    def all(self):
        """The SavedRun of each folder place/script/run, by the time in its name."""
        folders = [path.parent for path in self.place.glob("*/*/run.json")]
        return self.read(sorted(folders, key=lambda path: (path.name, path.parent.name)))

    def read(self, folders):
        """The SavedRun of each folder, the same one until its files change; folders that hold none
        are skipped, with a line for each reason.
        """
        folders, skipped = [Path(folder).resolve() for folder in folders], {}
        for folder in folders:
            files = folder / "run.json", folder / "curves.csv"
            changed = [os.path.exists(file) and os.path.getmtime(file) for file in files]
            if self._read.get(folder, ("",))[0] != changed:
                self._read[folder] = changed, None
                try:
                    self._read[folder] = changed, SavedRun(folder, self._since, self.watched)
                except NoRun as why:
                    skipped.setdefault(str(why), []).append(folder)
        for why, those in skipped.items():
            several = f"Skipped runs: {len(those)}, such as {those[-1]}: {why}"
            self.tell(several if len(those) > 1 else f"{those[0]} is skipped: {why}")
        return [saved for folder in folders if (saved := self._read[folder][1])]

    def command(self, step, label=""):
        """What makes a run of a step of the ladder among these, as a line for a terminal."""
        there = "" if self.place.resolve() == self.usual else f' --runs "{self.place}"'
        return f"python {LADDER[step].script}.py" + (f' --label "{label}"' if label else "") + there

    def skip(self, folder, why):
        """Leave a run out until its files change."""
        self._read[folder] = self._read[folder][0], None
        self.tell(f"{folder} is skipped: {why}")


def choose(which, runs):
    """The experiments that a person has named.

    which: steps, labels, folders of runs, or nothing for all steps; runs: a Runs. Raises Wrong
    where one of them is missing; while runs are watched only where all are.
    """
    which = [path for word in which for path in sorted(glob.glob(word)) or [word]]  # cmd does not
    folders = [word for word in which if _is_folder(word)]
    words = [word for word in which if word not in folders]
    saved = runs.all() if words or not which else []
    words = words if which else sorted({one.run.step for one in saved})
    found = beside({word: default_experiments(saved, word) for word in words})
    named = [*chain(*found.values())]
    given = [one for one in runs.read(folders) if one not in chain(*named)]
    groups = named + experiments_of(given)
    missing = [word for word in words if not found[word]]
    if missing and not (groups and runs.watched):
        what = "is no folder of a run, and no step or label of a run"
        why = f"there is no run of {missing[0]}" if missing[0] in LADDER else f"{missing[0]} {what}"
        raise Wrong(f"{why} in {runs.place}", _commands(missing, words, runs))
    if not groups and folders:
        raise Wrong(f"no run lies in {', '.join(folders)}")
    if not groups:
        raise Wrong(f"there is no run in {runs.place}", [runs.command("1.0")])
    if not runs.watched:
        _tell_ignored([one for one in saved if one not in given], named, runs.tell)
    return [group for k, group in enumerate(groups) if group not in groups[:k]]


def choose_with_curves(which, runs):
    """The same, but for runs whose curves cannot be read, which are skipped."""
    groups = choose(which, runs)
    for saved in chain(*groups):
        try:
            saved.curves  # noqa: B018  read when first asked for
        except NoRun as why:
            runs.skip(saved.folder, why)
            return choose_with_curves(which, runs)
    return groups


def _is_folder(word):
    """Whether a word names a folder: that of a run, or any with a separator in the word."""
    return os.path.isdir(word) and (os.path.dirname(word) or "run.json" in os.listdir(word))


def _commands(missing, words, runs):
    """What makes a run of each missing one of the words; of a label only where it is waited for."""
    *_, last = "1.0", *(word for word in words if word in LADDER)  # whose label it may be
    named = [(word, "") if word in LADDER else (last, word) for word in missing]
    return [runs.command(*pair) for pair in named if runs.watched or pair[0] in missing]


def _tell_ignored(runs, groups, tell):
    """Say which runs gave way to these experiments: not complete, or on other data."""
    data = {step_and_variant(group[0]): group[0].run.data for group in groups}
    runs = [one for one in runs if step_and_variant(one) in data and one not in chain(*groups)]
    others = [one for one in runs if one.state or one.run.data != data[step_and_variant(one)]]
    reasons = [one.state or f"on {one.run.data}" for one in others]
    if reasons:
        instead = "other runs stand for their steps. Name a run's folder to draw it."
        tell(f"Ignored runs: {len(reasons)} ({', '.join(sorted({*reasons}))}); {instead}")


def newest_run(word, runs):
    """The newest run of a step (unedited or at least without a label, if there is one), of a label,
    or in a folder.
    """
    every = chain(*choose([word], runs))
    return max(every, key=lambda one: (not one.run.variant, not one.run.label, one.folder.name))


def experiments_of(runs):
    """The experiments that runs belong to; of one seed's runs the last."""
    found = {}
    for saved in runs:
        found.setdefault(_experiment(saved), {})[saved.run.seed] = saved
    return [[*seeds.values()] for seeds in found.values()]


def _experiment(saved):
    """What is the same in runs that differ by their seed only.

    One that is not complete stays alone, and so does a recent one: it is watched.
    """
    run = saved.run
    alone = saved.watched or not saved.result["completed"]
    shared = run.title, run.variant.casefold(), run.data, run.code, saved.result["iteration"]
    return *shared, saved.folder if alone else None


def step_and_variant(saved):
    """Runs that are alike in both could stand for each other."""
    return saved.run.step, saved.run.variant.casefold()


def default_experiments(runs, word):
    """The experiments that stand for each variant of a step, or for a label in each step.

    word: the step, as "2.1", a script, of whose name the number will do, the label, or what the
    experiment is called in table and legend.
    """
    alike = {}
    for group in experiments_of(runs):
        if _is_of_step(group[0].run, word) or any(_is_called(saved, word) for saved in group):
            alike.setdefault(step_and_variant(group[0]), []).append(group)
    return [group for _, groups in sorted(alike.items()) for group in standing(groups)]


def beside(found):
    """What words mean beside each other, {word: experiments}: where one names an experiment, the
    steps are meant without their other experiments, and that experiment is the steps' if it can.

    found: {word: experiments}, what each word means alone.
    """

    def is_experiment(word):  # or will be the label of one
        called = [_is_called(saved, word) for saved in chain(*found[word])]
        steps = [*LADDER, *(group[0].run.step for group in found[word])]
        return word not in steps and (any(called) or not called)

    experiments = {word for word in found if is_experiment(word)}
    steps = {group[0].run.step for word in {*found} - experiments for group in found[word]}
    if not experiments or not steps:
        return found

    def is_meant(word, run):
        return run.step in steps if word in experiments else not run.variant

    meant = {w: [g for g in groups if is_meant(w, g[0].run)] for w, groups in found.items()}
    return {word: meant[word] or found[word] for word in found}


def _is_of_step(run, word):
    """Whether a word is the step of a Run, its script, or the number in the script's name."""
    word, script = word.casefold(), run.script.casefold()
    names = run.step.casefold(), script, f"{script}.py"
    return word in names or script.startswith(f"mnist_{word}_")


def _is_called(saved, word):
    """Whether a word is an experiment's label, or its name as printed; a shell takes the quotes."""
    data, folder = f", on {saved.run.data}", f", {saved.folder.name}"
    names = [name(saved.run) + a + b for a in ("", data) for b in ("", folder)]
    plain = [text.casefold().replace('"', "") for text in (word, saved.run.variant, *names)]
    return plain[0] in plain[1:]


def standing(groups):
    """Those that stand for experiments of one step and variant: while they are watched all that are
    running, or else one.

    That one is the newest complete one of the script's own length on MNIST. Where there is none, a
    complete one comes before a stopped or short one, then the script's own length before a longer
    one, then MNIST before other data, then the newest; before all of these, one that has changed
    while it is watched.
    """

    def rank(group):
        saved, newest = group[0], max(one.folder.name for one in group)
        own_length = saved.result["iteration"] == saved.run.own_iterations
        return saved.watched, not saved.state, own_length, saved.run.data == MNIST, newest

    watched = [group for group in groups if group[0].watched]
    running = [group for group in watched if group[0].state == "running"]
    return running or [max(groups, key=rank)]
