"""The contract of tensorflowvisu.run: what a script may hand over, and what is said of the rest."""

from types import SimpleNamespace

import numpy as np
import pytest
import tensorflow as tf
from conftest import SCRIPTS, batch_of

import mnist_data
import tensorflowvisu
from visu.training.loop import Training
from visu.training.network import Network, ScriptError
from visu.training.worker import Control


@pytest.fixture(scope="module")
def mnist(small_data):
    return mnist_data.load(str(small_data))


def softmax(dtype=tf.float32, in_step=lambda X: X):
    """The network of 1.0 as keyword arguments; in_step: what the training step does to its images.

    Plain functions, and gradient descent by hand.
    """
    W, b = tf.Variable(tf.zeros([784, 10], dtype)), tf.Variable(tf.zeros([10], dtype))

    def logits(X):
        return tf.reshape(tf.cast(X, dtype), [-1, 784]) @ W + b

    def evaluate(X, Y_):
        loss = tf.nn.softmax_cross_entropy_with_logits(tf.cast(Y_, dtype), logits(X))
        Y = tf.nn.softmax(logits(X))
        right = tf.equal(tf.argmax(Y, 1), tf.argmax(Y_, 1))
        return Y, 100 * tf.reduce_mean(loss), tf.reduce_mean(tf.cast(right, dtype))

    def train_step(X, Y_):
        with tf.GradientTape() as tape:
            loss = evaluate(in_step(X), Y_)[1]
        for variable, gradient in zip([W, b], tape.gradient(loss, [W, b]), strict=True):
            variable.assign_sub(tf.cast(0.003, dtype) * gradient)

    parts = {"train_step": train_step, "evaluate": evaluate, "optimizer": None}
    return parts | {"weights": [W], "biases": [b]}


def evaluations(mnist, **parts):
    """Those of a short run of a Network."""
    training = Training(mnist, Network(**parts))
    schedule = {"seed": 0, "iterations": 20, "every": 10}
    return training, [*training.evaluations(control=Control(), **schedule)]


@pytest.fixture(scope="module")
def whole(mnist):
    """The losses of softmax() as it is."""
    return [one.train.loss for one in evaluations(mnist, **softmax())[1]]


def test_gradient_descent_by_hand_needs_no_optimizer(mnist, whole, make_training):
    script = make_training(SCRIPTS[0])[0]
    control, schedule = Control(), {"seed": 0, "iterations": 20, "every": 10}
    expected = [one.train.loss for one in script.evaluations(control=control, **schedule)]
    np.testing.assert_allclose(whole, expected, rtol=1e-5)


# 20 steps, each rounded to 11 bits twice
@pytest.mark.parametrize(("dtype", "rtol"), [(tf.float64, 1e-5), (tf.float16, 20 * 2 * 2**-10)])
def test_a_network_in_another_precision(mnist, whole, dtype, rtol):
    found = evaluations(mnist, **softmax(dtype))[1]
    np.testing.assert_allclose([one.train.loss for one in found], whole, rtol=rtol)


def test_the_weights_may_be_those_of_keras_layers(mnist, whole):
    dense = tf.keras.layers.Dense(10, kernel_initializer="zeros")
    dense.build([None, 784])
    parts, optimizer = softmax(), tf.keras.optimizers.SGD(0.003)
    W, b, plain = *parts["weights"], *parts["biases"], parts["evaluate"]

    def train_step(X, Y_):
        with tf.GradientTape() as tape:
            Y = dense(tf.reshape(X, [-1, 784]))
            loss = tf.nn.softmax_cross_entropy_with_logits(Y_, Y)
            loss = 100 * tf.reduce_mean(loss)
        optimizer.apply(tape.gradient(loss, dense.trainable_variables), dense.trainable_variables)

    def evaluate(X, Y_):
        W.assign(dense.kernel), b.assign(dense.bias)
        return plain(X, Y_)

    parts |= {"train_step": train_step, "evaluate": evaluate, "optimizer": optimizer}
    found = evaluations(mnist, **parts | {"weights": [dense.kernel], "biases": [dense.bias]})[1]
    np.testing.assert_allclose([one.train.loss for one in found], whole, rtol=1e-5)


def test_variables_beside_weights_and_biases_are_trained_too(mnist):
    """Such as the scale of batch normalization."""
    parts, scale = softmax(), tf.Variable(1.0)
    optimizer = tf.keras.optimizers.Adam(0.01)
    variables = [*parts["weights"], *parts["biases"], scale]
    plain = parts["evaluate"]

    def evaluate(X, Y_):
        return plain(scale * X, Y_)

    def train_step(X, Y_):
        with tf.GradientTape() as tape:
            loss = evaluate(X, Y_)[1]
        optimizer.apply_gradients(zip(tape.gradient(loss, variables), variables, strict=True))

    evaluations(
        mnist, **parts | {"train_step": train_step, "evaluate": evaluate, "optimizer": optimizer}
    )
    assert scale.numpy() > 1.01


def test_a_variable_that_is_frozen_stays_as_it_is(mnist):
    parts = softmax()
    frozen, W = tf.Variable(tf.ones([10]), trainable=False), parts["weights"][0]
    optimizer = tf.keras.optimizers.SGD(0.003)

    def train_step(X, Y_):
        with tf.GradientTape() as tape:
            loss = parts["evaluate"](X, Y_)[1]
        optimizer.apply_gradients(zip(tape.gradient(loss, [W, frozen]), [W, frozen], strict=True))

    changes = {"train_step": train_step, "optimizer": optimizer, "biases": [frozen]}
    evaluations(mnist, **parts | changes)
    assert (frozen.numpy() == 1).all() and W.numpy().any()


def test_what_is_no_data_or_no_flags_is_one_line(mnist, capsys):
    for args, data in ((None, mnist), (SimpleNamespace(own_iterations=1), (1, 2))):
        with pytest.raises(SystemExit) as ended:
            tensorflowvisu.run(args, data, **softmax())
        (line,) = capsys.readouterr().err.splitlines()
        assert ended.value.code == 2 and "mnist_data.load" in line


RETURNS = {  # what evaluate returns in place of Y, loss, accuracy; words of the message
    "Y only": (lambda X, Y, loss, accuracy: Y, "three values"),
    "a dict": (lambda X, Y, loss, accuracy: {"Y": Y}, "three values"),
    "a loss per digit": (lambda X, Y, loss, accuracy: (Y, loss + Y[:, 0], accuracy), "(100,)"),
    "accuracy in percent": (lambda X, Y, loss, accuracy: (Y, loss, 100 * accuracy), "10"),
    "logits": (lambda X, Y, loss, accuracy: (2 * tf.math.log(Y), loss, accuracy), "softmax"),
    "half of the batch": (lambda X, Y, loss, accuracy: (Y[:50], loss, accuracy), "(50, 10)"),
    "the first 100": (lambda X, Y, loss, accuracy: (Y[:100], loss, accuracy), "(100, 10)"),
    "100 only": (
        lambda X, Y, loss, accuracy: (tf.reshape(Y, [100, 10]), loss, accuracy),
        "any number of images",
    ),
}


@pytest.mark.parametrize("case", RETURNS)
def test_what_evaluate_must_return(case, mnist):
    change, words = RETURNS[case]
    parts = softmax()
    plain = parts["evaluate"]
    parts["evaluate"] = lambda X, Y_: change(X, *plain(X, Y_))
    with pytest.raises(ScriptError) as error:
        evaluations(mnist, **parts)
    assert words in str(error.value) and "\n" not in str(error.value)


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"weights": tf.Variable(0.0)}, "weights must be a list"),
        ({"biases": {"b": tf.Variable(0.0)}}, "not a dict"),
        ({"weights": [np.zeros([784, 10])]}, "ndarray"),
        ({"weights": []}, "empty"),
        ({"optimizer": 0.003}, "not a float"),
        ({"optimizer": "adam"}, "not a str"),
        ({"train_step": None}, "train_step must be a function"),
        ({"evaluate": lambda X: X}, "evaluate must be a function of X and Y_"),
    ],
)
def test_what_a_network_consists_of(changes, words):
    with pytest.raises(ScriptError, match=words):
        Network.count_layers(**softmax() | changes)


def test_weights_that_have_diverged_break_no_contract(mnist):
    parts = softmax()
    parts["weights"][0].assign(np.full([784, 10], np.nan))
    assert np.isnan(evaluations(mnist, **parts)[1][-1].train.loss)


# ---- XLA


def rotated(X):
    """The idea of 4.1, which XLA does not know."""
    return tf.keras.layers.RandomRotation(0.1, fill_mode="nearest", seed=1)(X, training=True)


def written(path):
    """A step that leaves a file."""

    def write(X):
        tf.io.write_file(str(path), tf.constant("seen"))
        return X

    return write


def test_what_xla_cannot_compile_is_built_without_it(mnist, whole, tmp_path):
    training, found = evaluations(mnist, **softmax(in_step=written(tmp_path / "step")))
    assert not training.network.xla
    np.testing.assert_allclose([one.train.loss for one in found], whole, rtol=1e-5)
    assert (tmp_path / "step").read_text() == "seen"


def test_an_augmentation_that_xla_does_not_know(mnist):
    layer = tf.keras.layers.RandomRotation(0.1, seed=1)
    training, found = evaluations(mnist, **softmax(in_step=lambda X: layer(X, training=True)))
    assert not training.network.xla and np.isfinite(found[-1].train.loss)


def test_summaries_are_written(mnist, tmp_path):
    pytest.importorskip("tensorboard", reason="tf.summary needs TensorBoard")
    writer = tf.summary.create_file_writer(str(tmp_path))

    def summarized(X):
        with writer.as_default(step=0):
            tf.summary.scalar("mean", tf.reduce_mean(X))
        return X

    evaluations(mnist, **softmax(in_step=summarized))
    writer.flush()
    assert sum(path.stat().st_size for path in tmp_path.iterdir()) > 200


@pytest.mark.parametrize(
    "check",
    [
        lambda X: tf.debugging.check_numerics(X / 0, "found"),
        lambda X: X * tf.cast(tf.debugging.assert_less(tf.reduce_max(X), 0.1) is None, tf.float32),
    ],
    ids=["check_numerics", "assert"],
)
def test_checks_have_an_effect(check, mnist):
    """Under XLA they would be silent."""
    with pytest.raises(tf.errors.InvalidArgumentError):
        evaluations(mnist, **softmax(in_step=check))


def test_xla_is_used_where_it_can_be(mnist):
    digits = mnist.test
    training, found = evaluations(mnist, **softmax())
    assert training.network.xla
    loss = training.network.evaluate(*batch_of(digits, range(len(digits.labels))))[1]
    assert loss.numpy() == pytest.approx(found[-1].test.answers.loss, rel=1e-4)
