"""The training loop inside the TensorFlow graph, and the evaluations between its blocks."""

import time
from itertools import islice

import numpy as np

from visu.panels.pictures import percentile_bands
from visu.record.run import Answers, Evaluation, Test
from visu.training.network import Network, gradient_sizes
from visu.training.quiet_tensorflow import tf

BATCH = 100  # digits in a batch, as on the slides
TEST_SLICE = 1000  # test digits per call of evaluate: all 10,000 at once do not fit a small GPU


class ScriptError(Exception):
    """A script breaks its contract with the visualizer; the message says what to change."""


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


def next_evaluation(i, every, iterations):
    """The first iteration after `i` with an evaluation: a multiple of `every`, or the last one."""
    return min(i - i % every + every, iterations)


def evaluates_test(i, every, iterations):
    """Whether `i` evaluates the test digits: up to 100, then every fifth time, and at the end."""
    return i <= 100 or i % (5 * every) == 0 or i == iterations


def to_batch(images, labels):
    """In the graph: X [n, 28, 28, 1] float32, 0 to 1, and Y_ [n, 10] float32, one-hot.

    images: [n, 28, 28] uint8, 0 to 255; labels: [n] uint8, 0 to 9.
    """
    return tf.cast(images, tf.float32)[..., tf.newaxis] / 255, tf.one_hot(labels, 10)


def to_images(X):
    """In the graph: X [n, 28, 28, 1], 0 to 1 where it shows, as [n, 28, 28] uint8, 0 to 255."""
    return tf.cast(tf.round(255 * tf.clip_by_value(X[..., 0], 0, 1)), tf.uint8)


def _as_graph(function):
    """A plain function as a tf.function; a tf.function as it is."""
    return function if hasattr(function, "get_concrete_function") else tf.function(function)


def check_evaluate(returned):
    """Raise ScriptError unless evaluate returned Y [BATCH, 10], cross_entropy [], accuracy []."""
    wanted = [[BATCH, 10], [], []]
    values = returned if isinstance(returned, tuple | list) else [returned]
    shapes = [getattr(value, "shape", None) for value in values]
    if shapes != wanted:
        found = ", ".join(str(shape) for shape in shapes)
        raise ScriptError(
            "evaluate(X, Y_) must return three values: Y, the probabilities of the digits, shape "
            f"({BATCH}, 10) for {BATCH} images; cross_entropy and accuracy, one number each. "
            f"It returns {found}"
        )


class Training:
    """A script's network beside its data on the device, and the compiled loop that trains it.

    data: images [n, 28, 28] and labels [n] of the training digits, uint8, on its device; digits:
    how many these are; network: the Network; values: {name: array} that it starts with, as of
    Network.values, None for the script's own.
    Raises ScriptError where the script breaks its contract, see `tensorflowvisu.run`, or where the
    values do not fit its network.
    """

    xla = True  # whether XLA may compile a step

    def __init__(self, mnist, train_step, evaluate, optimizer, weights, biases, values=None):
        if not weights:
            raise ScriptError("there are no weights to train: the list of weights is empty")
        self._mnist, self.digits = mnist, len(mnist.train.images)
        train, test = mnist.train, mnist.test
        self.data = tf.constant(train.images), tf.constant(train.labels)
        self._slices = [  # of the test digits
            to_batch(test.images[k : k + TEST_SLICE], test.labels[k : k + TEST_SLICE])
            for k in range(0, len(test.images), TEST_SLICE)
        ]
        self._train_step, self._evaluate = _as_graph(train_step), _as_graph(evaluate)
        self._optimizer, self._weights, self._biases = optimizer, weights, biases
        if not optimizer.built:
            optimizer.build(weights + biases)  # its variables cannot be made while tracing

        batch = tf.TensorSpec([BATCH, 28, 28, 1]), tf.TensorSpec([BATCH, 10])
        step = self._train_step.get_concrete_function(*batch)
        check_evaluate(self._evaluate.get_concrete_function(*batch).structured_outputs)
        # a step may return the images that it trained on; whatever else it returns is ignored
        self._returns_images = getattr(step.structured_outputs, "shape", None) == batch[0].shape
        # XLA fuses the many small operations, but it has no fast convolution on a CPU, cannot print
        # or call Python, and fails on some GPUs
        types = {op.type for op in step.graph.get_operations()}
        refused = any(word in type for type in types for word in ("Conv", "Print", "PyFunc"))
        xla = self.xla and not refused and not tf.config.list_physical_devices("GPU")
        self._block = tf.function(self._block, jit_compile=xla)
        # without autograph, which they do not need, tracing is faster
        self._evaluate_batch = tf.function(self._evaluate_batch, autograph=False)
        self._advance = tf.function(self._advance, autograph=False)
        self._evaluate_test = tf.function(self._evaluate_test, autograph=False)
        self.network = Network(self._train_step, self._evaluate, weights, biases, xla)
        if values:
            try:
                self.network.assign(values)
            except ValueError as problem:
                raise ScriptError(f"--weights do not fit: {problem}") from None
        # all that a step touches: weights, biases, the optimizer's state, random generators, ...
        self._variables = step.variables
        self._start = [variable.numpy() for variable in self._variables]

    def _block(self, X, Y_, first, last):
        """In the graph: train on the batches first ... last - 1 of X, Y_ [k, BATCH, ...].

        Returns the images of the last batch, as train_step returned them if it does.

        XLA compiles this once, as `first` and `last` are data to it: with tf.range(first, last), or
        X[i] in place of tf.gather, they would be constants, and each pair of them another program.
        """
        i, seen = first, tf.gather(X, last - 1)
        while i < last:
            if self._returns_images:
                seen = self._train_step(tf.gather(X, i), tf.gather(Y_, i))
            else:
                self._train_step(tf.gather(X, i), tf.gather(Y_, i))
            i += 1
        return seen

    def _advance(self, indices, first, last):
        """In the graph: train on these of the batches, indices [k, BATCH]; then evaluate the next.

        One call for all between two evaluations, as each call holds up the window a little.
        """
        X, Y_ = self._gather(indices)
        trained_on = self._block(X, Y_, first, last), tf.gather(Y_, last - 1)
        shown = trained_on if self._returns_images else None
        return self._evaluate_batch(tf.gather(X, last), tf.gather(Y_, last), shown)

    def _gather(self, indices):
        """In the graph: X [..., 28, 28, 1], Y_ [..., 10] of the digits at these indices."""
        return to_batch(*(tf.gather(data, indices) for data in self.data))

    def _evaluate_batch(self, X, Y_, shown=None):
        """In the graph, for a batch: accuracy and loss [2]; the images, labels, predictions and
        confidences [BATCH] for the picture, of another batch if it is given; the learning rate.
        """
        values, predictions, confidences = self._answers(X, Y_)
        if shown:
            X, Y_ = shown
            _, predictions, confidences = self._answers(X, Y_)
        rate = tf.convert_to_tensor(self._optimizer.learning_rate)
        return values, to_images(X), tf.argmax(Y_, 1), predictions, confidences, rate

    def _answers(self, X, Y_):
        """In the graph, for X [n, 28, 28, 1]: accuracy and loss [2], predictions [n] and their
        confidences [n].
        """
        Y, loss, accuracy = self._evaluate(X, Y_)
        return tf.stack([accuracy, loss]), tf.argmax(Y, 1), tf.reduce_max(Y, 1)

    def _evaluate_test(self, indices):
        """In the graph: the same for each slice of the test digits, one slice after the other; and
        the sizes of the gradients, [layers], on the batch with these indices.
        """
        read = []
        for X, Y_ in self._slices:
            with tf.control_dependencies([answers[0] for answers in read[-1:]]):
                read.append(self._answers(X, Y_))
        values, predictions, confidences = zip(*read, strict=True)
        sizes = gradient_sizes(self._evaluate, self._weights, *self._gather(indices))
        return tf.stack(values), tf.concat(predictions, 0), tf.concat(confidences, 0), sizes

    def restore(self):
        """Put every variable back to the value it had before the first step."""
        for variable, value in zip(self._variables, self._start, strict=True):
            variable.assign(value)

    def train(self, report, **schedule):
        """Train; call report(evaluation) with each of `evaluations`. schedule: their arguments."""
        for evaluation in self.evaluations(**schedule):
            report(evaluation)

    def evaluations(self, seed, iterations, every, control):
        """Train; yield an Evaluation before the first batch, after every `every`, and at the end.

        seed: of the batches' order; iterations: how many batches; control: may end it early.
        """
        source = batches(self.digits, seed)
        indices = np.stack([*islice(source, every + 1)])  # the last one is only read, at first
        yield self.evaluate(seed, 0, 0.0, indices[0])
        if iterations:
            self._advance(indices, *tf.constant([1, 1]))  # no iteration: compiles, off the clock
        i, began, paused = 0, time.perf_counter(), 0.0
        while i < iterations:
            now = time.perf_counter()
            n = control.wait(next_evaluation(i, every, iterations) - i)
            paused += time.perf_counter() - now
            if not n:
                return
            first, last = i % every, i % every + n
            look = self.observe(indices[first]) if n == 1 else None
            read = self._advance(indices, *tf.constant([first, last]))
            i += n
            seconds = time.perf_counter() - began - paused
            tests = control.followed or evaluates_test(i, every, iterations)
            test = self._evaluate_test(indices[last]) if tests else None
            yield self._evaluation(seed, i, seconds, read, test, look)
            if last == every:
                indices = np.stack([indices[last], *islice(source, every)])

    def evaluate(self, seed, i, seconds, indices, tests=True, look=None):
        """The Evaluation at iteration i on the batch with these indices, and the test digits."""
        batch = self._evaluate_batch(*self._gather(indices))
        test = self._evaluate_test(indices) if tests else None
        return self._evaluation(seed, i, seconds, batch, test, look)

    def observe(self, indices):
        """The Look of a single step on the batch with these indices, if somebody watches."""
        return self.network.observe(*self._gather(indices)) if self.network.watched else None

    def _evaluation(self, seed, i, seconds, batch, test, look=None):
        """The Evaluation at iteration i of what _evaluate_batch and _evaluate_test returned."""
        self.network.iteration = i
        self.network.follow()
        values, *answers, rate = (tensor.numpy() for tensor in batch)
        train = Answers(*map(float, values), *answers)
        if test is None:
            return Evaluation(i, seconds, float(rate), train, look=look)
        values, *answers, gradients = (tensor.numpy() for tensor in test)
        values = np.average(values, axis=0, weights=[len(X) for X, _ in self._slices])
        tested = Answers(
            *map(float, values), self._mnist.test.images, self._mnist.test.labels, *answers
        )
        variables = self.network.values()
        bands = _bands(variables, "W"), _bands(variables, "B")
        test = Test(tested, *bands, gradients, variables)
        return Evaluation(i, seconds, float(rate), train, test, look)


def _bands(variables, letter):
    """The percentile bands of all values of W1, W2, ... or of B1, B2, ..., [8]; zeros if none."""
    values = [array.ravel() for name, array in variables.items() if name.startswith(letter)]
    return percentile_bands(np.concatenate(values)) if values else np.zeros(8)
