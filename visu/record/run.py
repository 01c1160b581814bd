"""What a run is, and what it has measured: Run, Evaluation, History."""

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from visu.record.ladder import LADDER

EDITED = "edited"  # the variant of a run without a label whose script is not the step's own
FROM_WEIGHTS = "from weights"  # the variant of one that did not start where the step does
BOUNDARIES = 0, 10, 25, 75, 90, 100  # percentiles of all weights, and of all biases


@dataclass(frozen=True)
class Run:
    """What is known of a run when it starts. Written to run.json, read back by Run(**fields).

    script: the file's name without .py; step: its number, as "2.1"; title: as "2.1 five layers";
    label: the experiment's name, "" for none; seed: of initial weights and batch order;
    iterations: how many are planned; own_iterations: the script's own, without --iterations;
    every: iterations between two evaluations; data: the data set's name; train_count, test_count:
    its digits; layers: how many layers have weights; code: the script's code_hash; edited: whether
    that is not its step's; from_weights: whether it starts from saved weights; device: what trains;
    trained: the iterations that have made the weights it starts from, None if unknown.
    """

    script: str
    step: str
    title: str
    label: str
    seed: int
    iterations: int
    own_iterations: int
    every: int
    data: str
    train_count: int
    test_count: int
    layers: int
    code: str
    edited: bool
    from_weights: bool
    device: str
    trained: int | None = None

    @property
    def planned(self):
        """How long it trains; of a network that is only shown, what is known of it; in words."""
        if self.iterations:
            return f"{self.iterations:,} iterations"
        if self.trained is not None:
            return f"trained for {self.trained:,} iterations"
        return "saved weights"

    @property
    def name(self):
        """Title and label, for a headline."""
        return f"{self.title}, {self.label}" if self.label else self.title

    @property
    def variant(self):
        """What sets the run apart from those of its step's own script, "" where nothing does.

        Its label, or else the name of a copy, or else EDITED; and FROM_WEIGHTS.
        """
        own = LADDER.get(self.step)
        copy = self.script if own and self.script != own.script else ""
        parts = self.label or copy or EDITED * self.edited, FROM_WEIGHTS * self.from_weights
        return ", ".join(filter(None, parts))


@dataclass(frozen=True)
class Answers:
    """The network's answers for n digits, dropout off.

    accuracy: share of right answers, 0..1; loss: cross entropy per 100 digits (the slides' sum);
    images: [n, 28, 28] uint8, 0 to 255; labels, predictions: [n] int, true and predicted digits;
    confidences: [n] float, the probability of each predicted digit, 0..1.
    """

    accuracy: float
    loss: float
    images: np.ndarray
    labels: np.ndarray
    predictions: np.ndarray
    confidences: np.ndarray


@dataclass(frozen=True)
class Test:
    """What is measured with the test digits, which is not done at each evaluation.

    answers: for all test digits; weight_bands, bias_bands: [6], the boundaries of the percentile
    bands of all weights and biases; gradients: [layers], the root mean square of the loss's
    gradient for each layer's weights, on the current batch; variables: {name: array}, copies of all
    that the network consists of; sample: [m] int, indices of some test digits; probabilities:
    [m, 10], the network's for these.
    """

    answers: Answers
    weight_bands: np.ndarray
    bias_bands: np.ndarray
    gradients: np.ndarray
    variables: dict
    sample: np.ndarray
    probabilities: np.ndarray

    __test__ = False  # to pytest: this is no test


@dataclass(frozen=True)
class Product:
    """The weighted sums that a layer is made of, for one digit.

    inputs: [height, width, channels] float; weights: [rows, columns, channels, n], of a patch of
    the inputs for each of n feature maps; strides: (down, across), how far the patch moves;
    padding: "SAME" or "VALID", as for tf.nn.conv2d; bias: [n], None where none is added.
    The patch of a dense layer is all of its inputs, [1, 1, channels] where these are neurons.
    """

    inputs: np.ndarray
    weights: np.ndarray
    strides: tuple
    padding: str
    bias: np.ndarray | None


@dataclass(frozen=True)
class Layer:
    """The outputs of one layer for one digit.

    kind: the activation, as TensorFlow names the operation: "Relu", "Sigmoid"; outputs: [height,
    width, channels] or [neurons] float; dropped: the same shape, True where dropout has dropped a
    neuron, None without dropout; product: the Product of which each output is made, its inputs
    those of the digit or the layer before; None where it is another operation.
    """

    kind: str
    outputs: np.ndarray
    dropped: np.ndarray | None = None
    product: Product | None = None


@dataclass(frozen=True)
class Look:
    """One digit on its way through the network, from pixels to probabilities.

    image: [28, 28] uint8; label: the true digit, None if it is unknown; iteration: of the
    network; layers: a Layer for each hidden one, in order; probabilities: [10] float, None where
    training; training: whether this is what a training step saw, dropout on; drops: whether a
    training step of the network drops neurons, None where that is not yet known.
    """

    image: np.ndarray
    label: int | None
    iteration: int
    layers: tuple
    probabilities: np.ndarray | None = None
    training: bool = False
    drops: bool | None = None


@dataclass(frozen=True)
class Evaluation:
    """What was measured after `iteration` updates, before the next one. Finished, never changed.

    seconds: training time so far, with evaluations (and saving, without a window), but without
    compiling, pauses and the waits of a run that is slowed down; train: the current batch; test:
    None if the test digits were not evaluated; look: after a single step while the view of one
    digit is open, a digit as that step saw it.
    """

    iteration: int
    seconds: float
    learning_rate: float
    train: Answers
    test: Test | None = None
    look: Look | None = None


def percentile_bands(values):
    """The 6 BOUNDARIES between which all of the values lie, the middle 80 %, and the middle half.

    values: array of any shape, not empty; NaN among them makes all boundaries NaN.
    """
    return np.percentile(np.asarray(values), BOUNDARIES)


class Point(NamedTuple):
    """What a History keeps of an evaluation: a point of the curves.

    weight_bands, bias_bands, gradients: as in Test; None for a batch, and where unknown.
    """

    iteration: int
    accuracy: float
    loss: float
    seconds: float
    weight_bands: np.ndarray | None = None
    bias_bands: np.ndarray | None = None
    gradients: np.ndarray | None = None


class History:
    """All evaluations of a run; of the bulky parts only the newest are kept.

    run: the Run; train: a Point per evaluation; test: a Point per evaluation of the test digits;
    last, last_test: the newest Evaluation, and the newest one with test digits, or None;
    ghost: the History that a restart has replaced, or None.
    before: (train, test), the Points of the run that has made the weights, if they are only shown;
    the Points of this run come after them, from iteration run.trained on.
    """

    def __init__(self, run, before=((), ())):
        self.run, self.before, self.ghost = run, before, None
        self.start = 0 if run.iterations else run.trained or 0
        self.clear()

    def clear(self):
        """Forget what was measured, but not the ghost."""
        self.train, self.test = map(list, self.before)
        self.last = self.last_test = None

    def append(self, evaluation):
        """Add the next Evaluation; one at iteration 0 begins the run anew."""
        if evaluation.iteration == 0:
            self.ghost = self.at(self.last, self.last_test) if self.iteration else self.ghost
            self.clear()
        i, train, test = self.start + evaluation.iteration, evaluation.train, evaluation.test
        self.last = evaluation
        self.train.append(Point(i, train.accuracy, train.loss, evaluation.seconds))
        if test:
            self.last_test = evaluation
            more = test.weight_bands, test.bias_bands, test.gradients
            values = test.answers.accuracy, test.answers.loss, evaluation.seconds
            self.test.append(Point(i, *values, *more))

    def at(self, last, last_test):
        """The History as it was when these were its newest Evaluations."""
        then = History(self.run)
        then.last, then.last_test = last, last_test
        ends = self.start + last.iteration, self.start + last_test.iteration
        then.train = [point for point in self.train if point.iteration <= ends[0]]
        then.test = [point for point in self.test if point.iteration <= ends[1]]
        return then

    @property
    def best_test(self):
        """The Point of the best test accuracy so far, of equal ones the first."""
        return max(self.test, key=lambda point: point.accuracy)

    @property
    def test_answers(self):
        """The newest Answers for the test digits; None before the first."""
        return self.last_test.test.answers if self.last_test else None

    @property
    def iteration(self):
        """The iteration of the newest evaluation; 0 before the first."""
        return self.last.iteration if self.last else 0

    @property
    def steps_per_second(self):
        """Iterations per second so far, evaluations included; 0.0 before the first."""
        return self.last.iteration / self.last.seconds if self.last and self.last.seconds else 0.0

    @property
    def completed(self):
        """Whether the last iteration has been done, and evaluated."""
        return self.last is not None and self.iteration >= self.run.iterations
