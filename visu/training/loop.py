"""The training loop: batches, schedule, clock and pauses; it makes the Evaluations."""

import time
from itertools import islice

import numpy as np

from visu.record.run import Answers, Evaluation, Test, percentile_bands
from visu.training.inspection import Inspection, gradient_sizes
from visu.training.network import BATCH
from visu.training.quiet_tensorflow import tf

TEST_SLICE = 1000  # test digits per call of evaluate: all 10,000 at once do not fit a small GPU
SAMPLED = 1000  # test digits, evenly spread over all, whose probabilities are kept


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


class Training:
    """A network beside its data on the device, and the loop that trains it.

    network: a Network; inspection: answers what a view asks of it; data: images [n, 28, 28] and
    labels [n] of the training digits, uint8, on its device; values: {name: array} that the network
    starts with, as of Network.values, None for its own. Raises ScriptError where they do not fit.
    """

    def __init__(self, mnist, network, values=None):
        self._mnist, self.network = mnist, network
        self.inspection = Inspection(network)
        train, test = mnist.train, mnist.test
        self.data = tf.constant(train.images), tf.constant(train.labels)
        self._slices = [  # of the test digits
            to_batch(test.images[k : k + TEST_SLICE], test.labels[k : k + TEST_SLICE])
            for k in range(0, len(test.images), TEST_SLICE)
        ]
        self._sample = np.arange(0, len(test.images), max(1, len(test.images) // SAMPLED))
        # without autograph, which they do not need, tracing is faster
        self._evaluate_batch = tf.function(self._evaluate_batch, autograph=False)
        self._evaluate_test = tf.function(self._evaluate_test, autograph=False)
        self._build()
        if values:
            network.assign(values)
        self._start = [variable.numpy() for variable in network.variables]

    def _build(self):
        self._loop = self._advance
        if self.network.in_graph:
            self._loop = tf.function(self._advance, autograph=False)

    def _compile(self, indices):
        """Compile the loop by training on no batch; without XLA where XLA cannot do it."""
        try:
            self._loop(indices, *tf.constant([1, 1]))
        except tf.errors.OpError:
            if not self.network.give_up_xla():
                raise
            self._build()
            self._loop(indices, *tf.constant([1, 1]))

    def restore(self):
        """Put every variable back to the value it had before the first step."""
        for variable, value in zip(self.network.variables, self._start, strict=True):
            variable.assign(value)

    def evaluations(self, seed, iterations, every, control):
        """Train; yield an Evaluation before the first batch, after every `every`, and at the end.

        seed: of the batches' order; iterations: how many batches; control: may end it early.
        """
        source = batches(len(self._mnist.train.images), seed)
        indices = np.stack([*islice(source, every + 1)])  # the last one is only read, at first
        read = self._evaluate_batch(*self._gather(indices[0]))
        yield self._evaluation(0, 0.0, read, self._evaluate_test(indices[0]))
        if iterations:
            self._compile(indices)  # off the clock
        i, began, paused = 0, time.perf_counter(), 0.0
        while i < iterations:
            now = time.perf_counter()
            n = control.wait(next_evaluation(i, every, iterations) - i)
            paused += time.perf_counter() - now
            if not n:
                return
            first, last = i % every, i % every + n
            asked = n == 1 and self.inspection.copying
            look = self.inspection.next_step(*self._gather(indices[first])) if asked else None
            read = self._loop(indices, *tf.constant([first, last]))
            i += n
            seconds = time.perf_counter() - began - paused
            tests = control.slowed or evaluates_test(i, every, iterations)
            test = self._evaluate_test(indices[last]) if tests else None
            yield self._evaluation(i, seconds, read, test, look)
            if last == every:
                indices = np.stack([indices[last], *islice(source, every)])

    def _gather(self, indices):
        """X [..., 28, 28, 1], Y_ [..., 10] of the digits at these indices."""
        return to_batch(*(tf.gather(data, indices) for data in self.data))

    def _advance(self, indices, first, last):
        """Train on these of the batches, indices [k, BATCH]; then evaluate the next.

        One call for all between two evaluations, as each call holds up the window a little.
        """
        X, Y_ = self._gather(indices)
        trained_on = self.network.advance(X, Y_, first, last)
        return self._evaluate_batch(tf.gather(X, last), tf.gather(Y_, last), trained_on)

    def _evaluate_batch(self, X, Y_, shown=None):
        """In the graph, for a batch: accuracy and loss [2]; the images, labels, predictions and
        confidences [BATCH] for the picture, of another batch if it is given; the learning rate.
        """
        values, Y = self.network.answers(X, Y_)
        if shown:
            X, Y_ = shown
            _, Y = self.network.answers(X, Y_)
        rate = self.network.learning_rate()
        return values, to_images(X), tf.argmax(Y_, 1), tf.argmax(Y, 1), tf.reduce_max(Y, 1), rate

    def _evaluate_test(self, indices):
        """In the graph: the answers for each slice of the test digits, one slice after the other;
        the probabilities of those in the sample; the sizes of the gradients, [layers], on the batch
        with these indices.
        """
        read = []
        for X, Y_ in self._slices:
            with tf.control_dependencies([answers[0] for answers in read[-1:]]):
                read.append(self.network.answers(X, Y_))
        values, Y = tf.stack([answers[0] for answers in read]), tf.concat([Y for _, Y in read], 0)
        network, sampled = self.network, tf.gather(Y, self._sample)
        sizes = gradient_sizes(network.evaluate, network.weights, *self._gather(indices))
        return values, tf.argmax(Y, 1), tf.reduce_max(Y, 1), sampled, sizes

    def _evaluation(self, i, seconds, batch, test, look=None):
        """The Evaluation at iteration i of what _evaluate_batch and _evaluate_test returned."""
        self.inspection.iteration = i
        if self.inspection.copying:
            self.inspection.copy()
        values, *answers, rate = (tensor.numpy() for tensor in batch)
        train = Answers(*map(float, values), *answers)
        if test is None:
            return Evaluation(i, seconds, float(rate), train, look=look)
        values, *answers, sampled, gradients = (tensor.numpy() for tensor in test)
        values = np.average(values, axis=0, weights=[len(X) for X, _ in self._slices])
        digits = self._mnist.test
        answers = Answers(*map(float, values), digits.images, digits.labels, *answers)
        variables = self.network.values()
        bands = _bands(variables, "W"), _bands(variables, "B")
        test = Test(answers, *bands, gradients, variables, self._sample, sampled)
        return Evaluation(i, seconds, float(rate), train, test, look)


def _bands(variables, letter):
    """The percentile bands of all values of W1, W2, ... or of B1, B2, ..., [6]; zeros if none."""
    values = [array.ravel() for name, array in variables.items() if name.startswith(letter)]
    return percentile_bands(np.concatenate(values)) if values else np.zeros(6)
