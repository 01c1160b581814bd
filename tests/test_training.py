"""The training loop in the graph: batches, evaluations, the contract with a script."""

import itertools
import os
import subprocess
import sys

import numpy as np
import pytest
import tensorflow as tf
from conftest import SCRIPTS, TOP, batch_of

from visu.training.loop import (
    Training,
    batches,
    evaluates_test,
    next_evaluation,
    to_batch,
    to_images,
)
from visu.training.network import BATCH, Network
from visu.training.quiet_tensorflow import check_device, quiet_stderr
from visu.training.worker import Control

SOFTMAX = SCRIPTS[0]
CONVOLUTIONS, DROPOUT = (next(p for p in SCRIPTS if step in p.stem) for step in ("3.0", "3.1"))


def take(n, count, seed):
    return np.array(list(itertools.islice(batches(n, seed), count)))


@pytest.mark.parametrize("n", [50, 250])
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


def test_schedule_of_evaluations():
    reads, i = [0], 0
    while i < 10_000:
        i = next_evaluation(i, 20, 10_000)
        reads.append(i)
    assert reads == list(range(0, 10_001, 20))
    tests = [i for i in reads if evaluates_test(i, 20, 10_000)]
    assert tests == [0, 20, 40, 60, 80, *range(100, 10_001, 100)]
    assert next_evaluation(13, 20, 10_000) == 20  # after single steps
    assert next_evaluation(40, 20, 45) == 45 and evaluates_test(45, 20, 45)


def test_digits_become_a_batch_and_pictures_again():
    pixels = np.arange(6 * 784, dtype=np.uint8).reshape(6, 28, 28)  # each of the 256 values
    labels = np.array([3, 9, 0, 1, 2, 5], np.uint8)
    X, Y_ = tf.function(to_batch)(pixels, labels)
    np.testing.assert_allclose(X, pixels[..., None] / 255, rtol=2e-7)
    assert Y_.dtype == X.dtype == tf.float32
    np.testing.assert_array_equal(Y_, np.eye(10)[labels])
    np.testing.assert_array_equal(to_images(X), pixels)
    np.testing.assert_array_equal(to_images(X * 3 - 1), np.clip(pixels * 3.0 - 255, 0, 255))


def evaluate(training, control=None, iterations=45, seed=0):
    control = control or Control()
    return list(training.evaluations(seed=seed, iterations=iterations, every=20, control=control))


def test_evaluations_are_those_of_one_step_after_the_other(make_training, monkeypatch):
    """The compiled loop against train_step called by hand on the same batches."""
    monkeypatch.setattr("visu.training.loop.TEST_SLICE", 64)  # of 200 digits: the last one has 8
    training, names = make_training(SOFTMAX)
    evaluations = evaluate(training)
    assert [r.iteration for r in evaluations] == [0, 20, 40, 45]
    assert [r.test is not None for r in evaluations] == [True, True, True, True]
    looped = names["weights"][0].numpy()

    training.restore()
    train, test = names["mnist"].train, names["mnist"].test
    order = take(300, 60, seed=0)
    for i in range(46):
        X, Y_ = batch_of(train, order[i])
        for evaluation in evaluations:
            if evaluation.iteration == i:
                Y, loss, accuracy = names["evaluate"](X, Y_)
                assert evaluation.train.loss == pytest.approx(float(loss), rel=1e-4)
                assert evaluation.train.accuracy == pytest.approx(float(accuracy))
                np.testing.assert_array_equal(evaluation.train.images, train.images[order[i]])
                np.testing.assert_array_equal(evaluation.train.labels, train.labels[order[i]])
                Y, loss, accuracy = names["evaluate"](*batch_of(test))
                assert evaluation.test.answers.loss == pytest.approx(float(loss), rel=1e-4)
                assert evaluation.test.answers.accuracy == pytest.approx(float(accuracy))
                predicted = evaluation.test.answers.predictions
                np.testing.assert_array_equal(predicted, Y.numpy().argmax(1))
                assert evaluation.learning_rate == pytest.approx(0.003)
        if i < 45:
            names["train_step"](X, Y_)
    np.testing.assert_allclose(names["weights"][0].numpy(), looped, rtol=1e-3, atol=1e-6)


def test_images_that_a_step_returns_are_shown_and_the_curve_is_the_next_batch(make_training):
    """A step that trains on other images than its batch's: they are for the picture only."""
    _, names = make_training(SOFTMAX)

    @tf.function
    def mirrored(X, Y_):
        names["train_step"](X[:, :, ::-1], Y_)
        return X[:, :, ::-1]

    rest = (names[key] for key in ("evaluate", "optimizer", "weights", "biases"))
    training = Training(names["mnist"], Network(mirrored, *rest))
    evaluations = evaluate(training)
    train, order = names["mnist"].train, take(300, 60, seed=0)
    np.testing.assert_array_equal(evaluations[0].train.images, train.images[order[0]])
    for evaluation in evaluations[1:]:
        batch = order[evaluation.iteration - 1]
        np.testing.assert_array_equal(evaluation.train.images, train.images[batch, :, ::-1])
        np.testing.assert_array_equal(evaluation.train.labels, train.labels[batch])
    X, Y_ = batch_of(train, order[44])
    Y, _, _ = names["evaluate"](X[:, :, ::-1], Y_)
    np.testing.assert_array_equal(evaluations[-1].train.predictions, Y.numpy().argmax(1))
    _, loss, accuracy = names["evaluate"](*batch_of(train, order[45]))
    assert evaluations[-1].train.loss == pytest.approx(float(loss), rel=1e-4)
    assert evaluations[-1].train.accuracy == pytest.approx(float(accuracy))


def test_evaluations_leave_no_mark_on_the_training(make_training):
    """Dropout draws its numbers in training only: fewer evaluations, same weights."""
    training, names = make_training(DROPOUT)
    last = evaluate(training, iterations=40)[-1].test
    weights = [w.numpy().copy() for w in names["weights"]]
    flat = np.concatenate([w.ravel() for w in weights])
    np.testing.assert_allclose(last.weight_bands, np.percentile(flat, [0, 10, 25, 75, 90, 100]))
    training.restore()
    for k, w in enumerate(weights, 1):
        np.testing.assert_array_equal(last.variables[f"W{k}"], w)  # as they were
    list(training.evaluations(seed=0, iterations=40, every=40, control=Control()))
    for often, w in zip(weights, names["weights"], strict=True):
        np.testing.assert_array_equal(often, w.numpy())


# ---- GPUs, for which logical devices of the CPU stand in


def test_a_device_that_fails_at_its_first_operation_is_noticed(monkeypatch):
    assert check_device("CPU:0") is None

    def fails(*_):
        raise tf.errors.InternalError(None, None, "CUDA_ERROR_INVALID_PTX\nand more")

    monkeypatch.setattr(tf, "reduce_sum", fails)
    assert check_device("CPU:0") == "CUDA_ERROR_INVALID_PTX"


ON_A_SECOND_DEVICE = """
import runpy, sys
import tensorflow as tf
(cpu,) = tf.config.list_physical_devices("CPU")
tf.config.set_logical_device_configuration(cpu, [tf.config.LogicalDeviceConfiguration()] * 2)
import tensorflowvisu
from visu.training.loop import Training
from visu.training.network import Network
from visu.training.worker import Control

class SingleSteps(Control):
    def wait(self, most):
        return 1

def run(args, mnist, *parts):
    training = Training(mnist, Network(*parts))
    print(*(value.device for value in (*training.data, *parts[-2])))
    for evaluation in training.evaluations(seed=0, iterations=23, every=20, control=SingleSteps()):
        print(evaluation.iteration, flush=True)

tensorflowvisu.run = run
sys.argv.pop(0)
with tf.device("CPU:1"):
    runpy.run_path(sys.argv[0])
"""


def test_the_loop_is_compiled_once_and_the_digits_lie_where_it_runs(small_data, tmp_path):
    """Whatever iterations are asked for: XLA writes down each program that it compiles."""
    command = [sys.executable, "-c", ON_A_SECOND_DEVICE, SOFTMAX, "--data", small_data]
    flags = {"XLA_FLAGS": f"--xla_dump_to={tmp_path}", "PYTHONPATH": str(TOP)}
    done = subprocess.run(command, env=os.environ | flags, capture_output=True, text=True)
    first, *iterations = done.stdout.splitlines()
    assert iterations == [str(i) for i in range(24)], done.stderr
    assert len(list(tmp_path.glob("module_*loop*.before_optimizations.txt"))) == 1
    devices = first.split()
    assert len(devices) == 3 and set(devices) == {devices[-1]} and devices[-1].endswith("CPU:1")


def edited(script, folder, old, new):
    """A copy of a script with this change."""
    source = script.read_text()
    assert source.count(old) == 1
    path = folder / script.name
    path.write_text(source.replace(old, new))
    return path


def test_xla_compiles_neither_a_convolution_nor_a_print(make_training, tmp_path, capfd):
    """Also where a student writes @tf.function over the model; the curve is the same."""
    model, print_it = "def model(X):\n", '    tf.print("shape", tf.shape(X))\n'
    nested = "@tf.function\n" + model
    convolving = make_training(edited(CONVOLUTIONS, tmp_path, model, nested))[0]
    printing = make_training(edited(SOFTMAX, tmp_path, model, nested + print_it))[0]
    expected = make_training(SOFTMAX)[0]
    xla = [training.network.xla for training in (convolving, printing, expected)]
    assert xla == [False, False, True]
    losses = [[one.train.loss for one in evaluate(run)] for run in (printing, expected)]
    assert "shape [100 28 28 1]" in capfd.readouterr().err
    # exp, a sum of ten and a quotient round Y, near 1, twelve times; the loss is 100 times -log(Y)
    np.testing.assert_allclose(*losses, rtol=1e-6, atol=100 * 12 * 2**-24)


def test_what_is_withheld_at_the_start_is_shown_if_it_fails(capfd):
    with quiet_stderr():
        os.write(2, b"rebuild TensorFlow")
    assert capfd.readouterr().err == ""
    with pytest.raises(ZeroDivisionError), quiet_stderr():
        os.write(2, b"no such driver")
        1 / 0  # noqa: B018
    assert capfd.readouterr().err == "no such driver"
