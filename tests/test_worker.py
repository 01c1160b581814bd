"""The worker thread: pause, step, restart, stop, and what it hands over."""

import sys
import threading
import time

import numpy as np
import pytest
from conftest import SCRIPTS

from visu.training.loop import next_evaluation
from visu.training.worker import Control, Worker

SOFTMAX = SCRIPTS[0]


def losses(evaluations):
    return [(e.iteration, e.train.loss, e.test and e.test.answers.loss) for e in evaluations]


class Finished:
    """A worker's evaluations as they come."""

    def __init__(self, worker):
        self.worker, self.evaluations = worker, []

    def until(self, condition, seconds=60):
        end = time.monotonic() + seconds
        while not condition(self.evaluations):
            assert time.monotonic() < end, "waited in vain"
            self.evaluations += self.worker.take()
            time.sleep(0.005)
        return self.evaluations


@pytest.fixture
def working(make_training):
    """A worker that trains a softmax layer on and on: its evaluations, its control, its script."""
    training, names = make_training(SOFTMAX)
    control = Control()
    worker = Worker(lambda: training, control, seed=0, iterations=10**6, every=20)
    before = threading.active_count()
    worker.start()
    yield Finished(worker), control, names
    worker.end()
    assert threading.active_count() == before


def iteration(evaluations):
    return evaluations[-1].iteration if evaluations else -1


def test_pause_stands_still_and_steps_one_by_one(working):
    finished, control, names = working
    control.step()  # without a pause it is nothing
    finished.until(lambda r: iteration(r) >= 200)
    control.toggle_pause()
    time.sleep(0.5)
    finished.evaluations += finished.worker.take()
    assert all(r.iteration % 20 == 0 for r in finished.evaluations)
    stands, weights = iteration(finished.evaluations), names["weights"][0].numpy()
    time.sleep(0.5)
    assert not list(finished.worker.take())
    np.testing.assert_array_equal(names["weights"][0].numpy(), weights)

    for k in (1, 2):
        control.step()
        finished.until(lambda r, k=k: iteration(r) == stands + k)
        assert finished.evaluations[-1].test  # is evaluated after each
    time.sleep(1)
    assert not list(finished.worker.take())
    assert np.any(names["weights"][0].numpy() != weights)

    seconds, resumed_at = finished.evaluations[-1].seconds, time.monotonic()
    control.toggle_pause()
    after = finished.until(lambda r: iteration(r) > stands + 2)
    resumed = next(r for r in after if r.iteration > stands + 2)
    assert resumed.iteration == next_evaluation(stands + 2, 20, 10**6)
    trained = time.monotonic() - resumed_at
    assert resumed.seconds - seconds < trained + 0.5  # the pause of a second is not counted


def test_restart_begins_again_also_out_of_a_pause(working):
    finished, control, _ = working
    finished.until(lambda r: iteration(r) >= 300)
    for paused in (False, True):
        if paused:
            control.toggle_pause()
        control.restart()
        finished.until(lambda r, n=2 + paused: [x.iteration for x in r].count(0) == n)
        finished.until(lambda r: iteration(r) >= 200)
    runs = []
    for r in finished.evaluations:
        if r.iteration == 0:
            runs.append([])
        runs[-1].append(r)
    first, second, third = (losses(run)[:11] for run in runs)
    assert first == second == third


def test_restart_after_the_end_all_off_the_main_thread(make_training):
    threads, control = [], Control()

    def make():
        threads.append(threading.current_thread())
        return make_training(SOFTMAX)[0]

    worker = Worker(make, control, seed=0, iterations=40, every=20)
    worker.start()
    finished = Finished(worker)
    finished.until(lambda r: iteration(r) == 40)
    control.restart()
    finished.until(lambda r: [x.iteration for x in r] == [0, 20, 40] * 2)
    worker.end()
    assert len(threads) == 1 and threads[0] is not threading.main_thread()


def test_a_worker_that_was_ended_first_never_trains():
    """A window closed before its first picture: nothing may start behind the end of the script."""
    made = []
    worker = Worker(lambda: made.append(1), Control(), seed=0, iterations=10, every=10)
    worker.end()
    worker.start()
    worker.end()
    assert not made and not list(worker.take())


@pytest.fixture
def fast_switching():
    """Threads that take turns as often as they can, so that a race shows."""
    interval = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    yield
    sys.setswitchinterval(interval)


def test_no_press_of_a_key_is_lost_or_counted_twice(fast_switching):
    """Steps from one thread while another makes them: as many are made as were pressed."""
    control, pressed, made = Control(), 20_000, 0
    control.toggle_pause()
    presses = threading.Thread(target=lambda: [control.step() for _ in range(pressed)])
    presses.start()
    for _ in range(pressed):
        made += control.wait(20)
    presses.join()
    waits = threading.Thread(target=control.wait, args=(20,))
    waits.start()
    waits.join(0.2)
    still_paused = waits.is_alive()
    control.stop()
    waits.join()
    assert made == pressed and still_paused


class StopsInABlock(Control):
    """Stopped, as if by Ctrl-C, while the block of iterations after iteration 40 is trained."""

    def wait(self, most):
        now = super().wait(most)
        self.blocks = getattr(self, "blocks", 0) + 1
        if self.blocks == 3:
            self.stop()
        return now


def test_what_was_computed_when_one_stops_is_taken_in(make_training):
    training, _ = make_training(SOFTMAX)
    given = list(training.evaluations(seed=0, iterations=100, every=20, control=StopsInABlock()))
    assert [e.iteration for e in given] == [0, 20, 40, 60]
    assert given[-1].test is not None


class Fails:
    """A Training that fails after its first evaluation."""

    def evaluations(self, **schedule):
        yield "the first"
        raise ValueError("in the middle")


def test_an_error_arrives_after_what_was_finished_before():
    for make, before in ((Fails, ["the first"]), (lambda: 1 / 0, [])):
        worker = Worker(make, Control(), seed=0)
        worker.start()
        worker.end()
        taken = worker.take()
        assert [next(taken) for _ in before] == before
        with pytest.raises((ValueError, ZeroDivisionError)):
            next(taken)


def test_a_pace_holds_the_training_back_and_follows_each_block():
    control = Control()
    assert control.wait(20) == 20 and not control.slowed and control.pace is None
    seen = []
    for _ in range(5):
        control.slower()
        seen.append(control.pace)
    assert seen == [200, 50, 10, 2, 2] and control.slowed
    assert control.wait(20) == 1
    began = time.monotonic()
    assert control.wait(20) == 1 and time.monotonic() - began > 0.4
    control.faster()
    assert control.pace == 10 and control.wait(20) == 2 and control.wait(1) == 1
    for _ in range(4):
        control.faster()
    assert control.pace is None and control.wait(20) == 20
