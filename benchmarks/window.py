"""What the live window costs, and how fast it answers: real windows on a screen in memory (Xvfb).

    python benchmarks/window.py                             # 1.0, 2.2, 3.1 in full
    python benchmarks/window.py 2.2 --iterations 2000 --size 1344x756 --rounds 1
    python benchmarks/window.py 3.1 --view d                # with one digit open
    python benchmarks/window.py 3.1 --strokes               # how soon a stroke has its answer

Prints a line per script: iterations per second headless and live, in alternation, and the median of
the ratios; milliseconds of a processor that the window takes for a frame; seconds from the start of
the process to the first picture, evaluation and moving curve; and, in another run, milliseconds
from a key's press to the badge that acknowledges it, and to its view: median and longest.
--strokes: from a move of the mouse on the sheet of `d`, while it trains, to the frame that shows
what the network makes of it. Needs Xvfb and xdotool; MPLBACKEND picks the toolkit (tkagg).
"""

import os
import random
import shutil
import subprocess
import sys
import tempfile
import time
from contextlib import contextmanager
from pathlib import Path
from statistics import median

import numpy as np
import steps
from screen import screen
from steps import LADDER, SCRIPTS

KEYS = ("h", "h"), ("1", "0"), ("6", "Escape"), ("w", "0"), ("7", "0")  # away and back
SIZES = "1920x1080", "1344x756"
NO_ANSWER = 5  # seconds after which a key or a stroke counts as lost
COMPILE_SECONDS = 5  # from the first evaluation until it surely trains
ENDLESS = 10**7  # iterations
# parts of the window: left, top, right, bottom, as shares of its width and height
FACTS = 0.01, 0.04, 0.3, 0.08  # in the headline: each frame changes the iteration
ACCURACY = 0.88, 0.01, 0.985, 0.055  # in the headline, from the first evaluation on
BADGE = 0.5, 0, 0.74, 0.05  # the status in the headline: it changes when a key has come
TITLE = 0.37, 0.56, 0.5, 0.59  # of the fifth panel: no frame changes it, each view does
PICTURE = 0.03, 0.3, 0.19, 0.55  # what the network gets, in the view `d`; training leaves it

COST = (
    "iterations/s headless | live | ratio | ms per frame "
    "| s to the first picture / evaluation / moving curve "
    "| ms until a key is acknowledged | until its view is there | keys"
)
STROKES = "ms from stroke to picture, median, longest | strokes"


@contextmanager
def window(step, options, iterations, view="0"):
    """While the block lasts, a script in a window: its Screen, its Popen, the file of its output.

    view: the key of the view to begin with.
    """
    with tempfile.TemporaryDirectory() as runs, screen(options.size) as display:
        printed, script = Path(runs, "printed"), SCRIPTS[step]
        flags = "--runs", runs, "--data", options.data, "--iterations", str(iterations)
        with open(printed, "w") as file:
            command = [sys.executable, script, *flags, "--view", view]
            process = subprocess.Popen(command, env=display.variables, stdout=file)
        if not display.fill(script.stem.split("_")[1], process):
            sys.exit(process.returncode)
        yield display, process, printed
        display.xdotool("key", "q")
        if process.wait(60):
            sys.exit(f"{script.name} ended with status {process.returncode}")


def appeared(display, part):
    """Wait until this part of the window is there; returns the time."""
    end = time.monotonic() + 60
    while display.pixels(part).std() < 1:
        if time.monotonic() > end:
            sys.exit("the window stays empty")
        time.sleep(0.005)
    return time.monotonic()


def watch(display, process, printed):
    """To the run's end: the times of the first picture, evaluation and moving curve; the seconds of
    a processor that the window's thread has had for each later frame.
    """
    times, frames = [appeared(display, FACTS), appeared(display, ACCURACY)], 0
    begin, changed = processor_seconds(process.pid), display.changed(FACTS)
    while "Files: " not in printed.read_text() and process.poll() is None:
        time.sleep(0.005)
        if changed():
            times.append(time.monotonic())
            frames, changed = frames + 1, display.changed(FACTS)
    return times[:3], (processor_seconds(process.pid) - begin) / max(frames, 1)


def processor_seconds(pid):
    """The seconds of a processor that the main thread of a process has had."""
    fields = Path(f"/proc/{pid}/task/{pid}/stat").read_text().rpartition(")")[2].split()
    return sum(map(int, fields[11:13])) / os.sysconf("SC_CLK_TCK")


def until(true, begin):
    """The seconds from `begin` until true() is so, NO_ANSWER at the most."""
    while not true() and time.monotonic() - begin < NO_ANSWER:
        time.sleep(0.001)
    return time.monotonic() - begin


def press(display, key, there):
    """The seconds until a key is acknowledged, and until there(): its view is."""
    changed, begin = display.changed(BADGE), time.monotonic()
    display.xdotool("key", "--delay", "0", key)
    answer = until(lambda: changed() or there(), begin), until(there, begin)
    time.sleep(random.uniform(0.1, 0.3))
    return answer


def press_keys(display, seconds):
    """The answers of press() to KEYS, over and over."""
    appeared(display, ACCURACY)
    time.sleep(COMPILE_SECONDS)
    away = display.changed(TITLE)  # from the six panels
    answers, end = [], time.monotonic() + seconds
    while time.monotonic() < end:
        for key, back in KEYS:
            answers += [press(display, key, away), press(display, back, lambda: not away())]
    return answers


def draw_strokes(display, seconds):
    """[(seconds until it was shown,)] of strokes on the sheet of `d`, each on a new sheet.

    Shown: the picture that the network gets has changed, and with it the layers and the bars, which
    are drawn in the same frame.
    """
    appeared(display, PICTURE)
    time.sleep(COMPILE_SECONDS)
    answers, end = [], time.monotonic() + seconds
    while time.monotonic() < end:
        x, y = random.uniform(0.06, 0.11), random.uniform(0.72, 0.82)
        display.xdotool("key", "BackSpace")
        display.point(x, y)
        display.xdotool("mousedown", 1)
        time.sleep(random.uniform(0.6, 0.8))  # the dot is shown
        changed, begin = display.changed(PICTURE), time.monotonic()
        display.point(x + 0.045, y + 0.08)
        answers.append((until(changed, begin),))
        display.xdotool("mouseup", 1)
    return answers


def cost(step, options):
    """The cells of a line on what the window costs, and how soon it answers keys."""
    iterations = options.iterations or LADDER[step].iterations
    flags = "--data", options.data, "--iterations", iterations
    pairs, starts, spent = [], [], []
    for _ in range(options.rounds):
        with tempfile.TemporaryDirectory() as runs:
            alone = steps.run(SCRIPTS[step], "--runs", runs, *flags)
        begin = time.monotonic()
        with window(step, options, iterations, options.view) as (*running, printed):
            times, seconds = watch(*running, printed)
            live = steps.saved_run(printed.read_text(), step)
        pairs.append([saved.result["steps_per_second"] for saved in (alone, live)])
        starts.append([at - begin for at in times])
        spent.append(1000 * seconds)
    with window(step, options, ENDLESS) as (display, *_):
        answers = press_keys(display, options.key_seconds)
    rates = np.array(pairs)
    cells = [f"{rate:,.0f}" for rate in np.median(rates, axis=0)]
    cells += [f"{np.median(rates[:, 1] / rates[:, 0]):.2f}", f"{median(spent):.0f}"]
    cells.append(" / ".join(f"{median(seconds):.1f}" for seconds in zip(*starts, strict=True)))
    return cells + milliseconds(answers)


def strokes(step, options):
    """The cells of a line: how long it takes until the answer to a stroke is shown."""
    with window(step, options, ENDLESS, "d") as (display, *_):
        return milliseconds(draw_strokes(display, options.key_seconds))


def milliseconds(answers):
    """Cells: median and longest of each column of answers, in seconds; and how many there are."""
    columns = zip(*answers, strict=True)
    cells = (f"{1000 * median(column):.0f}, {1000 * max(column):.0f}" for column in columns)
    return [*cells, str(len(answers))]


def main():
    parser = steps.Parser(description=__doc__)
    add, whole, step = parser.add_argument, steps.whole, steps.one_of(*SCRIPTS)
    add("steps", nargs="*", type=step, metavar="STEP", help="for example 2.2 (1.0 2.2 3.1)")
    add("--iterations", type=whole(1, 10**7), metavar="N", help="for shorter runs")
    add("--rounds", type=whole(1, 1000), default=2, metavar="N", help="runs of each kind (2)")
    add("--size", choices=SIZES, default=SIZES[0], help="of the window (the first)")
    seconds = "how long keys or strokes are tried (40)"
    add("--key-seconds", type=whole(1, 1000), default=40, metavar="S", help=seconds)
    add("--data", default="mnist", metavar="FOLDER", help="as for the scripts")
    add("--view", default="0", metavar="KEY", help="as for the scripts (0)")
    add("--strokes", action="store_true", help="draw digits while it trains, do nothing else")
    options = parser.parse_args()
    if missing := [name for name in ("Xvfb", "xdotool") if not shutil.which(name)]:
        parser.error(f"{missing[0]} is not installed")
    kind, head = (strokes, STROKES) if options.strokes else (cost, COST)
    print(f"| step, {options.size} | {head} |\n|{'---|' * (head.count('|') + 2)}")
    for step in options.steps or ("1.0", "2.2", "3.1"):
        print(f"| {step} | {' | '.join(kind(step, options))} |", flush=True)
    print(f"\n{os.environ.get('MPLBACKEND', 'tkagg')}, {steps.conditions()}")


if __name__ == "__main__":
    main()
