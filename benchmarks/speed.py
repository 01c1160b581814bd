"""How fast the scripts train, beside everything a student would run instead.

    python benchmarks/speed.py                     # 1.0, 2.2, 3.1 and 5.0, three rounds
    python benchmarks/speed.py 2.2 --rounds 5
    taskset -c 0,1 python benchmarks/speed.py      # on two cores

Every contender trains the script's network on MNIST in memory, batches of 100, float32, in a
process of its own; they take turns, round after round, and the table gives medians. "training
only" is the script's loop with hardly any evaluation: 100 digits after every 100 iterations. "whole
script" is the unedited script, headless, with its evaluations; the others have none. For 5.0 all
have the same evaluations: what the ladder's fit costs is seen beside Keras's own. "peak" is the
rate of a large matrix product, measured in the same rounds, divided by the floating-point
operations of an iteration. What is not installed is skipped (pip install torch).

oneDNN is on for every TensorFlow contender, as the scripts turn it on; by itself TensorFlow does so
on some CPUs only. TF_ENABLE_ONEDNN_OPTS=0 before the command turns it off for all of them. Without
it the first convolution of 3.1 takes 14 ms forward and 15 backward, with it 2.7 and 1.4 (one core,
AMD EPYC without AVX-512).

Tried, and not worth it (2 cores, TensorFlow 2.21; iterations per second):
- XLA for what surrounds the convolutions of 3.1 (auto-clustering): 68 instead of 86
- one thread per operation: 73 instead of 80 for 3.1, 465 instead of 816 for 2.2
- one thread between operations: 72 instead of 80 for 3.1, 737 instead of 816 for 2.2
- no XLA for 2.2: half; for 1.0: 4,450 instead of 6,550
- malloc that never gives memory back: nothing beyond the noise
- one fused operation per variable in place of Keras's Adam, in 3.1: 87 instead of 82, not enough
  to reach into Keras for
- no part of an iteration of 3.1 stands out: of 11 ms the convolutions take 7, dropout 1.3, Adam 0.7
"""

import argparse
import json
import os
import sys
from importlib.metadata import version
from importlib.util import find_spec
from statistics import median

import steps
from contenders import CONTENDERS, NETWORKS, OURS, SCRIPT, contenders_of, measure

VARIABLES = {"TF_ENABLE_ONEDNN_OPTS": "1", "KERAS_BACKEND": "tensorflow"}  # of all contenders


def in_its_own_process(contender, step, options):
    """The same, measured in a process of its own."""
    flags = [step, "--contender", contender, "--data", options.data, "--seconds", options.seconds]
    flags += ["--iterations", options.iterations] if options.iterations else []
    return json.loads(steps.python(__file__, *flags, quiet=True).splitlines()[-1])


def compare(step, options):
    """Print the rates of one network, contender by contender."""
    results = {name: [] for name in contenders_of(step)}
    for _ in range(options.rounds):
        for name in [*results]:
            result = in_its_own_process(name, step, options)
            if "skipped" in result:
                print(f"{step}, {name}: skipped, {result['skipped']}", file=sys.stderr)
                del results[name]
            else:
                results[name].append(result)
    ours = [result["rate"] for result in results.get(OURS, results[SCRIPT])]
    for name, measured in results.items():
        rates = [result["rate"] for result in measured]
        ratio = median(one / other for one, other in zip(ours, rates, strict=True))
        print(
            f"| {step} | {name} | {median(rates):,.0f} | {min(rates):,.0f}–{max(rates):,.0f} "
            f"| {ratio:.2f} | {median(result['memory'] for result in measured):,.0f} MB |",
            flush=True,
        )


def main():
    parser = steps.Parser(description=__doc__)
    add, whole, step = parser.add_argument, steps.whole, steps.one_of(*NETWORKS)
    add("steps", nargs="*", type=step, metavar="STEP", help="1.0, 2.2, 3.1 or 5.0 (all)")
    add("--rounds", type=whole(1, 1000), default=3, metavar="N", help="runs of each contender (3)")
    add("--seconds", type=steps.positive, default=3, metavar="S", help="of training in a run (3)")
    iterations = "of the whole script (its own length; 3.1 and 5.0: 1,000)"
    add("--iterations", type=whole(1, 10**7), metavar="N", help=iterations)
    add("--data", default="mnist", metavar="FOLDER", help="as for the scripts")
    add("--contender", choices=CONTENDERS, help=argparse.SUPPRESS)
    options = parser.parse_args()
    chosen = options.steps or list(NETWORKS)
    if options.contender:
        return print(json.dumps(measure(options.contender, chosen[0], options)))
    for name, value in VARIABLES.items():
        os.environ.setdefault(name, value)
    print(
        "| step | contender | iterations/s, median | lowest–highest | first row / this "
        "| peak memory |\n|---|---|---|---|---|---|"
    )
    for step in chosen:
        compare(step, options)
    names = ["tensorflow", "keras", "numpy"] + ["torch"] * bool(find_spec("torch"))
    cores = len(os.sched_getaffinity(0))
    print(f"\n{cores} cores, Python {sys.version.split()[0]},", end=" ")
    print(", ".join(f"{name} {version(name)}" for name in names))


if __name__ == "__main__":
    main()
