"""The history and its files."""

import json
import math

import numpy as np
import pytest

from visu.history import (
    History,
    Measure,
    Reading,
    new_folder,
    read_curves,
    read_run,
    write_curves,
    write_run,
)


def measure(accuracy, loss):
    labels = np.arange(10)
    return Measure(accuracy, loss, np.zeros([10, 28, 28]), labels, labels)


def reading(i, test=None, seconds=None):
    bands = np.arange(8.0)
    extra = (measure(*test), bands, -bands) if test else ()
    return Reading(i, i / 50 if seconds is None else seconds, 0.003, measure(i / 100, 10.0), *extra)


@pytest.fixture
def history():
    history = History()
    for part in (
        reading(0, test=(0.1, 230.26)),
        reading(20),
        reading(40, test=(0.95, 1 / 3)),
        reading(60, test=(0.95, 0.25)),
        reading(65, test=(0.94, 0.5)),
    ):
        history.append(part)
    return history


def test_columns(history):
    assert history.train_iterations == [0, 20, 40, 60, 65]
    assert history.train_accuracy == [0, 0.2, 0.4, 0.6, 0.65]
    assert history.test_iterations == [0, 40, 60, 65]
    assert history.test_accuracy == [0.1, 0.95, 0.95, 0.94]
    assert history.test_loss == [230.26, 1 / 3, 0.25, 0.5]
    np.testing.assert_array_equal(history.weights[1], np.arange(8))
    np.testing.assert_array_equal(history.biases[1], -np.arange(8))
    assert history.iteration == 65 and history.last_test is history.last
    assert history.best_test == (0.95, 40)
    assert history.steps_per_second == pytest.approx(50)


def test_a_reading_without_test_leaves_the_last_test(history):
    history.append(reading(80))
    assert history.last.iteration == 80 and history.last_test.iteration == 65


def test_an_earlier_iteration_starts_a_new_run(history):
    again = reading(0, test=(0.2, 200.0))
    history.append(again)
    assert history.train_iterations == [0] and history.test_accuracy == [0.2]
    assert history.last is again and history.last_test is again


def test_the_history_as_it_was(history):
    first, second, third = (reading(i, test=(0.1, i)) for i in (80, 100, 120))
    for part in (first, reading(90), second, third):
        history.append(part)
    then = history.at(reading(90), first)
    assert then.train_iterations == [0, 20, 40, 60, 65, 80, 90]
    assert then.test_iterations == [0, 40, 60, 65, 80] and then.test_loss[-1] == 80
    assert len(then.weights) == len(then.biases) == 5
    assert then.iteration == 90 and then.last_test is first
    assert history.iteration == 120 and len(history.weights) == 7


def test_results(history):
    assert history.results(65) == {
        "planned_iterations": 65,
        "iterations": 65,
        "completed": True,
        "seconds": 1.3,
        "steps_per_second": 50.0,
        "final_test_accuracy": 0.94,
        "best_test_accuracy": 0.95,
    }
    assert history.results(100)["completed"] is False


def test_curves_csv_as_text_and_back(history, tmp_path):
    path = tmp_path / "curves.csv"
    write_curves(path, history)
    assert path.read_text() == (
        "iteration,train_accuracy,train_loss,test_accuracy,test_loss\n"
        "0,0,10,0.1,230.26\n20,0.2,10,,\n40,0.4,10,0.95,0.333333\n"
        "60,0.6,10,0.95,0.25\n65,0.65,10,0.94,0.5\n"
    )
    columns = read_curves(path)
    np.testing.assert_array_equal(columns["iteration"], [0, 20, 40, 60, 65])
    np.testing.assert_array_equal(columns["test_loss"], [230.26, math.nan, 0.333333, 0.25, 0.5])


def test_a_loss_that_is_not_a_number_is_kept(tmp_path):
    history = History()
    history.append(Reading(0, 0.0, 0.1, measure(0.1, math.nan), measure(0.1, math.inf)))
    write_curves(tmp_path / "curves.csv", history)
    columns = read_curves(tmp_path / "curves.csv")
    assert math.isnan(columns["train_loss"][0]) and math.isinf(columns["test_loss"][0])


@pytest.mark.parametrize("text", ["", "a,b\n1,2\n", "iteration,train_accuracy\n1,2\n"])
def test_other_files_are_no_curves(text, tmp_path):
    (tmp_path / "curves.csv").write_text(text)
    with pytest.raises(ValueError, match="curves.csv"):
        read_curves(tmp_path / "curves.csv")


def test_curves_of_a_history_without_readings(tmp_path):
    write_curves(tmp_path / "curves.csv", History())
    assert read_curves(tmp_path / "curves.csv")["iteration"].shape == (0,)


def test_run_json_and_back(tmp_path):
    facts = {
        "script": "mnist_1.0_softmax",
        "seed": 0,
        "versions": {"numpy": "2"},
        "completed": True,
    }
    write_run(tmp_path / "run.json", facts)
    assert (
        json.loads((tmp_path / "run.json").read_text()) == facts == read_run(tmp_path / "run.json")
    )


def test_each_run_has_a_folder_of_its_own(tmp_path):
    names = [new_folder(tmp_path / "runs", "now-seed0").name for _ in range(3)]
    assert names == ["now-seed0", "now-seed0-2", "now-seed0-3"]


def test_no_folder_under_a_file(tmp_path):
    (tmp_path / "runs").write_text("")
    with pytest.raises(OSError):
        new_folder(tmp_path / "runs", "now")
