"""The one table of keys: what the help says of each, and the view or the action behind it.

A new view is a panel class and a row here. Within its view, a panel may use further keys
(Panel.key), which have a row without views: the arrows and Backspace are those of OneDigit.
"""

from visu.panels.answer_map import AnswerMap
from visu.panels.confusion import CellDigits, Confusion
from visu.panels.curves import Accuracy, BiasBands, Loss, WeightBands
from visu.panels.digit_grids import TestDigits, TestDigitsAlone, TrainingDigits, WorstErrors
from visu.panels.first_weights import FirstWeights
from visu.panels.gradients import GradientDots, GradientLines
from visu.panels.one_digit import OneDigit

SIX = Accuracy, Loss, TrainingDigits, WeightBands, BiasBands, TestDigits

# the keys and what they do, as the help says; key -> the panels of a view, or the method of Window
# or Live that it calls
ROWS = (
    ("space", "pause/resume", {" ": "toggle_pause"}),
    ("n", "one iteration, while paused", {"n": "step"}),
    ("-  +", "slower, faster", {"-": "slower", "+": "faster"}),
    ("r", "restart", {"r": "restart"}),
    (
        "1 ... 6",
        "one panel, large",
        {
            "1": (Accuracy,),
            "2": (Loss,),
            "3": (TrainingDigits,),
            "4": (WeightBands,),
            "5": (BiasBands,),
            "6": (TestDigitsAlone,),
        },
    ),
    (
        "7  8  9",
        "two panels",
        {"7": (Accuracy, Loss), "8": (WeightBands, BiasBands), "9": (TrainingDigits, TestDigits)},
    ),
    ("0  Esc", "all six panels; also a view's key again", {"0": SIX, "escape": SIX}),
    ("w", "weights of the first layer", {"w": (FirstWeights,)}),
    ("g", "gradient per layer", {"g": (GradientLines, GradientDots)}),
    ("d", "one digit, or your own; again: a training step", {"d": (OneDigit,)}),
    ("m", "map of answers", {"m": (AnswerMap,)}),
    ("e", "worst errors", {"e": (WorstErrors,)}),
    ("c", "confusion matrix", {"c": (Confusion, CellDigits)}),
    ("mouse", "click a digit: opens it in d; in d: draw, click a number", {}),
    ("arrows", "in d: the previous or next test digit", {}),
    ("Backspace", "in d: a new sheet to draw on", {}),
    ("f  F11", "full screen", {"f": "full_screen", "f11": "full_screen"}),
    ("s", "save a picture (PNG)", {"s": "save"}),
    ("h", "show/hide this help", {"h": "toggle_help"}),
    ("q", "quit", {"q": "close"}),
)
SENTENCES = {  # what to look at in each view, in the words of the slides
    SIX: "No test digit is ever trained on: what is right there has been learned, not memorized.",
    (Accuracy,): "Thick: all test digits. Thin: the next batch of 100, before it is trained on.",
    (Loss,): "A wrong answer costs more the surer it is: −log of the true digit's probability.",
    (TrainingDigits,): "The network reads these 100 digits, then makes a step to read them better.",
    (WeightBands,): "Weights start near 0, at random, and spread as the network learns.",
    (BiasBands,): "Biases start all alike and spread as the network learns.",
    (TestDigitsAlone,): "How far down the red reaches is the share of misread digits.",
    (Accuracy, Loss): "Where the test loss climbs and the accuracy stays, the network overfits.",
    (WeightBands, BiasBands): "Training is finding these numbers: all weights and biases.",
    (TrainingDigits, TestDigits): "Left it learns from; right it has never seen.",
    (FirstWeights,): "Purple: ink here speaks for the digit or neuron. Orange: against it.",
    (GradientLines, GradientDots): "On its way back to the first layer, does the gradient vanish?",
    (OneDigit,): "From pixels to ten probabilities: what each layer makes of one digit.",
    (AnswerMap,): "Where does the network place each digit between its ten answers?",
    (WorstErrors,): "Misread, and sure of it. Would you have read these?",
    (Confusion, CellDigits): "Which digits are taken for which? Click on a cell to see them.",
}
HELP = "\n".join(f"{keys:<9} {text}" for keys, text, _ in ROWS)
KEYS = {key: meaning for *_, keys in ROWS for key, meaning in keys.items()}
ACTIONS = {key: meaning for key, meaning in KEYS.items() if isinstance(meaning, str)}
VIEWS = {key: meaning for key, meaning in KEYS.items() if key not in ACTIONS}
