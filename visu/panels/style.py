"""Colours, sizes and matplotlib's settings, the same in each figure."""

INCHES = (14, 7.875)  # of a figure: 1344 x 756 pixels
DPI = 96  # 12 points are 16 pixels

# Okabe and Ito's colours, distinct for the colour-blind too: the dark ones first, and a brown in
# place of their yellow, which is pale on white
COLOURS = "#0072b2", "#d55e00", "#009e73", "#cc79a7", "#000000", "#e69f00", "#56b4e9", "#8b5a2b"
TEST, TRAINING = COLOURS[0], COLOURS[5]  # one dark, one light in grey print
BANDS = {"all": "#d3e4f3", "5/7": "#94c4df", "3/7": "#4a98c9", "middle 1/7": "#08468b"}
WARNING = "#ffdc3c"


def style(unit):
    """matplotlib's settings for a figure `unit` times as large as INCHES."""
    return {
        "text.parse_math": False,  # a $ in a label is no formula
        "font.size": 12 * unit,
        "axes.titlesize": 13 * unit,
        "axes.titleweight": "bold",
        "axes.titley": 1.0,  # finding its height would take a sixth of each drawing
        "axes.titlepad": 8 * unit,
        "axes.labelpad": 1 * unit,
        "axes.linewidth": 0.8 * unit,
        "axes.edgecolor": "0.3",
        "lines.linewidth": 1.0 * unit,
        "grid.color": "0.88",
        "grid.linewidth": 0.8 * unit,
        "legend.frameon": False,
        "legend.borderaxespad": 0.4,
        "legend.borderpad": 0.2,
        "legend.handlelength": 1.1,
        "legend.handletextpad": 0.35,
        "legend.columnspacing": 0.8,
        **{f"{x}tick.major.{k}": v * unit for x in "xy" for k, v in (("size", 3), ("width", 0.8))},
    }
