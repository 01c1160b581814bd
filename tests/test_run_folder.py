"""The files of a run: written while it goes on, whatever ends it; read back."""

import json
import math
import resource
from argparse import Namespace
from dataclasses import replace

import numpy as np
import pytest
from evaluations import evaluation, history_of, measure
from visu.record.saved_run import read_curves, read_run

from visu.record import weights_file
from visu.record.run import Evaluation, History, Plan
from visu.record.run_folder import RunFolder, curves_text, new_folder, write_run


def test_curves_csv_as_text_and_back(history, tmp_path):
    path = tmp_path / "curves.csv"
    path.write_text(curves_text(history))
    assert path.read_text() == (
        "iteration,train_accuracy,train_loss,test_accuracy,test_loss\n"
        "0,0.1,230.26,0.1,230.26\n20,0.2,10,,\n40,0.95,0.333333,0.95,0.333333\n"
        "60,0.95,0.25,0.95,0.25\n65,0.94,0.5,0.94,0.5\n"
    )
    columns = read_curves(path)
    np.testing.assert_array_equal(columns["iteration"], [0, 20, 40, 60, 65])
    np.testing.assert_array_equal(columns["test_loss"], [230.26, math.nan, 0.333333, 0.25, 0.5])


def test_a_loss_that_is_not_a_number_is_saved(tmp_path):
    losses = measure(10, 1, math.nan), measure(10, 1, math.inf)
    strange = history_of(Evaluation(0, 0.0, 0.1, *losses))
    (tmp_path / "curves.csv").write_text(curves_text(strange))
    columns = read_curves(tmp_path / "curves.csv")
    assert math.isnan(columns["train_loss"][0]) and math.isinf(columns["test_loss"][0])


@pytest.mark.parametrize("cut", [1, 4, 19])
def test_a_line_that_is_still_being_written_is_ignored(history, tmp_path, cut):
    path = tmp_path / "curves.csv"
    path.write_text(curves_text(history))
    path.write_text(path.read_text()[:-cut])
    np.testing.assert_array_equal(read_curves(path)["iteration"], [0, 20, 40, 60])


def test_curves_of_a_history_without_evaluations(tmp_path):
    (tmp_path / "curves.csv").write_text(curves_text(History()))
    assert read_curves(tmp_path / "curves.csv")["iteration"].shape == (0,)


def test_run_json_and_back(tmp_path):
    facts = {"script": "mnist_1.0_softmax", "seed": 0, "versions": {"numpy": "2"}}
    path = tmp_path / "run.json"
    write_run(path, facts)
    assert json.loads(path.read_text()) == facts == read_run(path)


def test_each_run_has_a_folder_of_its_own(tmp_path):
    names = [new_folder(tmp_path / "runs", "now-seed0").name for _ in range(3)]
    assert names == ["now-seed0", "now-seed0-2", "now-seed0-3"]


def test_no_folder_under_a_file(tmp_path):
    (tmp_path / "runs").write_text("")
    with pytest.raises(OSError):
        new_folder(tmp_path / "runs", "now")


@pytest.fixture
def make_folder(tmp_path):
    """make_folder(): the RunFolder of a run of 65 iterations."""
    args = Namespace(
        runs=tmp_path / "runs", script="mnist_0.0_try", source=b"# Latin-1: \xe4", title="0.0 try",
        label="", seed=3, weights=None,
    )  # fmt: skip
    return lambda: RunFolder(args, 3, Plan("0.0 try", "small", 65, 200, 300), "CPU")


def test_the_files_grow_with_the_run(make_folder, history):
    folder = make_folder()
    folder.write(History())
    assert folder.path is None and not folder.saved
    grown = History()
    for part in (evaluation(0), evaluation(20, test=False), evaluation(40)):
        grown.append(part)
        folder.write(grown)
        if grown.iteration:  # nothing to save before
            assert (folder.path / "curves.csv").read_text() == curves_text(grown)
            facts = read_run(folder.path / "run.json")
            assert facts["iterations"] == grown.iteration and facts["completed"] is False
    grown.append(evaluation(65))
    folder.write(grown)
    assert (folder.path / "curves.csv").read_text() == curves_text(grown)
    assert read_run(folder.path / "run.json")["completed"] is True and folder.saved
    assert {path.name for path in folder.path.iterdir()} == {
        "curves.csv", "gradients.csv", "run.json", "weights.npz", "mnist_0.0_try.py",
    }  # fmt: skip
    assert (folder.path / "mnist_0.0_try.py").read_bytes() == b"# Latin-1: \xe4"


def test_the_weights_of_a_run_under_way_are_saved_now_and_then(make_folder, monkeypatch):
    now = [100.0]
    monkeypatch.setattr("time.monotonic", lambda: now[0])
    folder, grown, saved = make_folder(), History(), []
    steps = [(0, 0, False), (5, 20, False), (6, 40, False), (30, 60, False), (31, 61, True)]
    for seconds, iteration, ended in steps:
        now[0] = 100.0 + seconds
        one = evaluation(iteration)
        grown.append(replace(one, variables={"W1": np.full(3, float(iteration))}))
        folder.write(grown, ended)
        if iteration:
            saved.append(weights_file.read(folder.path / "weights.npz", "0.0 try")["W1"][0])
    assert saved == [20, 20, 60, 61]


def test_a_full_disk_is_said_once_and_what_is_missing_is_saved_later(make_folder, history, capsys):
    folder = make_folder()
    folder.write(history)
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    for i in range(70, 200):
        history.append(evaluation(i, test=False))
    resource.setrlimit(resource.RLIMIT_FSIZE, (1000, before[1]))  # as a full disk: EFBIG
    try:
        folder.write(history)
        resource.setrlimit(resource.RLIMIT_FSIZE, (5, before[1]))
        folder.write(history)
        assert not folder.saved
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    (line,) = capsys.readouterr().err.splitlines()
    assert "--runs" in line
    (source,) = folder.path.glob("*.py")
    assert source.stat().st_size == len(b"# Latin-1: \xe4")
    assert len(read_curves(folder.path / "curves.csv")["iteration"]) >= 5
    history.append(evaluation(200))
    folder.write(history)
    assert folder.saved and (folder.path / "curves.csv").read_text() == curves_text(history)
    assert not list(folder.path.glob("*.part"))
