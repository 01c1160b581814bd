"""The keys of the window, as its help and --help show them, and the views that they show."""

HELP = """\
space     pause/resume
n         one iteration, while paused
-  +      slower, faster
r         restart
1 ... 6   one panel, large
7  8  9   two panels
0  Esc    all six panels
w         weights of the first layer
g         gradient per layer
d         one digit; draw your own
e         worst errors
c         confusion matrix
f  F11    full screen
s         save a picture (PNG)
h         show/hide this help
q         quit"""

SIX = ("accuracy", "loss", "training", "weights", "biases", "test")
VIEWS = {  # key -> names of the panels
    **{str(number): (name,) for number, name in enumerate(SIX[:5], 1)},
    "6": ("test alone",),
    "7": ("accuracy", "loss"),
    "8": ("weights", "biases"),
    "9": ("training", "test"),
    "0": SIX,
    "escape": SIX,
    "w": ("first layer",),
    "g": ("gradients", "gradient bars"),
    "d": ("digit",),
    "e": ("worst errors",),
    "c": ("confusion", "cell digits"),
}
