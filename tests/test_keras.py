"""5.0 and tensorflowvisu.fit: a Keras model, which its own train_function trains."""

import itertools
import runpy
from argparse import Namespace

import numpy as np
import pytest
import tensorflow as tf
from conftest import SCRIPTS, TOP, batch_of
from tensorflow.keras import layers

import mnist_data
import tensorflowvisu
from visu.training.inspection import gradient_sizes
from visu.training.keras_network import KerasNetwork
from visu.training.loop import Training, batches
from visu.training.network import ScriptError
from visu.training.worker import Control

PARENT, KERAS = (next(p for p in SCRIPTS if number in p.stem) for number in ("3.1", "5.0"))
EVERY = 20


@pytest.fixture(scope="module")
def mnist(small_data):
    return mnist_data.load(str(small_data))


def softmax(shape=(28, 28, 1), loss="categorical_crossentropy", activation="softmax"):
    """A Keras model of one layer; the same start values each time."""
    start = tf.keras.initializers.TruncatedNormal(stddev=0.1, seed=7)
    dense = layers.Dense(10, activation=activation, kernel_initializer=start)
    model = tf.keras.Sequential([layers.Input(shape), layers.Flatten(), dense])
    model.compile(tf.keras.optimizers.SGD(0.3), loss=loss)
    return model


def train(training, iterations=45, control=None):
    """All Evaluations of a run."""
    schedule = {"seed": 0, "iterations": iterations, "every": EVERY}
    return [*training.evaluations(control=control or Control(), **schedule)]


class Scripted(Control):
    """Allows so many iterations at a time, then as many as it likes."""

    def __init__(self, *lengths):
        super().__init__()
        self.lengths = list(lengths)

    def wait(self, most):
        return min(self.lengths.pop(0), most) if self.lengths else most


@pytest.fixture(scope="module")
def trained(mnist):
    """A Training of softmax() after a run; the values of its network before; the Evaluations."""
    training = Training(mnist, KerasNetwork(softmax()))
    start = [variable.copy() for variable in training.network.values().values()]
    return training, start, train(training)


@pytest.fixture
def whole(trained):
    """The Evaluations of a run of softmax()."""
    return trained[2]


def test_it_trains_on_the_batches_in_their_order(mnist, trained):
    """Against gradient descent in numpy on the same batches."""
    training, (W, b), _ = trained
    X = mnist.train.images.reshape(-1, 784) / np.float32(255)
    Y_ = np.eye(10, dtype=np.float32)[mnist.train.labels]
    for batch in itertools.islice(batches(len(X), 0), 45):
        L = X[batch] @ W + b
        Y = np.exp(L - L.max(axis=1, keepdims=True))
        error = (Y / Y.sum(axis=1, keepdims=True) - Y_[batch]) / len(batch)
        W, b = W - 0.3 * X[batch].T @ error, b - 0.3 * error.sum(axis=0)
    found = training.network.values()
    np.testing.assert_allclose(found["W1"], W, atol=1e-4)
    np.testing.assert_allclose(found["B1"], b, atol=1e-4)


def test_single_steps_and_a_pace_train_the_same(mnist, whole):
    lengths = 7, 13, 1, 1, 20
    steps = train(Training(mnist, KerasNetwork(softmax())), control=Scripted(*lengths))
    at = {e.iteration: e.train.loss for e in steps}
    assert [*at] == [0, 7, 20, 21, 22, 40, 45]
    for one in whole:
        assert one.train.loss == pytest.approx(at[one.iteration], rel=1e-5)


def test_it_stops_and_starts_again(trained):
    training, _, whole = trained
    training.restore()
    assert [e.iteration for e in train(training, control=Scripted(20, 0))] == [0, 20]
    training.restore()
    assert [e.train.loss for e in train(training)] == [e.train.loss for e in whole]


def test_restarts_compile_nothing_anew(mnist, caplog, monkeypatch):
    """TensorFlow warns of functions that are traced again and again."""
    monkeypatch.setattr(tf.get_logger(), "propagate", True)
    training = Training(mnist, KerasNetwork(softmax()))
    train(training, iterations=1)
    caplog.clear()  # TensorFlow may take a new function for one that is gone
    for _ in range(7):
        training.restore()
        train(training, iterations=1)
    assert not caplog.records


@pytest.mark.parametrize(
    "model",
    [
        ((28, 28), "sparse_categorical_crossentropy"),
        ((784,), tf.keras.losses.SparseCategoricalCrossentropy(from_logits=True), None),
    ],
    ids=["sparse", "flat, sparse, logits"],
)
def test_models_of_other_shapes_and_losses(mnist, whole, model):
    found = train(Training(mnist, KerasNetwork(softmax(*model))))
    for one, other in zip(whole, found, strict=True):
        assert other.train.loss == pytest.approx(one.train.loss, rel=1e-4)
        assert other.test.answers.accuracy == one.test.answers.accuracy


def test_a_model_in_half_precision(mnist):
    model = tf.keras.Sequential(
        [
            layers.Input([28, 28, 1]),
            layers.Flatten(dtype="mixed_float16"),
            layers.Dense(10, activation="softmax", dtype="mixed_float16"),
        ]
    )
    model.compile("sgd", "categorical_crossentropy")
    first, *_, last = train(Training(mnist, KerasNetwork(model)))
    assert last.test.answers.loss < first.test.answers.loss


class OwnModel(tf.keras.Model):
    """A student's own class: the network of 1.0."""

    def __init__(self, flatten=True):
        super().__init__()
        self.flatten = layers.Flatten() if flatten else None
        start = tf.keras.initializers.TruncatedNormal(stddev=0.1, seed=7)
        self.dense = layers.Dense(10, "softmax", kernel_initializer=start)

    def call(self, X):
        if self.flatten is None and len(X.shape) != 2:
            raise ValueError("rows of pixels, please")
        return self.dense(self.flatten(X) if self.flatten else X)


@pytest.mark.parametrize("model", ["unbuilt", "flat", "without Input"])
def test_models_that_do_not_say_what_they_take(mnist, whole, model):
    if model == "without Input":
        mine = tf.keras.Sequential(OwnModel().layers)
    else:
        mine = OwnModel(flatten=model == "unbuilt")
    if model == "flat":
        mine(tf.zeros([1, 784]))
    mine.compile(tf.keras.optimizers.SGD(0.3), "categorical_crossentropy")
    assert KerasNetwork.count_layers(mine) == 1
    found = train(Training(mnist, KerasNetwork(mine)))
    losses = [[one.train.loss for one in run] for run in (whole, found)]
    np.testing.assert_allclose(*losses, rtol=1e-4)


def test_a_persons_keras_json_does_not_change_the_scripts():
    tf.keras.config.set_image_data_format("channels_first")
    try:
        runpy.run_path(TOP / "visu" / "training" / "quiet_tensorflow.py")
        assert tf.keras.config.image_data_format() == "channels_last"
    finally:
        tf.keras.config.set_image_data_format("channels_last")


def test_what_model_fit_knows_and_fit_does_not_is_one_line(capsys):
    with pytest.raises(SystemExit) as ended:
        args = Namespace(script="mine")
        tensorflowvisu.fit(args, None, softmax(), epochs=2, callbacks=[])
    (line,) = capsys.readouterr().err.splitlines()
    assert ended.value.code == 2 and line.startswith("mine.py: ") and "epochs, callbacks" in line


def test_what_is_no_model_for_digits_is_said():
    raw = tf.keras.Sequential([layers.Input((28, 28, 1)), layers.Flatten(), layers.Dense(10)])
    unflattened = tf.keras.Sequential([layers.Dense(10)])
    flat = OwnModel(flatten=False)
    pooled = [layers.Input((None, None, 1)), layers.GlobalAveragePooling2D(), layers.Dense(10)]
    any_size, frozen = tf.keras.Sequential(pooled), softmax()
    frozen.trainable = False
    twelve = tf.keras.Sequential([layers.Input((28, 28, 1)), layers.Flatten(), layers.Dense(12)])
    for model in (unflattened, any_size, frozen, twelve, flat):
        model.compile(loss="categorical_crossentropy")
    for model, words in (
        (raw, "compile"),
        (lambda X: X, "Keras model"),
        (softmax((32, 32, 3)), "32, 32, 3"),
        (softmax(loss=None), "without a loss"),
        (softmax(loss=["categorical_crossentropy"]), "one loss"),
        (softmax(activation=None), "from_logits=True"),
        (unflattened, "28, 28, 10"),
        (flat, "first call"),
        (any_size, "None, None, 1"),
        (frozen, "no weights"),
        (twelve, "12"),
    ):
        with pytest.raises(ScriptError, match=words):
            KerasNetwork(model)


def test_5_0_is_the_network_of_3_1_with_its_dropout(make_training, load_script):
    parent = load_script(PARENT)
    training, keras = make_training(KERAS)
    values = training.network.values()
    for letter, part in (("W", parent["weights"]), ("B", parent["biases"])):
        for k, variable in enumerate(part, 1):
            start = variable.numpy()
            assert values[f"{letter}{k}"].std() == pytest.approx(start.std(), rel=0.2, abs=1e-9)
            assert values[f"{letter}{k}"].mean() == pytest.approx(start.mean(), abs=0.02)
            variable.assign(values[f"{letter}{k}"])
    training.inspection.copying = True
    start, *steps = train(training, iterations=2, control=Scripted(1, 1))
    batch = next(batches(len(keras["mnist"].train.images), 0))
    X, Y_ = batch_of(keras["mnist"].train, batch)
    _, loss, accuracy = parent["evaluate"](X, Y_)
    assert start.train.loss == pytest.approx(float(loss), rel=1e-4)
    assert start.train.accuracy == float(accuracy)
    sizes = gradient_sizes(parent["evaluate"], parent["weights"], tf.constant(X), tf.constant(Y_))
    np.testing.assert_allclose(start.test.gradients, sizes, rtol=1e-3)
    for i in (0, 1000):
        keras["optimizer"].iterations.assign(i)
        parent["optimizer"].iterations.assign(i)
        assert float(keras["learning_rate"]()) == pytest.approx(float(parent["learning_rate"]()))
    looks = [e.look for e in steps]
    for look in looks:
        dropped = [layer.dropped for layer in look.layers]
        assert dropped[0] is None
        assert [layer.product.bias.size for layer in look.layers] == [6, 12, 24, 200]
        shares = [mask.mean() for mask in dropped[1:]]
        np.testing.assert_allclose(shares, 0.25, atol=0.1)
    assert np.any(looks[0].layers[3].dropped != looks[1].layers[3].dropped)
