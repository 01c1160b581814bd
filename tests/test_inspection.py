"""What a view may ask of a network, against the same network in numpy."""

import threading
import time

import numpy as np
import pytest
import tensorflow as tf
from conftest import SCRIPTS, batch_of
from numpy_networks import NETWORKS, convolution, relu, sigmoid, values

from visu.training.inspection import Inspection
from visu.training.keras_network import KerasNetwork
from visu.training.loop import Training
from visu.training.network import Network
from visu.training.worker import Control

STEPS = {path.stem.split("_")[1]: path for path in SCRIPTS}
SCHEDULE = {"seed": 0, "iterations": 20, "every": 10}


def hidden_layers(step, X, W, B):
    """The outputs of all hidden layers, in numpy."""
    activation = sigmoid if step == "2.0" else relu
    outputs = []
    for k, (w, b) in enumerate(zip(W[:-1], B[:-1], strict=True)):
        Y = convolution(X, w, (1, 2, 2)[k]) if w.ndim == 4 else X.reshape(len(X), -1) @ w
        outputs.append(X := activation(Y + b))
    return outputs


def curve(training, control=None, copying=False, look=None):
    """Losses of a run; look: called with each Evaluation."""
    training.restore()
    training.inspection.copying = copying
    read = []
    for one in training.evaluations(control=control or Control(), **SCHEDULE):
        read.append((one.train.loss, one.test and one.test.answers.loss))
        if look:
            look(one)
    return read


@pytest.mark.parametrize("step", ["1.0", "2.0", "3.1"])
def test_layers_and_probabilities_are_numpys_and_evaluates(step, make_training):
    training, names = make_training(STEPS[step])
    digits = names["mnist"].test
    inspection = training.inspection
    assert inspection.ask(digits.images[3]) is None  # nothing has been copied yet
    inspection.copy()
    looked = inspection.ask(digits.images[3], int(digits.labels[3]))
    X, Y_ = batch_of(digits, [3])
    W, B = values(names["weights"]), values(names["biases"])
    expected = hidden_layers(step, X.astype(np.float64), W, B)
    assert len(looked.layers) == len(NETWORKS[step][1]) - 1
    before = X[0]
    for k, (layer, output) in enumerate(zip(looked.layers, expected, strict=True)):
        np.testing.assert_allclose(layer.outputs, output[0], rtol=1e-3, atol=1e-4)
        made = layer.product
        np.testing.assert_array_equal(made.inputs.ravel(), before.ravel())
        np.testing.assert_allclose(made.weights.ravel(), W[k].ravel(), rtol=1e-6)
        np.testing.assert_allclose(made.bias, B[k], rtol=1e-6)
        convolves = W[k].ndim == 4
        assert made.strides[0] == made.strides[1] == ((1, 2, 2)[k] if convolves else 1)
        assert made.weights.shape[:3] == (W[k].shape[:3] if convolves else made.inputs.shape)
        assert made.inputs.shape == (before.shape if before.ndim == 3 else (1, 1, before.size))
        before = layer.outputs
    Y = names["evaluate"](X, Y_)[0].numpy()[0]
    np.testing.assert_allclose(looked.probabilities, Y, rtol=1e-4, atol=1e-6)
    assert looked.label == digits.labels[3] and looked.iteration == 0
    assert looked.drops == (step == "3.1")


def network_of(model, W):
    """A Network whose training step does nothing."""

    @tf.function
    def evaluate(X, Y_):
        loss = tf.nn.softmax_cross_entropy_with_logits(Y_, model(X))  # the model a second time
        return tf.nn.softmax(model(X)), tf.reduce_mean(loss), tf.constant(0.1)

    return Network(lambda X, Y_: None, evaluate, None, W, [])


@tf.function
def branching(Y):
    """Only AutoGraph can translate it."""
    if tf.reduce_sum(Y) > 0:
        return tf.nn.relu(Y)
    return tf.nn.relu(Y)


def normalized(Y):
    return tf.nn.relu(tf.nn.batch_normalization(Y, 3.0, 4.0, BETA, None, 0))


GATE, BETA = tf.Variable(0.0), tf.Variable(tf.linspace(-9.0, 9.0, 20))
STRANGE = {  # activations, and the same in numpy
    "none": (tf.identity, lambda Y: Y),
    "swish": (tf.nn.swish, lambda Y: Y * sigmoid(Y)),
    "hard sigmoid": (tf.keras.activations.hard_sigmoid, lambda Y: np.clip(Y / 6 + 0.5, 0, 1)),
    "own leaky ReLU": (lambda Y: tf.where(Y > 0, Y, Y / 10), lambda Y: np.where(Y > 0, Y, Y / 10)),
    "gated": (lambda Y: tf.nn.relu(Y) * tf.sigmoid(GATE), lambda Y: relu(Y) / 2),
    "average": (lambda Y: tf.reduce_mean(tf.nn.relu(Y), [1, 2]), relu),
    "bias first": (lambda Y: tf.nn.relu(BETA + Y), lambda Y: relu(Y + BETA.numpy())),
    "normalized": (normalized, lambda Y: relu((Y - 3) / 2 + BETA.numpy())),
}


@pytest.mark.parametrize("nested", [False, True])
@pytest.mark.parametrize("kind", STRANGE)
def test_a_layer_is_what_the_next_one_reads(kind, nested):
    """Whatever its activation is, also in a tf.function within the network, and each one once."""
    activation, numpys = STRANGE[kind]
    rng = np.random.default_rng(0)
    maps = kind == "average"
    first = rng.normal(size=[28, 28, 1, 20] if maps else [784, 20]).astype(np.float32)
    W = [tf.Variable(first), tf.Variable(rng.normal(size=[20, 10]).astype(np.float32))]

    def model(X):
        Y = tf.nn.conv2d(X, W[0], 14, "SAME") if maps else tf.reshape(X, [-1, 784]) @ W[0]
        return activation(Y) @ W[1]

    inspection = Inspection(network_of(tf.function(model) if nested else model, W))
    inspection.copy()
    digit = rng.integers(0, 256, [28, 28], np.uint8)
    (layer,) = inspection.ask(digit).layers
    X = digit[None, ..., None] / 255
    Y = convolution(X, first, 14) if maps else X.reshape(1, 784) @ first
    np.testing.assert_allclose(layer.outputs, numpys(Y)[0], rtol=1e-4, atol=1e-4)
    made = layer.product
    np.testing.assert_allclose(made.inputs, X[0], rtol=1e-6)
    np.testing.assert_array_equal(made.weights.ravel(), first.ravel())
    assert made.strides == ((14, 14) if maps else (1, 1))
    if kind == "bias first":
        np.testing.assert_array_equal(made.bias, BETA)
    else:
        assert made.bias is None


KERNEL, SQUARE = tf.Variable(tf.ones([3, 3, 1, 20])), tf.Variable(tf.ones([784, 784]))


def convolved(X, **how):
    return tf.nn.conv2d(X, KERNEL, **({"strides": 2, "padding": "SAME"} | how))


@pytest.mark.parametrize(
    "layer",
    [
        lambda X: tf.nn.max_pool2d(convolved(X), 2, 2, "SAME"),
        lambda X: tf.nn.relu(convolved(X) + convolved(X / 2)),
        lambda X: convolved(X[:, 4:, 4:]),
        lambda X: convolved(X, strides=1, dilations=2),
        lambda X: tf.matmul(tf.reshape(X, [-1, 784]), SQUARE, transpose_b=True),
    ],
)
def test_a_layer_that_is_not_one_product_of_the_layer_before_is_not_said_to_be(layer):
    last = tf.Variable(tf.ones([layer(tf.zeros([1, 28, 28, 1])).shape[-1], 10]))

    def model(X):
        Y = layer(X)
        return (tf.reduce_mean(Y, [1, 2]) if len(Y.shape) == 4 else Y) @ last

    inspection = Inspection(network_of(model, [KERNEL, SQUARE, last]))
    inspection.copy()
    (shown,) = inspection.ask(np.full([28, 28], 255, np.uint8)).layers
    assert shown.outputs.any() and shown.product is None


def test_a_layer_that_has_the_weights_of_another_is_a_layer_of_its_own():
    rng = np.random.default_rng(0)
    W = [tf.Variable(rng.normal(size=n).astype(np.float32)) for n in ([784, 9], [9, 9], [9, 10])]

    def model(X):
        Y1 = tf.nn.relu(tf.reshape(X, [-1, 784]) @ W[0])
        return tf.tanh(tf.tanh(Y1 @ W[1]) @ W[1]) @ W[2]

    inspection = Inspection(network_of(model, W))
    inspection.copy()
    layers = inspection.ask(rng.integers(0, 256, [28, 28], np.uint8)).layers
    assert [layer.kind for layer in layers] == ["Relu", "Tanh", "Tanh"]


def test_a_function_that_needs_autograph_is_not_looked_into():
    W = [tf.Variable(tf.ones([784, 20])), tf.Variable(tf.ones([20, 10]))]

    def model(X):
        return branching(tf.reshape(X, [-1, 784]) @ W[0]) @ W[1]

    inspection = Inspection(network_of(model, W))
    inspection.copy()
    (layer,) = inspection.ask(np.full([28, 28], 255, np.uint8)).layers
    np.testing.assert_allclose(layer.outputs, np.full(20, 784), rtol=1e-4)


def test_a_recurrent_layer_is_one_layer():
    layers = tf.keras.layers
    parts = layers.Input([28, 28]), layers.LSTM(6), layers.Dense(10, activation="softmax")
    model = tf.keras.Sequential(parts)
    model.compile("sgd", "categorical_crossentropy")
    inspection = Inspection(KerasNetwork(model))
    inspection.copy()
    digit = np.random.default_rng(0).integers(0, 256, [28, 28], np.uint8)
    (layer,) = inspection.ask(digit).layers
    expected = parts[1](digit[None] / np.float32(255))[0].numpy()
    np.testing.assert_allclose(layer.outputs, expected, rtol=1e-4, atol=1e-6)
    step = inspection.next_step(*blank_batch())
    assert len(step.layers) == 1  # none of the backward pass


def blank_batch():
    """A blank batch."""
    return tf.zeros([100, 28, 28, 1]), tf.one_hot(tf.zeros([100], tf.int32), 10)


def test_answers_beside_a_training_are_of_one_iteration_and_leave_its_curve_alone(make_training):
    """Asked from another thread all the while: each is numpy's at its iteration's weights."""
    training, names = make_training(STEPS["2.2"])
    digits = names["mnist"].test
    variables = names["weights"] + names["biases"]
    quiet = curve(training)
    states, looks, done = {}, [], threading.Event()

    def ask():
        k = 0
        while not done.is_set():
            looked = training.inspection.ask(digits.images[k % 5], k % 5)
            if looked:
                looks.append(looked)
            k += 1

    asking = threading.Thread(target=ask)
    asking.start()
    try:

        def remember(one):
            states[one.iteration] = values(variables)
            enough, end = len(looks) + 3, time.monotonic() + 20
            while len(looks) < enough and time.monotonic() < end:
                time.sleep(0.001)

        inspected = curve(training, copying=True, look=remember)
    finally:
        done.set()
        asking.join()
    assert inspected == quiet  # bit for bit
    assert len(looks) > 5
    W = len(names["weights"])
    for looked in looks[:: max(len(looks) // 20, 1)]:
        X = batch_of(digits, [looked.label])[0].astype(np.float64)
        state = states[looked.iteration]
        expected = hidden_layers("2.2", X, state[:W], state[W:])
        for layer, output in zip(looked.layers, expected, strict=True):
            np.testing.assert_allclose(layer.outputs, output[0], rtol=1e-3, atol=1e-4)


class SingleSteps(Control):
    """Lets the training make single steps."""

    def wait(self, most):
        return 1


def test_the_neurons_said_to_be_dropped_are_those_the_step_drops(load_script):
    """A network that writes down what its dropout leaves of its neurons."""
    mnist = load_script(STEPS["1.0"])["mnist"]
    rng = tf.random.Generator.from_seed(7)
    W = [tf.Variable(rng.normal([784, 50], stddev=0.1)), tf.Variable(rng.normal([50, 10]))]
    left = tf.Variable(tf.zeros([100, 50]))
    optimizer = tf.keras.optimizers.Adam(0.001)

    def outputs(X):
        return tf.nn.relu(tf.reshape(X, [-1, 784]) @ W[0] + 100)  # none is 0 by itself

    def loss(Y, Y_):
        logits = Y @ W[1]
        return tf.reduce_mean(tf.nn.softmax_cross_entropy_with_logits(Y_, logits)) * 100

    @tf.function
    def train_step(X, Y_):
        with tf.GradientTape() as tape:
            Y = outputs(X)
            Y = tf.where(rng.uniform(tf.shape(Y)) < 0.75, Y / 0.75, 0.0)
            cross_entropy = loss(Y, Y_)
        left.assign(Y)
        optimizer.apply_gradients(zip(tape.gradient(cross_entropy, W), W, strict=True))

    @tf.function
    def evaluate(X, Y_):
        Y = tf.nn.softmax(outputs(X) @ W[1])
        return Y, loss(outputs(X), Y_), tf.reduce_mean(Y)

    training = Training(mnist, Network(train_step, evaluate, optimizer, W, []))
    seen = []

    def compare(one):
        if one.look:
            (layer,) = one.look.layers
            np.testing.assert_array_equal(layer.dropped, left.numpy()[0] == 0)
            kept = ~layer.dropped
            np.testing.assert_allclose(layer.outputs[kept] / 0.75, left.numpy()[0][kept], rtol=1e-4)
            seen.append(layer.dropped)

    quiet = curve(training, SingleSteps())
    assert curve(training, SingleSteps(), True, compare) == quiet  # bit for bit
    assert len(seen) == 20 and 0.15 < np.mean(seen) < 0.35
    assert np.any(seen[0] != seen[1])  # anew at each step
