"""A progress bar for work that takes seconds. It is shown on a terminal only."""

import sys

WIDTH = 40  # characters


class Bar:
    """Called as bar(done, total, text) now and then; the text stands behind the bar.

    It is drawn over itself on one line of stderr; `end` ends that line. Another call after `end`
    starts another bar. start: printed before a bar, "\\n" if the line before it is open.
    """

    def __init__(self, start=""):
        self._start = start
        self._line = ""  # the line on the screen

    def __call__(self, done, total, text=""):
        if not (sys.stderr and sys.stderr.isatty()):
            return
        share = min(done / total, 1)
        line = f"  [{'#' * int(WIDTH * share):.<{WIDTH}}] {int(100 * share):3} %{text}"
        if line != self._line:
            blanks = " " * (len(self._line) - len(line))  # over what is left of a longer line
            start = "\r" if self._line else self._start
            print(start, line, blanks, sep="", end="", file=sys.stderr, flush=True)
            self._line = line

    def end(self):
        """Ends the line of the bar, if there is one."""
        if self._line:
            print(file=sys.stderr, flush=True)
            self._line = ""
