"""Chooses the backend with which matplotlib opens windows, and says why where none can open.

Import this module before anything that imports pyplot, which TensorFlow does through Keras: until
then $MPLBACKEND can be set aside, and neither an unknown nor an unusable one raises.
"""

import ctypes
import os
import sys
from contextlib import contextmanager

_chosen, _unknown = os.environ.pop("MPLBACKEND", ""), ""
import matplotlib  # noqa: E402
from matplotlib.backends import BackendFilter, backend_registry  # noqa: E402

LINUX = sys.platform.startswith("linux")
# where none was chosen: Tk before Qt, which ends the process where a library is missing
TRIED = "tkagg", "qtagg", "gtk4agg", "gtk3agg", "wxagg"
IN_CELL = "!python cannot draw in a notebook; write %run in its place."
INSTALL = "apt install python3-tk, or pip install pyside6 (for webagg: tornado)."

if _chosen:
    os.environ["MPLBACKEND"] = _chosen
    try:
        matplotlib.rcParams["backend"] = _chosen
    except ValueError:
        _unknown = _chosen


def in_notebook():
    """Whether this process shows its pictures in a notebook: `%run`, as `!python` cannot."""
    backend = matplotlib.get_backend(auto_select=False) or ""
    return "ipykernel" in sys.modules and _of_notebooks(backend.lower())


def _of_notebooks(backend):
    return backend in ("nbagg", "notebook", "ipympl", "widget") or "inline" in backend


class NoWindow(Exception):
    """No window can open here; str() is one line that says why and what to do about it."""


def why_no_window():
    """Return None where a window can open, else one line: why not, and what to do or install.

    Where a window can open, pyplot has been switched to the backend that opens it.
    """
    if _unknown:
        unknown = f"matplotlib has no backend MPLBACKEND={_unknown}; unset it."
        return IN_CELL if _of_notebooks(_unknown.lower()) else unknown
    chosen = matplotlib.get_backend(auto_select=False)
    why = missing = ""
    for backend in [chosen] if chosen else TRIED if LINUX else [matplotlib.get_backend()]:
        try:
            return _switch(backend)
        except NoWindow as error:
            why = why or str(error)
        except Exception as error:  # ImportError, RuntimeError, or whatever a toolkit raises
            missing = one_line(error)
    unusable = f"MPLBACKEND={chosen} cannot be used: {missing} Unset it, or {INSTALL}"
    return why or (unusable if chosen else f"Python has no window toolkit; {INSTALL}")


def _switch(backend):
    """Have pyplot open windows with this backend. Raises NoWindow, or what a toolkit raises."""
    import matplotlib.pyplot as plt

    name = backend.lower()
    if _of_notebooks(name):
        raise NoWindow(IN_CELL)
    if name in backend_registry.list_builtin(BackendFilter.NON_INTERACTIVE):
        line = f"the backend {backend} only writes files; unset MPLBACKEND, or {INSTALL}"
        raise NoWindow(line)
    try:
        plt.switch_backend("module://visu.show.browser" if name == "webagg" else backend)
    except ImportError as error:
        if "headless" not in str(error):  # matplotlib's word for it
            raise
        screen = os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY")
        silent = f"the display {screen} does not answer; check DISPLAY."
        raise NoWindow(silent if screen else "there is no display; set DISPLAY.") from error
    if LINUX and name in ("qtagg", "qtcairo"):
        _find_xcb_cursor()


def _find_xcb_cursor():
    """Raise NoWindow where Qt would end this process: pip's lacks a library for X displays."""
    if os.environ.get("QT_QPA_PLATFORM") or os.environ.get("WAYLAND_DISPLAY"):
        return
    try:
        ctypes.CDLL("libxcb-cursor.so.0")
    except OSError as error:
        line = "Qt finds no libxcb-cursor.so.0; apt install libxcb-cursor0, or python3-tk for Tk."
        raise NoWindow(line) from error


@contextmanager
def lost_display(end):
    """Within it end() is called where Tk's display is lost: Xlib then ends this process at once.

    No finally and no atexit would run. Qt closes its window; other systems have no Xlib.
    """
    try:
        set_handler = ctypes.CDLL(sys.modules["_tkinter"].__file__).XSetIOErrorHandler
    except (KeyError, AttributeError, OSError):
        yield
        return
    handler = ctypes.CFUNCTYPE(None, ctypes.c_void_p)(lambda display: end())
    set_handler(handler)
    try:
        yield
    finally:
        set_handler(None)


def one_line(error):
    """An exception as one line that ends with a full stop."""
    text = " ".join(f"{type(error).__name__}: {error}".split())
    return text if text.endswith(".") else text + "."
