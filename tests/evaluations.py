"""Evaluations made by hand, and Histories of them: tests of what is shown train nothing."""

from dataclasses import replace

import numpy as np

from visu.record.run import Answers, Evaluation, History, Run, Test

RUN = Run(
    script="mnist_2.2_five_layers_relu_lrdecay_dropout",
    step="2.2",
    title="2.2 five layers",
    label="",
    seed=0,
    iterations=2000,
    own_iterations=2000,
    every=20,
    data="MNIST",
    train_count=60_000,
    test_count=1000,
    layers=3,
    code="",
    edited=False,
    from_weights=False,
    device="CPU",
)
IMAGES = np.random.default_rng(0).integers(0, 256, (1000, 28, 28), np.uint8)
IMAGES[:, 0, 0] = 0  # shows a cell's colour


def answers(count, wrong, loss):
    """Answers for so many digits, the first ones wrong."""
    labels = np.arange(count) % 10
    predictions = np.where(np.arange(count) < wrong, (labels + 1) % 10, labels)
    confidences = np.linspace(0.3, 1, count)
    return Answers(1 - wrong / count, loss, IMAGES[:count], labels, predictions, confidences)


def evaluation(iteration, accuracy=0.95, loss=10.0, test=True, weight=1.0):
    """An Evaluation with these measures of both training and test, at 500 iterations a second."""
    wrong = round((1 - accuracy) * 100)
    tested = Test(
        answers(1000, 10 * wrong, loss),
        weight_bands=np.linspace(-weight, weight, 6),
        bias_bands=np.linspace(0, weight / 5, 6),
        gradients=np.array([0.001, 0.01, 0.1]) / (1 + iteration),
        variables={"W1": np.full((784, 10), 0.1)},
        sample=np.arange(1000),
        probabilities=np.random.default_rng(iteration).dirichlet(np.full(10, 0.2), 1000),
    )
    train = answers(100, wrong, loss)
    return Evaluation(iteration, iteration / 500, 0.003, train, tested if test else None)


def history_of(*evaluations, **changes):
    """A History of these; changes: to RUN."""
    filled = History(replace(RUN, **changes))
    for one in evaluations:
        filled.append(one)
    return filled


def long_run(until=2000, every=20, **changes):
    """A History that learns; changes: as for evaluation."""
    return history_of(
        *(
            evaluation(i, min(0.98, 0.1 + i / 500), 230 / (1 + i / 50), **changes)
            for i in range(0, until + 1, every)
        )
    )
