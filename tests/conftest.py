"""What the tests share: the scripts, small data in MNIST's shape, a display of their own."""

import contextlib
import hashlib
import os
import runpy
import shutil
import sys
from functools import cached_property
from pathlib import Path

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")  # its threads only wait for each other's cores
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")  # as in a script, whoever imports TensorFlow

import numpy as np
import pytest
from idx import NAMES, STAND_IN, idx_bytes, write_idx
from mirrors import Server
from processes import guard, running

REAPER = guard()
TOP = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(TOP), str(TOP / "docs"), str(TOP / "benchmarks")]

from evaluations import evaluation, history_of  # noqa: E402
from screen import x_display  # noqa: E402

from visu.record.ladder import LADDER  # noqa: E402

STEPS = {number: TOP / f"{step.script}.py" for number, step in LADDER.items()}
SCRIPTS = [*STEPS.values()]


@pytest.fixture(params=SCRIPTS, ids=lambda path: path.stem)
def script(request):
    """Each of the numbered scripts, as a path."""
    return request.param


@pytest.fixture(autouse=True)
def no_panel_fails():
    """A panel that has raised shows a message, which would pass for a panel."""
    from visu.panels.panel import FAILURES

    yield
    failed, _ = [*FAILURES], FAILURES.clear()
    assert not failed


@pytest.fixture(scope="session")
def small_data(tmp_path_factory):
    """A folder named "small": 300 + 200 blurred stand-ins for digits that a network can learn."""
    rng = np.random.default_rng(0)
    labels = rng.permutation(np.arange(500) % 10)
    shapes = rng.random([10, 7, 7]).repeat(4, axis=1).repeat(4, axis=2) * 200
    images = (shapes[labels] + rng.random([500, 28, 28]) * 55).astype(np.uint8)
    folder = tmp_path_factory.mktemp("data") / "small"
    write_idx(folder, images[:300], labels[:300], images[300:], labels[300:])
    return folder


@pytest.fixture
def machine(tmp_path, monkeypatch):
    """A machine without MNIST, for which STAND_IN is MNIST. Returns its `datasets` folder."""
    from digits import download

    raws = [idx_bytes(array) for array in STAND_IN]
    sums = [hashlib.sha256(raw).hexdigest() for raw in raws]
    sizes = dict(zip(NAMES, map(len, raws), strict=True))
    monkeypatch.setattr(download, "SHA256", dict(zip(NAMES, sums, strict=True)))
    monkeypatch.setattr(download, "GZ_BYTES", sizes)
    monkeypatch.setenv("KERAS_HOME", str(tmp_path / "keras"))
    monkeypatch.delenv("MNIST_DIR", raising=False)
    return tmp_path / "keras" / "datasets"


@pytest.fixture
def offline(monkeypatch):
    """Any download fails the test (pytest.fail is no Exception, so that nothing swallows it)."""
    from digits import download

    monkeypatch.setattr(download, "deliver", lambda *_: pytest.fail("went to the network"))


@pytest.fixture
def server(monkeypatch):
    """A Server on the loopback, reached without a proxy."""
    for name in ("no_proxy", "NO_PROXY"):
        monkeypatch.setenv(name, "127.0.0.1")
    with Server() as server:
        yield server


@pytest.fixture
def fetch(machine, monkeypatch):
    """fetch(*mirrors): completes our own cache from these mirrors, in `total` seconds.

    silent: seconds for a mirror that sends nothing.
    """
    from digits import download

    def complete(*mirrors, total=60, silent=6):
        monkeypatch.setattr(download, "MIRRORS", mirrors)
        monkeypatch.setattr(download, "SILENT_SECONDS", silent)
        return download.complete(machine / "mnist-ladder", total)

    return complete


@pytest.fixture
def nobody():
    """nobody(): from now on this process is not root's, for whom no folder is read-only."""
    if not hasattr(os, "seteuid"):
        pytest.skip("needs Unix users")
    user = os.geteuid()
    yield lambda: None if user else os.seteuid(65534)
    os.seteuid(user)


@pytest.fixture
def load_script(monkeypatch, small_data):
    """load_script(path, *flags): what a script defines and hands to run or fit, by its name."""
    import tensorflowvisu

    def load(path, *flags):
        handed = {}

        def run(args, mnist, train_step, evaluate, optimizer, weights, biases):
            handed.update(locals())

        def fit(args, mnist, model):
            handed.update(locals())

        monkeypatch.setattr(tensorflowvisu, "run", run)
        monkeypatch.setattr(tensorflowvisu, "fit", fit)
        monkeypatch.setattr(sys, "argv", [str(path), "--data", str(small_data), *flags])
        return runpy.run_path(str(path)) | handed

    return load


@pytest.fixture
def make_training(load_script):
    """make_training(path, *flags): the Training of a script, and what the script defines."""
    from visu.training.keras_network import KerasNetwork
    from visu.training.loop import Training
    from visu.training.network import Network

    def make(path, *flags, values=None):
        names = load_script(path, *flags)
        if "train_step" not in names:
            network = KerasNetwork(names["model"])
        else:
            keys = "train_step", "evaluate", "optimizer", "weights", "biases"
            network = Network(*(names[key] for key in keys))
        return Training(names["mnist"], network, values), names

    return make


@pytest.fixture
def run_here(small_data, tmp_path, monkeypatch, capfd):
    """run_here(script, *flags): a headless run in this process; run_here.printed(): (out, err)."""

    def run(script, *flags):
        command = [str(script), "--headless", "--data", str(small_data)]
        monkeypatch.setattr(sys, "argv", [*command, "--runs", str(tmp_path / "runs"), *flags])
        runpy.run_path(str(script))

    run.printed = capfd.readouterr
    return run


@pytest.fixture
def compare(tmp_path, monkeypatch, capsys):
    """compare(*flags): what a call of compare_curves.py does; it saves no picture, and draws one
    only when it is asked for.

    The result has status, out, err; pictures: the Figures, by path; figure: the last of them or
    None; folders: those of the runs of each experiment in it.
    """
    import compare_curves

    saved = {}  # path: what was to be drawn

    def call(*flags):
        saved.clear()
        if not {"--deck", "--diff", "--save"} & {*flags}:
            flags = *flags, "--save", "a.png"
        monkeypatch.setattr(sys, "argv", ["compare_curves.py", "--runs", str(tmp_path), *flags])
        try:
            status = compare_curves.main()
        except SystemExit as end:
            status = end.code
        return Compared(status, *capsys.readouterr(), dict(saved))

    monkeypatch.setattr(
        compare_curves, "save", lambda path, groups, view: saved.update({path: (groups, view)})
    )
    return call


class Compared:
    """What a call of compare_curves.py has done; see the fixture compare."""

    def __init__(self, status, out, err, saved):
        self.status, self.out, self.err, self._saved = status, out, err, saved
        groups, _ = [*saved.values()][-1] if saved else ([], None)
        self.folders = [[one.folder.resolve() for one in group] for group in groups]

    @cached_property
    def pictures(self):
        from matplotlib.figure import Figure

        from visu.panels import comparison
        from visu.panels.style import INCHES

        figures = {path: Figure(INCHES) for path in self._saved}
        for path, figure in figures.items():
            comparison.draw(figure, *self._saved[path])
        return figures

    @property
    def figure(self):
        return [None, *self.pictures.values()][-1]


@pytest.fixture
def start_process():
    """start_process(command, **options): a Popen as of processes.running, until the test ends."""
    with contextlib.ExitStack() as stack:
        yield lambda *args, **options: stack.enter_context(running(*args, **options))


@pytest.fixture
def environment():
    """environment(**changes): this process's variables without those that pick a display."""

    def make(**changes):
        displays = ("DISPLAY", "WAYLAND_DISPLAY", "MPLBACKEND")
        return {k: v for k, v in os.environ.items() if k not in displays} | changes

    return make


@pytest.fixture(scope="session")
def display():
    """The name of an X display of our own, so that no test touches the screen of a person."""
    if not shutil.which("Xvfb"):
        pytest.skip("needs Xvfb")
    with x_display("1600x900") as name:
        yield name


@pytest.fixture
def warned(recwarn):
    """warned(): the warnings so far, without what old libraries call deprecated in newer ones."""
    return lambda: [w for w in recwarn if not issubclass(w.category, DeprecationWarning)]


@pytest.fixture
def drawn_texts(monkeypatch):
    """drawn_texts(dashboard): the texts that appear when its figure is drawn."""
    from matplotlib.text import Text

    drawn, draw = [], Text.draw

    def record(text, renderer):
        if text.get_text() and text.get_visible():
            drawn.append(text)
        draw(text, renderer)

    monkeypatch.setattr(Text, "draw", record)

    def texts(dashboard):
        drawn.clear()
        dashboard.figure.canvas.draw()
        return list(drawn)

    return texts


def batch_of(digits, chosen=slice(None)):
    """X [n, 28, 28, 1] and Y_ [n, 10] float32 of these of the digits, as scripts get them."""
    X = digits.images[chosen, ..., np.newaxis] / np.float32(255)
    return X, np.eye(10, dtype=np.float32)[digits.labels[chosen]]


@pytest.fixture
def history():
    """A History of five evaluations, the last one at iteration 65."""
    return history_of(
        evaluation(0, 0.1, 230.26),
        evaluation(20, 0.2, test=False),
        evaluation(40, 0.95, 1 / 3),
        evaluation(60, 0.95, 0.25),
        evaluation(65, 0.94, 0.5),
    )
