"""What benchmarks/speed.py compares: the ladder's networks, each trained in several ways.

A contender trains the script's network on MNIST in memory, batches of 100, float32. Called with a
step and the flags of speed.py, those in COUNTS yield how many iterations they have trained, again
and again; those in RATES return their iterations per second.
"""

import resource
import runpy
import sys
import tempfile
import time
from dataclasses import replace
from functools import partial
from unittest import mock

import numpy as np
import steps
from steps import LADDER, SCRIPTS

BATCH, DROPOUT = 100, 0.25
BIGGER = (6, 6, 1, False), (5, 12, 2, True), (4, 24, 2, True)
NETWORKS = {  # convolutions: patch, channels, stride, whether dropout follows; dense: hidden sizes
    "1.0": ((), ()),
    "2.2": ((), (200, 100, 60, 30)),  # dropout after each; with Adam, as all but 1.0
    "3.1": (BIGGER, (200,)),
    "5.0": (BIGGER, (200,)),
}


# ---- each yields how many iterations it has trained, again and again


def handed_over(step, options):
    """What a script hands over in its last line, after its args."""
    import tensorflowvisu

    handed = []
    argv = [str(SCRIPTS[step]), "--headless", "--data", options.data]
    with (
        mock.patch.object(tensorflowvisu, "run", lambda *values: handed.extend(values)),
        mock.patch.object(tensorflowvisu, "fit", lambda *values: handed.extend(values)),
        mock.patch.object(sys, "argv", argv),
    ):
        runpy.run_path(argv[0], run_name="__main__")
    return handed[1:]


def training_only(step, options):
    """The script's network in the script's loop; the test set is cut down to one batch."""
    from visu.training.loop import Training
    from visu.training.network import Network
    from visu.training.worker import Control

    mnist, *network = handed_over(step, options)
    test = replace(mnist.test, images=mnist.test.images[:BATCH], labels=mnist.test.labels[:BATCH])
    training = Training(replace(mnist, test=test), Network(*network))
    evaluations = training.evaluations(seed=0, iterations=10**9, every=100, control=Control())
    next(evaluations)
    for _ in evaluations:
        yield 100


def data(options):
    """The training digits [60000, 28, 28, 1], 0 to 1, and their one-hot labels, float32."""
    import mnist_data

    train = mnist_data.load(options.data).train
    images = train.images[..., np.newaxis] / np.float32(255)
    return images, np.eye(10, dtype=np.float32)[train.labels]


def keras_fit(step, options, jit_compile="auto"):
    """keras.Model.fit on the same network."""
    from visu.training.quiet_tensorflow import tf

    keras = tf.keras
    (convolutions, dense), (images, labels) = NETWORKS[step], data(options)
    model = keras.Sequential([keras.Input((28, 28, 1))])
    for patch, channels, stride, dropout in convolutions:
        model.add(keras.layers.Conv2D(channels, patch, stride, "same", activation="relu"))
        if dropout:
            model.add(keras.layers.Dropout(DROPOUT))
    model.add(keras.layers.Flatten())
    for size in dense:
        model.add(keras.layers.Dense(size, activation="relu"))
        model.add(keras.layers.Dropout(DROPOUT))
    model.add(keras.layers.Dense(10))
    optimizer = keras.optimizers.Adam(0.003) if dense else keras.optimizers.SGD(0.3)
    loss = keras.losses.CategoricalCrossentropy(from_logits=True)
    model.compile(optimizer, loss, jit_compile=jit_compile)
    # part of an epoch per call, long enough for the start of fit not to count
    n = (50 if jit_compile is True else 200) if convolutions else 600
    n = min(n, len(images) // BATCH)
    while True:
        model.fit(images[: n * BATCH], labels[: n * BATCH], BATCH, verbose=0)
        yield n


def session(step, options):
    """TensorFlow 1's way: placeholders, feed_dict, the fused Adam."""
    from visu.training.quiet_tensorflow import tf

    (convolutions, dense), (images, labels), v1 = NETWORKS[step], data(options), tf.compat.v1

    def variable(*shape):
        return tf.Variable(v1.truncated_normal(shape, stddev=0.1))

    with tf.Graph().as_default():
        X, Y_ = (v1.placeholder(tf.float32, [None, *of.shape[1:]]) for of in (images, labels))
        pkeep, Y, channels = v1.placeholder(tf.float32), X, 1
        for patch, wider, stride, dropout in convolutions:
            W = variable(patch, patch, channels, wider)
            Y = tf.nn.relu(tf.nn.conv2d(Y, W, stride, "SAME") + variable(wider))
            Y, channels = (tf.nn.dropout(Y, 1 - pkeep) if dropout else Y), wider
        Y = tf.reshape(Y, [-1, np.prod(Y.shape[1:])])
        for size in dense:
            Y = tf.nn.relu(Y @ variable(Y.shape[1], size) + variable(size))
            Y = tf.nn.dropout(Y, 1 - pkeep)
        Ylogits = Y @ variable(Y.shape[1], 10) + variable(10)
        loss = tf.reduce_mean(tf.nn.softmax_cross_entropy_with_logits(Y_, Ylogits)) * 100
        adam, descent = v1.train.AdamOptimizer, v1.train.GradientDescentOptimizer
        train_step = (adam if dense else descent)(0.003).minimize(loss)
        sess = v1.Session()
        sess.run(v1.global_variables_initializer())
    rng = np.random.default_rng(0)
    while True:
        batch = rng.integers(0, len(images), BATCH)
        sess.run(train_step, {X: images[batch], Y_: labels[batch], pkeep: 1 - DROPOUT})
        yield 1


def torch_eager(step, options, compiled=False):
    """PyTorch, one call per layer. compiled: forward and backward pass through torch.compile."""
    import torch
    from torch import nn

    (convolutions, dense), (images, labels) = NETWORKS[step], map(torch.from_numpy, data(options))
    images, labels = images.permute(0, 3, 1, 2).contiguous(), labels.argmax(1)
    layers = []
    for patch, channels, stride, dropout in convolutions:
        padding = "same" if stride == 1 else (patch - 1) // 2
        layers += [nn.LazyConv2d(channels, patch, stride, padding), nn.ReLU()]
        layers += [nn.Dropout(DROPOUT)] * dropout
    layers.append(nn.Flatten())
    for size in dense:
        layers += [nn.LazyLinear(size), nn.ReLU(), nn.Dropout(DROPOUT)]
    model = nn.Sequential(*layers, nn.LazyLinear(10))
    model(images[:BATCH])  # lazy layers find out how many inputs they have
    optimizer = torch.optim.Adam if dense else torch.optim.SGD
    optimizer = optimizer(model.parameters(), 0.003 if dense else 0.3)
    loss = nn.CrossEntropyLoss()

    def forward(X, Y_):
        return loss(model(X), Y_)

    forward = torch.compile(forward) if compiled else forward
    while True:
        batch = torch.randint(len(images), (BATCH,))
        optimizer.zero_grad()
        forward(images[batch], labels[batch]).backward()
        optimizer.step()
        yield 1


# ---- each returns its iterations per second


def whole_script(step, options):
    """The unedited script."""
    most = 1000 if NETWORKS[step][0] else LADDER[step].iterations
    with tempfile.TemporaryDirectory() as runs:
        flags = "--data", options.data, "--runs", runs, "--iterations", options.iterations or most
        return steps.run(SCRIPTS[step], *flags).result["steps_per_second"]


def evaluated_fit(step, options, at_once=1):
    """Keras's fit on 5.0's model, evaluated as the ladder does. at_once: steps per execution."""
    from visu.training.loop import evaluates_test
    from visu.training.quiet_tensorflow import tf

    mnist, model = handed_over(step, options)
    (images, labels), iterations = data(options), options.iterations or 1000
    tests = mnist.test.images[..., np.newaxis] / np.float32(255), np.eye(10)[mnist.test.labels]

    def look(batch, logs):
        i = int(model.optimizer.iterations)
        if i % 20 == 0:
            model.test_on_batch(images[:BATCH], labels[:BATCH])
            if evaluates_test(i, 20, iterations):
                model.evaluate(*tests, batch_size=1000, verbose=0)
        model.stop_training = i >= iterations

    model.steps_per_execution = at_once
    callbacks = [tf.keras.callbacks.LambdaCallback(on_train_batch_end=look)]
    for _ in range(2):  # the first time compiles
        model.optimizer.iterations.assign(0)
        begin = time.perf_counter()
        model.fit(images, labels, BATCH, epochs=iterations, verbose=0, callbacks=callbacks)
    return iterations / (time.perf_counter() - begin)


COUNTS = {
    "training only": training_only,
    "Keras fit": keras_fit,
    "Keras fit, jit_compile=True": partial(keras_fit, jit_compile=True),
    "TF1 session": session,
    "PyTorch": torch_eager,
    "PyTorch, torch.compile": partial(torch_eager, compiled=True),
}
SCRIPT = "whole script"
RATES = {
    SCRIPT: whole_script,
    "Keras fit, evaluated": evaluated_fit,
    "Keras fit, evaluated, 20 steps per execution": partial(evaluated_fit, at_once=20),
}
CONTENDERS = {step: [*COUNTS, SCRIPT] for step in NETWORKS} | {"5.0": [*RATES]}  # the names


def measure(name, step, options):
    """(iterations per second, peak memory in MB) of a contender in this process, after a warm-up.

    One that is not installed or fails: why, as text.
    """
    try:
        rate = RATES[name](step, options) if name in RATES else counted(COUNTS[name], step, options)
    except Exception as error:
        return f"{type(error).__name__}: {error}".splitlines()[0]
    whose = resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN  # a child runs the whole script
    return rate, max(resource.getrusage(who).ru_maxrss for who in whose) / 1024


def counted(contender, step, options):
    """The iterations per second of one that yields how many it has trained."""
    counts = contender(step, options)
    next(counts), next(counts)
    warm = time.perf_counter() + options.seconds / 3
    while time.perf_counter() < warm:
        next(counts)
    n, begin = 0, time.perf_counter()
    while (now := time.perf_counter()) - begin < options.seconds:
        n += next(counts)
    return n / (now - begin)
