"""How settings were chosen, on the training set alone: validation accuracy of the variants.

    python benchmarks/validation.py 3.1             # seeds 0-2, minutes a run
    python benchmarks/validation.py 4.0 --seeds 1

Holds out some of the 60,000 training digits, the last of a fixed shuffle (10,000 for 3.1, 5,000 for
4.0, 20,000 for 4.1 and 4.2, whose variants differ by less), as the test set of a data folder, and
trains the script and edited copies of it on the others, 4.1 and 4.2 for half their iterations. The
10,000 real test digits are not looked at. Prints per variant the final validation accuracy, the
validation loss at its lowest and at the end, and the accuracy on the batches of the last 1,000
iterations.
"""

import re
import tempfile
from pathlib import Path
from statistics import median

import numpy as np
import steps

import mnist_data
from digits.files import to_idx

HELD_OUT = {"3.1": 10_000, "4.0": 5_000, "4.1": 20_000, "4.2": 20_000}
FEWER = "14_000", "7_000"  # iterations of 4.1 and 4.2 here, as their variants are many
DROPOUT = r"( +Y{0} = dropout\(.*\n)"


def drop(source, *layers):
    """The script without the dropout of these layers."""
    for layer in layers:
        source, found = re.subn(DROPOUT.format(layer), "", source)
        assert found == 1, f"there is no dropout of Y{layer}"
    return source


def after_all(source):
    """The script with dropout after its first layer too."""
    line = re.search(DROPOUT.format(2), source)[1].replace("Y2", "Y1")
    return re.sub(r"( +Y1 = .*\n)", rf"\1{line}", source, count=1)


def start_alike(source):
    """The script with weights that start at 0.1, however many inputs a neuron has."""
    return re.sub(r"stddev=math.*\n", "stddev=0.1))\n", source)


def put(*pairs):
    """The edit that writes, for each (old, new), the new text in place of the old."""

    def edit(source):
        for old, new in pairs:
            assert source.count(old) == 1, f"{old} is not there once"
            source = source.replace(old, new)
        return source

    return edit


DISTORTION = {  # name -> the edit of 4.1 and of 4.2 that makes it
    "unchanged": put(),
    "without the elastic part": put(("+ 13.5 + shift + elastic", "+ 13.5 + shift")),
    "not faded out": put(("tf.clip_by_value((0.94 - progress()) / 0.1, 0, 1)", "1.0")),
}
STRONGER = ("-0.15, 0.15", "-0.2, 0.2"), ("0, 0.6)", "0, 0.8)")  # 4.2's in place of 4.1's
WEAKER = [(new, old) for old, new in STRONGER]
VARIANTS = {  # step -> name -> the edit that makes it
    "3.1": {
        "dropout after the dense layer (the slide)": lambda source: drop(source, 2, 3),
        "the second, third and dense layer (3.1)": put(),
        "all four layers": after_all,
    },
    "4.0": {
        "the rate of 3.1 (4.0)": put(),
        "a higher rate, from 0.01": put(("lrmax=0.003", "lrmax=0.01")),
    },
    "4.1": DISTORTION
    | {
        "distortion as in 4.2": put(*STRONGER),
        "no distortion": put((" = augment(X, ", ", _ = X, (X, ")),
    },
    "4.2": DISTORTION
    | {
        "distortion as in 4.1": put(*WEAKER),
        "weights that start at 0.1": start_alike,
        "distortion as in 4.1, first layer at full size": put(
            *WEAKER,
            ("patch, K, L, M = 6,", "patch, K, L, M = 5,"),
            ("conv2d(X, W1, strides=2", "conv2d(X, W1, strides=1"),
            ("conv2d(Y1, W2, strides=1", "conv2d(Y1, W2, strides=2"),
        ),
    },
}


def write_split(folder, mnist, held_out):
    """Write a data folder: training digits, and `held_out` others of them as the test set."""
    order = np.random.default_rng(0).permutation(len(mnist.train.images))
    images, labels = mnist.train.images[order], mnist.train.labels[order]
    for name, part in (("train", slice(-held_out)), ("t10k", slice(-held_out, None))):
        (folder / f"{name}-images-idx3-ubyte").write_bytes(to_idx(images[part]))
        (folder / f"{name}-labels-idx1-ubyte").write_bytes(to_idx(labels[part]))


def row(name, script, folder, args):
    """A line of the table in Markdown: this script trained on the split, a run per seed."""
    flags = ["--data", folder, "--runs", folder / "runs"]
    flags += ["--iterations", args.iterations] if args.iterations else []
    runs = [steps.run(script, *flags, "--seed", seed) for seed in range(args.seeds)]
    all_curves = [steps.curves(run) for run in runs]
    final = [100 * curves["test_accuracy"][-1] for curves in all_curves]
    lowest = median(np.nanmin(curves["test_loss"]) for curves in all_curves)
    last = median(curves["test_loss"][-1] for curves in all_curves)
    train = median(100 * curves["train_accuracy"][-50:].mean() for curves in all_curves)
    return (
        f"| {name} | {', '.join(f'{x:.2f}' for x in final)} | {median(final):.2f} "
        f"| {lowest:.2f} → {last:.2f} | {train:.2f} |"
    )


def main():
    parser = steps.Parser(description=__doc__)
    add = parser.add_argument
    add("step", type=steps.one_of(*VARIANTS), metavar="STEP", help=", ".join(VARIANTS))
    add("--seeds", type=steps.whole(1, 1000), default=3, metavar="N", help="seeds 0 to N-1 (3)")
    add("--iterations", type=steps.whole(1, 10**7), metavar="N", help="for shorter runs")
    add("--held-out", type=steps.whole(1, 10**6), metavar="N", help="other than as above")
    add("--data", default="mnist", metavar="FOLDER", help="as for the scripts")
    args = parser.parse_args()
    mnist, held_out = mnist_data.load(args.data), args.held_out or HELD_OUT[args.step]
    if held_out >= len(mnist.train.images):
        parser.error(f"--held-out {held_out} leaves none of {len(mnist.train.images)} digits")
    source = steps.SCRIPTS[args.step].read_text(encoding="utf-8").replace(*FEWER)
    print(
        "| variant | validation accuracy, %, per seed | median "
        "| validation loss, lowest → final | training accuracy, % |\n|---|---|---|---|---|"
    )
    with tempfile.TemporaryDirectory() as folder:
        write_split(Path(folder), mnist, held_out)
        script = Path(folder, steps.SCRIPTS[args.step].name)
        for name, edit in VARIANTS[args.step].items():
            script.write_text(edit(source), encoding="utf-8")
            print(row(name, script, Path(folder), args), flush=True)


if __name__ == "__main__":
    main()
