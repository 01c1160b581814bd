"""What the live window costs, and how fast it answers: real windows on a screen in memory (Xvfb).

    python benchmarks/window.py                             # 1.0, 2.2, 3.1 in full, both sizes
    python benchmarks/window.py 2.2 --iterations 2000 --size 1344x756 --rounds 1
    python benchmarks/window.py 3.1 --view d                # with one digit open
    python benchmarks/window.py --ladder                    # all scripts in full, just timed
    python benchmarks/window.py 3.1 --strokes               # how fast a drawn digit is computed

Prints a line per script and size: steps per second headless and live, in alternation, and the
median of the ratios; frames per second; milliseconds per frame in the first and the last thousand
iterations; seconds from the start of the process to the end of the imports, the first frame, the
first evaluation; and from a key's press to the badge that acknowledges it and to the view, while it
trains and evaluates, and while it compiles. --strokes: from a move of the mouse on the sheet of
`d`, while it trains, to the frame that shows what the network makes of it. Needs Xvfb and xdotool;
MPLBACKEND picks the toolkit (tkagg).
"""

import argparse
import json
import os
import re
import runpy
import subprocess
import sys
import tempfile
import time
from functools import partial
from importlib.metadata import version
from pathlib import Path
from statistics import median

import steps
from hand import draw_strokes, press_keys
from screen import screen
from steps import SCRIPTS

SIZES = "1920x1080", "1344x756"
KEY_SECONDS = 40  # how long keys are pressed, or strokes drawn


# ---- in the script's process: a clock on the window, nothing of the product is changed


def watched(log, script, *flags):
    """Run a script as `python script flags` would, and write what its window did to `log`, JSON."""
    sys.argv = [script, *flags]
    sys.path.insert(0, os.path.dirname(script))
    import tensorflowvisu
    from visu.show.window import Window

    marks = {"imports": time.monotonic()}
    frames, spent = [], []  # frames: end, seconds of work, iteration; spent: on the one under way

    def clocked(method):
        def call(window, *args):
            begin, due = time.monotonic(), bool(window.due)
            method(window, *args)
            end = time.monotonic()
            spent.append(end - begin)
            if (due or method is drawn) and not window.due:
                marks.setdefault("frame", end)
                frames.append((end, sum(spent), window.history.iteration))
            if not window.due:
                spent.clear()
            if window.history.last:
                marks.setdefault("evaluation", end)

        return call

    update, paint, drawn = Window.update, Window.paint, Window.drawn
    Window.update, Window.paint = clocked(update), clocked(paint)
    Window.drawn = clocked(drawn)
    parse_args = tensorflowvisu.parse_args

    def after_imports(*args, **options):
        marks["imports"] = time.monotonic()
        return parse_args(*args, **options)

    tensorflowvisu.parse_args = after_imports
    try:
        runpy.run_path(script, run_name="__main__")
    finally:
        Path(log).write_text(json.dumps({"marks": marks, "frames": frames}))


# ---- runs


def headless(script, flags):
    """Steps per second without a window."""
    with tempfile.TemporaryDirectory() as runs:
        return steps.facts(steps.run(script, "--runs", runs, *flags))["steps_per_second"]


def live(script, flags, display, iterations, hand=None, view=None):
    """What a run in a window did, with the "answers" to a hand, without one with its "rate".

    hand(display, process): what it does with keys and mouse. view: the key of the view to open at
    the start, None for the six panels.
    """
    with tempfile.TemporaryDirectory() as runs:
        log = Path(runs) / "log.json"
        command = [sys.executable, __file__, "--watched", log, script, "--runs", runs, *flags]
        begin = time.monotonic()
        process = subprocess.Popen(
            list(map(str, command)),
            env=display.variables,
            stdout=subprocess.PIPE,
            text=True,
        )
        display.fill(script.stem.split("_")[1], process)
        if view:
            display.xdotool("key", view)
        answers = hand(display, process) if hand else []
        if not hand:
            wait_for_the_end(process, iterations)
        seconds = time.monotonic() - begin
        display.xdotool("key", "q")
        if process.wait(60):
            sys.exit(f"{script.name} ended with status {process.returncode}")
        seen = json.loads(log.read_text())
        marks = {name: mark - begin for name, mark in seen["marks"].items()}
        answers = [(at - begin, *seconds) for at, *seconds in answers]
        (folder,) = Path(runs).glob("*/*/")
        rate = None if hand else steps.facts(folder)["steps_per_second"]
        return {"marks": marks, "frames": seen["frames"], "answers": answers} | {
            "rate": rate,
            "seconds": seconds,  # from the start to the last evaluation
        }


def wait_for_the_end(process, iterations):
    """Read what the script prints, up to the line of its last evaluation."""
    for line in process.stdout:
        if line.startswith(f"iteration {iterations:,}:"):
            return


def per_frame(frames, low, high):
    """Median milliseconds of the frames whose newest evaluation lies between these iterations."""
    chosen = [1000 * seconds for _, seconds, iteration in frames if low < iteration <= high]
    return median(chosen) if chosen else float("nan")


def row(step, size, options):
    """A line of the table, in Markdown."""
    script = SCRIPTS[step]
    iterations = options.iterations or steps.length(script)
    flags = ["--data", options.data, "--iterations", str(iterations)]
    rates, runs = [], []
    for _ in range(options.rounds):
        rates.append(headless(script, flags))
        with screen(size) as display:
            runs.append(live(script, flags, display, iterations, view=options.view))
    with screen(size) as display:
        endless = flags[:-1] + [str(10**7)]
        keyed = live(script, endless, display, iterations, partial(press_keys, options.key_seconds))
    frames = [frame for run in runs for frame in run["frames"] if 0 < frame[2] < iterations]
    spans = [[f[0] for f in run["frames"] if 0 < f[2] < iterations] for run in runs]
    ready = keyed["marks"]["evaluation"]
    trains = [seconds for at, *seconds in keyed["answers"] if at > ready]
    compiles = [seconds for at, *seconds in keyed["answers"] if at <= ready]
    marks = {name: median(run["marks"][name] for run in runs) for name in runs[0]["marks"]}
    cells = [
        f"{step}, {size}",
        f"{median(rates):,.0f}",
        f"{median(run['rate'] for run in runs):,.0f}",
        f"{median(run['rate'] / rate for run, rate in zip(runs, rates, strict=True)):.2f}",
        f"{median((len(s) - 1) / (s[-1] - s[0]) if len(s) > 1 else 0 for s in spans):.1f}",
        f"{per_frame(frames, 0, 1000):.0f} / "
        f"{per_frame(frames, iterations - 1000, iterations):.0f}",
        f"{marks['imports']:.1f} / {marks['frame']:.1f} / {marks['evaluation']:.1f}",
        " / ".join(milliseconds(answers) for answers in (trains, compiles)),
    ]
    return f"| {' | '.join(cells)} |"


def ladder(options):
    """Print how long the scripts take in their windows, start-up and all evaluations included."""
    size, total = (options.size or SIZES)[-1], 0.0
    print(f"| step, {size} | s, start to last evaluation |\n|---|---|")
    for step in options.steps or SCRIPTS:
        script = SCRIPTS[step]
        iterations = options.iterations or steps.length(script)
        flags = ["--data", options.data, "--iterations", str(iterations)]
        with screen(size) as display:
            seconds = live(script, flags, display, iterations)["seconds"]
        print(f"| {step} | {seconds:.0f} |", flush=True)
        total += seconds
    print(f"| all | {total:.0f} |")


def strokes(options):
    """Print how long it takes until a stroke on the sheet is computed and shown."""
    size = (options.size or SIZES)[0]
    print(f"| step, {size} | ms from stroke to picture, median, longest (strokes) |\n|---|---|")
    for step in options.steps or ("1.0", "2.2", "3.1"):
        flags = ["--data", options.data, "--iterations", str(10**7)]
        hand = partial(draw_strokes, options.key_seconds)
        with screen(size) as display:
            seen = live(SCRIPTS[step], flags, display, 10**7, hand, view="d")
        print(f"| {step} | {milliseconds([a[1:] for a in seen['answers']])} |", flush=True)


def milliseconds(answers):
    """Median and longest until acknowledged; and until the view was there; the number of keys."""
    if not answers:
        return "–"
    shown = [f"{1000 * median(s):.0f}, {1000 * max(s):.0f}" for s in zip(*answers, strict=True)]
    return f"{'; '.join(shown)} ({len(answers)})"


def table(options):
    """Print the table of what a window costs."""
    print(
        "| step, window | iterations/s headless | live | ratio | frames/s | ms per frame, first / "
        "last thousand | s to imports / first frame / first evaluation | ms until a key is "
        "acknowledged, median, longest; until its view is there (keys): training / compiling |\n"
        "|---|---|---|---|---|---|---|---|"
    )
    for step in options.steps or ("1.0", "2.2", "3.1"):
        for size in options.size or SIZES:
            print(row(step, size, options), flush=True)


def window_size(text):
    """An argparse type: width and height in pixels, as 1920x1080."""
    if not re.fullmatch(r"[1-9]\d{2,3}x[1-9]\d{2,3}", text, re.ASCII):
        raise argparse.ArgumentTypeError(f"'{text}' is not a size in pixels, as 1920x1080")
    return text


def main():
    parser = steps.Parser(description=__doc__)
    add, whole, step = parser.add_argument, steps.whole, steps.one_of(*SCRIPTS)
    add("steps", nargs="*", type=step, metavar="STEP", help="(1.0 2.2 3.1; with --ladder all)")
    add("--iterations", type=whole(1, 10**7), metavar="N", help="for shorter runs")
    add("--rounds", type=whole(1, 1000), default=2, metavar="N", help="runs of each kind (2)")
    sizes = f"of the window ({', '.join(SIZES)})"
    add("--size", type=window_size, action="append", metavar="WxH", help=sizes)
    mode = parser.add_mutually_exclusive_group().add_argument
    mode("--view", metavar="KEY", help="of the view to open, such as d (the six panels)")
    seconds = f"how long keys or strokes are tried ({KEY_SECONDS})"
    add("--key-seconds", type=steps.positive, default=KEY_SECONDS, metavar="S", help=seconds)
    add("--data", default="mnist", metavar="FOLDER", help="as for the scripts")
    mode("--ladder", action="store_true", help="each script once in its window, just timed")
    mode("--strokes", action="store_true", help="a digit is drawn while it trains, just timed")
    options = parser.parse_args()
    (ladder if options.ladder else strokes if options.strokes else table)(options)
    cores = len(os.sched_getaffinity(0))
    names = "tensorflow", "keras", "numpy", "matplotlib"
    print(f"\n{cores} cores, {os.environ.get('MPLBACKEND', 'tkagg')},", end=" ")
    print(", ".join([f"Python {sys.version.split()[0]}"] + [f"{n} {version(n)}" for n in names]))


if __name__ == "__main__":
    if sys.argv[1:2] == ["--watched"]:
        watched(*sys.argv[2:])
    else:
        main()
