"""The keys of the window, as its help and --help show them."""

HELP = """\
space     pause/resume
n         one iteration, while paused
-  +      slower, faster
r         restart
R         restart with the next seed
1 ... 6   one panel, large
7  8  9   two panels
0  Esc    all six panels
w         weights of the first layer
g         gradient per layer
f  F11    full screen
s         save a picture (PNG)
h         show/hide this help
q         quit"""
