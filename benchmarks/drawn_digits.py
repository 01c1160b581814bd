"""What drawn digits teach: the time to make them, and the ladder trained on them.

    python benchmarks/drawn_digits.py --data FOLDER     # where MNIST is: the deck's six steps
    python benchmarks/drawn_digits.py --data FOLDER --sheet docs/drawn_digits.png   # the sheet only

Prints the FINAL accuracy of each step on 10,000 drawn test digits, seeds 0-2, and the median; and
how many of MNIST's 10,000 test digits 3.1 reads after training on drawn digits alone. The sheet
shows 200 test digits of both beside each other: the first 20 of each class.
"""

import os
import tempfile
import time
from pathlib import Path
from statistics import median

import numpy as np
import steps
from matplotlib.figure import Figure
from steps import SCRIPTS, TOP

from digits import download, drawn, files


def write_folder(folder, arrays):
    """Write a data folder; arrays: the four uint8 arrays of the files in files.NAMES."""
    folder.mkdir()
    for name, array in zip(files.NAMES, arrays, strict=True):
        (folder / name).write_bytes(files.to_idx(array))
    return folder


def row(title, script, data, args):
    """A line of the table in Markdown: a script on this data folder, a run per seed."""
    flags = ["--data", data, "--runs", args.runs]
    flags += ["--iterations", args.iterations] if args.iterations else []
    done = [steps.run(script, *flags, "--seed", seed) for seed in range(args.seeds)]
    final = [100 * saved.result["final_test_accuracy"] for saved in done]
    seeds = ", ".join(f"{x:.2f}" for x in final)
    title = title or done[0].run.title
    return f"| {title} | {done[0].run.iterations:,} | {seeds} | **{median(final):.2f}** |"


def draw_sheet(file, halves):
    """Write a picture 1,200 pixels wide; halves: {title: (images, labels)}."""
    figure = Figure(figsize=(12, 3.4), dpi=100)
    for left, (title, (images, labels)) in zip((20, 620), halves.items(), strict=True):
        chosen = np.concatenate([np.flatnonzero(labels == digit)[:20] for digit in range(10)])
        mosaic = images[chosen].reshape(10, 20, 28, 28).swapaxes(1, 2).reshape(280, 560)
        axes = figure.add_axes((left / 1200, 20 / 340, 560 / 1200, 280 / 340))
        axes.imshow(mosaic, cmap="gray", vmin=0, vmax=255, interpolation="nearest")
        axes.set_axis_off()
        figure.text(left / 1200, 320 / 340, title, size=13, va="center_baseline", weight="bold")
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
    try:
        mnist = args.data and [*map(download.checked, files.NAMES, files.read(args.data))]
    except files.DataError as error:
        parser.error(f"--data {args.data}: {error}")
    start = time.perf_counter()
    arrays = drawn.make()
    seconds = time.perf_counter() - start
    if args.sheet:
        return draw_sheet(args.sheet, {"Drawn from pen strokes": arrays[2:], "MNIST": mnist[2:]})
    count = len(arrays[0]) + len(arrays[2])
    print(f"{count:,} digits drawn in {seconds:.1f} s, {os.cpu_count()} cores\n", flush=True)
    print("| step | iterations | final test accuracy, %, per seed | median |\n|---|---|---|---|")
    with tempfile.TemporaryDirectory() as folder:
        data = write_folder(Path(folder, "drawn"), arrays)
        for step in args.steps or [step for step in SCRIPTS if step < "4"]:
            print(row(None, SCRIPTS[step], data, args), flush=True)
        if mnist:
            data = write_folder(Path(folder, "drawn-mnist"), [*arrays[:2], *mnist[2:]])
            print(row("3.1, tested on MNIST's test digits", SCRIPTS["3.1"], data, args))


if __name__ == "__main__":
    main()
