"""What a run has measured, in one place in memory."""

from bisect import bisect_right
from dataclasses import dataclass, field

import numpy as np


@dataclass(frozen=True)
class Plan:
    """What is known of a run beforehand.

    title: the step, as "1.0 softmax"; data: the data set's name; iterations: how many are planned;
    test_count, train_count: how many digits there are.
    """

    title: str
    data: str
    iterations: int
    test_count: int
    train_count: int


@dataclass(frozen=True)
class Measure:
    """The network's answers to n digits, dropout off.

    accuracy: share of right answers, 0..1; loss: cross entropy per 100 digits (the slides' sum);
    images: [n, 28, 28] uint8, 0 to 255; labels, predictions: [n] int, true and computed digits;
    confidences: [n] float, the probability of each computed digit, 0..1.
    """

    accuracy: float
    loss: float
    images: np.ndarray
    labels: np.ndarray
    predictions: np.ndarray
    confidences: np.ndarray | None = None


@dataclass(frozen=True)
class Layer:
    """The outputs of one layer for one digit.

    kind: the activation, as TensorFlow names the operation: "Relu", "Sigmoid"; outputs: [height,
    width, channels] or [neurons] float; dropped: the same shape, True where dropout has dropped a
    neuron, None without dropout.
    """

    kind: str
    outputs: np.ndarray
    dropped: np.ndarray | None = None


@dataclass(frozen=True)
class Look:
    """One digit on its way through the network, from pixels to probabilities.

    image: [28, 28] uint8; label: the true digit, None if it is unknown; iteration: of the
    network; layers: a Layer for each hidden one, in order; probabilities: [10] float, None where
    training; training: whether this is what a training step saw, dropout on.
    """

    image: np.ndarray
    label: int | None
    iteration: int
    layers: tuple
    probabilities: np.ndarray | None = None
    training: bool = False


@dataclass(frozen=True)
class Evaluation:
    """What was measured after `iteration` updates, before the next one. Finished, never changed.

    seconds: since the first iteration began, evaluations included (without a window: saving, too),
    pauses and compiling not; train: the current batch;
    test: all test digits, or None if they were not evaluated. With `test` come the boundaries of
    the percentile bands, [8] float each, `first`, a copy of the first layer's weights, `gradients`,
    the root mean square of the loss's gradient for each layer's weights, [layers], measured on the
    current batch, and `variables`, {name: array}, copies of all that the network consists of.
    look: after a single step while the view of one digit is open, a digit as that step saw it.
    """

    iteration: int
    seconds: float
    learning_rate: float
    train: Measure
    test: Measure | None = None
    weights: np.ndarray | None = None
    biases: np.ndarray | None = None
    first: np.ndarray | None = None
    gradients: np.ndarray | None = None
    variables: dict | None = None
    look: Look | None = None


def percentile_bands(values):
    """The 8 boundaries of the 7 bands that hold a seventh of the values each, lowest first.

    values: array of any shape, not empty; NaN among them makes all boundaries NaN.
    """
    return np.percentile(np.asarray(values), np.linspace(0, 100, 8))


TRAIN = "train_iterations", "train_accuracy", "train_loss"  # the columns of a History
TEST = "test_iterations", "test_accuracy", "test_loss", "weights", "biases", "gradients"


@dataclass
class History:
    """All evaluations of a run as growing columns; of the bulky parts only the newest are saved.

    test_*, weights, biases and gradients have one entry per evaluation of the test digits, at
    `test_iterations`.
    """

    train_iterations: list = field(default_factory=list)
    train_accuracy: list = field(default_factory=list)
    train_loss: list = field(default_factory=list)
    test_iterations: list = field(default_factory=list)
    test_accuracy: list = field(default_factory=list)
    test_loss: list = field(default_factory=list)
    weights: list = field(default_factory=list)
    biases: list = field(default_factory=list)
    gradients: list = field(default_factory=list)
    last: Evaluation | None = None  # the newest one
    last_test: Evaluation | None = None  # the newest one of the test digits
    ghost: "History | None" = None  # the run that this one has replaced
    look: Look | None = None  # the newest answer about the digit that somebody looks at

    def append(self, evaluation):
        """Add the next Evaluation; one at iteration 0 begins a new run."""
        if evaluation.iteration == 0:
            self.ghost = self.at(self.last, self.last_test) if self.iteration else self.ghost
            self.clear()
        self.last = evaluation
        self.train_iterations.append(evaluation.iteration)
        self.train_accuracy.append(evaluation.train.accuracy)
        self.train_loss.append(evaluation.train.loss)
        if evaluation.test is not None:
            self.last_test = evaluation
            self.test_iterations.append(evaluation.iteration)
            self.test_accuracy.append(evaluation.test.accuracy)
            self.test_loss.append(evaluation.test.loss)
            self.weights.append(evaluation.weights)
            self.biases.append(evaluation.biases)
            self.gradients.append(evaluation.gradients)

    def clear(self):
        """Forget the run, but not its ghost."""
        for name in TRAIN + TEST:
            getattr(self, name).clear()
        self.last = self.last_test = None

    def at(self, last, last_test):
        """The History as it was when these were its newest Evaluations."""
        then = History(last=last, last_test=last_test)
        trained = bisect_right(self.train_iterations, last.iteration)
        tested = bisect_right(self.test_iterations, last_test.iteration)
        for names, length in ((TRAIN, trained), (TEST, tested)):
            for name in names:
                setattr(then, name, getattr(self, name)[:length])
        return then

    @property
    def best_test(self):
        """(accuracy, iteration) of the best test accuracy so far, of equal ones the first."""
        best = int(np.argmax(self.test_accuracy))
        return self.test_accuracy[best], self.test_iterations[best]

    @property
    def iteration(self):
        """The iteration of the newest evaluation; 0 before the first."""
        return self.last.iteration if self.last else 0

    @property
    def steps_per_second(self):
        """Iterations per second so far, evaluations included; 0.0 before the first."""
        return self.last.iteration / self.last.seconds if self.last and self.last.seconds else 0.0

    def completed(self, iterations):
        """Whether the last of so many iterations has been done, and evaluated."""
        return self.last is not None and self.iteration >= iterations

    def results(self, iterations):
        """What run.json says of the result, as plain values; iterations: the planned ones."""
        return {
            "planned_iterations": iterations,
            "iterations": self.iteration,
            "completed": self.completed(iterations),
            "seconds": round(self.last.seconds, 3),
            "steps_per_second": round(self.steps_per_second, 1),
            "final_test_accuracy": round(self.test_accuracy[-1], 6),
            "best_test_accuracy": round(self.best_test[0], 6),
        }
