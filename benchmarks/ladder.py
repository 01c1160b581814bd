"""The README's table: every script in full, headless, with seeds 0-4.

    python benchmarks/ladder.py                 # all scripts, seeds 0-4
    python benchmarks/ladder.py 2.1 2.2         # these steps only
    python benchmarks/ladder.py --runs FOLDER   # runs that are there already are not made again
    python benchmarks/ladder.py constant        # 2.1 with lrmin=0.003, as on the slides

Prints the median, lowest and highest FINAL test accuracy of each step, the test loss at its lowest
and at the end, and the wall time of a run (start-up included), with versions and cores.
"""

import json
import tempfile
import time
from pathlib import Path
from statistics import median

import numpy as np
import steps
from steps import SCRIPTS, TOP

from compare_curves import CONSTANT
from visu.record.run_folder import SavedRun

SECONDS = "wall_seconds"  # the file, beside run.json, that makes a run one of ours
HEAD = """\
| step | iterations | final test accuracy, % (median) | lowest–highest \
| test loss, lowest → final | time of a run |
|---|---|---|---|---|---|"""


def make_run(seed, script, runs, data, label="", iterations=None):
    """The SavedRun of a script, and its wall time in seconds; made unless `runs` has it already."""
    for file in (runs / script.stem).glob(f"*/{SECONDS}"):
        saved = SavedRun(file.parent)
        length = iterations or saved.run.own_iterations
        if (saved.run.seed, saved.run.label, saved.run.iterations) == (seed, label, length):
            return saved, float(file.read_text())
    flags = ["--seed", seed, "--runs", runs, "--data", data, "--label", label]
    flags += ["--iterations", iterations] if iterations else []
    begin = time.perf_counter()
    saved = steps.run(script, *flags)
    seconds = round(time.perf_counter() - begin, 1)
    (saved.folder / SECONDS).write_text(f"{seconds}\n")
    return saved, seconds


def losses(runs):
    """Medians over these SavedRun: of the lowest test loss, and of the last one."""
    curves = [saved.curves["test_loss"] for saved in runs]
    return median(map(np.nanmin, curves)), median(curve[-1] for curve in curves)


def row(runs, seconds):
    """A line of the table in Markdown. runs: a SavedRun per seed; seconds: the wall time of each"""
    final = [100 * saved.result["final_test_accuracy"] for saved in runs]
    lowest, last = losses(runs)
    return (
        f"| {runs[0].run.name} | {runs[0].run.iterations:,} "
        f"| **{median(final):.2f}** | {min(final):.2f}–{max(final):.2f} "
        f"| {lowest:.1f} → {last:.1f} | {median(seconds):.0f} s |"
    )


def main():
    parser = steps.Parser(description=__doc__)
    add, step = parser.add_argument, steps.one_of(*SCRIPTS, "constant")
    add("steps", nargs="*", type=step, metavar="STEP", help="for example 2.1 (all scripts)")
    add("--seeds", type=steps.whole(1, 1000), default=5, metavar="N", help="seeds 0 to N-1 (5)")
    add("--iterations", type=steps.whole(1, 10**7), metavar="N", help="for shorter runs")
    add("--runs", type=Path, default=TOP / "runs" / "ladder", metavar="FOLDER")
    add("--data", default="mnist", metavar="FOLDER", help="as for the scripts")
    args = parser.parse_args()
    print(HEAD)
    for step in args.steps or SCRIPTS:
        with tempfile.TemporaryDirectory() as folder:
            script, label = SCRIPTS.get(step), ""
            if step == "constant":
                edit = "lrmin=0.0001,", "lrmin=0.003,"
                script, label = steps.edited(folder, "2.1", [edit]), CONSTANT
            how = script, args.runs, args.data, label, args.iterations
            runs, seconds = zip(*(make_run(seed, *how) for seed in range(args.seeds)), strict=True)
        print(row(runs, seconds), flush=True)
    run, text = runs[0].run, (runs[0].folder / "run.json").read_text(encoding="utf-8")
    where = f"{run.data}, {run.device}, {steps.conditions(json.loads(text)['machine'])}"
    print(f"\nSeeds 0-{args.seeds - 1}, {where}")


if __name__ == "__main__":
    main()
