"""How long a script takes to its first evaluation, beyond the import of TensorFlow.

    python benchmarks/start.py                   # all scripts, headless, three rounds
    python benchmarks/start.py 2.2 --rounds 5

Each run is a process of its own; the steps take turns. "Import" is `import tensorflow` alone, as
the script's first line does it; "first evaluation" is the time from there until the accuracy of
the untrained network is known: the data read, the network built, the evaluation traced. "Training"
is when the first block of batches has been trained as well, which waits for its compiler.
"""

import argparse
import json
import os
import runpy
import sys
import tempfile
import time
from importlib.metadata import version
from statistics import median

import steps
from steps import SCRIPTS


def start(script, data):
    """Seconds of a script in this process: import of TensorFlow, first and second evaluation."""
    times = [time.perf_counter()]
    import visu.show.backend  # noqa: I001  the script's first line, down to TensorFlow
    import visu.training.quiet_tensorflow  # noqa: F401

    times.append(time.perf_counter())
    from visu.record.run import History

    append = History.append

    def timed(history, evaluation):
        times.append(time.perf_counter())
        append(history, evaluation)

    History.append = timed
    with tempfile.TemporaryDirectory() as runs:
        sys.argv = [str(script), "--headless", "--data", data, "--runs", runs, "--iterations", "20"]
        runpy.run_path(sys.argv[0], run_name="__main__")
    begin, imported, first, second = times[:4]
    return imported - begin, first - imported, second - imported


def in_its_own_process(step, data):
    printed = steps.python(__file__, step, "--child", "--data", data, quiet=True)
    return json.loads(printed.splitlines()[-1])


def main():
    parser = steps.Parser(description=__doc__)
    add, step = parser.add_argument, steps.one_of(*SCRIPTS)
    add("steps", nargs="*", type=step, metavar="STEP", help="for example 2.2 (all scripts)")
    add("--rounds", type=steps.whole(1, 1000), default=3, metavar="N", help="runs of each (3)")
    add("--data", default="mnist", metavar="FOLDER", help="as for the scripts")
    add("--child", action="store_true", help=argparse.SUPPRESS)
    options = parser.parse_args()
    chosen = options.steps or list(SCRIPTS)
    if options.child:
        return print(json.dumps(start(SCRIPTS[chosen[0]], options.data)))
    rounds = []
    for _ in range(options.rounds):
        rounds.append({step: in_its_own_process(step, options.data) for step in chosen})
    print("| step | import, s | first evaluation after it, s | training after it, s |")
    print("|---|---|---|---|")
    for step in chosen:
        middle = [median(values) for values in zip(*(r[step] for r in rounds), strict=True)]
        print(f"| {step} | " + " | ".join(f"{value:.1f}" for value in middle) + " |")
    cores = len(os.sched_getaffinity(0))
    print(f"{cores} cores, Python {sys.version.split()[0]}, TensorFlow {version('tensorflow')}")


if __name__ == "__main__":
    main()
