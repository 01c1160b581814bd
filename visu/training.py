"""The loop inside the TensorFlow graph, the readings between its blocks, and the worker thread.

The only room that imports TensorFlow.
"""

import os
import queue
import sys
import tempfile
import threading
import time
from contextlib import contextmanager
from itertools import islice

import numpy as np

from visu.history import Measure, Reading
from visu.pictures import percentile_bands

BATCH = 100  # digits in a batch, as on the slides
SLICE = 1000  # test digits per evaluation: all 10,000 at once do not fit a small GPU


@contextmanager
def _quiet_stderr():
    """Keep back what C++ writes to file descriptor 2; it is shown after all if the block raises."""
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")  # counts from the import on
    os.environ.setdefault("TF_ENABLE_ONEDNN_OPTS", "1")  # convolutions: the default of some CPUs
    os.environ["KERAS_BACKEND"] = "tensorflow"  # another one would not run these scripts
    sys.stderr.flush()
    with tempfile.TemporaryFile() as kept:
        stderr = os.dup(2)
        os.dup2(kept.fileno(), 2)
        try:
            yield
        except BaseException:
            kept.seek(0)
            os.write(stderr, kept.read())
            raise
        finally:
            os.dup2(stderr, 2)
            os.close(stderr)


with _quiet_stderr():
    import tensorflow as tf

    for _gpu in tf.config.list_physical_devices("GPU"):  # else one script takes all the memory
        tf.config.experimental.set_memory_growth(_gpu, True)
    tf.function(lambda: tf.zeros([]), jit_compile=True)()  # before 2.21 XLA announces its first use


def device():
    """The name of the device that trains: "CPU", or the GPU's own name."""
    for gpu in tf.config.list_physical_devices("GPU"):
        return tf.config.experimental.get_device_details(gpu).get("device_name", "GPU")
    return "CPU"


def batches(n, seed):
    """Yield the [BATCH] int64 indices of one batch after the other, without end.

    The n images are shuffled anew for every epoch and each comes once an epoch; where BATCH does
    not divide n, a batch ends one epoch and begins the next.
    """
    rng = np.random.default_rng(seed)
    waiting = np.empty(0, np.int64)
    while True:
        while len(waiting) < BATCH:
            waiting = np.concatenate([waiting, rng.permutation(n)])
        yield waiting[:BATCH]
        waiting = waiting[BATCH:]


class Control:
    """What a person asks of the training: set from any thread, obeyed between two blocks."""

    def __init__(self):
        self._changed = threading.Condition()
        self._steps = 0  # single iterations that may still be made while paused
        self.paused = False
        self.restarting = False
        self.stopping = False

    def _change(self, **fields):
        with self._changed:
            for name, value in fields.items():
                setattr(self, name, value)
            self._changed.notify_all()

    def toggle_pause(self):
        """Stand still after the block under way, or go on."""
        self._change(paused=not self.paused, _steps=0)

    def step(self):
        """While paused: make one iteration."""
        self._change(_steps=self._steps + self.paused)

    def restart(self):
        """Begin again with the same start values and batches."""
        self._change(restarting=True, paused=False)

    def stop(self):
        """End the training."""
        self._change(stopping=True)

    @property
    def interrupted(self):
        """Whether the run under way is to be left."""
        return self.stopping or self.restarting

    def wait(self, most):
        """How many of the next `most` iterations to make now, 0 to leave; waits while paused."""
        with self._changed:
            self._changed.wait_for(lambda: not self.paused or self._steps or self.interrupted)
            if self.interrupted:
                return 0
            if self.paused:
                self._steps -= 1
                return 1
            return most

    def wait_for_restart(self):
        """After a run: wait for what comes next, True to begin again, False to end."""
        with self._changed:
            self._changed.wait_for(lambda: self.interrupted)
            again = not self.stopping
            self.restarting = False
            return again


def next_reading(i, every, iterations):
    """The first iteration after `i` with a reading: a multiple of `every`, or the last one."""
    return min(i - i % every + every, iterations)


def reads_test(i, every, iterations):
    """Whether a reading at `i` takes in the test digits: every fifth, those up to 100, the last."""
    return i <= 100 or i % (5 * every) == 0 or i == iterations


def tensor_of(array):
    """A float32 array as a tensor on the device; in the same memory where that can be.

    tf.constant makes two copies, one after the other: half a second and 380 MB for MNIST.
    """
    if array.ctypes.data % 64 or not array.flags.writeable or not array.flags.c_contiguous:
        return tf.constant(array)
    return tf.identity(tf.experimental.dlpack.from_dlpack(array.__dlpack__()))


class Training:
    """A script's network beside its data on the device, and the compiled loop that trains it."""

    def __init__(self, mnist, train_step, evaluate, optimizer, weights, biases):
        self._mnist = mnist
        train, test = mnist.train, mnist.test
        self._train = tensor_of(train.images), tensor_of(train.labels)
        self._slices = [  # of the test digits: all 10,000 at once do not fit a small GPU
            (tensor_of(test.images[k : k + SLICE]), tensor_of(test.labels[k : k + SLICE]))
            for k in range(0, len(test.images), SLICE)
        ]
        self._train_step, self._evaluate, self._optimizer = train_step, evaluate, optimizer
        self._weights, self._biases = weights, biases
        optimizer.build(weights + biases)  # its variables cannot be made while tracing

        step = train_step.get_concrete_function(
            tf.TensorSpec([BATCH, 28, 28, 1]), tf.TensorSpec([BATCH, 10])
        )
        # XLA fuses the many small operations, but has no fast convolution on a CPU
        convolution = any("Conv" in op.type for op in step.graph.get_operations())
        self._gives_seen = step.structured_outputs is not None  # the digits as the step saw them
        self._block = tf.function(self._block, jit_compile=not convolution)
        self._read_batch = tf.function(self._read_batch, autograph=False)  # else it starts later
        self._advance = tf.function(self._advance, autograph=False)
        self._read_test = tf.function(self._read_test, autograph=False)
        # all that a step touches: weights, biases, the optimizer's state, random generators, ...
        self._variables = step.graph.variables
        self._start = [variable.numpy() for variable in self._variables]

    def _block(self, X, Y_, first, last):
        """In the graph: train on the batches first ... last - 1 of X, Y_ [k, BATCH, ...].

        Returns the last of them, as train_step saw it where it tells.
        """
        i, seen = first, X[last - 1]
        while i < last:  # over tf.range(first, last) XLA would compile each pair of them anew
            returned = self._train_step(X[i], Y_[i])
            if self._gives_seen:
                seen = returned
            i += 1
        return seen

    def _advance(self, indices, first, last):
        """In the graph: train on these of the batches, indices [k, BATCH]; then read batch `last`,
        or the one before as train_step saw it, where it tells.

        One call for all that lies between two readings, as each call halts the window a little.
        """
        X, Y_ = (tf.gather(data, indices) for data in self._train)
        seen = self._block(X, Y_, first, last)
        if self._gives_seen:
            return self._read_batch(seen, Y_[last - 1])
        return self._read_batch(X[last], Y_[last])

    def _read_batch(self, X, Y_):
        """In the graph, for a batch: the batch itself, accuracy and loss [2], predictions [BATCH];
        and the learning rate.
        """
        rate = tf.convert_to_tensor(self._optimizer.learning_rate)
        return X, Y_, *self._read(X, Y_), rate

    def _read(self, X, Y_):
        """In the graph: accuracy and loss [2] and predictions [n] for X [n, 28, 28, 1]."""
        Y, loss, accuracy = self._evaluate(X, Y_)
        return tf.stack([accuracy, loss]), tf.argmax(Y, 1)

    def _read_test(self):
        """In the graph: the same for each slice of the test digits, one slice after the other."""
        read = []
        for X, Y_ in self._slices:
            with tf.control_dependencies([values for values, _ in read[-1:]]):
                read.append(self._read(X, Y_))
        values, predictions = zip(*read, strict=True)
        return tf.stack(values), tf.concat(predictions, axis=0)

    def restore(self):
        """Put every variable back to the value it had before the first step."""
        for variable, value in zip(self._variables, self._start, strict=True):
            variable.assign(value)

    def readings(self, seed, iterations, every, control):
        """Train and yield a Reading before the first batch, after every `every`, and at the end.

        seed: of the batches' order; iterations: how many batches; control: may end it early.
        """
        source = batches(len(self._mnist.train.images), seed)
        indices = np.stack([*islice(source, every + 1)])  # the last one is only read, at first
        batch = [tf.gather(data, indices[0]) for data in self._train]
        yield self._reading(0, 0.0, self._read_batch(*batch), self._read_test())
        self._advance(indices, *tf.constant([0, 0]))  # compiles, off the clock
        i, began, paused = 0, time.perf_counter(), 0.0
        while i < iterations:
            now = time.perf_counter()
            n = control.wait(next_reading(i, every, iterations) - i)
            paused += time.perf_counter() - now
            if not n:
                return
            first, last = i % every, i % every + n
            read = self._advance(indices, *tf.constant([first, last]))
            i += n
            seconds = time.perf_counter() - began - paused
            test = self._read_test() if reads_test(i, every, iterations) else None
            if control.interrupted:
                return
            yield self._reading(i, seconds, read, test)
            if last == every:
                indices = np.stack([indices[last], *islice(source, every)])

    def _reading(self, i, seconds, read, test):
        """The Reading at iteration i; read, test: what _read_batch and _read_test have returned."""
        *batch, values, predictions, rate = (tensor.numpy() for tensor in read)
        train = _measure(*batch, values, predictions)
        if test is None:
            return Reading(i, seconds, float(rate), train)
        values, predictions = (tensor.numpy() for tensor in test)
        sizes = [len(X) for X, _ in self._slices]
        values = np.average(values, axis=0, weights=sizes)
        bands = [
            percentile_bands(np.concatenate([v.numpy().ravel() for v in variables]))
            for variables in (self._weights, self._biases)
        ]
        test = self._mnist.test
        test = _measure(test.images, test.labels, values, predictions)
        return Reading(i, seconds, float(rate), train, test, *bands, self._weights[0].numpy())


def _measure(images, labels, values, predictions):
    """A Measure of images [n, 28, 28, 1], labels [n, 10]; values: accuracy and loss."""
    return Measure(*map(float, values), images[..., 0], labels.argmax(axis=1), predictions)


class Worker:
    """A thread that trains beside the window and hands its finished readings over."""

    def __init__(self, make_training, control, **run):
        """make_training() gives the Training, called in the thread as it takes a while.

        The thread begins with the first take(), which a window calls when it has been drawn.
        """
        self._readings = queue.SimpleQueue()
        self._control = control
        self._thread = threading.Thread(target=self._work, args=(make_training, run), daemon=True)

    def _work(self, make_training, run):
        try:
            training = make_training()
            while True:
                for reading in training.readings(control=self._control, **run):
                    self._readings.put(reading)
                if not self._control.wait_for_restart():
                    return
                training.restore()
        except BaseException as error:  # belongs to the main thread: see take
            self._readings.put(error)

    def take(self):
        """The readings that have come since the last call; raises what the training raised."""
        if not (self._thread.ident or self._control.stopping):
            self._thread.start()
        taken = []
        while not self._readings.empty():
            item = self._readings.get_nowait()
            if isinstance(item, BaseException):
                raise item
            taken.append(item)
        return taken

    def end(self):
        """Stop the training and wait until the block under way is done."""
        self._control.stop()
        if self._thread.ident:
            self._thread.join()
