"""Which backend opens the window, and the one line that says why none can."""

import ctypes
import subprocess
import sys
import types

import matplotlib
import pytest
from conftest import SCRIPTS, TOP
from evaluations import RUN

from visu.record.run import History
from visu.show import backend, window


@pytest.fixture
def choose(monkeypatch):
    """choose(name, modules, found): the backend chosen, the one found, what is installed (all)."""

    def made(name, modules=None, found=None):
        def get_backend(auto_select=True):
            return found if found and auto_select else name

        monkeypatch.setattr(matplotlib, "get_backend", get_backend)
        monkeypatch.setattr(backend, "find_spec", lambda name: modules is None or name in modules)

    for name in ("MPLBACKEND", "QT_QPA_PLATFORM", "WAYLAND_DISPLAY"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("DISPLAY", ":0")
    return made


@pytest.fixture
def broken_qt(monkeypatch, tmp_path):
    """broken_qt(library): Qt's plugin for X displays lacks this library, or None."""
    (tmp_path / "platforms").mkdir()
    (tmp_path / "platforms" / "libqxcb.so").touch()
    core = types.SimpleNamespace(libraryPaths=lambda: [str(tmp_path)])
    qt = types.SimpleNamespace(QtCore=types.SimpleNamespace(QCoreApplication=core))
    monkeypatch.setitem(sys.modules, "matplotlib.backends.qt_compat", qt)

    def lacks(library):
        def load(path):
            if library:
                raise OSError(f"{library}: cannot open shared object file")

        monkeypatch.setattr(ctypes, "CDLL", load)

    return lacks


@pytest.mark.skipif(sys.platform != "linux", reason="a matter of Qt's plugin for X displays")
@pytest.mark.parametrize(
    ("chosen", "works", "opens", "words"),
    [
        (None, ["qtagg", "tkagg"], "tkagg", []),
        (None, ["qtagg"], None, ["apt install libxcb-cursor0,", "python3-tk"]),
        ("qtagg", ["qtagg", "tkagg"], None, ["apt install libxcb-cursor0,", "MPLBACKEND=tkagg"]),
    ],
    ids=["tk", "only Qt", "chosen"],
)
def test_where_qt_would_abort_it_is_not_used(
    choose, broken_qt, monkeypatch, chosen, works, opens, words
):
    """Qt ends the whole process where a library is missing to it, and asks nobody before."""
    switched = []

    def switch(name):
        if name not in works:
            raise ImportError(name)
        switched.append(name)

    choose(chosen, found="qtagg")
    monkeypatch.setattr(window.plt, "switch_backend", switch)
    broken_qt("libxcb-cursor.so.0")
    why = window.why_no_window()
    assert all(word in why for word in words) if words else why is None
    assert opens in (None, switched[-1])
    broken_qt(None)
    assert window.why_no_window() is None and switched[-1] == "qtagg"


@pytest.mark.skipif(sys.platform != "linux", reason="Qt's platforms for X11 and Wayland")
@pytest.mark.parametrize("platform", ["offscreen", "typo", "wayland"])
def test_where_qt_would_draw_unseen_or_abort_it_is_not_used(choose, monkeypatch, platform):
    choose("qtagg")
    monkeypatch.setattr(window.plt, "switch_backend", lambda name: None)
    monkeypatch.setenv("QT_QPA_PLATFORM", platform)
    assert f"QT_QPA_PLATFORM={platform}" in window.why_no_window()


@pytest.mark.parametrize(
    ("chosen", "install"),
    [("qtagg", "pip install pyside6"), ("webagg", "pip install tornado"), ("tkagg", "python3-tk")]
    + [("agg", "python3-tk"), ("agg", "pip install pyside6")],  # matplotlib has found nothing
)
def test_without_a_toolkit_it_says_what_to_install(choose, chosen, install):
    choose(chosen, modules=[])
    assert install in window.why_no_window()


def test_under_a_notebooks_exclamation_mark_it_names_run(choose, monkeypatch):
    choose("module://matplotlib_inline.backend_inline")
    assert "%run" in window.why_no_window()
    monkeypatch.delitem(sys.modules, "ipykernel", raising=False)
    assert not backend.in_notebook()
    monkeypatch.setitem(sys.modules, "ipykernel", None)
    assert backend.in_notebook()


def test_a_toolkit_that_fails_is_told_in_one_line(monkeypatch):
    def fail(**_):
        raise RuntimeError("couldn't connect\nto display")

    monkeypatch.setattr(window, "why_no_window", lambda: None)
    monkeypatch.setattr(window.plt, "figure", fail)
    with pytest.raises(window.NoWindow) as caught:
        window.Window(History(), RUN, lambda: "")
    line = str(caught.value)
    assert "couldn't connect to display" in line and "\n" not in line


PYPLOT = "import matplotlib.pyplot; "


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="X11's variables")
@pytest.mark.parametrize(
    ("first", "changes", "word"),
    [
        ("", {"MPLBACKEND": "agg"}, "MPLBACKEND=agg"),
        ("", {"MPLBACKEND": "typo"}, "MPLBACKEND=typo"),
        ("", {"MPLBACKEND": "module://nowhere"}, "No module named 'nowhere'"),
        ("", {"MPLBACKEND": "TkAgg"}, "set DISPLAY"),
        (PYPLOT, {"MPLBACKEND": "tkagg", "DISPLAY": ":4711"}, "display :4711"),
        ("", {"MPLBACKEND": "qtagg"}, "set DISPLAY"),
        ("", {"DISPLAY": ":4711"}, "display :4711"),
    ],
    ids=["agg", "typo", "nowhere", "Tk", "Tk dead, pyplot imported", "Qt", "dead"],
)
def test_without_a_screen_there_is_one_line_and_no_crash(environment, first, changes, word):
    code = f"{first}from visu.show.backend import why_no_window; print(why_no_window())"
    command = [sys.executable, "-c", code]
    variables = environment(**changes, PYTHONPATH=str(TOP))
    out = subprocess.run(command, env=variables, check=True, capture_output=True, text=True).stdout
    assert (word in out or "install" in out) and out.count("\n") == 1


TWICE = """
import runpy, sys
_, *given = sys.argv
for flags in ["--headless"], []:
    sys.argv = [*given, *flags]
    runpy.run_path(given[0])
    print("end", file=sys.stderr, flush=True)
"""


@pytest.mark.slow
def test_a_script_trains_where_no_window_opens(environment, small_data, tmp_path):
    """A whole script, as TensorFlow imports pyplot. Headless, nothing at all is said."""
    command = [sys.executable, "-c", TWICE, SCRIPTS[0], "--data", small_data, "--runs", tmp_path]
    done = subprocess.run(
        [*command, "--iterations", "20"],
        env=environment(MPLBACKEND="typo", PYTHONPATH=str(TOP)),
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0 and done.stdout.count("Final test accuracy") == 2
    first, why, last = done.stderr.splitlines()
    assert first == last == "end" and "typo" in why
