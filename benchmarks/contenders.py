"""What benchmarks/speed.py compares: the ladder's networks, each trained in several ways.

A contender trains the script's network on MNIST in memory, batches of 100, float32. Most yield
how many iterations they have trained, again and again; those in RATES say how fast they were.
"""

import resource
import runpy
import sys
import tempfile
import time
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from unittest import mock

import numpy as np
import steps
from steps import SCRIPTS

BATCH = 100


@dataclass(frozen=True)
class Network:
    """convolutions: (patch, channels, stride, whether dropout follows); dense: hidden sizes."""

    convolutions: tuple
    dense: tuple
    dropout: float
    adam: bool

    def operations(self):
        """Floating-point operations of an iteration: forward, and two products backward."""
        side, channels, layers = 28, 1, []
        for patch, wider, stride, _ in self.convolutions:
            side //= stride
            layers.append(2 * side * side * patch * patch * channels * wider)
            channels = wider
        inputs = side * side * channels
        for size in (*self.dense, 10):
            layers.append(2 * inputs * size)
            inputs = size
        return BATCH * (3 * sum(layers) - layers[0])  # nothing asks for the images' gradient


BIGGER = (6, 6, 1, False), (5, 12, 2, True), (4, 24, 2, True)
NETWORKS = {
    "1.0": Network((), (), 0, adam=False),
    "2.2": Network((), (200, 100, 60, 30), 0.25, adam=True),
    "3.1": Network(BIGGER, (200,), 0.25, adam=True),
    "5.0": Network(BIGGER, (200,), 0.25, adam=True),
}


# ---- each yields how many iterations it has trained, again and again


def handed_over(step, folder):
    """What a script hands over in its last line, after its args."""
    import tensorflowvisu

    handed = []
    argv = [str(SCRIPTS[step]), "--headless", "--data", folder]
    with (
        mock.patch.object(tensorflowvisu, "run", lambda *values: handed.extend(values)),
        mock.patch.object(tensorflowvisu, "fit", lambda *values: handed.extend(values)),
        mock.patch.object(sys, "argv", argv),
    ):
        runpy.run_path(argv[0], run_name="__main__")
    return handed[1:]


def training_only(step, folder):
    """The script's network in the script's loop; the test set is cut down to one batch."""
    from visu.training.loop import Training
    from visu.training.network import Network
    from visu.training.worker import Control

    mnist, *network = handed_over(step, folder)
    test = replace(mnist.test, images=mnist.test.images[:BATCH], labels=mnist.test.labels[:BATCH])
    training = Training(replace(mnist, test=test), Network(*network))
    evaluations = training.evaluations(seed=0, iterations=10**9, every=100, control=Control())
    before = next(evaluations)
    for evaluation in evaluations:
        yield evaluation.iteration - before.iteration
        before = evaluation


def data(folder):
    """The training digits [60000, 28, 28, 1] and their one-hot labels, float32."""
    import mnist_data

    train = mnist_data.load(folder).train
    images = train.images[..., np.newaxis] / np.float32(255)
    return images, np.eye(10, dtype=np.float32)[train.labels]


def keras_fit(step, folder, jit_compile="auto"):
    """keras.Model.fit on the same network."""
    import keras

    network, (images, labels) = NETWORKS[step], data(folder)
    model = keras.Sequential([keras.Input((28, 28, 1))])
    for patch, channels, stride, dropout in network.convolutions:
        model.add(keras.layers.Conv2D(channels, patch, stride, "same", activation="relu"))
        if dropout:
            model.add(keras.layers.Dropout(network.dropout))
    model.add(keras.layers.Flatten())
    for size in network.dense:
        model.add(keras.layers.Dense(size, activation="relu"))
        model.add(keras.layers.Dropout(network.dropout))
    model.add(keras.layers.Dense(10))
    optimizer = keras.optimizers.Adam(0.003) if network.adam else keras.optimizers.SGD(0.3)
    loss = keras.losses.CategoricalCrossentropy(from_logits=True)
    model.compile(optimizer, loss, jit_compile=jit_compile)
    # part of an epoch per call, long enough for the start of fit not to count
    n = (50 if jit_compile is True else 200) if network.convolutions else 600
    n = min(n, len(images) // BATCH)
    while True:
        model.fit(images[: n * BATCH], labels[: n * BATCH], BATCH, verbose=0)
        yield n


def keras_xla(step, folder):
    """The same, with jit_compile=True."""
    return keras_fit(step, folder, jit_compile=True)


def session(step, folder):
    """TensorFlow 1's way: placeholders, feed_dict, the fused Adam."""
    import tensorflow as tf

    v1, network, (images, labels) = tf.compat.v1, NETWORKS[step], data(folder)

    def variable(*shape):
        return tf.Variable(v1.truncated_normal(shape, stddev=0.1))

    with tf.Graph().as_default():
        X, Y_ = (v1.placeholder(tf.float32, [None, *of.shape[1:]]) for of in (images, labels))
        pkeep, Y, channels = v1.placeholder(tf.float32), X, 1
        for patch, wider, stride, dropout in network.convolutions:
            W = variable(patch, patch, channels, wider)
            Y = tf.nn.relu(tf.nn.conv2d(Y, W, stride, "SAME") + variable(wider))
            Y, channels = (tf.nn.dropout(Y, 1 - pkeep) if dropout else Y), wider
        Y = tf.reshape(Y, [-1, np.prod(Y.shape[1:])])
        for size in network.dense:
            Y = tf.nn.relu(Y @ variable(Y.shape[1], size) + variable(size))
            Y = tf.nn.dropout(Y, 1 - pkeep)
        Ylogits = Y @ variable(Y.shape[1], 10) + variable(10)
        loss = tf.reduce_mean(tf.nn.softmax_cross_entropy_with_logits(Y_, Ylogits)) * 100
        optimizer = v1.train.AdamOptimizer if network.adam else v1.train.GradientDescentOptimizer
        train_step = optimizer(0.003).minimize(loss)
        sess = v1.Session()
        sess.run(v1.global_variables_initializer())
    rng = np.random.default_rng(0)
    while True:
        batch = rng.integers(0, len(images), BATCH)
        feed = {X: images[batch], Y_: labels[batch], pkeep: 1 - network.dropout}
        sess.run(train_step, feed)
        yield 1


def torch_eager(step, folder, compiled=False):
    """PyTorch, one call per layer."""
    import torch
    from torch import nn

    network, (images, labels) = NETWORKS[step], data(folder)
    images = torch.from_numpy(images).permute(0, 3, 1, 2).contiguous()
    labels = torch.from_numpy(labels.argmax(1))
    layers, channels, side = [], 1, 28
    for patch, wider, stride, dropout in network.convolutions:
        padding = "same" if stride == 1 else (patch - 1) // 2
        layers += [nn.Conv2d(channels, wider, patch, stride, padding), nn.ReLU()]
        layers += [nn.Dropout(network.dropout)] * dropout
        channels, side = wider, side // stride
    layers, inputs = layers + [nn.Flatten()], channels * side * side
    for size in network.dense:
        layers += [nn.Linear(inputs, size), nn.ReLU(), nn.Dropout(network.dropout)]
        inputs = size
    model = nn.Sequential(*layers, nn.Linear(inputs, 10))
    optimize = torch.optim.Adam if network.adam else torch.optim.SGD
    optimizer = optimize(model.parameters(), 0.003 if network.adam else 0.3)
    loss = nn.CrossEntropyLoss()

    def forward(X, Y_):
        return loss(model(X), Y_)

    if compiled:
        forward = torch.compile(forward)
    while True:
        batch = torch.randint(len(images), (BATCH,))
        optimizer.zero_grad()
        forward(images[batch], labels[batch]).backward()
        optimizer.step()
        yield 1


def torch_compile(step, folder):
    """The same, its forward and backward pass through torch.compile."""
    return torch_eager(step, folder, compiled=True)


def matrix_product(step, folder):
    """Not a contender but the peak: as if an iteration were part of one large matrix product."""
    import tensorflow as tf

    side = 2048
    A = tf.random.normal([side, side])
    multiply = tf.function(lambda: tf.reduce_sum(A @ A))
    while True:
        multiply().numpy()
        yield 2 * side**3 / NETWORKS[step].operations()


def trained(contender, step, folder, seconds):
    """Iterations per second of a contender in this process, after a warm-up."""
    counts = CONTENDERS[contender](step, folder)
    next(counts), next(counts)
    warm = time.perf_counter() + seconds / 3
    while time.perf_counter() < warm:
        next(counts)
    n, begin = 0, time.perf_counter()
    while (now := time.perf_counter()) - begin < seconds:
        n += next(counts)
    return n / (now - begin)


def whole_script(step, folder, iterations):
    """Iterations per second of the whole script, in this process."""
    slow = bool(NETWORKS[step].convolutions)
    iterations = iterations or (1000 if slow else steps.length(SCRIPTS[step]))
    with tempfile.TemporaryDirectory() as runs:
        argv = [str(SCRIPTS[step]), "--headless", "--data", folder, "--runs", runs]
        with mock.patch.object(sys, "argv", [*argv, "--iterations", str(iterations)]):
            runpy.run_path(argv[0], run_name="__main__")
        (file,) = Path(runs).glob("*/*/run.json")
        return steps.facts(file.parent)["steps_per_second"]


def evaluated_fit(step, folder, iterations, at_once=1):
    """Iterations per second of Keras's fit on the model of 5.0 and of evaluations when the ladder
    has them, of a batch or of all test digits. at_once: steps per execution.
    """
    import keras

    from visu.training.loop import evaluates_test

    mnist, model = handed_over(step, folder)
    (images, labels), every = data(folder), 20
    iterations = min(iterations or 1000, 100 * len(images) // BATCH)
    tests = mnist.test.images[..., np.newaxis] / np.float32(255), np.eye(10)[mnist.test.labels]
    begin = time.perf_counter()

    def evaluate(i):
        model.test_on_batch(images[:BATCH], labels[:BATCH])
        if evaluates_test(i, every, iterations):
            model.evaluate(*tests, batch_size=1000, verbose=0)

    class Look(keras.callbacks.Callback):
        def on_train_batch_end(self, batch, logs=None):
            i = int(model.optimizer.iterations)
            if i % every == 0:
                evaluate(i)
            model.stop_training = i >= iterations

    model.steps_per_execution = at_once
    for _ in range(2):  # the first time compiles
        model.optimizer.iterations.assign(0)
        begin = time.perf_counter()
        model.fit(images, labels, BATCH, epochs=100, verbose=0, callbacks=[Look()])
    return iterations / (time.perf_counter() - begin)


OURS, SCRIPT, PEAK = "training only", "whole script", "peak"
FIT, FIT_AT_ONCE = "Keras fit, evaluated", "Keras fit, evaluated, 20 steps per execution"
RATES = {  # contenders that say themselves how fast they are
    SCRIPT: whole_script,
    FIT: evaluated_fit,
    FIT_AT_ONCE: partial(evaluated_fit, at_once=20),
}
CONTENDERS = {
    OURS: training_only,
    **RATES,
    "Keras fit": keras_fit,
    "Keras fit, jit_compile=True": keras_xla,
    "TF1 session": session,
    "PyTorch": torch_eager,
    "PyTorch, torch.compile": torch_compile,
    PEAK: matrix_product,
}


def contenders_of(step):
    """The names of the contenders for a step: for 5.0 only those that use Keras's fit."""
    return [*RATES] if step == "5.0" else [x for x in CONTENDERS if x not in (FIT, FIT_AT_ONCE)]


def measure(contender, step, options):
    """What a contender does in this process: {"rate": iterations/s, "memory": its peak in MB}.

    One that is not installed or fails: {"skipped": why}.
    """
    try:
        if contender in RATES:
            rate = RATES[contender](step, options.data, options.iterations)
        else:
            rate = trained(contender, step, options.data, options.seconds)
    except Exception as error:
        return {"skipped": f"{type(error).__name__}: {error}".splitlines()[0]}
    return {"rate": rate, "memory": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024}
