"""The training of a Keras model by its own fit, with evaluations between the batches."""

import math
import time
from contextlib import suppress
from itertools import islice

import numpy as np

from visu.training.loop import (
    BATCH,
    ScriptError,
    Training,
    batches,
    evaluates_test,
    next_evaluation,
)
from visu.training.quiet_tensorflow import tf

MOST_BATCHES = 10_000  # per call of fit: their indices take 8 MB


class KerasTraining(Training):
    """A compiled Keras model beside its data; model.fit trains it. Serves as Training does.

    model: takes [n, 28, 28, 1], [n, 28, 28] or [n, 784], pixels 0 to 1, and returns probabilities
    [n, 10], or logits if its loss says from_logits; mnist, values: as for Training.
    Raises ScriptError where the model is another one.
    """

    def __init__(self, mnist, model, values=None):
        check(model)
        self._model = model
        self.xla = bool(model.jit_compile)  # as in fit, which draws the random numbers of dropout
        self._sparse = "sparse" in _name(model.loss).lower()
        kernels, vectors = [], []
        for variable in model.trainable_variables:
            (vectors if len(variable.shape) == 1 else kernels).append(variable.value)
        if not model.optimizer.built:
            model.optimizer.build(model.trainable_variables)

        def train_step(X, Y_):  # not what trains: it shows what fit does in a single step
            model.train_step(self._pair(X, Y_))

        def evaluate(X, Y_):
            inputs, _ = self._pair(X, Y_)
            outputs = tf.cast(model(inputs, training=False), tf.float32)  # float16 on some GPUs
            logits = getattr(model.loss, "get_config", dict)().get("from_logits", False)
            losses = tf.keras.losses.categorical_crossentropy(Y_, outputs, from_logits=logits)
            Y = tf.nn.softmax(outputs) if logits else outputs
            right = tf.equal(tf.argmax(Y, 1), tf.argmax(Y_, 1))
            return Y, 100 * tf.reduce_mean(losses), tf.reduce_mean(tf.cast(right, tf.float32))

        super().__init__(mnist, train_step, evaluate, model.optimizer, kernels, vectors, values)

    def _pair(self, X, Y_):
        """In the graph: images and labels in the shapes that the model and its loss take."""
        X = tf.reshape(X, [-1, *self._model.input_shape[1:]])
        return X, tf.argmax(Y_, 1) if self._sparse else Y_

    def _dataset(self, indices):
        """The batches with these indices, [n, BATCH]."""
        rows = tf.data.Dataset.from_tensor_slices(indices)
        return rows.map(lambda row: self._pair(*self._gather(row))).prefetch(2)

    def train(self, report, seed, iterations, every, control):
        """Train; call report(evaluation) before the first batch, after every `every`, and at the
        end. seed, iterations, every, control: as for Training.evaluations.

        One call of fit goes on as long as nobody holds it back; for a pause, or fewer than `every`
        iterations at once, it is left and called again.
        """
        self._model.steps_per_execution = every
        self._model.make_train_function(force=True)
        if iterations:
            with suppress(StopIteration):  # no iteration: compiles, off the clock
                self._model.train_function(iter(self._dataset(np.empty([0, BATCH], np.int64))))
        watch = _Watch(self, report, seed, iterations, every, control)
        watch.begin()
        while watch.n:
            indices = watch.segment()
            how = {"steps_per_epoch": len(indices), "shuffle": False, "verbose": 0}
            self._model.fit(self._dataset(indices), callbacks=[watch], **how)


class _Watch(tf.keras.callbacks.Callback):
    """Evaluates between the executions of fit, of n batches each; ends fit where n changes."""

    def __init__(self, training, report, seed, iterations, every, control):
        super().__init__()
        self.training, self.report, self.seed = training, report, seed
        self.iterations, self.every, self.control = iterations, every, control
        self.source, self.rows = batches(training.digits, seed), []  # rows: the batches ahead
        self.i = self.n = 0
        self.look, self.paused = None, 0.0

    def begin(self):
        """Evaluate before the first batch."""
        self.evaluate(0.0)
        self.began = time.perf_counter()
        self.wait()

    def segment(self):
        """The indices of the batches that fit is to train on now, [k, BATCH]."""
        left = min(self.iterations - self.i, MOST_BATCHES)
        length = left // self.every * self.every if self.n == self.every else self.n
        self.extend(length)
        if self.n == 1:
            self.look = self.training.observe(self.rows[0])
        return np.stack(self.rows[:length])

    def extend(self, length):
        """Have as many batches ahead."""
        self.rows += islice(self.source, max(length - len(self.rows), 0))

    def on_train_batch_end(self, batch, logs=None):
        self.i += self.n
        del self.rows[: self.n]
        self.evaluate(time.perf_counter() - self.began - self.paused)
        before = self.n
        self.wait()
        if self.n != before:
            self.model.stop_training = True

    def evaluate(self, seconds):
        """Evaluate the next batch, and the test digits when they are due."""
        self.extend(1)
        due = self.control.followed or evaluates_test(self.i, self.every, self.iterations)
        part = self.seed, self.i, seconds, self.rows[0], due, self.look
        self.report(self.training.evaluate(*part))
        self.look = None

    def wait(self):
        """Ask how many iterations to make now: n, 0 to end."""
        now = time.perf_counter()
        left = next_evaluation(self.i, self.every, self.iterations) - self.i
        self.n = self.control.wait(left) if left else 0
        self.paused += time.perf_counter() - now


def check(model):
    """Raise ScriptError unless this is a compiled Keras model of images [28, 28]."""
    if not isinstance(model, tf.keras.Model) or not getattr(model, "optimizer", None):
        raise ScriptError(
            "fit(args, mnist, model) needs a compiled Keras model: model.compile(...)"
        )
    if not model.loss:
        raise ScriptError('the model is compiled without a loss: model.compile(..., loss="...")')
    if isinstance(model.loss, (list, tuple, dict)):
        raise ScriptError('the model has one output: compile it with one loss, loss="..."')
    takes, gives = (getattr(model, name, None) for name in ("input_shape", "output_shape"))
    if takes is None:
        raise ScriptError(
            "the model does not say what inputs it takes: begin with keras.Input([28, 28, 1])"
        )
    if not isinstance(takes, tuple) or None in takes[1:] or math.prod(takes[1:]) != 28 * 28:
        raise ScriptError(f"the model takes inputs of shape {takes}, not images of 28 x 28 pixels")
    if gives != (None, 10):
        raise ScriptError(f"the model returns outputs of shape {gives}, not (None, 10)")


def _name(loss):
    """The name of a Keras loss, given as text, function or object."""
    return loss if isinstance(loss, str) else getattr(loss, "__name__", type(loss).__name__)
