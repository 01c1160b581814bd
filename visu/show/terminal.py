"""The terminal: lines that cannot fail, a run's summary, and the signals that end a run."""

import os
import signal
import sys
from contextlib import contextmanager

SIGNALS = "SIGINT", "SIGTERM", "SIGHUP"  # Ctrl-C, a shutdown, a closed terminal
MISSING = "□"  # in place of a character that a terminal would obey


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


def printable(text):
    """`text` in one line of the same length, with nothing in it that a terminal would obey.

    White space becomes spaces; MISSING stands for escapes and other control characters.
    """
    return "".join(c if c.isprintable() else " " if c.isspace() else MISSING for c in text)


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


def summary(history, folder):
    """The lines that end a run, as one string: accuracy, time, iterations per second, files.

    history: a History, perhaps of a stopped run, or empty; folder: that of its files, or None.
    """
    iterations = history.run.iterations
    if history.last and not iterations:
        return f"Test accuracy: {history.test[-1].accuracy:.2%}"
    if not history.iteration:
        return "Stopped before the first iteration."
    last, final = history.last, history.test[-1].accuracy
    best = history.best_test
    if last.iteration >= iterations:
        result = [
            f"Final test accuracy: {final:.2%} after {last.iteration:,} iterations",
            f"Best during training: {best.accuracy:.2%} (iteration {best.iteration:,})",
        ]
    else:
        tested = history.test[-1].iteration
        result = [
            f"Stopped at iteration {last.iteration:,} of {iterations:,}. "
            f"Last test accuracy: {final:.2%} (iteration {tested:,})"
        ]
    time = f"Time: {last.seconds:.1f} s, {history.steps_per_second:,.0f} iterations per second"
    return "\n".join([*result, time] + ([f"Files: {folder}"] if folder else []))


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
