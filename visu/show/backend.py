"""Chooses the backend with which matplotlib opens windows, and says why where none can open.

Import this module before anything that imports pyplot, which TensorFlow does through Keras: until
then $MPLBACKEND can be set aside, and neither an unknown nor an unusable one raises.
"""

import ctypes
import os
import re
import sys
from importlib.util import find_spec
from pathlib import Path

_chosen, _unknown = os.environ.pop("MPLBACKEND", ""), ""
import matplotlib  # noqa: E402
from matplotlib.backends import backend_registry  # noqa: E402

# a backend's GUI framework: its name, the modules of which it needs one, how to install one
TOOLKITS = {
    "qt": ("Qt", ("PySide6", "PyQt6", "PyQt5", "PySide2"), "pip install pyside6"),
    "qt5": ("Qt 5", ("PyQt5", "PySide2"), "pip install pyqt5"),
    "gtk4": ("GTK", ("gi",), "pip install pygobject"),
    "gtk3": ("GTK", ("gi",), "pip install pygobject"),
    "tk": ("Tk", ("_tkinter",), "apt install python3-tk"),
    "wx": ("wxPython", ("wx",), "pip install wxpython"),
    "webagg": ("tornado", ("tornado",), "pip install tornado"),
}
AFTER_QT = "gtk4agg", "gtk3agg", "tkagg", "wxagg"  # in matplotlib's order
SCREENS = {"xcb": "DISPLAY", "wayland": "WAYLAND_DISPLAY"}  # Qt's platforms, and what they need

if _chosen:
    os.environ["MPLBACKEND"] = _chosen
    try:
        matplotlib.use(_chosen, force=False)  # no error where pyplot is imported already
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
        return f"matplotlib has no backend MPLBACKEND={_unknown}; unset it."
    chosen = matplotlib.get_backend(auto_select=False)
    try:
        backend = matplotlib.get_backend()  # tries the toolkits where none was chosen
        if _of_notebooks(backend.lower()):
            return "!python cannot draw in a notebook; write %run in its place."
        backend, framework = backend_registry.resolve_backend(backend)
    except Exception as error:  # whatever a backend's module raises
        return f"MPLBACKEND={chosen} cannot be loaded, unset it: {one_line(error)}"
    if framework:
        return _why_not(backend, framework, () if chosen else AFTER_QT)
    if os.environ.get("MPLBACKEND", "").lower() == backend.lower():
        return f"MPLBACKEND={backend} only writes files; unset it."
    return _why_no_toolkit()


def _why_not(backend, framework, others=()):
    """None if this backend, or else for Qt one of the others, can open a window, else one line."""
    import matplotlib.pyplot as plt

    if not _installed(framework):
        name, _, install = TOOLKITS[framework]
        return f"the backend {backend} needs {name}; {install}."
    try:
        plt.switch_backend("module://visu.show.webagg" if backend == "webagg" else backend)
    except Exception as error:  # ImportError, RuntimeError, or a toolkit's own
        return _why_no_display() if "headless" in str(error) else one_line(error)
    return _why_not_qt(others) if framework.startswith("qt") else None


def _installed(framework):
    """Whether Python finds one of the modules that this GUI framework needs."""
    _, modules, _ = TOOLKITS.get(framework, ("", (), ""))
    return not modules or any(find_spec(module) for module in modules)


def _why_no_display():
    screen = os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY")
    if not screen:
        return "there is no display; set DISPLAY."
    return f"the display {screen} does not answer; check DISPLAY."


def _why_no_toolkit():
    """One line: why matplotlib, left to choose, has found no backend that opens windows."""
    screen = os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY")
    if sys.platform.startswith("linux") and not screen:
        return _why_no_display()
    for framework in TOOLKITS:
        if framework != "webagg" and _installed(framework):
            backend = backend_registry.backend_for_gui_framework(framework)
            return _why_not(backend, framework) or _why_no_display()
    return "Python has no window toolkit; apt install python3-tk, or pip install pyside6."


def _why_not_qt(others):
    """None if Qt, or else one of these other backends, can open a window, else one line."""
    import matplotlib.pyplot as plt

    hidden, missing = _hidden_qt(), _missing_to_qt()
    if not hidden and not missing:
        return None
    for backend in others:
        try:
            plt.switch_backend(backend)
            return None
        except ImportError:
            continue
    if hidden:
        return f"QT_QPA_PLATFORM={hidden} shows no window here; unset it."
    name, version = missing
    package = f"{name}{'-' if name[-1].isdigit() else ''}{version}".lower()  # as Debian names it
    instead = "python3-tk" if others else "set MPLBACKEND=tkagg"
    library = f"{name}.so.{version}"
    return f"Qt finds no {library}; apt install {package}, or {instead}."


def _hidden_qt():
    """$QT_QPA_PLATFORM where Qt would draw unseen or abort this process because of it, else ""."""
    given = os.environ.get("QT_QPA_PLATFORM", "")
    names = [re.split("[-:]", name)[0] for name in given.split(";")]
    seen = any(os.environ.get(SCREENS.get(name, ""), "") for name in names)
    return "" if seen or sys.platform != "linux" else given


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
