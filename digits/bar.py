"""A progress bar on a terminal for what takes seconds; in a pipe nothing."""

import sys


class Bar:
    """Called as bar(done, total) now and then; `end` goes on to the next line.

    unit: what is counted, one of them. Keras is imported here, which takes seconds where a script
    has not done so before, and only on a terminal.
    """

    def __init__(self, unit):
        self._unit, self._bar, self._done = unit, None, 0
        self._shown = sys.stdout.isatty()
        if self._shown:
            import visu.training  # noqa: F401  imports TensorFlow without its start-up noise

    def __call__(self, done, total):
        if not (self._shown and done):
            return
        if self._bar is None:
            from keras.utils import Progbar

            print(flush=True)  # the line that said what begins
            self._bar = Progbar(total, unit_name=self._unit)
        self._done = min(done, total)
        self._bar.update(self._done, finalize=False)

    def end(self):
        """Ends the bar's line if there is one; another call begins another bar."""
        if self._bar is not None:
            self._bar.update(self._done, finalize=True)
            self._bar = None
