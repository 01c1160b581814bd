"""Draws the curves of runs over each other, and prints a table of their results.

    python compare_curves.py                            all steps that have runs
    python compare_curves.py 2.0 2.1 --until 300        of two steps, the first iterations
    python compare_curves.py 2.1 half                   of a step and its experiment "half"
    python compare_curves.py 2.0 2.1 --follow           while they train, in other terminals
    python compare_curves.py runs/mnist_2.1*/*          given runs
    python compare_curves.py 3.0 3.1 --save slide.pdf   a picture in place of a window
    python compare_curves.py 2.0 2.1 --gradients        do gradients vanish on their way back?
    python compare_curves.py --diff 2.1 runs/...        what was changed in a script
    python compare_curves.py --deck                     the slides' own comparisons

Runs that differ by their seed only are drawn as their median, with a band from the 10th to the 90th
percentile. In the window, h shows the keys. docs/comparing.md says which run stands for its step.
"""

import argparse
import difflib
import math
import sys
from dataclasses import replace
from pathlib import Path

from visu import ctrl_c_while_starting

with ctrl_c_while_starting():
    from visu.show.backend import NoWindow, in_notebook  # before the rest of matplotlib

    # isort: split
    from visu.panels import comparison
    from visu.panels.comparison import GRADIENTS, View
    from visu.panels.style import INCHES, printable
    from visu.record.experiments import (
        Runs,
        Wrong,
        choose_with_curves,
        newest_run,
        step_and_variant,
    )
    from visu.record.ladder import LADDER
    from visu.record.medians import table
    from visu.record.run import EDITED
    from visu.record.run_folder import NoRun
    from visu.show.terminal import Parser, say, stopping_signals, whole

MOST_ITERATIONS = 10**7  # iterations of a run

CONSTANT = "constant rate"
SIGMOID, RELU, DECAY, DROPOUT = ("2.0", ""), ("2.1", CONSTANT), ("2.1", ""), ("2.2", "")
SOFTMAX, CONVOLUTION, BIGGER, KERAS = ("1.0", ""), ("3.0", ""), ("3.1", ""), ("5.0", "")
NORMALIZED, AUGMENTED, DEEPER = ("4.0", ""), ("4.1", ""), ("4.2", "")
LADDER_STEPS = {"1.0 softmax": SOFTMAX, "2.0 sigmoid": SIGMOID, "2.1 ReLU": DECAY}
LADDER_STEPS |= {"2.2 dropout": DROPOUT, "3.0 convolution": CONVOLUTION, "3.1 bigger": BIGGER}
BEYOND = {"3.1 dropout": BIGGER, "4.0 batch norm.": NORMALIZED}
BEYOND |= {"4.1 augmentation": AUGMENTED, "4.2 global average": DEEPER}
AT_CONSTANT_RATE = {"ReLU, constant rate 0.003": RELU}
RATES = AT_CONSTANT_RATE | {"ReLU, rate 0.003 → 0.0001": DECAY}
CONVOLUTIONS = {"convolution": CONVOLUTION, "bigger convolution, dropout": BIGGER}
FIRST = 300  # "first 300 iterations"
NAMED_GRADIENT = View((GRADIENTS,), last=FIRST, plain=True)
DECK = (  # the slides' comparisons: the file's name; the curves, by what each is called; the View
    ("ladder", LADDER_STEPS, View(plain=True)),
    ("sigmoid_relu", {"sigmoid": SIGMOID} | AT_CONSTANT_RATE, View(last=FIRST)),
    ("vanishing_gradients", {"sigmoid": SIGMOID, "ReLU": DECAY}, NAMED_GRADIENT),
    ("noisy_accuracy", AT_CONSTANT_RATE, View(("accuracy",), plain=True, one_seed=True)),
    ("learning_rate_decay", RATES, View()),  # "start fast, then decay"
    ("dropout", {"sigmoid": SIGMOID} | RATES | {"the same with dropout": DROPOUT}, View()),
    ("convolution", {"dense layers, dropout": DROPOUT, "convolution": CONVOLUTION}, View()),
    ("bigger_convolution", CONVOLUTIONS, View()),  # "Improvements"
    ("keras", {"TensorFlow": BIGGER, "the same network in Keras": KERAS}, View()),
    ("beyond", BEYOND, View(first=2000, plain=True)),  # what its end names
)
EDITS = {CONSTANT: "after lrmin=0.003 is written for lrmin=0.0001 in it"}


def main():
    """Do what the command line says. Returns the exit status."""
    args = parse_args()
    runs = Runs(args.runs, lambda line: say(line, sys.stderr), watched=args.follow)
    try:
        if args.diff:
            print_difference(*args.diff, runs)
        elif args.deck:
            draw_deck(args.deck, runs)
        elif args.follow:
            follow(args, runs)
        else:
            compare(args, runs)
    except (Wrong, OSError) as error:
        say(f"{Path(sys.argv[0]).name}: {error}", sys.stderr)
        return 2
    except KeyboardInterrupt:  # Ctrl-C closes the window
        return 130
    return 0


def parse_args():
    """The command line's flags."""
    parser = Parser(prog="compare_curves.py", description=__doc__)
    add_flags(parser)
    args = parser.parse_args()
    if args.until and args.until <= args.first:
        parser.error(f"--until {args.until} is not after --from {args.first}")
    if args.log and args.accuracy:
        parser.error("--log is for the loss, which --accuracy leaves out")
    if args.gradients and (args.log or args.smooth):
        parser.error(
            "--gradients is always logarithmic and not smoothed; leave out --log, --smooth"
        )
    given = {name for name in vars(args) if getattr(args, name) != parser.get_default(name)}
    if given & {"diff", "deck"} and len(given - {"runs"}) > 1:
        parser.error("--diff and --deck take no runs and no other flag but --runs")
    if args.follow and args.save:
        parser.error("--follow draws in a window, and --save opens none; leave out one of them")
    return args


def add_flags(parser):
    """Add all flags."""
    add = parser.add_argument
    which = "a step such as 2.1, a label, a printed name, or a run's folder (default all steps)"
    add("which", nargs="*", default=[], metavar="RUN", help=which)
    first = {"dest": "first", "type": whole(0, MOST_ITERATIONS), "default": 0}
    add("--from", **first, metavar="I", help="from iteration I on")
    add("--until", type=whole(1, MOST_ITERATIONS), metavar="I", help="up to iteration I")
    panel = parser.add_mutually_exclusive_group()
    panel.add_argument("--accuracy", action="store_true", help="the accuracy only")
    panel.add_argument("--loss", action="store_true", help="the loss only")
    gradients = "the gradient of the first layer, in place of both"
    panel.add_argument("--gradients", action="store_true", help=gradients)
    add("--log", action="store_true", help="a logarithmic axis for the loss")
    smooth = "training curves are means over N iterations (200; fewer where few are shown)"
    add("--smooth", type=whole(1, MOST_ITERATIONS), metavar="N", help=smooth)
    save = "write a .png, .svg or .pdf, open no window"
    add("--save", type=picture_file, metavar="FILE", help=save)
    add("--follow", action="store_true", help="redraw as runs grow, and add runs that start later")
    add("--diff", nargs=2, metavar=("A", "B"), help="print what differs in the two runs' scripts")
    deck = {"nargs": "?", "type": Path, "const": Path("deck"), "metavar": "FOLDER"}
    add("--deck", **deck, help="draw the slides' comparisons into a folder (deck)")
    where = "the folder of all runs (runs/)"
    add("--runs", type=Path, default=Runs.usual, metavar="FOLDER", help=where)


def picture_file(text):
    """An argparse type: the path of a picture, by its name's end."""
    ends = ".png", ".svg", ".pdf"
    if Path(text).suffix.lower() not in ends:
        raise argparse.ArgumentTypeError(f"{text} does not end in {', '.join(ends)}")
    return Path(text)


def compare(args, runs):
    """Print the table and draw the picture."""
    groups = chosen(args, runs)
    say(table(groups, args.until or math.inf))
    if args.save:
        save(args.save, groups, view_of(args))
        return
    try:
        show(lambda: (groups, ""), args)
    except NoWindow as why:
        say(f"No window: {why} --save FILE writes a picture.", sys.stderr)


def follow(args, runs):
    """Draw runs that grow, and those that start, until the window is closed."""

    def look():
        try:
            return chosen(args, runs), ""
        except Wrong as why:
            start = ["\nStart in another terminal:", *why.commands] if why.commands else []
            return [], "\n".join([f"Waiting: {why.reason}", *start])
        except OSError as why:
            return [], f"Waiting: {why}"

    if in_notebook():
        raise Wrong("--follow needs a window; run it in a terminal")
    try:
        show(look, args)
    except NoWindow as why:
        raise Wrong(f"--follow needs a window: {why}") from None


def chosen(args, runs):
    """The experiments that the command line names. Raises Wrong where there is nothing to draw."""
    groups = choose_with_curves(args.which, runs)
    end = comparison.end_of(groups)
    if args.first >= end:
        raise Wrong(f"--from {args.first}: these runs end at iteration {end:,}")
    return groups


def view_of(args):
    """The View that the flags ask for."""
    panels = [panel for panel in comparison.TITLES if getattr(args, panel)] or comparison.PANELS
    return comparison.View(tuple(panels), args.first, args.until, args.smooth, args.log)


def save(path, groups, view):
    """Write the picture in the format of its name's end."""
    from matplotlib.figure import Figure

    figure = Figure(INCHES, dpi=137.15)  # 1920 x 1080 pixels
    comparison.draw(figure, groups, view)
    figure.savefig(path)
    if path.suffix.lower() == ".png":  # few colours: a third of the bytes
        from PIL import Image  # matplotlib's own

        few = Image.open(path).convert("RGB").quantize(256, dither=Image.Dither.NONE)
        few.save(path, optimize=True)
    say(f"Picture: {path}")


def show(look, args):
    """Open a window on what look() returns and wait until it is closed. Raises NoWindow.

    A notebook shows the figure.
    """
    from visu.show.comparison_window import ComparisonWindow  # imports pyplot

    with stopping_signals(lambda: None) as signals:
        ComparisonWindow(look, view_of(args), args.runs, lambda: signals).show()
    if signals and not in_notebook():
        sys.exit(128 + signals[0])


def print_difference(a, b, runs):
    """Print what differs in the scripts of two runs, as a unified diff; a, b: see newest_run."""
    texts, folders = [], []
    for saved in newest_run(a, runs), newest_run(b, runs):
        try:
            texts.append(saved.source.expandtabs().splitlines())
        except NoRun as why:
            raise Wrong(f"{saved.folder}: {why}") from None
        folders.append(printable(str(saved.folder)))
    lines = list(difflib.unified_diff(*texts, *folders, lineterm=""))
    say("\n".join(lines) if lines else "The two scripts are the same.")


def draw_deck(folder, runs):
    """Draw the slides' comparisons, each into a PNG; say what is missing and how to make it."""
    found = {step_and_variant(group[0]): group for group in choose_with_curves([], runs)}
    for step in LADDER:  # an edited script only where no run of the step itself is as complete
        alike = [found[key] for key in ((step, ""), (step, EDITED)) if key in found]
        if alike:
            found[step, ""] = min(alike, key=lambda group: bool(group[0].state))
    for name, curves, view in DECK:
        missing = [
            runs.command(*curve) + (f"  ({EDITS[curve[1]]})" if curve[1] else "")
            for curve in curves.values()
            if curve not in found
        ]
        groups = [found[curve] for curve in curves.values() if curve in found]
        if missing:
            say("\n  ".join([f"{name}.png is not drawn. It lacks", *missing]))
        elif view.first >= comparison.end_of(groups):
            say(f"{name}.png is not drawn. Its runs end before iteration {view.first:,}")
        else:
            folder.mkdir(parents=True, exist_ok=True)
            marks = [f", {EDITED}" if group[0].run.variant == EDITED else "" for group in groups]
            called = tuple(text + mark for text, mark in zip(curves, marks, strict=True))
            save(folder / f"{name}.png", groups, replace(view, names=called))


if __name__ == "__main__":
    sys.exit(main())
