"""Reads handwritten digits from pictures with a trained network, and prints what they are."""

import sys

import numpy as np

from digits import photo
from digits.photo import prepare
from visu.show.terminal import say, stopping_signals


def read_digits(paths, network):
    """Print a line for each picture: its digit and the probability, or what is wrong with it.

    paths: of PNG and JPEG files; network: a Network that is not training. Returns the exit status:
    2 where a picture could not be read, 128 + the signal's number after Ctrl-C, SIGTERM or SIGHUP.
    """
    network.watched = True
    read = bad = 0
    with stopping_signals(lambda: None) as signals:
        network.follow()
        for path in paths:
            if signals:
                break
            try:
                probabilities = network.look(prepare(photo.read(path))).probabilities
                if np.isnan(probabilities).any():
                    raise ValueError("the network computes NaN: its training has diverged")
                digit = probabilities.argmax()
                say(f"{path}: {digit} ({100 * probabilities[digit]:.1f} %)")
                read += 1
            except ValueError as error:
                say(f"{path}: {error}", sys.stderr)
                bad += 1
    if signals:
        say(f"Stopped after {read + bad} of {len(paths)} pictures.")
        return 128 + signals[0]
    return 2 if bad else 0
