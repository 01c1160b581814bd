"""The terminal: flags, lines that cannot fail, progress and summary of a run, signals."""

import argparse
import os
import signal
import sys
import time
from contextlib import contextmanager

from digits.download import Bar
from visu.panels.style import printable

SIGNALS = "SIGINT", "SIGTERM", "SIGHUP"  # Ctrl-C, a shutdown, a closed terminal
BAR_SECONDS = 0.1  # between two drawings of the progress bar


# ---- flags


class Parser(argparse.ArgumentParser):
    """An ArgumentParser that does not wrap its description; an error is one line, status 2."""

    def __init__(self, description, prog=None, epilog=None):
        if "%(prog)" in description:  # argparse would fill it in, and stumble over any other %
            description = description.replace("%", "%%")
        formatter = argparse.RawDescriptionHelpFormatter
        super().__init__(prog, description=description, epilog=epilog, formatter_class=formatter)

    def parse_args(self, *args, **kwargs):
        prepare_streams()
        return super().parse_args(*args, **kwargs)

    def error(self, message):
        self.exit(2, f"{self.prog}: {message}; --help lists the flags\n")


def shorten(text, most):
    """`text`, cut to at most `most` characters; a text that was cut ends with …"""
    return text if len(text) <= most else f"{text[: most - 1]}…"


def whole(low, high):
    """An argparse type: whole numbers from low to high, as 10000 or 10,000."""

    def whole_number(text):
        digits = text.replace(",", "").replace("_", "")
        known = digits.isascii() and digits.isdigit() and len(digits) <= 20
        if not (known and low <= int(digits) <= high):
            found = f"'{shorten(text, 20)}' is not a whole number from {low:,} to {high:,}"
            raise argparse.ArgumentTypeError(found)
        return int(digits)

    return whole_number


def label(text):
    """An argparse type: a few words in one line, which fit into a headline and a legend."""
    if len(text) > 40 or not text.isprintable():
        found = f"{shorten(text, 60)!r} is not one line of at most 40 characters"
        raise argparse.ArgumentTypeError(found)
    return text.strip()


# ---- lines


def prepare_streams():
    """Make stdout and stderr such that text can always be printed, whatever its letters.

    A letter that the terminal does not have is printed as its escape; a closed stream swallows all.
    """
    for name in ("stdout", "stderr"):
        stream = getattr(sys, name)
        if stream is None:
            setattr(sys, name, open(os.devnull, "w"))  # noqa: SIM115  for the whole process
        elif hasattr(stream, "reconfigure"):  # a notebook's has no letters that it cannot show
            stream.reconfigure(errors="backslashreplace")


@contextmanager
def printing(stream=None):
    """Within it text is printed. Where that is no longer possible, the stream is silenced.

    A closed pipe or terminal, or a full disk, thus does not end a run. stream: sys.stdout if None.
    """
    stream = stream or sys.stdout
    try:
        yield stream
        if stream:
            stream.flush()
    except OSError:
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, stream.fileno())
        os.close(nowhere)


def say(text, stream=None):
    """Print lines at once, without anything that a terminal would obey; see printing."""
    with printing(stream) as out:
        print("\n".join(printable(line) for line in text.split("\n")), file=out)


# ---- a run


class Progress:
    """How far a run is: a bar on a terminal; in a pipe a line for every tenth of the run."""

    def __init__(self):
        self._bar, self._due = Bar(), 0.0
        self._tenths = 0  # of the run, at the newest line

    def show(self, history):
        """Show the newest evaluation of a History; called after each one."""
        i, planned = history.iteration, max(history.run.iterations, 1)
        _, accuracy, loss, *_ = history.test[-1]
        if not (sys.stdout.isatty() and sys.stderr.isatty()):
            if history.last.test:
                before, self._tenths = self._tenths, i * 10 // planned
                if i and self._tenths != before:
                    say(f"iteration {i:,}: test accuracy {accuracy:.2%}, test loss {loss:.4g}")
        elif time.monotonic() >= self._due or history.completed:
            with printing(sys.stderr):
                text = f"  iteration {i:,} of {planned:,}, test accuracy {accuracy:.2%}"
                self._bar(i, planned, text)
            self._due = time.monotonic() + BAR_SECONDS

    def end(self):
        """End the bar's line, so that what follows stands on its own."""
        with printing(sys.stderr):
            self._bar.end()


def summary(history, folder):
    """The lines that end a run, as one string: accuracy, time, iterations per second, files.

    history: a History, perhaps of a stopped run, or empty; folder: that of its files, or None.
    """
    if history.last and not history.run.iterations:
        return f"Test accuracy: {history.test[-1].accuracy:.2%}, {history.run.planned}"
    if not history.iteration:
        return "Stopped before the first iteration."
    done, final, best = history.iteration, history.test[-1], history.best_test
    if history.completed:
        result = [
            f"Final test accuracy: {final.accuracy:.2%} after {done:,} iterations",
            f"Best during training: {best.accuracy:.2%} (iteration {best.iteration:,})",
        ]
    else:
        result = [
            f"Stopped at iteration {done:,} of {history.run.iterations:,}. "
            f"Last test accuracy: {final.accuracy:.2%} (iteration {final.iteration:,})"
        ]
    speed = f"{history.steps_per_second:,.0f} iterations per second"
    result += [f"Time: {history.last.seconds:.1f} s, {speed}"]
    return "\n".join(result + ([f"Files: {folder}"] if folder else []))


@contextmanager
def ctrl_c_ignored():
    """Within it, which takes a moment, Ctrl-C has no effect; for the main thread."""
    try:
        before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    except ValueError:  # not on the main thread
        yield
        return
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before or signal.SIG_DFL)


@contextmanager
def stopping_signals(stop):
    """Within it the first of SIGNALS calls stop(); a second one ends the block at once.

    Yields a list, to which the numbers of the signals that come are added. A signal that is ignored
    (nohup) stays so.
    """
    came, before = [], {}

    def handle(number, frame):
        came.append(number)
        restore()
        stop()

    def restore():
        for number, handler in before.items():
            signal.signal(number, handler)

    for number in (getattr(signal, name) for name in SIGNALS if hasattr(signal, name)):
        handler = signal.getsignal(number)
        if handler not in (signal.SIG_IGN, None):
            try:
                before[number] = signal.signal(number, handle)
            except ValueError:  # not on the main thread, where alone signals arrive
                break
    try:
        yield came
    except KeyboardInterrupt:
        came.append(signal.SIGINT)
    finally:
        restore()
