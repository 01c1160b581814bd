"""How long a script takes to its first reading, beyond the import of TensorFlow.

    python benchmarks/start.py                   # all scripts, headless, three rounds
    python benchmarks/start.py 2.2 --rounds 5

Each run is a process of its own; the steps take turns. "Import" is `import tensorflow` alone, as
the script's first line does it; "first reading" is what passes from there until the accuracy of the
untrained network is known: the data read, the network built, the evaluation compiled. "Training"
is when the first block of batches has been trained as well, which waits for its compiler.
"""

import argparse
import json
import os
import runpy
import subprocess
import sys
import tempfile
import time
from importlib.metadata import version
from pathlib import Path
from statistics import median

TOP = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(TOP))


def start(script, data):
    """Seconds of a script in this process: its import of TensorFlow, first and second reading."""
    times = [time.perf_counter()]
    import visu.training  # noqa: F401  the script's first line, down to TensorFlow

    times.append(time.perf_counter())
    from visu.history import History

    append = History.append

    def timed(history, reading):
        times.append(time.perf_counter())
        append(history, reading)

    History.append = timed
    with tempfile.TemporaryDirectory() as runs:
        sys.argv = [str(script), "--headless", "--data", data, "--runs", runs, "--iterations", "20"]
        runpy.run_path(sys.argv[0], run_name="__main__")
    begin, imported, first, second = times[:4]
    return imported - begin, first - imported, second - imported


def in_its_own_process(step, data):
    command = [sys.executable, __file__, step, "--child", "--data", data]
    printed = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    return json.loads(printed.splitlines()[-1])


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    scripts = {path.name.split("_")[1]: path for path in sorted(TOP.glob("mnist_?.?_*.py"))}
    add = parser.add_argument
    add("steps", nargs="*", metavar="STEP", help=f"of {', '.join(scripts)} (all)")
    add("--rounds", type=int, default=3, metavar="N", help="runs of each script (3)")
    add("--data", default="mnist", metavar="FOLDER", help="as for the scripts")
    add("--child", action="store_true", help=argparse.SUPPRESS)
    options = parser.parse_args()
    steps = options.steps or list(scripts)
    if options.child:
        return print(json.dumps(start(scripts[steps[0]], options.data)))
    rounds = []
    for _ in range(options.rounds):
        rounds.append({step: in_its_own_process(step, options.data) for step in steps})
    print("| step | import, s | first reading after it, s | training after it, s |")
    print("|---|---|---|---|")
    for step in steps:
        middle = [median(values) for values in zip(*(r[step] for r in rounds), strict=True)]
        print(f"| {step} | " + " | ".join(f"{value:.1f}" for value in middle) + " |")
    cores = len(os.sched_getaffinity(0))
    print(f"{cores} cores, Python {sys.version.split()[0]}, TensorFlow {version('tensorflow')}")


if __name__ == "__main__":
    main()
