"""What drawn digits teach: the time to make them, and the ladder trained on them.

    python benchmarks/drawn_digits.py --data FOLDER     # where MNIST is: the deck's six steps
    python benchmarks/drawn_digits.py                   # without the figure on real digits
    python benchmarks/drawn_digits.py --data FOLDER --sheet docs/drawn_digits.png   # the sheet only

Prints the FINAL accuracy of each step on 10,000 drawn test digits, seeds 0-2, and the median; and
how many of MNIST's 10,000 test digits 3.1 reads after training on drawn digits alone. The sheet
shows 200 test digits of both beside each other: the first 20 of each class.
"""

import hashlib
import os
import sys
import tempfile
import time
from pathlib import Path
from statistics import median

import numpy as np
import steps
from ladder import make_run
from matplotlib.figure import Figure
from steps import SCRIPTS, TOP

from digits import download, drawn, idx

DECK = [step for step in SCRIPTS if step < "4"]


def write_folder(folder, arrays):
    """Write a data folder; arrays: the four uint8 arrays of the files idx.NAMES."""
    folder.mkdir()
    for name, array in zip(idx.NAMES, arrays, strict=True):
        (folder / name).write_bytes(idx.to_idx(array))
    return folder


def row(title, script, runs, data, args):
    """A line of the table in Markdown: a script on this data folder, a run per seed."""
    how = script, runs, data, "", args.iterations
    done = [make_run(seed, *how)[0] for seed in range(args.seeds)]
    final = [100 * saved.result["final_test_accuracy"] for saved in done]
    title = title or done[0].run.title
    seeds = ", ".join(f"{x:.2f}" for x in final)
    return f"| {title} | {done[0].run.iterations:,} | {seeds} | **{median(final):.2f}** |"


def print_ladder(arrays, mnist, args):
    """Print the table. arrays, mnist: those of drawn digits and of MNIST, or None for MNIST."""
    digest = hashlib.sha256()
    for array in arrays:
        digest.update(array)
    runs = args.runs / digest.hexdigest()[:8]  # other digits, other runs
    print("| step | iterations | final test accuracy, %, per seed | median |\n|---|---|---|---|")
    with tempfile.TemporaryDirectory() as folder:
        data = write_folder(Path(folder, "drawn"), arrays)
        for step in args.steps or DECK:
            print(row(None, SCRIPTS[step], runs, data, args), flush=True)
        if mnist:
            data = write_folder(Path(folder, "drawn-mnist"), [*arrays[:2], *mnist[2:]])
            title = "3.1 trained on drawn digits, tested on MNIST's"
            print(row(title, SCRIPTS["3.1"], runs / "mnist", data, args))
        else:
            print("\nOn real digits: skipped, --data FOLDER says where MNIST's files are")


def mosaic(images, labels, each=20):
    """The first digits of each class, [n, 28, 28] and [n], as a picture [10 * 28, each * 28]."""
    chosen = np.concatenate([np.flatnonzero(labels == digit)[:each] for digit in range(10)])
    return images[chosen].reshape(10, each, 28, 28).swapaxes(1, 2).reshape(280, each * 28)


def draw_sheet(file, halves):
    """Write a picture 1,200 pixels wide; halves: {title: mosaic}, each pixel shown as one."""
    width, height, edge, head = 1200, 340, 20, 40
    figure = Figure(figsize=(width / 100, height / 100), dpi=100)
    for k, (title, picture) in enumerate(halves.items()):
        rows, columns = picture.shape
        left = edge if k == 0 else width - edge - columns
        box = (left / width, edge / height, columns / width, rows / height)
        axes = figure.add_axes(box)
        axes.imshow(picture, cmap="gray", vmin=0, vmax=255, interpolation="nearest")
        axes.set_axis_off()
        figure.text(
            box[0], 1 - head / 2 / height, title, size=13, va="center_baseline", weight="bold"
        )
    figure.savefig(file)


def main():
    parser = steps.Parser(description=__doc__)
    add, step = parser.add_argument, steps.one_of(*SCRIPTS)
    add("steps", nargs="*", type=step, metavar="STEP", help="for example 2.1 (the deck's six)")
    add("--seeds", type=steps.whole(1, 1000), default=3, metavar="N", help="seeds 0 to N-1 (3)")
    add("--iterations", type=steps.whole(1, 10**7), metavar="N", help="for shorter runs")
    add("--runs", type=Path, default=TOP / "runs" / "drawn", metavar="FOLDER")
    add("--data", type=Path, metavar="FOLDER", help="where MNIST's files are")
    add("--sheet", type=Path, metavar="FILE", help="only draw the sheet, as .png")
    args = parser.parse_args()
    if args.sheet and not args.data:
        parser.error("--sheet needs --data FOLDER with MNIST's files")
    mnist = args.data and read_mnist(args.data)
    start = time.perf_counter()
    arrays = drawn.make()
    seconds = time.perf_counter() - start
    if args.sheet:
        pictures = {"Drawn from pen strokes": arrays[2:], "MNIST": mnist[2:]}
        return draw_sheet(args.sheet, {title: mosaic(*of) for title, of in pictures.items()})
    count = len(arrays[0]) + len(arrays[2])
    print(f"{count:,} digits drawn in {seconds:.1f} s, {os.cpu_count()} cores\n", flush=True)
    print_ladder(arrays, mnist, args)


def read_mnist(folder):
    """MNIST's four uint8 arrays, checked, or the end of the program."""
    try:
        arrays = idx.read(idx.data_paths(folder))
        return [*map(download.checked, idx.NAMES, arrays)]
    except idx.DataError as error:
        print(f"--data {folder}: {error}", file=sys.stderr)
        sys.exit(2)


if __name__ == "__main__":
    main()
