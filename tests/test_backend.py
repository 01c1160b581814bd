"""Which backend opens the window, and the one line that says why none can."""

import subprocess
import sys
from importlib.util import find_spec

import pytest
from conftest import SCRIPTS, TOP

from visu.show import backend

linux = pytest.mark.skipif(not sys.platform.startswith("linux"), reason="displays of Linux")
needs_tk = pytest.mark.skipif(not find_spec("_tkinter"), reason="needs Tk")
needs_qt = pytest.mark.skipif(not find_spec("PySide6"), reason="needs Qt")
TOOLKITS = "tkinter", "PyQt6", "PySide6", "PyQt5", "PySide2", "gi", "wx", "tornado"
OPEN = """
from visu.show.backend import NoWindow
from visu.show.window import open_figure
try:
    print(type(open_figure("").canvas).__name__)
except NoWindow as why:
    print(why)
"""


FAILS = """
import matplotlib.pyplot as plt
def fail(**_):
    raise RuntimeError("couldn't connect\\nto display")
plt.figure = fail
"""


@pytest.fixture
def opened(environment, tmp_path):
    """opened(missing, first, **variables): the canvas of a window in a process of its own, or why.

    missing: toolkits that Python does not find there; first: what it runs before.
    """

    def run(missing=(), first="", **variables):
        for name in missing:
            (tmp_path / f"{name}.py").write_text(f"raise ModuleNotFoundError('No {name}')")
        done = subprocess.run(
            [sys.executable, "-c", first + OPEN],
            env=environment(PYTHONPATH=str(tmp_path), **variables),
            capture_output=True,
            text=True,
            cwd=TOP,
        )
        assert (done.returncode, done.stderr, done.stdout.count("\n")) == (0, "", 1)
        return done.stdout.strip()

    return run


@linux
@pytest.mark.parametrize(
    ("variables", "line"),
    [
        ({"MPLBACKEND": "agg"}, "agg only writes files; unset MPLBACKEND"),
        ({"MPLBACKEND": "typo"}, "no backend MPLBACKEND=typo; unset it"),
        ({"MPLBACKEND": "module://nowhere"}, "No module named 'nowhere'. Unset it"),
        ({"MPLBACKEND": "module://matplotlib_inline.backend_inline"}, "write %run in its place"),
        pytest.param({"MPLBACKEND": "qtagg"}, "no display; set DISPLAY", marks=needs_qt),
        pytest.param({}, "no display; set DISPLAY", marks=needs_tk),
    ],
)
def test_where_no_window_can_open_one_line_says_why(opened, variables, line):
    assert line in opened(**variables)


@linux
@needs_tk
def test_a_dead_display_is_named_also_where_pyplot_was_imported_before(opened):
    variables = {"MPLBACKEND": "tkagg", "DISPLAY": ":4711"}
    assert ":4711 does not answer" in opened(first="import matplotlib.pyplot", **variables)


@linux
@needs_tk
def test_tk_opens_the_window_where_nothing_is_chosen(opened, display):
    assert opened(DISPLAY=display) == "FigureCanvasTkAgg"


@linux
@needs_tk
def test_a_toolkit_that_fails_is_told_in_one_line(opened, display):
    told = opened(first=FAILS, DISPLAY=display)
    assert told == "RuntimeError: couldn't connect to display."


@linux
@pytest.mark.parametrize("chosen", ["", "webagg"])
def test_without_a_toolkit_it_says_what_to_install(opened, display, chosen):
    told = opened(TOOLKITS, DISPLAY=display, MPLBACKEND=chosen)
    assert "apt install python3-tk, or pip install pyside6" in told
    assert chosen in told and ("ornado" in told or not chosen)


@linux
@needs_qt
def test_qt_opens_the_window_where_it_is_all_there_is_unless_it_would_abort(
    opened, display, tmp_path
):
    assert opened(["tkinter"], DISPLAY=display) == "FigureCanvasQTAgg"
    (tmp_path / "libxcb-cursor.so.0").touch()  # found first, and none
    broken = {"DISPLAY": display, "LD_LIBRARY_PATH": str(tmp_path)}
    assert "apt install libxcb-cursor0, or python3-tk" in opened(["tkinter"], **broken)


def test_a_notebook_is_where_a_kernel_draws_inline(monkeypatch):
    inline = "module://matplotlib_inline.backend_inline"
    monkeypatch.setattr(backend.matplotlib, "get_backend", lambda auto_select: inline)
    monkeypatch.delitem(sys.modules, "ipykernel", raising=False)
    assert not backend.in_notebook()
    monkeypatch.setitem(sys.modules, "ipykernel", None)
    assert backend.in_notebook()


@pytest.mark.slow
def test_a_script_trains_where_no_window_opens(environment, small_data, tmp_path):
    """A whole script, as TensorFlow imports pyplot."""
    command = [sys.executable, SCRIPTS[0], "--data", small_data, "--runs", tmp_path]
    done = subprocess.run(
        [*command, "--iterations", "20"],
        env=environment(MPLBACKEND="typo"),
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0 and "Final test accuracy" in done.stdout
    (why,) = done.stderr.splitlines()
    assert "typo" in why
