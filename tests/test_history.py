"""The history: what was measured, in memory."""

import numpy as np
import pytest
from evaluations import evaluation


def test_columns(history):
    assert history.train_iterations == [0, 20, 40, 60, 65]
    np.testing.assert_allclose(history.train_accuracy, [0.1, 0.2, 0.95, 0.95, 0.94])
    assert history.test_iterations == [0, 40, 60, 65]
    np.testing.assert_allclose(history.test_accuracy, [0.1, 0.95, 0.95, 0.94])
    assert history.test_loss == [230.26, 1 / 3, 0.25, 0.5]
    np.testing.assert_array_equal(history.weights[1], np.linspace(-1, 1, 8))
    np.testing.assert_array_equal(history.biases[1], np.linspace(0, 0.2, 8))
    assert history.iteration == 65 and history.last_test is history.last
    assert history.best_test == (0.95, 40)
    assert history.steps_per_second == pytest.approx(500)


def test_an_evaluation_without_test_leaves_the_last_test(history):
    history.append(evaluation(80, test=False))
    assert history.last.iteration == 80 and history.last_test.iteration == 65


def test_an_evaluation_at_iteration_0_begins_a_new_run(history):
    again = evaluation(0, 0.2)
    history.append(again)
    assert history.train_iterations == [0] and history.test_accuracy == [again.test.accuracy]
    assert history.last is again and history.last_test is again


def test_the_history_as_it_was(history):
    first, second, third = (evaluation(i, loss=i) for i in (80, 100, 120))
    for part in (first, evaluation(90, test=False), second, third):
        history.append(part)
    then = history.at(evaluation(90, test=False), first)
    assert then.train_iterations == [0, 20, 40, 60, 65, 80, 90]
    assert then.test_iterations == [0, 40, 60, 65, 80] and then.test_loss[-1] == 80
    assert len(then.weights) == len(then.biases) == 5
    assert then.iteration == 90 and then.last_test is first
    assert history.iteration == 120 and len(history.weights) == 7


def test_results(history):
    assert history.results(65) == {
        "planned_iterations": 65, "iterations": 65, "completed": True, "seconds": 0.13,
        "steps_per_second": 500.0, "final_test_accuracy": 0.94, "best_test_accuracy": 0.95,
    }  # fmt: skip
    assert history.results(100)["completed"] is False
