"""A progress bar for work that takes seconds. It is shown on a terminal only."""

import sys

WIDTH = 40  # characters


class Bar:
    """Called as bar(done, total) now and then. `end` moves on to the next line.

    The bar starts a line of its own on stderr. Another call after `end` starts another bar.
    """

    def __init__(self):
        self._line = None  # as it is shown now

    def __call__(self, done, total):
        if not (sys.stderr and sys.stderr.isatty()):
            return
        share = min(done / total, 1)
        line = f"  [{'#' * int(WIDTH * share):.<{WIDTH}}] {int(100 * share):3} %"
        if line != self._line:
            start = "\n" if self._line is None else "\r"
            print(start, line, sep="", end="", file=sys.stderr, flush=True)
            self._line = line

    def end(self):
        """Ends the line of the bar, if there is one."""
        if self._line is not None:
            print(file=sys.stderr, flush=True)
            self._line = None
