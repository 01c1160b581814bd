"""How far a run is, on the terminal."""

import sys
import time

from digits.download import Bar
from visu.show.terminal import printing, say

PAUSE_SECONDS = 0.1  # between two drawings of the bar


class Progress:
    """A bar on a terminal; in a pipe a plain line for every tenth of the run."""

    def __init__(self, iterations):
        self._iterations = max(iterations, 1)
        self._bar, self._due = Bar(), 0.0
        self._shown = 0  # iteration of the newest line

    def show(self, history):
        """Show the newest evaluation of a History; called after each one."""
        i, accuracy = history.iteration, history.test_accuracy[-1]
        if not (sys.stdout.isatty() and sys.stderr.isatty()):
            self._show_line(history)
        elif time.monotonic() >= self._due or i == self._iterations:
            with printing(sys.stderr):
                text = f"  iteration {i:,} of {self._iterations:,}, test accuracy {accuracy:.2%}"
                self._bar(i, self._iterations, text)
            self._due = time.monotonic() + PAUSE_SECONDS

    def _show_line(self, history):
        i = history.iteration
        if i == 0:
            self._shown = 0  # also after a restart
        if history.last.test and self._tenths(i) != self._tenths(self._shown):
            accuracy, loss = history.test_accuracy[-1], history.test_loss[-1]
            say(f"iteration {i:,}: test accuracy {accuracy:.2%}, test loss {loss:.4g}")
            self._shown = i

    def _tenths(self, i):
        return i * 10 // self._iterations

    def end(self):
        """End the bar's line, so that what follows stands on its own."""
        with printing(sys.stderr):
            self._bar.end()
