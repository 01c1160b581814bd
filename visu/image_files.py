"""Reads handwritten digits from pictures with a trained network, and prints what they are."""

import sys

from digits import photo
from digits.prepare import prepare
from visu.terminal import say


def read_digits(paths, network):
    """Print a line for each picture: its digit and the probability, or what is wrong with it.

    paths: of PNG and JPEG files; network: a Network that is not training. Returns whether all
    pictures could be read.
    """
    network.watched = True
    network.follow()
    complete = True
    for path in paths:
        try:
            probabilities = network.look(prepare(photo.read(path))).probabilities
            digit = probabilities.argmax()
            say(f"{path}: {digit} ({100 * probabilities[digit]:.1f} %)")
        except ValueError as error:
            say(f"{path}: {error}", sys.stderr)
            complete = False
    return complete
