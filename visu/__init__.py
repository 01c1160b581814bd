"""The live visualizer, which tensorflowvisu.py puts together. Its folders:

training  the only part that imports TensorFlow: the loop, the network, the worker thread
record    what a run is and what it has measured; its folder; which runs belong together
panels    history in, artists out: the table of views, the panels, the figure, the comparison
show      where a figure or a line is shown: window, notebook, movie, terminal
"""

import os
import signal
import sys
import threading
from contextlib import contextmanager


@contextmanager
def ctrl_c_while_starting():
    """Within it Ctrl-C ends a program at once, with one line and status 130, no traceback.

    For imports, which take seconds, and where KeyboardInterrupt may be caught and lost. Ctrl-C that
    means something else stays what it is: ignored in a shell's background, an interrupt in IPython.
    """

    def end(*_):
        try:
            print("Stopped while starting.", flush=True)
        finally:
            os._exit(130)

    main = threading.current_thread() is threading.main_thread()  # which alone may set a handler
    default = signal.getsignal(signal.SIGINT) is signal.default_int_handler
    if not (main and default) or "IPython" in sys.modules:
        yield
        return
    signal.signal(signal.SIGINT, end)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, signal.default_int_handler)
