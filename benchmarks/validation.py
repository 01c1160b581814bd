"""How settings were chosen, on the training set alone: validation accuracy of the variants.

    python benchmarks/validation.py 3.1             # seeds 0-2, minutes a run
    python benchmarks/validation.py 4.0 --seeds 1

Holds out some of the 60,000 training digits, the last of a fixed shuffle (10,000 for 3.1, 5,000 for
4.0, 20,000 for 4.1 and 4.2, whose variants differ by less), as the test set of a data folder, and
trains the script and edited copies of it on the others. The real test digits are not looked at.
Prints per variant the final validation accuracy, and the validation loss, lowest and final.
"""

import tempfile
from pathlib import Path
from statistics import median

import numpy as np
import steps
from ladder import losses

import mnist_data

HELD_OUT = {"3.1": 10_000, "4.0": 5_000, "4.1": 20_000, "4.2": 20_000}
DROPOUT = "    Y2 = dropout(Y2, pkeep)\n"
WEAKER = ("-0.2, 0.2", "-0.15, 0.15"), ("0, 0.8)", "0, 0.6)")
HEAD = """\
| variant | validation accuracy, %, per seed | median | validation loss, lowest → final |
|---|---|---|---|"""
VARIANTS = {  # step -> name -> the edits that make it, see steps.edited
    "3.1": {  # where dropout is
        "the dense layer (the slide)": ((DROPOUT, ""), (DROPOUT.replace("Y2", "Y3"), "")),
        "the second, third and dense layer (3.1)": (),
        "all four layers": ((" + B1)\n", " + B1)\n" + DROPOUT.replace("Y2", "Y1")),),
    },
    "4.0": {
        "the rate of 3.1 (4.0)": (),
        "a higher rate, from 0.01": (("lrmax=0.003", "lrmax=0.01"),),
    },
    "4.1": {
        "unchanged": (),
        "no distortion": ((" = augment(X, ", ", _ = X, (X, "),),
        "not faded out": (("tf.clip_by_value((0.94 - progress()) / 0.1, 0, 1)", "1.0"),),
        "without the elastic part": (("+ 13.5 + shift + elastic", "+ 13.5 + shift"),),
    },
    "4.2": {
        "unchanged": (),
        "distortion as in 4.1": WEAKER,
        "distortion as in 4.1, first layer at full size": (
            *WEAKER,
            ("patch, K, L, M = 6,", "patch, K, L, M = 5,"),
            ("conv2d(X, W1, strides=2", "conv2d(X, W1, strides=1"),
            ("conv2d(Y1, W2, strides=1", "conv2d(Y1, W2, strides=2"),
        ),
    },
}


def write_split(folder, train, held_out):
    """Write a data folder: of the training digits `held_out` as the test set, and the others.

    train: has images [n, 28, 28] and labels [n], uint8.
    """
    order = np.random.default_rng(0).permutation(len(train.images))
    images, labels = train.images[order], train.labels[order]
    parts = {"x_train": images[:-held_out], "y_train": labels[:-held_out]}
    parts |= {"x_test": images[-held_out:], "y_test": labels[-held_out:]}
    np.savez(folder / "mnist.npz", **parts)


def row(name, script, flags, seeds):
    """A line of the table in Markdown: this script trained with these flags, a run per seed."""
    runs = [steps.run(script, *flags, "--seed", seed) for seed in range(seeds)]
    final = [100 * saved.result["final_test_accuracy"] for saved in runs]
    lowest, last = losses(runs)
    accuracies = ", ".join(f"{accuracy:.2f}" for accuracy in final)
    return f"| {name} | {accuracies} | {median(final):.2f} | {lowest:.2f} → {last:.2f} |"


def main():
    parser = steps.Parser(description=__doc__)
    add = parser.add_argument
    add("step", type=steps.one_of(*VARIANTS), metavar="STEP", help=", ".join(VARIANTS))
    add("--seeds", type=steps.whole(1, 1000), default=3, metavar="N", help="seeds 0 to N-1 (3)")
    add("--iterations", type=steps.whole(1, 10**7), metavar="N", help="for shorter runs")
    add("--data", default="mnist", metavar="FOLDER", help="as for the scripts")
    args = parser.parse_args()
    train, held_out = mnist_data.load(args.data).train, HELD_OUT[args.step]
    if held_out >= len(train.images):
        parser.error(
            f"{held_out:,} of the {len(train.images):,} digits in --data are to be held out"
        )
    print(HEAD)
    with tempfile.TemporaryDirectory() as folder:
        write_split(Path(folder), train, held_out)
        flags = ["--data", folder, "--runs", Path(folder, "runs")]
        flags += ["--iterations", args.iterations] if args.iterations else []
        for name, edits in VARIANTS[args.step].items():
            script = steps.edited(folder, args.step, edits)
            print(row(name, script, flags, args.seeds), flush=True)


if __name__ == "__main__":
    main()
