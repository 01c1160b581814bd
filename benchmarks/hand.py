"""A hand on keys and mouse for benchmarks/window.py, and how long the window takes to answer it."""

import random
import time

import numpy as np

KEYS = "h", "h", "1", "0", "6", "Escape", "w", "0", "7", "0"  # each second one: the six panels
NO_ANSWER = 5  # seconds after which a key or a stroke counts as lost
COMPILE_SECONDS = 5  # from the first picture until it surely trains


def press_keys(seconds, display, process):
    """[(time, seconds until it was acknowledged, until its view was there)] of the KEYS, over and
    over; acknowledged: the badge or the view has changed.
    """
    six = display.settled()
    answers, end = [], time.monotonic() + seconds
    while time.monotonic() < end and process.poll() is None:
        for k, key in enumerate(KEYS):
            badge, begin, acknowledged = display.badge(), time.monotonic(), None
            display.xdotool("key", "--delay", "0", key)
            back = bool(k % 2)
            while np.array_equal(display.probe(), six) != back:
                if acknowledged is None and not np.array_equal(display.badge(), badge):
                    acknowledged = time.monotonic() - begin
                if time.monotonic() - begin > NO_ANSWER or process.poll() is not None:
                    return answers + [(begin, NO_ANSWER, NO_ANSWER)] * (process.poll() is None)
                time.sleep(0.001)
            seen = time.monotonic() - begin
            answers.append((begin, acknowledged or seen, seen))
            time.sleep(random.uniform(0.1, 0.3))
    return answers


def draw_strokes(seconds, display, process):
    """[(time, seconds until it was shown)] of strokes on the sheet of `d`, each on a new sheet.

    Shown: the picture that the network gets has changed, and with it the layers and the bars, which
    are drawn in the same frame.
    """
    while process.poll() is None and display.picture().std() < 1:
        time.sleep(0.1)
    time.sleep(COMPILE_SECONDS)
    answers, end = [], time.monotonic() + seconds
    while time.monotonic() < end and process.poll() is None:
        display.xdotool("key", "BackSpace")
        x, y = random.uniform(-0.6, 0), random.uniform(-0.6, 0)
        display.point(x, y)
        display.xdotool("mousedown", 1)
        time.sleep(random.uniform(0.6, 0.8))  # the dot is shown
        before, begin = display.picture(), time.monotonic()
        display.point(x + 0.5, y + 0.5)
        while np.array_equal(display.picture(), before) and time.monotonic() - begin < NO_ANSWER:
            time.sleep(0.001)
        answers.append((begin, time.monotonic() - begin))
        display.xdotool("mouseup", 1)
    return answers
