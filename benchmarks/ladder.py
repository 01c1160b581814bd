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

from visu.panels.deck import CONSTANT


def write_constant(folder):
    """Write a copy of 2.1 that learns at a constant rate, and return its path."""
    source, decay = SCRIPTS["2.1"].read_text(encoding="utf-8"), "learning_rate(lrmin=0.0001,"
    assert source.count(decay) == 1, f"{decay} is not in {SCRIPTS['2.1'].name}"
    path = Path(folder) / SCRIPTS["2.1"].name
    path.write_text(source.replace(decay, "learning_rate(lrmin=0.003,"), encoding="utf-8")
    return path


def make_run(seed, script, runs, data, label="", iterations=None):
    """Run a script, unless `runs` has that run already; {"folder": its files, "wall_seconds"}."""
    length = f"-{iterations}" if iterations else ""
    name = f"ladder-seed{seed}{label.replace(' ', '-')}{length}.json"
    saved = runs / script.stem / name
    if saved.exists():
        return json.loads(saved.read_text())
    flags = ["--seed", seed, "--runs", runs, "--data", data, "--label", label]
    flags += ["--iterations", iterations] if iterations else []
    start = time.perf_counter()
    folder = steps.run(script, *flags)
    entry = {"folder": str(folder), "wall_seconds": time.perf_counter() - start}
    saved.write_text(json.dumps(entry))
    return entry


def row(entries):
    """A line of the table in Markdown, from one entry per seed."""
    results = [steps.facts(entry["folder"]) for entry in entries]
    final = [100 * run["final_test_accuracy"] for run in results]
    losses = [steps.curves(entry["folder"])["test_loss"] for entry in entries]
    lowest, last = median(np.nanmin(x) for x in losses), median(x[-1] for x in losses)
    title = ", ".join(filter(None, [results[0]["title"], results[0]["label"]]))
    iterations = results[0]["iterations"]
    wall = median(entry["wall_seconds"] for entry in entries)
    return (
        f"| {title} | {iterations:,} | **{median(final):.2f}** | {min(final):.2f}–{max(final):.2f} "
        f"| {lowest:.1f} → {last:.1f} | {wall:.0f} s |"
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
    print(
        "| step | iterations | final test accuracy, % (median) | lowest–highest "
        "| test loss, lowest → final | time of a run |\n|---|---|---|---|---|---|"
    )
    for step in args.steps or SCRIPTS:
        with tempfile.TemporaryDirectory() as folder:
            constant = step == "constant"
            script = write_constant(folder) if constant else SCRIPTS[step]
            run = script, args.runs, args.data, CONSTANT if constant else "", args.iterations
            entries = [make_run(k, *run) for k in range(args.seeds)]
        print(row(entries), flush=True)
    run = steps.facts(entries[0]["folder"])
    print(
        f"\nSeeds 0-{args.seeds - 1}, {run['data']}, {run['device']}, {run['cores']} cores,",
        end=" ",
    )
    print(", ".join(f"{name} {version}" for name, version in run["versions"].items()))


if __name__ == "__main__":
    main()
