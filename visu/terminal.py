"""The terminal: how far a run is, its result, and Ctrl-C."""

import signal
import sys
from contextlib import contextmanager

from keras.utils import Progbar


class Progress:
    """How far a run is: a bar on a terminal; in a pipe a plain line for every tenth of the run."""

    def __init__(self, iterations):
        self._iterations = iterations
        self._bar = None
        self._shown = 0  # iteration of the newest reading shown
        self._open = False  # whether the bar's line has no end yet

    def show(self, history):
        """Show the newest reading of a History; called after each one."""
        i = history.last.iteration
        if sys.stdout.isatty():
            if self._bar is None or i < self._shown:  # first, or started again
                self.end()
                self._bar = Progbar(
                    self._iterations, stateful_metrics=["test_accuracy"], unit_name="iteration"
                )
            self._bar.update(i, [("test_accuracy", history.test_accuracy[-1])])
            self._open = i < self._iterations
        elif history.last.test and self._tenths(i) != self._tenths(self._shown):
            accuracy, loss = history.test_accuracy[-1], history.test_loss[-1]
            line = f"iteration {i:,}: test accuracy {accuracy:.2%}, test loss {loss:.4g}"
            print(line, flush=True)
        else:
            return
        self._shown = i

    def _tenths(self, i):
        return i * 10 // self._iterations

    def end(self):
        """End the bar's line if it is open, so that what follows stands on its own."""
        if self._open:
            print(flush=True)
            self._open = False


def summary(history, iterations, folder):
    """The lines that end a run, as one string: final and best test accuracy, time, rate, files.

    history: a History, perhaps cut short or empty; folder: where the files lie, or None.
    """
    if not history.test_iterations:
        return "Stopped before anything was read."
    last, final = history.last, history.test_accuracy[-1]
    best, at = history.best_test
    if last.iteration >= iterations:
        result = f"Final test accuracy: {final:.2%} after {last.iteration:,} iterations"
    else:
        read = history.test_iterations[-1]
        result = f"Stopped at iteration {last.iteration:,} of {iterations:,}. "
        result += f"Last test accuracy: {final:.2%} (iteration {read:,})"
    lines = [
        result,
        f"Best reading on the way: {best:.2%} (iteration {at:,}); the final one is the result",
        f"Time: {last.seconds:.1f} s, {history.steps_per_second:,.0f} iterations per second",
    ]
    return "\n".join(lines + ([f"Files: {folder}"] if folder else []))


@contextmanager
def ctrl_c(stop):
    """Within it Ctrl-C calls stop() instead of breaking off; a second one breaks off.

    Gives a list that is empty until Ctrl-C was pressed.
    """
    pressed = []

    def interrupt(number, frame):
        pressed.append(number)
        signal.signal(signal.SIGINT, before)
        stop()

    try:
        before = signal.signal(signal.SIGINT, interrupt)
    except ValueError:  # not on the main thread, where alone signals arrive
        yield pressed
        return
    try:
        yield pressed
    finally:
        signal.signal(signal.SIGINT, before)
