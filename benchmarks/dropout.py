"""Where 3.1 drops out, chosen on the training set alone: validation accuracy of the variants.

    python benchmarks/dropout.py             # seeds 0-2, about 2.5 minutes a run on 2 cores
    python benchmarks/dropout.py --seeds 1

Holds out 10,000 of the 60,000 training digits, the last of a fixed shuffle, as the test set of a
data folder, and trains 3.1 and edited copies of it on the other 50,000. The 10,000 real test digits
are not looked at. Prints per variant the final validation accuracy, the validation loss at its
lowest and at the end, and the accuracy on the batches of the last 1,000 iterations.
"""

import argparse
import os
import re
import subprocess
import sys
import tempfile
from pathlib import Path
from statistics import median

import numpy as np

TOP = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(TOP))

import mnist_data  # noqa: E402
from digits.idx import to_idx  # noqa: E402
from visu.history import read_curves  # noqa: E402

SCRIPT = next(TOP.glob("mnist_3.1_*.py"))
DROPOUT = r"( +Y{0} = tf\.nn\.experimental\.general_dropout.*\n)"


def drop(source, *layers):
    """The script without the dropout of these layers."""
    for layer in layers:
        source, found = re.subn(DROPOUT.format(layer), "", source)
        assert found == 1, f"no dropout of Y{layer} in {SCRIPT.name}"
    return source


def after_all(source):
    """The script with dropout after its first layer too."""
    line = re.search(DROPOUT.format(2), source)[1].replace("Y2", "Y1")
    return re.sub(r"( +Y1 = .*\n)", rf"\1{line}", source, count=1)


VARIANTS = {  # name -> the edit that makes it
    "the dense layer (the slide)": lambda source: drop(source, 2, 3),
    "the second, third and dense layer (3.1)": lambda source: source,
    "all four layers": after_all,
}


def write_split(folder, mnist):
    """Write a data folder: 50,000 training digits, and 10,000 others of them as the test set."""
    order = np.random.default_rng(0).permutation(len(mnist.train.images))
    images = np.round(mnist.train.images[order, ..., 0] * 255).astype(np.uint8)
    labels = mnist.train.labels[order].argmax(axis=1).astype(np.uint8)
    for name, part in (("train", slice(None, -10_000)), ("t10k", slice(-10_000, None))):
        (folder / f"{name}-images-idx3-ubyte").write_bytes(to_idx(images[part]))
        (folder / f"{name}-labels-idx1-ubyte").write_bytes(to_idx(labels[part]))


def curves_of(source, seed, folder):
    """Train this source on the split; its curves."""
    script = folder / SCRIPT.name
    script.write_text(source)
    runs = folder / "runs"
    command = [sys.executable, script, "--headless", "--data", folder, "--seed", str(seed)]
    environment = os.environ | {"PYTHONPATH": str(TOP)}
    printed = subprocess.run(
        [*command, "--runs", runs], check=True, stdout=subprocess.PIPE, text=True, env=environment
    ).stdout
    return read_curves(Path(printed.rpartition("Files: ")[2].strip()) / "curves.csv")


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--seeds", type=int, default=3, metavar="N", help="seeds 0 to N-1 (3)")
    args = parser.parse_args()
    print(
        "| dropout after | validation accuracy, %, per seed | median "
        "| validation loss, lowest → final | training accuracy, % |\n|---|---|---|---|---|"
    )
    with tempfile.TemporaryDirectory() as folder:
        write_split(Path(folder), mnist_data.load("mnist"))
        for name, edit in VARIANTS.items():
            source = edit(SCRIPT.read_text())
            all_curves = [curves_of(source, seed, Path(folder)) for seed in range(args.seeds)]
            final = [100 * curves["test_accuracy"][-1] for curves in all_curves]
            lowest = median(np.nanmin(curves["test_loss"]) for curves in all_curves)
            last = median(curves["test_loss"][-1] for curves in all_curves)
            train = median(100 * curves["train_accuracy"][-50:].mean() for curves in all_curves)
            print(
                f"| {name} | {', '.join(f'{x:.2f}' for x in final)} | {median(final):.2f} "
                f"| {lowest:.2f} → {last:.2f} | {train:.2f} |",
                flush=True,
            )


if __name__ == "__main__":
    main()
