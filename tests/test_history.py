"""The history: what was measured, in memory."""

import numpy as np
import pytest
from evaluations import evaluation, history_of


def test_points(history):
    assert [point.iteration for point in history.train] == [0, 20, 40, 60, 65]
    accuracies = [point.accuracy for point in history.train]
    np.testing.assert_allclose(accuracies, [0.1, 0.2, 0.95, 0.95, 0.94])
    assert [point.iteration for point in history.test] == [0, 40, 60, 65]
    assert [point.loss for point in history.test] == [230.26, 1 / 3, 0.25, 0.5]
    np.testing.assert_array_equal(history.test[1].weight_bands, np.linspace(-1, 1, 6))
    np.testing.assert_array_equal(history.test[1].bias_bands, np.linspace(0, 0.2, 6))
    assert history.iteration == 65 and history.last_test is history.last
    assert history.best_test.iteration == 40
    assert history.steps_per_second == pytest.approx(500)
    history.append(evaluation(80, test=False))
    assert history.last.iteration == 80 and history.last_test.iteration == 65


def test_an_evaluation_at_iteration_0_begins_the_run_anew(history):
    again = evaluation(0, 0.2)
    history.append(again)
    assert len(history.train) == len(history.test) == 1
    assert history.last is again and history.last_test is again
    assert history.ghost.iteration == 65 and len(history.ghost.test) == 4


def test_the_history_as_it_was(history):
    first, second, third = (evaluation(i, loss=i) for i in (80, 100, 120))
    for part in (first, evaluation(90, test=False), second, third):
        history.append(part)
    then = history.at(evaluation(90, test=False), first)
    assert [point.iteration for point in then.train] == [0, 20, 40, 60, 65, 80, 90]
    assert [point.iteration for point in then.test] == [0, 40, 60, 65, 80]
    assert then.iteration == 90 and then.last_test is first
    assert history.iteration == 120 and len(history.test) == 7


@pytest.mark.parametrize("iterations, completed", [(60, True), (61, False)])
def test_it_is_completed_with_the_last_iteration(iterations, completed):
    assert not history_of(iterations=iterations).completed
    assert history_of(evaluation(60), iterations=iterations).completed is completed
