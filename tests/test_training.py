"""The training loop: batches, readings, pause, step, restart, the worker thread."""

import itertools
import threading
import time

import numpy as np
import pytest
import tensorflow as tf
from conftest import SCRIPTS

import mnist_data
from visu.training import (
    BATCH,
    Control,
    Training,
    Worker,
    batches,
    next_reading,
    reads_test,
    tensor_of,
)

SOFTMAX, DROPOUT = SCRIPTS[0], next(path for path in SCRIPTS if "3.1" in path.stem)


def take(n, count, seed):
    return np.array(list(itertools.islice(batches(n, seed), count)))


@pytest.mark.parametrize("n", [50, 100, 250, 1000])
def test_every_image_comes_once_an_epoch(n):
    order = take(n, 3 * n // BATCH, seed=0).reshape(-1)
    epochs = order[: len(order) // n * n].reshape(-1, n)
    assert len(epochs) >= 2
    for epoch in epochs:
        np.testing.assert_array_equal(np.sort(epoch), np.arange(n))
    assert np.any(epochs[0] != epochs[1])


def test_the_order_is_the_seeds():
    np.testing.assert_array_equal(take(1000, 20, seed=3), take(1000, 20, seed=3))
    assert np.any(take(1000, 20, seed=3) != take(1000, 20, seed=4))


def test_schedule_of_readings():
    reads, i = [0], 0
    while i < 10_000:
        i = next_reading(i, 20, 10_000)
        reads.append(i)
    assert reads == list(range(0, 10_001, 20))
    tests = [i for i in reads if reads_test(i, 20, 10_000)]
    assert tests == [0, 20, 40, 60, 80, *range(100, 10_001, 100)]
    assert next_reading(13, 20, 10_000) == 20  # after single steps
    assert next_reading(40, 20, 45) == 45 and reads_test(45, 20, 45)


def test_digits_are_used_where_they_lie():
    pixels = np.random.default_rng(0).integers(0, 256, (6, 28, 28), np.uint8)
    images = mnist_data.to_digits(pixels, np.arange(6, dtype=np.uint8), "train").images
    tensor = tensor_of(images)
    np.testing.assert_array_equal(tensor, pixels[..., None] / np.float32(255))
    images[5] = 2
    assert (tensor[5] == 2).numpy().all() == (not tf.config.list_physical_devices("GPU"))


def test_other_arrays_are_copied():
    room = np.arange(100, dtype=np.float32)
    first = room[-room.ctypes.data % 64 // 4 :]  # where TensorFlow could use it in place
    locked = first[:16].view()
    locked.flags.writeable = False
    for array in (first[1:], first[::2], locked):
        before = array.copy()
        tensor = tensor_of(array)
        room += 1
        np.testing.assert_array_equal(tensor, before)


def read(training, control=None, iterations=45, seed=0):
    control = control or Control()
    return list(training.readings(seed=seed, iterations=iterations, every=20, control=control))


def test_readings_are_those_of_one_step_after_the_other(make_training):
    """The compiled loop against train_step called by hand on the same batches."""
    training, names = make_training(SOFTMAX)
    readings = read(training)
    assert [r.iteration for r in readings] == [0, 20, 40, 45]
    assert [r.test is not None for r in readings] == [True, True, True, True]
    looped = names["weights"][0].numpy()

    training.restore()
    train, test = names["mnist"].train, names["mnist"].test
    order = take(300, 60, seed=0)
    for i in range(46):
        X, Y_ = train.images[order[i]], train.labels[order[i]]
        for reading in readings:
            if reading.iteration == i:
                Y, loss, accuracy = names["evaluate"](X, Y_)
                assert reading.train.loss == pytest.approx(float(loss), rel=1e-4)
                assert reading.train.accuracy == pytest.approx(float(accuracy))
                np.testing.assert_array_equal(reading.train.images, X[..., 0])
                np.testing.assert_array_equal(reading.train.labels, Y_.argmax(1))
                Y, loss, accuracy = names["evaluate"](test.images, test.labels)
                assert reading.test.loss == pytest.approx(float(loss), rel=1e-4)
                assert reading.test.accuracy == pytest.approx(float(accuracy))
                np.testing.assert_array_equal(reading.test.predictions, Y.numpy().argmax(1))
                assert reading.learning_rate == pytest.approx(0.003)
        if i < 45:
            names["train_step"](X, Y_)
    np.testing.assert_allclose(names["weights"][0].numpy(), looped, rtol=1e-3, atol=1e-6)


def test_digits_that_a_step_returns_are_shown_and_read(make_training):
    """A step that trains on other digits than its batch's: the readings are of what it saw last."""
    _, names = make_training(SOFTMAX)

    @tf.function
    def mirrored(X, Y_):
        names["train_step"](X[:, :, ::-1], Y_)
        return X[:, :, ::-1]

    rest = (names[key] for key in ("evaluate", "optimizer", "weights", "biases"))
    training = Training(names["mnist"], mirrored, *rest)
    readings = read(training)
    train, order = names["mnist"].train, take(300, 60, seed=0)
    np.testing.assert_array_equal(readings[0].train.images, train.images[order[0], ..., 0])
    for reading in readings[1:]:
        batch = order[reading.iteration - 1]
        np.testing.assert_array_equal(reading.train.images, train.images[batch, :, ::-1, 0])
        np.testing.assert_array_equal(reading.train.labels, train.labels[batch].argmax(1))
    batch = train.images[order[44], :, ::-1], train.labels[order[44]]
    Y, loss, accuracy = names["evaluate"](*batch)
    assert readings[-1].train.loss == pytest.approx(float(loss), rel=1e-4)
    np.testing.assert_array_equal(readings[-1].train.predictions, Y.numpy().argmax(1))


def test_test_set_is_read_in_slices(make_training, monkeypatch):
    training, names = make_training(SOFTMAX)
    whole = read(training, iterations=1)[-1].test
    training.restore()
    monkeypatch.setattr("visu.training.SLICE", 64)  # 200 digits: the last slice is a short one
    sliced = read(training, iterations=1)[-1].test
    assert sliced.accuracy == pytest.approx(whole.accuracy)
    assert sliced.loss == pytest.approx(whole.loss, rel=1e-5)
    np.testing.assert_array_equal(sliced.predictions, whole.predictions)


def test_bands_and_first_weights_belong_to_the_reading(make_training):
    training, names = make_training(DROPOUT)
    last = read(training)[-1]
    flat = np.concatenate([w.numpy().ravel() for w in names["weights"]])
    np.testing.assert_allclose(last.weights, np.percentile(flat, np.linspace(0, 100, 8)))
    np.testing.assert_array_equal(last.first, names["weights"][0].numpy())
    before = last.first.copy()
    names["weights"][0].assign_add(tf.ones_like(names["weights"][0]))
    np.testing.assert_array_equal(last.first, before)


def losses(readings):
    return [(r.iteration, r.train.loss, r.test and r.test.loss) for r in readings]


def test_readings_leave_no_mark_on_the_training(make_training):
    """Dropout draws its numbers in training only: fewer readings, same weights."""
    training, names = make_training(DROPOUT)
    read(training, iterations=60)
    often = names["weights"][0].numpy()
    training.restore()
    list(training.readings(seed=0, iterations=60, every=60, control=Control()))
    np.testing.assert_array_equal(often, names["weights"][0].numpy())


def test_convolutions_stay_out_of_xla(make_training, script):
    training, _ = make_training(script)
    block = training._block
    assert block._jit_compile is ("conv2d" not in script.read_text())


# ---- pause, step, restart, stop ----


class Finished:
    """A worker's readings as they come."""

    def __init__(self, worker):
        self.worker, self.readings = worker, []

    def until(self, condition, seconds=60):
        end = time.monotonic() + seconds
        while not condition(self.readings):
            assert time.monotonic() < end, "waited in vain"
            self.readings += self.worker.take()
            time.sleep(0.005)
        return self.readings


@pytest.fixture
def working(make_training):
    """A worker that trains a softmax layer on and on, its readings, its control and its weights."""
    training, names = make_training(SOFTMAX)
    control = Control()
    worker = Worker(lambda: training, control, seed=0, iterations=10**6, every=20)
    yield Finished(worker), control, names
    worker.end()
    assert not worker._thread.is_alive()


def iteration(readings):
    return readings[-1].iteration if readings else -1


def test_pause_stands_still_and_steps_one_by_one(working):
    finished, control, names = working
    finished.until(lambda r: iteration(r) >= 200)
    control.toggle_pause()
    time.sleep(0.5)
    finished.readings += finished.worker.take()
    stands, weights = iteration(finished.readings), names["weights"][0].numpy()
    time.sleep(0.5)
    assert not finished.worker.take()
    np.testing.assert_array_equal(names["weights"][0].numpy(), weights)

    for k in (1, 2):
        control.step()
        finished.until(lambda r, k=k: iteration(r) == stands + k)
    time.sleep(1)
    assert not finished.worker.take()
    assert np.any(names["weights"][0].numpy() != weights)

    seconds, resumed_at = finished.readings[-1].seconds, time.monotonic()
    control.toggle_pause()
    after = finished.until(lambda r: iteration(r) > stands + 2)
    resumed = next(r for r in after if r.iteration > stands + 2)
    assert resumed.iteration == next_reading(stands + 2, 20, 10**6)
    trained = time.monotonic() - resumed_at
    assert resumed.seconds - seconds < trained + 0.5  # the pause of a second is not counted


def test_step_without_pause_is_nothing(working):
    finished, control, _ = working
    control.step()
    finished.until(lambda r: iteration(r) >= 100)
    assert all(r.iteration % 20 == 0 for r in finished.readings)
    control.toggle_pause()
    time.sleep(0.3)
    finished.readings += finished.worker.take()
    time.sleep(0.2)
    assert not finished.worker.take()


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
    for r in finished.readings:
        if r.iteration == 0:
            runs.append([])
        runs[-1].append(r)
    first, second, third = (losses(run)[:11] for run in runs)
    assert first == second == third


def test_restart_after_the_end(make_training):
    training, _ = make_training(SOFTMAX)
    control = Control()
    worker = Worker(lambda: training, control, seed=0, iterations=40, every=20)
    finished = Finished(worker)
    finished.until(lambda r: iteration(r) == 40)
    control.restart()
    finished.until(lambda r: [x.iteration for x in r] == [0, 20, 40] * 2)
    worker.end()


def test_stop_ends_soon(working):
    finished, control, _ = working
    finished.until(lambda r: iteration(r) >= 100)
    start = time.monotonic()
    finished.worker.end()
    assert time.monotonic() - start < 5
    assert control.stopping


def test_what_the_worker_raises_arrives(make_training):
    def fails():
        raise ValueError("no such layer")

    worker = Worker(fails, Control(), seed=0, iterations=10, every=10)
    with pytest.raises(ValueError, match="no such layer"):
        Finished(worker).until(lambda r: False)
    worker.end()


def test_a_worker_that_was_ended_first_never_trains():
    """A window closed before its first picture: nothing may start behind the end of the script."""
    made = []
    worker = Worker(lambda: made.append(1), Control(), seed=0, iterations=10, every=10)
    worker.end()
    assert worker.take() == []
    worker.end()
    assert not made and not worker._thread.ident


def test_training_is_off_the_main_thread(make_training):
    threads = []

    def make():
        threads.append(threading.current_thread())
        return make_training(SOFTMAX)[0]

    worker = Worker(make, Control(), seed=0, iterations=10, every=10)
    Finished(worker).until(lambda r: iteration(r) == 10)
    worker.end()
    assert threads[0] is not threading.main_thread()
