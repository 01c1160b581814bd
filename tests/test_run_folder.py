"""The files of a run: written while it goes on, whatever ends it; read back."""

import contextlib
import json
import math
import os
import resource
from dataclasses import asdict, replace
from types import SimpleNamespace

import numpy as np
import pytest
from evaluations import RUN, evaluation, history_of

from visu.record import run_folder
from visu.record.run_folder import RunFolder, SavedRun, curves_text, new_folder, read_weights
from visu.session import Recording

SOURCE = b"# Latin-1: \xe4"


@pytest.fixture
def folder(tmp_path):
    """The RunFolder of a run of 65 iterations."""
    return RunFolder(tmp_path / "runs", SOURCE, replace(RUN, iterations=65, seed=3))


def read_curves(folder):
    """The curves in a RunFolder, read anew."""
    return SavedRun(folder.path).curves


def test_curves_csv_as_text_and_back(history, folder):
    folder.write(history)
    text = (folder.path / "curves.csv").read_text()
    assert text == curves_text(history) == (
        "iteration,train_accuracy,train_loss,test_accuracy,test_loss,W1,W2,W3\n"
        "0,0.1,230.26,0.1,230.26,0.001,0.01,0.1\n"
        "20,0.2,10,,,,,\n"
        "40,0.95,0.333333,0.95,0.333333,2.43902e-05,0.000243902,0.00243902\n"
        "60,0.95,0.25,0.95,0.25,1.63934e-05,0.000163934,0.00163934\n"
        "65,0.94,0.5,0.94,0.5,1.51515e-05,0.000151515,0.00151515\n"
    )  # fmt: skip
    columns = read_curves(folder)
    np.testing.assert_array_equal(columns["iteration"], [0, 20, 40, 60, 65])
    np.testing.assert_array_equal(columns["test_loss"], [230.26, math.nan, 0.333333, 0.25, 0.5])
    assert columns["W3"][0] == 0.1 and math.isnan(columns["W3"][1])


def test_a_loss_that_is_not_a_number_is_saved(folder):
    folder.write(history_of(evaluation(0, loss=math.nan), evaluation(20, loss=math.inf)))
    assert math.isnan(read_curves(folder)["train_loss"][0])
    assert math.isinf(read_curves(folder)["test_loss"][1])


@pytest.mark.parametrize("cut", [1, 4, 19])
def test_a_line_that_is_still_being_written_is_ignored(history, folder, cut):
    folder.write(history)
    path = folder.path / "curves.csv"
    path.write_text(path.read_text()[:-cut])
    np.testing.assert_array_equal(read_curves(folder)["iteration"], [0, 20, 40, 60])


def test_run_json_and_back(history, folder):
    run = replace(RUN, iterations=65, seed=3)
    folder.write(history_of(*[evaluation(i) for i in (0, 40, 65)], iterations=65, seed=3), True)
    saved = SavedRun(folder.path)
    assert saved.run == run and saved.source == SOURCE.decode(errors="replace")
    assert saved.result == {
        "iteration": 65, "completed": True, "ended": True, "seconds": 0.13,
        "steps_per_second": 500.0, "final_test_accuracy": 0.95, "best_test_accuracy": 0.95,
    }  # fmt: skip
    parts = json.loads((folder.path / "run.json").read_text())
    assert parts["run"] == asdict(run) and "numpy" in parts["machine"]["versions"]


def test_each_run_has_a_folder_of_its_own(tmp_path):
    names = [new_folder(tmp_path / "runs", "now-seed0").name for _ in range(3)]
    assert names == ["now-seed0", "now-seed0-2", "now-seed0-3"]
    (tmp_path / "file").write_text("")
    with pytest.raises(OSError):
        new_folder(tmp_path / "file", "now")


def test_the_files_grow_with_the_run(folder):
    grown = history_of(iterations=65)
    folder.write(grown)
    assert folder.path is None and not folder.saved
    for part in (evaluation(0), evaluation(20, test=False), evaluation(40), evaluation(65)):
        grown.append(part)
        folder.write(grown)
        if grown.iteration:  # nothing to save before
            assert (folder.path / "curves.csv").read_text() == curves_text(grown)
            result = SavedRun(folder.path).result
            assert result["iteration"] == grown.iteration and folder.saved
            assert result["completed"] == (grown.iteration == 65) and not result["ended"]
    script = f"{RUN.script}.py"
    assert {*os.listdir(folder.path)} == {"curves.csv", "run.json", "weights.npz", script}
    assert (folder.path / script).read_bytes() == SOURCE


def test_the_weights_of_a_run_under_way_are_saved_now_and_then(folder, monkeypatch):
    now = [100.0]
    monkeypatch.setattr("time.monotonic", lambda: now[0])
    grown, saved = history_of(), []
    steps = [(0, 0, False), (5, 20, False), (6, 40, False), (30, 60, False), (31, 61, True)]
    for seconds, iteration, ended in steps:
        now[0] = 100.0 + seconds
        one = evaluation(iteration)
        variables = {"W1": np.full(3, float(iteration))}
        grown.append(replace(one, test=replace(one.test, variables=variables)))
        folder.write(grown, ended)
        if iteration:
            variables, _ = read_weights(folder.path / "weights.npz", RUN.title)
            saved.append(variables["W1"][0])
    assert saved == [20, 20, 60, 61]


@contextlib.contextmanager
def full_disk(most):
    """Within it no file takes more than so many bytes: EFBIG."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (most, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


def test_what_a_full_disk_did_not_take_is_saved_later(folder, history):
    folder.write(history)
    for i in range(70, 200):
        history.append(evaluation(i, test=False))
    for most in (1000, 5):
        with full_disk(most), pytest.raises(OSError):
            folder.write(history)
        assert not folder.saved
    assert (folder.path / f"{RUN.script}.py").read_bytes() == SOURCE
    assert len(read_curves(folder)["iteration"]) >= 5
    history.append(evaluation(200))
    folder.write(history)
    assert folder.saved and (folder.path / "curves.csv").read_text() == curves_text(history)
    assert not list(folder.path.glob("*.part"))


def test_a_disk_that_is_full_when_only_the_picture_is_missing(tmp_path, capsys):
    args = SimpleNamespace(runs=tmp_path, source=SOURCE, movie=None, view="0", weights=None)
    with full_disk(100_000), Recording(args, RUN) as recording:
        for iteration in (0, 20):
            recording.take(evaluation(iteration))
    out, err = capsys.readouterr()
    (line,) = err.splitlines()
    assert "window.png" in line and "--runs" not in line and "Files:" in out
    (run,) = tmp_path.glob("*/*")
    files = {path.name for path in run.iterdir()}
    assert files == {"curves.csv", "run.json", "weights.npz", f"{RUN.script}.py"}


@pytest.mark.parametrize("refusals, written", [(1, b"new"), (2, b"old")])
def test_what_windows_refuses_is_tried_again(tmp_path, monkeypatch, refusals, written):
    """It does while another process reads the file."""
    path, os_replace, left = tmp_path / "run.json", os.replace, [PermissionError] * refusals
    path.write_bytes(b"old")

    def refuse(*paths):
        if left:
            raise left.pop()
        os_replace(*paths)

    monkeypatch.setattr(os, "replace", refuse)
    with contextlib.suppress(PermissionError) if refusals > 1 else contextlib.nullcontext():
        run_folder.replace(path, b"new")
    assert path.read_bytes() == written and [*tmp_path.iterdir()] == [path]
