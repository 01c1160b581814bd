"""The deck's own comparisons: which steps, in what view, and how their runs are made."""

from visu.panels.comparison import GRADIENTS, View
from visu.record.ladder import LADDER

CONSTANT = "constant rate"
SIGMOID, RELU, DECAY, DROPOUT = ("2.0", ""), ("2.1", CONSTANT), ("2.1", ""), ("2.2", "")
SOFTMAX, CONVOLUTION, BIGGER, KERAS = ("1.0", ""), ("3.0", ""), ("3.1", ""), ("5.0", "")
NORMALIZED, AUGMENTED, DEEPER = ("4.0", ""), ("4.1", ""), ("4.2", "")
DECK = (  # the slides' comparisons: the file's name; the curves, each a step and a label; the View
    ("ladder", (SOFTMAX, SIGMOID, DECAY, DROPOUT, CONVOLUTION, BIGGER), View()),
    ("sigmoid_relu", (SIGMOID, RELU), View(last=300)),  # "first 300 iterations"
    ("vanishing_gradients", (SIGMOID, DECAY), View((GRADIENTS,), last=300)),
    ("noisy_accuracy", (RELU,), View(("accuracy",))),
    ("learning_rate_decay", (RELU, DECAY), View()),  # "start fast, then decay"
    ("dropout", (SIGMOID, RELU, DECAY, DROPOUT), View()),
    ("convolution", (DROPOUT, CONVOLUTION), View()),  # "Results - CNN"
    ("bigger_convolution", (CONVOLUTION, BIGGER), View()),  # "Improvements"
    ("keras", (BIGGER, KERAS), View()),  # "simple but constrained"
    ("beyond", (BIGGER, NORMALIZED, AUGMENTED, DEEPER), View(first=2000)),  # what its end names
)
EDITS = {CONSTANT: "after lrmin=0.003 is written for lrmin=0.0001 in it"}


def command(step, label, flags):
    """How a run is made that the deck lacks, as a line for a person; flags: further ones."""
    labelled, edit = (f' --label "{label}"', f"  ({EDITS[label]})") if label else ("", "")
    return f"python {LADDER[step].script}.py{labelled}{flags}{edit}"
