"""The one table of keys: what the help says of each, and the panels or the action behind it.

A new view is a panel class and a row here.
"""

from visu.panels.confusion import CellDigits, Confusion
from visu.panels.curves import Accuracy, BiasBands, Loss, WeightBands
from visu.panels.digit_grids import TestDigits, TestDigitsAlone, TrainingDigits, WorstErrors
from visu.panels.first_weights import FirstWeights
from visu.panels.gradients import GradientBars, GradientLines
from visu.panels.one_digit import OneDigit

SIX = Accuracy, Loss, TrainingDigits, WeightBands, BiasBands, TestDigits

# what the help says; key -> the panels of a view, or the method of Window or Live that it calls
ROWS = (
    ("pause/resume", {" ": "toggle_pause"}),
    ("one iteration, while paused", {"n": "step"}),
    ("slower, faster", {"-": "slower", "+": "faster"}),
    ("restart", {"r": "restart"}),
    (
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
        "two panels",
        {"7": (Accuracy, Loss), "8": (WeightBands, BiasBands), "9": (TrainingDigits, TestDigits)},
    ),
    ("all six panels; also a view's key again", {"0": SIX, "escape": SIX}),
    ("weights of the first layer", {"w": (FirstWeights,)}),
    ("gradient per layer", {"g": (GradientLines, GradientBars)}),
    ("one digit; draw your own; d again: a training step", {"d": (OneDigit,)}),
    ("worst errors", {"e": (WorstErrors,)}),
    ("confusion matrix", {"c": (Confusion, CellDigits)}),
    ("full screen", {"f": "full_screen", "f11": "full_screen"}),
    ("save a picture (PNG)", {"s": "save"}),
    ("show/hide this help", {"h": "toggle_help"}),
    ("quit", {"q": "close"}),
)
KEYS = {key: meaning for _, keys in ROWS for key, meaning in keys.items()}
ACTIONS = {key: meaning for key, meaning in KEYS.items() if isinstance(meaning, str)}
VIEWS = {key: meaning for key, meaning in KEYS.items() if key not in ACTIONS}
NAMES = {" ": "space", "escape": "Esc", "f11": "F11"}  # of keys, where they are shown


def label(keys):
    """How keys are shown: all of them, or the first and the last of many."""
    first, *others = [NAMES.get(key, key) for key in keys]
    return "  ".join([first, *others]) if len(others) < 3 else f"{first} ... {others[-1]}"


HELP = "\n".join(f"{label(keys):<9} {text}" for text, keys in ROWS)
