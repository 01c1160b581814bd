"""The weights of a run: saved with it, and started from."""

import io
import pickle
import re
import shutil
import signal
from types import SimpleNamespace

import numpy as np
import pytest
from conftest import SCRIPTS
from paper import seven
from PIL import Image
from windows import make_dashboard

from digits import photo
from visu import session
from visu.panels.curves import Curves
from visu.record.run_folder import read_weights, weights_bytes
from visu.training.worker import Control

SOFTMAX, SIGMOID = SCRIPTS[:2]
BATCH_NORM = next(path for path in SCRIPTS if "_4.0_" in path.name)


def evaluations(made, iterations):
    training, _ = made
    schedule = {"seed": 0, "iterations": iterations, "every": 10, "control": Control()}
    return training, lambda: [*training.evaluations(**schedule)]


def test_the_names_of_the_averages_are_the_same_in_each_process(make_training):
    training, _ = make_training(BATCH_NORM)
    values = training.network.values()
    channels = [values[f"other{k}"].shape[1] for k in (1, 2, 3, 4)]
    assert channels == [6, 12, 24, 200]  # from the first layer to the last


@pytest.mark.parametrize(
    "script", [SOFTMAX, pytest.param(BATCH_NORM, marks=pytest.mark.slow)], ids=["1.0", "4.0"]
)
def test_the_loaded_network_is_the_saved_one_to_the_digit(make_training, tmp_path, script):
    _, train = evaluations(make_training(script, "--iterations", "20"), 20)
    saved = train()[-1]
    path = tmp_path / "weights.npz"
    path.write_bytes(weights_bytes("9.9 a step", saved.test.variables))
    values, iterations = read_weights(path, "9.9 a step, edited")
    assert iterations is None
    flags = "--iterations", "0", "--seed", "3"
    training, show = evaluations(make_training(script, *flags, values=values), 0)
    (shown,) = show()
    found, wanted = shown.test.answers, saved.test.answers
    assert shown.iteration == 0 and (found.loss, found.accuracy) == (wanted.loss, wanted.accuracy)
    np.testing.assert_array_equal(found.confidences, wanted.confidences)
    training.restore()  # a restart
    assert show()[0].test.answers.loss == wanted.loss


def test_a_run_saves_its_weights_and_the_next_one_shows_them(run_here, tmp_path):
    run_here(SOFTMAX, "--iterations", "30")
    final = re.search(r"Final test accuracy: ([\d.]+)", run_here.printed()[0])[1]
    (path,) = tmp_path.glob("runs/*/*/weights.npz")
    run_here(SOFTMAX, "--iterations", "0", "--weights", str(path))
    out, err = run_here.printed()
    assert final in out and not err
    assert len([*tmp_path.glob("runs/*/*")]) == 1  # nothing was trained, nothing is saved


@pytest.mark.parametrize("kept", ["folder", "file", "older", "other data"])
def test_a_saved_network_is_shown_with_its_curves_as_far_as_they_are_known(
    run_here, tmp_path, monkeypatch, small_data, kept
):
    run_here(SOFTMAX, "--iterations", "30")
    (first,) = tmp_path.glob("runs/*/*")
    run_here(SOFTMAX, "--iterations", "20", "--weights", str(first))  # goes on
    (folder,) = {*tmp_path.glob("runs/*/*")} - {first}
    given, trained, flags = folder, 50, ()
    curves = np.genfromtxt(folder / "curves.csv", delimiter=",", names=True)
    assert curves["iteration"].tolist() == [0, 10, 20]
    if kept in ("file", "older"):
        given = shutil.copy(folder / "weights.npz", tmp_path)
    if kept == "older":
        variables, _ = read_weights(given, TITLE)
        trained = (tmp_path / "weights.npz").write_bytes(weights_bytes(TITLE, variables)) and None
    if kept == "other data":
        flags = "--data", str(shutil.copytree(small_data, tmp_path / "other"))
    histories = []
    summary = lambda history, folder: histories.append(history) or ""  # noqa: E731
    monkeypatch.setattr(session, "summary", summary)
    run_here(SOFTMAX, "--iterations", "0", "--weights", str(given), *flags)
    (history,) = histories
    dashboard = make_dashboard(**vars(history.run))
    dashboard.update(history)
    told = " ".join(text.get_text() for text in dashboard.head.axes.texts)
    assert ("trained for 50 iterations" in told) == (trained == 50) and "iteration 0" not in told
    x, y = dashboard.panels[1].test.get_data()
    assert x.tolist() == ([30, 40, 50] if kept == "folder" else [trained or 0])
    np.testing.assert_allclose(y, curves["test_accuracy"][-len(y) :], rtol=1e-5)
    for panel in (dashboard.panels[k] for k in (1, 2, 4, 5)):  # over the iterations
        drawn = isinstance(panel, Curves) and kept == "folder"
        assert bool(panel.hint.get_text()) != drawn  # words in place of a curve


def test_iterations_0_without_weights_shows_the_untrained_network(run_here, tmp_path):
    run_here(SOFTMAX, "--iterations", "0")
    out, err = run_here.printed()
    assert "accuracy" in out and not err
    assert not (tmp_path / "runs").exists()


def refused(run_here, script, path):
    """The one line with which a script refuses a file of weights."""
    with pytest.raises(SystemExit) as end:
        run_here(script, "--iterations", "0", "--weights", str(path))
    (line,) = run_here.printed()[1].splitlines()
    assert end.value.code == 2
    return line


def npz(**arrays):
    content = io.BytesIO()
    np.savez(content, **arrays)
    return content.getvalue()


RIGHT = {"W1": np.zeros((784, 10), np.float32), "B1": np.zeros(10, np.float32)}
TITLE = "1.0 softmax"


@pytest.mark.parametrize(
    "content",
    [
        b"text",
        pickle.dumps(RIGHT),
        npz(title=TITLE, **RIGHT)[:-200],
        npz(**RIGHT),
        npz(title="\x1b[2J", **RIGHT),
        npz(title=TITLE, W1=RIGHT["W1"]),
        npz(title=TITLE, W1=RIGHT["W1"], B1=np.zeros(11, np.float32)),
        npz(title=TITLE, W1=RIGHT["W1"], B1=np.zeros(10)),
    ],
)
def test_other_weights_are_refused_in_one_line(run_here, tmp_path, content):
    path = tmp_path / "weights.npz"
    path.write_bytes(content)
    assert "\x1b" not in refused(run_here, SOFTMAX, path)


def test_no_file_is_refused_in_one_line(run_here, tmp_path):
    assert "no such file" in refused(run_here, SOFTMAX, tmp_path / "weights.npz")
    assert "no such file" in refused(run_here, SOFTMAX, tmp_path)  # in it
    assert "cannot be read" in refused(run_here, SOFTMAX, tmp_path / ("w" * 300))


def test_digits_are_read_from_pictures(run_here, tmp_path):
    good, bad, blank = (str(tmp_path / name) for name in ("7.png", "text.png", "blank.jpg"))
    Image.fromarray(~seven()).save(good)
    (tmp_path / "text.png").write_text("7")
    Image.new("L", (50, 50), 200).save(blank)
    with pytest.raises(SystemExit) as end:
        run_here(SOFTMAX, "--iterations", "10", "--image", blank, good, bad)
    out, err = run_here.printed()
    (line,) = re.findall(re.escape(good) + r": \d \(\d+\.\d %\)$", out, re.M)
    first, second = err.splitlines()
    assert end.value.code == 2 and first.startswith(blank) and second.startswith(bad)
    (weights,) = tmp_path.glob("runs/*/*/weights.npz")
    run_here(SOFTMAX, "--weights", str(weights), "--image", good)
    out, err = run_here.printed()
    assert line in out and not err
    assert len([*tmp_path.glob("runs/*/*")]) == 1  # without training


def test_a_network_that_has_diverged_reads_no_digit(run_here, tmp_path):
    digit, weights = tmp_path / "7.png", tmp_path / "weights.npz"
    Image.fromarray(~seven()).save(digit)
    weights.write_bytes(npz(title=TITLE, **RIGHT | {"B1": np.full(10, np.nan, np.float32)}))
    with pytest.raises(SystemExit) as end:
        run_here(SOFTMAX, "--weights", str(weights), "--image", str(digit))
    out, err = run_here.printed()
    assert end.value.code == 2 and str(digit) not in out and "NaN" in err


def test_ctrl_c_ends_the_reading_of_pictures(run_here, tmp_path, monkeypatch):
    paths = [str(tmp_path / f"{k}.png") for k in range(3)]
    for path in paths:
        Image.fromarray(~seven()).save(path)
    pictures = []

    def interrupted(path):
        pictures.append(path)
        if len(pictures) == 2:
            signal.raise_signal(signal.SIGINT)
        return photo.read(path)

    monkeypatch.setattr(session, "photo", SimpleNamespace(read=interrupted, prepare=photo.prepare))
    with pytest.raises(SystemExit) as end:
        run_here(SOFTMAX, "--iterations", "0", "--image", *paths)
    out, err = run_here.printed()
    assert end.value.code == 130 and len(pictures) == 2 and not err
    assert len(out[out.index(paths[0]) :].splitlines()) == 3  # of two pictures, and that it ended
