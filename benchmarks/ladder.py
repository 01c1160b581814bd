"""The README's table: every script in full, headless, with seeds 0-4.

    python benchmarks/ladder.py                 # all scripts, seeds 0-4
    python benchmarks/ladder.py 2.1 2.2         # these steps only
    python benchmarks/ladder.py --runs FOLDER   # runs that are there already are not made again
    python benchmarks/ladder.py constant        # 2.1 with lrmin=0.003, as on the slides

Prints the median, lowest and highest FINAL test accuracy of each step, the test loss at its lowest
and at the end, and the wall time of a run (start-up included), with versions and cores.
"""

import argparse
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from statistics import median

import numpy as np

TOP = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(TOP))

from visu.deck import CONSTANT  # noqa: E402
from visu.history import read_curves, read_run, write_run  # noqa: E402

SCRIPTS = {path.stem.split("_")[1]: path for path in sorted(TOP.glob("mnist_[0-9]*.py"))}


def write_constant(folder):
    """Write a copy of 2.1 that learns at a constant rate, and return its path."""
    source, decay = SCRIPTS["2.1"].read_text(encoding="utf-8"), "learning_rate(lrmin=0.0001,"
    assert source.count(decay) == 1, f"{decay} is not in {SCRIPTS['2.1'].name}"
    path = Path(folder) / SCRIPTS["2.1"].name
    path.write_text(source.replace(decay, "learning_rate(lrmin=0.003,"), encoding="utf-8")
    return path


def make_run(seed, script, runs, data, label):
    """Run a script in full; the folder with its files. Kept with the wall time for another call."""
    kept = runs / script.stem / f"ladder-seed{seed}{label.replace(' ', '-')}.json"
    if kept.exists():
        return read_run(kept)
    command = [sys.executable, script, "--headless", "--seed", str(seed), "--runs", runs]
    command += ["--data", data, "--label", label]
    start = time.perf_counter()
    printed = subprocess.run(
        command,
        check=True,
        stdout=subprocess.PIPE,
        text=True,
        env=os.environ | {"PYTHONPATH": str(TOP)},  # for a copy that lies elsewhere
    ).stdout
    wall = time.perf_counter() - start
    folder = printed.rpartition("Files: ")[2].strip()
    entry = {"folder": folder, "wall_seconds": wall}
    write_run(kept, entry)
    return entry


def row(step, entries):
    """A line of the table in Markdown, from one entry per seed."""
    results = [read_run(Path(entry["folder"]) / "run.json") for entry in entries]
    if not all(run["completed"] for run in results):
        sys.exit(f"{step}: a run was cut short, see {entries}")
    final = [100 * run["final_test_accuracy"] for run in results]
    losses = [read_curves(Path(entry["folder"]) / "curves.csv")["test_loss"] for entry in entries]
    lowest, last = median(np.nanmin(x) for x in losses), median(x[-1] for x in losses)
    title = ", ".join(filter(None, [results[0]["title"], results[0]["label"]]))
    iterations = results[0]["iterations"]
    wall = median(entry["wall_seconds"] for entry in entries)
    return (
        f"| {title} | {iterations:,} | **{median(final):.2f}** | {min(final):.2f}–{max(final):.2f} "
        f"| {lowest:.1f} → {last:.1f} | {wall:.0f} s |"
    )


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    choices = [*SCRIPTS, "constant", []]
    parser.add_argument("steps", nargs="*", choices=choices, metavar="STEP", help="as 2.1")
    parser.add_argument("--seeds", type=int, default=5, metavar="N", help="seeds 0 to N-1 (5)")
    parser.add_argument("--runs", type=Path, default=TOP / "runs" / "ladder", metavar="FOLDER")
    parser.add_argument("--data", default="mnist", metavar="FOLDER", help="as for the scripts")
    args = parser.parse_args()
    print(
        "| step | iterations | final test accuracy, % (median) | lowest–highest "
        "| test loss, lowest → final | time of a run |\n|---|---|---|---|---|---|"
    )
    for step in args.steps or SCRIPTS:
        with tempfile.TemporaryDirectory() as folder:
            constant = step == "constant"
            script = write_constant(folder) if constant else SCRIPTS[step]
            run = script, args.runs, args.data, CONSTANT if constant else ""
            entries = [make_run(k, *run) for k in range(args.seeds)]
        print(row(step, entries), flush=True)
    run = read_run(Path(entries[0]["folder"]) / "run.json")
    print(
        f"\nSeeds 0-{args.seeds - 1}, {run['data']}, {run['device']}, {run['cores']} cores,",
        end=" ",
    )
    print(", ".join(f"{name} {version}" for name, version in run["versions"].items()))


if __name__ == "__main__":
    main()
