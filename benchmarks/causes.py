"""Why a network learns as it does: each cause that docs/ names, by changing it and nothing else.

    python benchmarks/causes.py                  # all questions, seeds 0-4: about an hour
    python benchmarks/causes.py start overfit    # these only

Prints per variant the medians over the seeds of the test accuracy at some iterations, with lowest
and highest, of the test loss at its lowest, with its iteration, and of the final test loss.

`signal` is measured before the training, and prints medians (lowest–highest): how far the outputs
of each layer differ from digit to digit (their standard deviation over 1,000 test digits, the mean
of the layer's neurons); root mean squares of W1's gradient and of its first step; W5's gradient
over W1's, at iteration 0 and after 60 of the training.
"""

import runpy
import sys
import tempfile
from pathlib import Path
from statistics import median
from typing import NamedTuple
from unittest import mock

import numpy as np
import steps

import mnist_data
import tensorflowvisu

START = "stddev=0.1", "stddev=0.35", 5
SGD = "Adam(0.003)", "SGD(0.003)"
SGD_2_1 = "Adam(learning_rate)", "SGD(0.003)"
TWO_LAYERS = (
    ("    Y2 = tf.nn.relu(Y1 @ W2 + B2)\n", ""),
    ("    Y3 = tf.nn.relu(Y2 @ W3 + B3)\n", ""),
    ("    Y4 = tf.nn.relu(Y3 @ W4 + B4)\n", ""),
    ("Y4 @ W5 + B5", "Y1 @ W5 + B5"),
    ("truncated_normal([N, 10]", "truncated_normal([K, 10]"),
    ("[W1, W2, W3, W4, W5], [B1, B2, B3, B4, B5]", "[W1, W5], [B1, B5]"),
)
CONVOLUTIONS = (("    Y2 = dropout(Y2, pkeep)\n", ""), ("    Y3 = dropout(Y3, pkeep)\n", ""))


class Variant(NamedTuple):
    """A step with edits (see steps.edited), on the first `digits` training digits, None for all."""

    step: str
    edits: tuple = ()
    digits: int | None = None


QUESTIONS = {  # name -> iterations, at which the accuracy is shown; the variants
    "start": (  # why does 2.0 start slowly?
        (100, 300, 1000),
        {
            "2.0": Variant("2.0"),
            "2.0, start values of 0.35": Variant("2.0", (START,)),
            "2.1": Variant("2.1"),
        },
    ),
    "gradient": (  # and with the optimizer of the slides?
        (300, 1000, 3000),
        {
            "2.0, SGD": Variant("2.0", (SGD,)),
            "2.0, SGD, start values of 0.35": Variant("2.0", (SGD, START)),
            "2.1, SGD": Variant("2.1", (SGD_2_1,)),
        },
    ),
    "overfit": (  # dropout, or stopping early, or fewer layers?
        (3000, 10000),
        {
            "2.1": Variant("2.1"),
            "2.1 with two layers": Variant("2.1", TWO_LAYERS),
            "2.2": Variant("2.2"),
        },
    ),
    "few": (  # 1,000 training digits
        (1000, 3000),
        {
            "2.1, 1,000 digits": Variant("2.1", (), 1000),
            "2.1 with two layers, 1,000 digits": Variant("2.1", TWO_LAYERS, 1000),
            "2.2, 1,000 digits": Variant("2.2", (), 1000),
            "3.0, 1,000 digits": Variant("3.0", (), 1000),
            "3.1, 1,000 digits": Variant("3.1", (), 1000),
        },
    ),
    "dense": (  # does dropout in the dense layer do, in 3.1?
        (3000, 10000),
        {
            "3.0": Variant("3.0"),
            "3.1": Variant("3.1"),
            "3.1, dropout in the dense layer only": Variant("3.1", CONVOLUTIONS),
        },
    ),
}
SIGNAL = {**QUESTIONS["start"][1], **QUESTIONS["gradient"][1]}
SIGNALS = "Y1", "Y2", "Y3", "Y4", "logits", "W1's gradient", "its step", "W5's : W1's", "at 60"


def write_few(folder, mnist, digits):
    """Write a data folder with the first training digits and all test digits; return its path."""
    folder = Path(folder, f"{digits} digits")
    folder.mkdir(exist_ok=True)
    train, test = mnist.train, mnist.test
    parts = {"x_train": train.images[:digits], "y_train": train.labels[:digits]}
    np.savez(folder / "mnist.npz", **parts, x_test=test.images, y_test=test.labels)
    return folder


def row(name, runs, at):
    """A line of the table in Markdown. runs: a SavedRun per seed; at: iterations."""
    cells = []
    for i in at:
        found = [
            100 * saved.curves["test_accuracy"][saved.curves["iteration"] == i] for saved in runs
        ]
        found = [accuracy.item() for accuracy in found]
        cells.append(f"{median(found):.2f} ({min(found):.2f}–{max(found):.2f})")
    losses = [saved.curves["test_loss"] for saved in runs]
    lowest = median(np.nanmin(loss) for loss in losses)
    where = median(
        saved.curves["iteration"][np.nanargmin(loss)]
        for saved, loss in zip(runs, losses, strict=True)
    )
    last = median(loss[-1] for loss in losses)
    return f"| {name} | {' | '.join(cells)} | {lowest:.1f} (at {where:,.0f}) → {last:.1f} |"


def rms(x):
    """The root mean square of an array or a tensor."""
    return float(np.sqrt(np.mean(np.square(x))))


def spreads(weights, biases, bend, X):
    """How far the outputs of each layer, and the logits, differ from image to image.

    bend: the activation function; X: [n, 784]. Standard deviations, each the mean of a layer.
    """
    found = []
    for W, b in zip(weights, biases, strict=True):
        X = X @ W + b if len(found) == len(weights) - 1 else bend(X @ W + b)
        found.append(X.std(axis=0).mean())
    return found


def signal(script, data, seed):
    """The values of SIGNALS for a script of five dense layers."""
    import tensorflow as tf

    flags = [script.name, "--data", str(data), "--seed", str(seed)]
    with mock.patch.object(tensorflowvisu, "run"), mock.patch.object(sys, "argv", flags):
        names = runpy.run_path(str(script))
    relu = "tf.nn.relu(" in script.read_text(encoding="utf-8")
    train, test = names["mnist"].train, names["mnist"].test
    order = np.random.default_rng(seed).permutation(len(train.images))

    def batch(i):
        chosen = order.take(range(100 * i, 100 * i + 100), mode="wrap")
        return train.images[chosen, ..., None] / np.float32(255), np.eye(10)[train.labels[chosen]]

    def gradients(X, Y_):
        with tf.GradientTape() as tape:
            cross_entropy = names["loss"](names["model"](X), Y_)
        return [rms(gradient) for gradient in tape.gradient(cross_entropy, names["weights"])]

    weights, biases = ([v.numpy() for v in names[key]] for key in ("weights", "biases"))
    bend = (lambda Y: np.maximum(Y, 0)) if relu else (lambda Y: 1 / (1 + np.exp(-Y)))
    found = spreads(weights, biases, bend, test.images[:1000].reshape(-1, 784) / np.float32(255))
    W1, *_, W5 = gradients(*batch(0))
    names["train_step"](*batch(0))
    step = rms(names["weights"][0] - weights[0])
    for i in range(1, 60):
        names["train_step"](*batch(i))
    later = gradients(*batch(60))
    return [*found, W1, step, W5 / W1, later[-1] / later[0]]


def middle(values):
    """The median of values (lowest–highest), each with two digits: "200 (160–210)"."""
    rounded = (float(f"{x:.2g}") for x in (median(values), min(values), max(values)))
    return "{:,g} ({:,g}–{:,g})".format(*rounded)


def print_signal(folder, args):
    """Print the table of `signal`, and how the ratios of gradients in 2.0 and 2.1 compare."""
    print(f"\n| signal | {' | '.join(SIGNALS)} |\n{'|---' * (len(SIGNALS) + 1)}|")
    ratios = {}
    for name, variant in SIGNAL.items():
        script = steps.edited(folder, variant.step, variant.edits)
        found = np.array([signal(script, args.data, seed) for seed in range(args.seeds)])
        print(f"| {name} | {' | '.join(map(middle, found.T))} |", flush=True)
        ratios[name] = found[:, SIGNALS.index("W5's : W1's")]
    times = middle(ratios["2.0"] / ratios["2.1"])
    print(f"\nW5's : W1's in 2.0 over that in 2.1, seed by seed: {times}")


def main():
    parser = steps.Parser(description=__doc__)
    add = parser.add_argument
    names = "signal", *QUESTIONS
    add("which", nargs="*", type=steps.one_of(*names), metavar="QUESTION", help=", ".join(names))
    add("--seeds", type=steps.whole(1, 1000), default=5, metavar="N", help="seeds 0 to N-1 (5)")
    add("--data", default="mnist", metavar="FOLDER", help="as for the scripts")
    args = parser.parse_args()
    mnist = mnist_data.load(args.data)
    with tempfile.TemporaryDirectory() as folder:
        for question in args.which or names:
            if question == "signal":
                print_signal(folder, args)
                continue
            at, variants = QUESTIONS[question]
            print(f"\n| {question} | {' | '.join(f'at {i:,}' for i in at)} | test loss |")
            print("|---" * (len(at) + 2) + "|")
            for name, (step, edits, digits) in variants.items():
                script = steps.edited(folder, step, edits)
                data = write_few(folder, mnist, digits) if digits else args.data
                flags = ["--iterations", at[-1], "--data", data, "--runs", Path(folder, "runs")]
                runs = [steps.run(script, *flags, "--seed", seed) for seed in range(args.seeds)]
                print(row(name, runs, at), flush=True)
    print(f"\nSeeds 0-{args.seeds - 1}, {mnist.name}, {steps.conditions()}")


if __name__ == "__main__":
    main()
