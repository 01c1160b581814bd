"""Draws the curves of runs over each other, and prints what they came to.

    python compare_curves.py                            all steps that have runs
    python compare_curves.py 2.0 2.1 --until 300        the newest run of each step
    python compare_curves.py runs/mnist_2.1*/*          given runs
    python compare_curves.py 3.0 3.1 --save slide.pdf   a picture in place of a window
    python compare_curves.py --diff 2.1 runs/...        what was changed in a script
    python compare_curves.py --deck                     the slides' own comparisons

With a run come those of other seeds that differ from it in nothing else: a step with several seeds
is drawn as their median with a band from the 10th to the 90th percentile. Of a step with runs on
several data sets those on MNIST are taken; to compare the others, give their folders.
"""

import argparse
import difflib
import glob
import sys
from pathlib import Path

from visu.backend import NoWindow  # before the rest of matplotlib

# isort: split
from visu import comparison, experiments, saved_run
from visu.cli import Parser, whole
from visu.comparison import DECK, command
from visu.style import INCHES
from visu.terminal import say
from visu.text import printable

TOP = Path(__file__).resolve().parent
MOST_ITERATIONS = 10**7  # iterations of a run


class Wrong(Exception):
    """What was asked for cannot be done; the message says why and what to do."""


def main():
    """Do what the command line says. Returns the exit status."""
    args = parse_args()
    try:
        if args.diff:
            print_difference(*args.diff, args.runs)
        elif args.deck:
            draw_deck(args.deck, args.runs)
        else:
            compare(args)
    except (Wrong, OSError) as error:
        say(f"{Path(sys.argv[0]).name}: {error}", sys.stderr)
        return 2
    except KeyboardInterrupt:  # Ctrl-C closes the window
        return 130
    return 0


def parse_args():
    """The command line's flags."""
    parser = Parser(prog="compare_curves.py", description=__doc__)
    add = parser.add_argument
    which = "a step, as 2.1, a label, or the folder of a run (all)"
    add("which", nargs="*", default=[], metavar="RUN", help=which)
    add_view(parser)
    save = "write a .png, .svg or .pdf, open no window"
    add("--save", type=picture_file, metavar="FILE", help=save)
    add("--diff", nargs=2, metavar=("A", "B"), help="print what differs in the two runs' scripts")
    deck = {"nargs": "?", "type": Path, "const": Path("deck"), "metavar": "FOLDER"}
    add("--deck", **deck, help="draw the slides' comparisons into a folder (deck)")
    add("--runs", type=Path, default=TOP / "runs", metavar="FOLDER", help="where the runs lie")
    args = parser.parse_args()
    if args.until and args.until <= args.first:
        parser.error(f"--until {args.until} is not after --from {args.first}")
    if args.log and args.accuracy:
        parser.error("--log is for the loss, which --accuracy leaves out")
    alone = {"diff", "deck", "runs"}
    others = [name for name in vars(args) if getattr(args, name) != parser.get_default(name)]
    if (args.diff or args.deck) and (args.diff and args.deck or not alone.issuperset(others)):
        parser.error("--diff and --deck take no runs and no other flag but --runs")
    return args


def picture_file(text):
    """An argparse type: the path of a picture, by its name's end."""
    ends = ".png", ".svg", ".pdf"
    if Path(text).suffix.lower() not in ends:
        raise argparse.ArgumentTypeError(f"{text} does not end in {', '.join(ends)}")
    return Path(text)


def add_view(parser):
    """The flags that say what of the runs is drawn."""
    add = parser.add_argument
    first = {"dest": "first", "type": whole(0, MOST_ITERATIONS), "default": 0}
    add("--from", **first, metavar="I", help="from iteration I on")
    add("--until", type=whole(1, MOST_ITERATIONS), metavar="I", help="up to iteration I")
    panel = parser.add_mutually_exclusive_group()
    panel.add_argument("--accuracy", action="store_true", help="the accuracy only")
    panel.add_argument("--loss", action="store_true", help="the loss only")
    add("--log", action="store_true", help="a logarithmic axis for the loss")
    smooth = {"type": whole(1, MOST_ITERATIONS), "default": 1}
    add("--smooth", **smooth, metavar="N", help="each point is the mean of N evaluations")


# ---- which runs


def read_all(folders):
    """The SavedRun of each folder; one that holds none is named and skipped."""
    found = []
    for folder in folders:
        try:
            found.append(saved_run.read(folder))
        except saved_run.NoRun as why:
            say(f"{folder} is skipped: {why}", sys.stderr)
    return found


def choose(which, place):
    """The experiments that a person has named: lists of runs that differ by their seed only.

    which: steps, labels, folders of runs, or nothing for all steps; place: the folder of all runs.
    """
    which = [path for word in which for path in sorted(glob.glob(word)) or [word]]  # cmd does not
    given = [word for word in which if Path(word).is_dir()]
    saved = read_all(saved_run.find(place)) if len(given) < len(which) or not which else []
    groups = []
    for word in [w for w in which if w not in given] or sorted({run.step for run in saved}):
        found = experiments.newest(saved, word)
        if not found:
            raise Wrong(
                f"{word} is no folder, and no step or label of a run in {place}{hint(word)}"
            )
        groups += found
    ignored = experiments.on_other_data(saved, groups)
    groups += experiments.experiments(read_all(given))
    if not groups and given:
        raise Wrong(f"no run lies in {', '.join(given)}")
    if not groups:
        raise Wrong(f"there is no run in {place}{hint('1.0')}")
    once = {frozenset(run.folder.resolve() for run in group): group for group in groups}
    shown = frozenset().union(*once)
    mention([run for run in ignored if run.folder.resolve() not in shown])
    return [*once.values()]


def mention(ignored):
    """Say which runs are left out, as those of the same steps on other data are taken."""
    if ignored:
        data = ", ".join(sorted({run.facts.data for run in ignored}))
        why = "their steps have runs on other data, and MNIST comes first"
        say(f"Skipped {len(ignored)} on {data}: {why}. Give a folder to compare it.", sys.stderr)


def script(step):
    """The name of a step's script, "" where there is none."""
    return "".join(path.name for path in TOP.glob(f"mnist_{glob.escape(step)}_*.py"))


def hint(step):
    """How to make a run of a step, as the end of a sentence."""
    return f"; python {script(step)} makes one" if script(step) else ""


# ---- what is made of them


def compare(args):
    """Print the table and draw the picture."""
    groups = choose(args.which, args.runs)
    end = max(run.iterations for group in groups for run in group)
    if args.first >= end:
        raise Wrong(f"--from {args.first}: these runs end at iteration {end:,}")
    say(table(groups))
    panels = [panel for panel in comparison.PANELS if getattr(args, panel)] or comparison.PANELS
    view = comparison.View(tuple(panels), args.first, args.until, args.smooth, args.log)
    if args.save:
        save(args.save, groups, view)
    else:
        show(groups, view)


def table(groups):
    """The experiments' results as aligned lines, medians over the seeds."""
    data = experiments.data_of(groups)
    step = "step" if data is None else f"step, on {data}"
    lines = [
        (step, "seeds", "final %", "best %", "to 97 %", "98 %", "99 %", "time", "iterations/s")
    ]
    for name, group in zip(experiments.names(groups), groups, strict=True):
        facts = experiments.figures(group)
        reached = [facts[level] for level in experiments.LEVELS]
        lines.append(
            (
                name + ("" if group[0].facts.completed else " (stopped)"),
                ",".join(str(run.facts.seed) for run in group),
                f"{100 * facts['final']:.2f}",
                f"{100 * facts['best']:.2f}",
                *(f"{i:,.0f}" if i < float("inf") else "–" for i in reached),
                f"{facts['seconds']:.0f} s",
                f"{facts['steps_per_second']:,.0f}",
            )
        )
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    return "\n".join(
        "  ".join([line[0].ljust(widths[0]), *map(str.rjust, line[1:], widths[1:])])
        for line in lines
    )


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


def show(groups, view):
    """Open a window and wait until it is closed, q does so; say why where none can be opened."""
    import matplotlib.pyplot as plt  # not where only pictures are written

    from visu.window import open_figure

    try:
        figure = open_figure("Comparing curves")
    except NoWindow as why:
        say(f"No window: {why} --save FILE writes a picture.", sys.stderr)
        return

    def draw(event=None):
        figure.clear()
        comparison.draw(figure, groups, view)

    def press(event):
        if event.key == "q":
            plt.close(figure)

    figure.canvas.mpl_connect("resize_event", draw)
    figure.canvas.mpl_connect("key_press_event", press)
    draw()
    plt.show()


def print_difference(a, b, place):
    """Print what differs in the scripts of two runs, as a unified diff; a, b: see newest_run."""
    first, second = newest_run(a, place), newest_run(b, place)
    for run in (first, second):
        if not run.source:
            raise Wrong(f"{run.folder} has no copy of its script: it is from an older version")
    texts = [run.source.expandtabs().splitlines() for run in (first, second)]
    names = [printable(str(run.folder)) for run in (first, second)]
    lines = list(difflib.unified_diff(*texts, *names, lineterm=""))
    say("\n".join(lines) if lines else "The two scripts are the same.")


def newest_run(word, place):
    """The newest run of a step (without a label if there is one), of a label, or in a folder."""
    every = [run for group in choose([word], place) for run in group]
    return max(every, key=lambda run: (not run.label, run.folder.name))


def draw_deck(folder, place):
    """Draw the slides' comparisons, each into a PNG; say what is missing and how to make it."""
    newest = {(group[0].step, group[0].label): group for group in choose([], place)}
    there = "" if place == TOP / "runs" else f' --runs "{place}"'
    folder.mkdir(parents=True, exist_ok=True)
    for name, curves, view in DECK:
        missing = [
            command(script(step), label, there)
            for step, label in curves
            if (step, label) not in newest
        ]
        if missing:
            say("\n  ".join([f"{name}.png is not drawn. It lacks", *missing]))
        else:
            save(folder / f"{name}.png", [newest[curve] for curve in curves], view)


if __name__ == "__main__":
    sys.exit(main())
