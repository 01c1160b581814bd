"""How fast the scripts train, beside everything a student would run instead.

    python benchmarks/speed.py                     # 1.0, 2.2 and 3.1, three rounds
    python benchmarks/speed.py 2.2 --rounds 5
    taskset -c 0,1 python benchmarks/speed.py      # on two cores

Every contender trains the script's network on MNIST in memory, batches of 100, float32, in a
process of its own; they take turns, round after round, and the table gives medians. "script" is
the script as it is, headless, with readings; "training only" is its compiled loop, 100 batches a
call, without readings; the others have no readings either. "possible" is the step's floating-point
operations at the rate of a large matrix product, measured in the same rounds. PyTorch takes part
where it is installed (pip install torch).

Ours turns oneDNN on. The others run TensorFlow as it comes, which does so by itself on some CPUs
only; TF_ENABLE_ONEDNN_OPTS=1 before the command turns it on for all of them. Without it the first
convolution of 3.1 takes 14 ms forward and 15 backward, with it 2.7 and 1.4 (one core, AMD EPYC
without AVX-512).

Tried, and not worth it (2 cores, TensorFlow 2.21):
- XLA for what surrounds the convolutions of 3.1 (auto-clustering): 68 steps/s instead of 86
- one thread per operation: 73 instead of 80 for 3.1, 465 instead of 816 for 2.2
- one thread between operations: 72 instead of 80 for 3.1, 737 instead of 816 for 2.2
- no XLA for 2.2: half; for 1.0: 4,450 instead of 6,550
- malloc that never gives memory back: nothing beyond the noise
- one fused operation per variable in place of Keras's Adam, in 3.1: 87 instead of 82, not enough
  to reach into Keras for
- no part of a step of 3.1 stands out: of 11 ms the convolutions take 7, dropout 1.3, Adam 0.7
- the image data at an address that is no multiple of 64: TensorFlow aborts on it through DLPack
"""

import argparse
import json
import os
import runpy
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path
from statistics import median

import numpy as np

TOP = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(TOP))

BATCH = 100
BLOCK = 100  # batches per call of "training only"
SECONDS = 3  # of training per round, at least, after a warm-up


@dataclass(frozen=True)
class Network:
    """convolutions: (patch, channels, stride, whether dropout follows); dense: hidden sizes."""

    script: str
    convolutions: tuple
    dense: tuple
    dropout: float
    adam: bool

    def operations(self):
        """Floating-point operations of one training step: forward, and two products backward."""
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


NETWORKS = {
    "1.0": Network("mnist_1.0_softmax.py", (), (), 0, adam=False),
    "2.2": Network(
        "mnist_2.2_five_layers_relu_lrdecay_dropout.py", (), (200, 100, 60, 30), 0.25, adam=True
    ),
    "3.1": Network(
        "mnist_3.1_convolutional_bigger_dropout.py",
        ((6, 6, 1, False), (5, 12, 2, True), (4, 24, 2, True)),
        (200,),
        0.25,
        adam=True,
    ),
}


# ---- the contenders: each yields after its warm-up and then after every so many steps, a number


def script_parts(step, folder):
    """What the script hands to its last line, {parameter: value}, without running that line."""
    import tensorflowvisu

    parts = {}
    names = "args", "mnist", "train_step", "evaluate", "optimizer", "weights", "biases"
    tensorflowvisu.run = lambda *values, **more: parts.update(zip(names, values, strict=True))
    sys.argv = [str(TOP / NETWORKS[step].script), "--headless", "--data", folder]
    runpy.run_path(sys.argv[0], run_name="__main__")
    return parts


def training_only(step, folder):
    """Ours without readings: the same blocks of batches, through the same compiled loop."""
    parts = script_parts(step, folder)
    from visu import training

    parts.pop("args")
    loop, source = training.Training(**parts), training.batches(len(parts["mnist"].train.images), 0)
    import tensorflow as tf

    train = tf.function(
        lambda indices: loop._block(*[tf.gather(d, indices) for d in loop._train], 0, BLOCK)
    )
    while True:
        train(np.stack([next(source) for _ in range(BLOCK)]))
        yield BLOCK


def data(folder):
    """The training digits [60000, 28, 28, 1] and their one-hot labels, float32."""
    import mnist_data

    train = mnist_data.load(folder).train
    return train.images, train.labels


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
    while True:  # part of an epoch per call, long enough for the start of fit not to count
        n = 600 if not network.convolutions else 200
        model.fit(images[: n * BATCH], labels[: n * BATCH], BATCH, verbose=0)
        yield n


def keras_xla(step, folder):
    """The same, with jit_compile=True."""
    return keras_fit(step, folder, jit_compile=True)


def session(step, folder):
    """TensorFlow 1's way: placeholders, feed_dict, the fused Adam."""
    import tensorflow as tf

    v1, network, (images, labels) = tf.compat.v1, NETWORKS[step], data(folder)
    v1.disable_eager_execution()
    X, Y_ = v1.placeholder(tf.float32, [None, 28, 28, 1]), v1.placeholder(tf.float32, [None, 10])
    pkeep, Y, channels = v1.placeholder(tf.float32), X, 1

    def variable(*shape):
        return tf.Variable(v1.truncated_normal(shape, stddev=0.1))

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
    train = v1.train
    optimizer = (
        train.AdamOptimizer(0.003) if network.adam else train.GradientDescentOptimizer(0.003)
    )
    train_step = optimizer.minimize(loss)
    rng = np.random.default_rng(0)
    with v1.Session() as sess:
        sess.run(v1.global_variables_initializer())
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
    forward = torch.compile(lambda X, Y_: loss(model(X), Y_)) if compiled else None
    while True:
        batch = torch.randint(len(images), (BATCH,))
        X, Y_ = images[batch], labels[batch]
        value = forward(X, Y_) if compiled else loss(model(X), Y_)
        optimizer.zero_grad()
        value.backward()
        optimizer.step()
        yield 1


def torch_compile(step, folder):
    """The same, its forward and backward pass through torch.compile."""
    return torch_eager(step, folder, compiled=True)


def matrix_product(step, folder):
    """Not a contender but the floor: steps per second if all were one large matrix product."""
    import tensorflow as tf

    side = 2048
    A = tf.random.normal([side, side])
    multiply = tf.function(lambda: tf.reduce_sum(A @ A))
    while True:
        multiply().numpy()
        yield 2 * side**3 / NETWORKS[step].operations()


CONTENDERS = {
    "training only": training_only,
    "Keras fit": keras_fit,
    "Keras fit, jit_compile=True": keras_xla,
    "TF1 session": session,
    "PyTorch": torch_eager,
    "PyTorch, torch.compile": torch_compile,
    "possible": matrix_product,
}
SCRIPT, OURS, FLOOR = "script", "training only", "possible"


def rate(contender, step, folder):
    """Steps per second of a contender in this process, after a second of warm-up."""
    ticks = CONTENDERS[contender](step, folder)
    next(ticks), next(ticks)
    warm = time.perf_counter() + 1
    while time.perf_counter() < warm:
        next(ticks)
    steps, begin = 0, time.perf_counter()
    while (now := time.perf_counter()) - begin < SECONDS:
        steps += next(ticks)
    return steps / (now - begin)


# ---- the rounds


def whole_script(step, folder):
    """(steps per second, peak memory in MB) of the script as it is, headless."""
    with tempfile.TemporaryDirectory() as runs:
        command = [sys.executable, TOP / NETWORKS[step].script, "--headless", "--data", folder]
        command += ["--runs", runs] + (["--iterations", "1000"] if step == "3.1" else [])
        process = subprocess.Popen(command, stdout=subprocess.DEVNULL)
        _, status, usage = os.wait4(process.pid, 0)
        if status:
            sys.exit(f"{step} failed")
        (path,) = Path(runs).glob("*/*/run.json")
        return json.loads(path.read_text())["steps_per_second"], usage.ru_maxrss / 1024


def in_its_own_process(contender, step, folder):
    command = [sys.executable, __file__, step, "--contender", contender, "--data", folder]
    printed = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    return float(printed.split()[-1])


def compare(step, options):
    """Print the rates of one network, contender by contender."""
    taking_part = [
        name for name in CONTENDERS if not (name.startswith("PyTorch") and not find_spec("torch"))
    ]
    rates, peaks = {name: [] for name in (SCRIPT, *taking_part)}, []
    for _ in range(options.rounds):
        for name in taking_part:
            rates[name].append(in_its_own_process(name, step, options.data))
        speed, peak = whole_script(step, options.data)
        rates[SCRIPT].append(speed)
        peaks.append(peak)
    for name, values in rates.items():
        ratio = median(ours / other for ours, other in zip(rates[OURS], values, strict=True))
        spread = f"{min(values):,.0f}–{max(values):,.0f}"
        print(f"| {step} | {name} | {median(values):,.0f} | {spread} | {ratio:.2f} |", flush=True)
    print(f"{step}: {NETWORKS[step].operations() / 1e6:.1f} million operations a step,", end=" ")
    print(f"the script's peak memory {median(peaks):,.0f} MB", flush=True)


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    add = parser.add_argument
    add("steps", nargs="*", metavar="STEP", help="1.0, 2.2 or 3.1 (all)")
    add("--rounds", type=int, default=3, metavar="N", help="runs of each contender (3)")
    add("--data", default="mnist", metavar="FOLDER", help="as for the scripts")
    add("--contender", choices=CONTENDERS, help=argparse.SUPPRESS)
    options = parser.parse_args()
    steps = options.steps or list(NETWORKS)
    if options.contender:
        return print(rate(options.contender, steps[0], options.data))
    print("| step | contender | steps/s, median | lowest–highest | ours, training only / this |")
    print("|---|---|---|---|---|")
    for step in steps:
        compare(step, options)
    names = ["tensorflow", "keras", "numpy"] + ["torch"] * bool(find_spec("torch"))
    cores = len(os.sched_getaffinity(0))
    print(f"{cores} cores, Python {sys.version.split()[0]}", *(f"{n} {version(n)}" for n in names))


if __name__ == "__main__":
    main()
