"""Which of matplotlib's backends there is, and why none of them may open a window.

To be imported before the rest of matplotlib, whose import fails on a $MPLBACKEND it does not know.
"""

import os
import sys
from importlib.util import find_spec

_chosen, _unknown = os.environ.pop("MPLBACKEND", ""), ""
import matplotlib  # noqa: E402
from matplotlib.backends import BackendFilter, backend_registry  # noqa: E402

TOOLKITS = "_tkinter", "PySide6", "PyQt6", "PyQt5", "gi", "wx"

if _chosen:
    os.environ["MPLBACKEND"] = _chosen
    try:
        matplotlib.use(_chosen)
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
    """None where a window can open, else one line: why not, and what to do or to install."""
    if _unknown:
        return f"matplotlib has no backend MPLBACKEND={_unknown}; unset it."
    try:
        backend = matplotlib.get_backend().lower()  # tries the toolkits where none was chosen
        if _of_notebooks(backend):
            return "!python cannot draw in a notebook; write %run in its place."
        if backend in backend_registry.list_builtin(BackendFilter.INTERACTIVE):
            import matplotlib.pyplot as plt

            plt.switch_backend(backend)  # raises where its toolkit or the display is missing
            return None
    except Exception as error:  # ImportError, RuntimeError, or a toolkit's own
        return one_line(error)
    if os.environ.get("MPLBACKEND", "").lower() == backend:
        return f"MPLBACKEND={backend} only writes files; unset it."
    screen = os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY")
    if sys.platform.startswith("linux") and not screen:
        return "there is no display; set DISPLAY, or use --headless."
    if any(find_spec(toolkit) for toolkit in TOOLKITS):
        return f"the display {screen or ''} does not answer; check DISPLAY, or use --headless."
    return "Python has no window toolkit; apt install python3-tk, or pip install pyside6."


def one_line(error):
    """An exception as one line that ends with a full stop."""
    text = " ".join(f"{type(error).__name__}: {error}".split())
    return text if text.endswith(".") else text + "."
