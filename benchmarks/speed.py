"""How fast the scripts train, beside everything a student would run instead.

    python benchmarks/speed.py                     # 1.0, 2.2, 3.1 and 5.0, three rounds
    python benchmarks/speed.py 2.2 --rounds 5
    taskset -c 0,1 python benchmarks/speed.py      # on two cores

Every contender trains the script's network on MNIST in memory, batches of 100, float32, in a
process of its own; they take turns, round after round, and the table gives medians. "training
only" is the script's loop with hardly any evaluation: 100 digits after every 100 iterations. "whole
script" is the unedited script, headless, with its evaluations; the others have none. For 5.0 all
have the same evaluations, in the ladder's fit and in Keras's own. Optional: pip install torch.

oneDNN is on for every TensorFlow contender, as the scripts turn it on; by itself TensorFlow does so
on some CPUs only. TF_ENABLE_ONEDNN_OPTS=0 before the command turns it off for all of them.
"""

import multiprocessing
import os
import sys
from concurrent.futures import ProcessPoolExecutor
from importlib.metadata import version
from importlib.util import find_spec
from statistics import median

import steps
from contenders import CONTENDERS, measure

VARIABLES = {"TF_ENABLE_ONEDNN_OPTS": "1", "KERAS_BACKEND": "tensorflow"}  # of all contenders
HEAD = """\
| step | contender | iterations/s, median | lowest–highest | first row / this | peak memory |
|---|---|---|---|---|---|"""


def in_a_process(function, *values):
    """What function(*values) returns, called in a new process."""
    with ProcessPoolExecutor(1, multiprocessing.get_context("spawn")) as pool:
        return pool.submit(function, *values).result()


def compare(step, options):
    """Print the rates of one network, contender by contender."""
    results = {name: [] for name in CONTENDERS[step]}
    for _ in range(options.rounds):
        for name in [*results]:
            result = in_a_process(measure, name, step, options)
            if isinstance(result, str):
                print(f"{step}, {name}: skipped, {result}", file=sys.stderr)
                del results[name]
            else:
                results[name].append(result)
    ours = None
    for name, measured in results.items():
        rates, memory = zip(*measured, strict=True)
        ours = ours or rates
        ratio = median(one / other for one, other in zip(ours, rates, strict=True))
        print(
            f"| {step} | {name} | {median(rates):,.0f} | {min(rates):,.0f}–{max(rates):,.0f} "
            f"| {ratio:.2f} | {median(memory):,.0f} MB |",
            flush=True,
        )


def main():
    parser = steps.Parser(description=__doc__)
    add, whole, step = parser.add_argument, steps.whole, steps.one_of(*CONTENDERS)
    add("steps", nargs="*", type=step, metavar="STEP", help="1.0, 2.2, 3.1 or 5.0 (all)")
    add("--rounds", type=whole(1, 1000), default=3, metavar="N", help="runs of each contender (3)")
    add("--seconds", type=whole(1, 1000), default=3, metavar="S", help="of training in a run (3)")
    iterations = "of the whole script (its own length; 3.1 and 5.0: 1,000)"
    add("--iterations", type=whole(1, 10**7), metavar="N", help=iterations)
    add("--data", default="mnist", metavar="FOLDER", help="as for the scripts")
    options = parser.parse_args()
    for name, value in VARIABLES.items():
        os.environ.setdefault(name, value)
    print(HEAD)
    for step in options.steps or CONTENDERS:
        compare(step, options)
    torch = f", torch {version('torch')}" if find_spec("torch") else ""
    print(f"\n{steps.conditions()}{torch}")


if __name__ == "__main__":
    main()
