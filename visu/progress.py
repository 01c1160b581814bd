"""How far a run is, on the terminal."""

import sys

from keras.utils import Progbar

from visu.terminal import printing, say


class Progress:
    """How far a run is: a bar on a terminal; in a pipe a plain line for every tenth of the run."""

    def __init__(self, iterations):
        self._iterations = iterations
        self._bar = None
        self._shown = 0  # iteration of the newest evaluation shown
        self._open = False  # whether the bar's line has no end yet

    def show(self, history):
        """Show the newest evaluation of a History; called after each one."""
        with printing():
            if sys.stdout.isatty():
                self._show_bar(history)
            elif history.last.test and self._tenths(history.iteration) != self._tenths(self._shown):
                accuracy, loss = history.test_accuracy[-1], history.test_loss[-1]
                print(
                    f"iteration {history.iteration:,}: "
                    f"test accuracy {accuracy:.2%}, test loss {loss:.4g}"
                )
                self._shown = history.iteration

    def _show_bar(self, history):
        i = history.iteration
        if self._bar is None or i < self._shown:  # first, or started again
            self.end()
            self._bar = Progbar(
                self._iterations, stateful_metrics=["test_accuracy"], unit_name="iteration"
            )
        self._bar.update(i, [("test_accuracy", history.test_accuracy[-1])])
        self._open = i < self._iterations
        self._shown = i

    def _tenths(self, i):
        return i * 10 // self._iterations

    def end(self):
        """End the bar's line if it is open, so that what follows stands on its own."""
        if self._open:
            say("")
            self._open = False
