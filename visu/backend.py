"""Which of matplotlib's backends there is, and why none of them may open a window.

To be imported before the rest of matplotlib, whose import fails on a $MPLBACKEND it does not know.
"""

import ctypes
import os
import re
import sys
from importlib.util import find_spec
from pathlib import Path

_chosen, _unknown = os.environ.pop("MPLBACKEND", ""), ""
import matplotlib  # noqa: E402
from matplotlib.backends import BackendFilter, backend_registry  # noqa: E402

TOOLKITS = "_tkinter", "PySide6", "PyQt6", "PyQt5", "gi", "wx"
AFTER_QT = "gtk4agg", "gtk3agg", "tkagg", "wxagg"  # in matplotlib's order

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
        chosen = matplotlib.get_backend(auto_select=False)
        backend = matplotlib.get_backend().lower()  # tries the toolkits where none was chosen
        if _of_notebooks(backend):
            return "!python cannot draw in a notebook; write %run in its place."
        if backend in backend_registry.list_builtin(BackendFilter.INTERACTIVE):
            import matplotlib.pyplot as plt

            # raises where its toolkit or the display is missing
            plt.switch_backend("module://visu.webagg" if backend == "webagg" else backend)
            return _why_not_qt(() if chosen else AFTER_QT) if backend.startswith("qt") else None
    except Exception as error:  # ImportError, RuntimeError, or a toolkit's own
        return one_line(error)
    if os.environ.get("MPLBACKEND", "").lower() == backend:
        return f"MPLBACKEND={backend} only writes files; unset it."
    screen = os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY")
    if sys.platform.startswith("linux") and not screen:
        return "there is no display; set DISPLAY."
    if any(find_spec(toolkit) for toolkit in TOOLKITS):
        return f"the display {screen or ''} does not answer; check DISPLAY."
    return "Python has no window toolkit; apt install python3-tk, or pip install pyside6."


def _why_not_qt(others):
    """None where Qt, or else one of these other backends, can open a window, else one line."""
    import matplotlib.pyplot as plt

    missing = _missing_to_qt()
    if not missing:
        return None
    for backend in others:
        try:
            plt.switch_backend(backend)
            return None
        except ImportError:
            continue
    name, version = missing
    package = f"{name}{'-' if name[-1].isdigit() else ''}{version}".lower()  # as Debian names it
    instead = "python3-tk" if others else "set MPLBACKEND=tkagg"
    library = f"{name}.so.{version}"
    return f"Qt finds no {library}; apt install {package}, or {instead}."


def _missing_to_qt():
    """Name and version of a library without which Qt would abort this process, or None.

    pip's Qt comes without some that its plugin for X displays needs, libxcb-cursor above all.
    """
    default = "wayland" if os.environ.get("WAYLAND_DISPLAY") else "xcb"
    if sys.platform != "linux" or (os.environ.get("QT_QPA_PLATFORM") or default) != "xcb":
        return None
    from matplotlib.backends.qt_compat import QtCore

    for folder in QtCore.QCoreApplication.libraryPaths():
        plugin = Path(folder, "platforms", "libqxcb.so")
        try:
            if plugin.exists():
                ctypes.CDLL(str(plugin))
        except OSError as error:  # libxcb-cursor.so.0: cannot open shared object file: ...
            found = re.search(r"(lib[^/ ]+)\.so\.(\d+)", str(error))
            return found and found.groups()
    return None


def one_line(error):
    """An exception as one line that ends with a full stop."""
    text = " ".join(f"{type(error).__name__}: {error}".split())
    return text if text.endswith(".") else text + "."
