"""Colours, sizes and matplotlib's settings, the same in each figure; text that can be shown."""

INCHES = (14, 7.875)  # of a figure: 1344 x 756 pixels
DPI = 96  # 12 points are 16 pixels

TEST, TRAINING = "#0072b2", "#e69f00"  # one dark, one light in grey print
BANDS = {"all": "#d3e4f3", "80 %": "#6baed6", "middle half": "#08468b"}
RED, WARNING = "#c81e1e", "#ffdc3c"  # what is misread; what is to be noticed
MISSING = "□"  # in place of a character that cannot be shown


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
        "lines.dashed_pattern": (2.2, 2.2),  # wide gaps, as they may have a colour
        "lines.dotted_pattern": (1, 1),
        "lines.dashdot_pattern": (5, 1.5, 1.5, 1.5),
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


def printable(text):
    """`text` in one line of the same length, with nothing in it that a terminal would obey.

    White space becomes spaces; MISSING stands for escapes and other control characters.
    """
    return "".join(c if c.isprintable() else " " if c.isspace() else MISSING for c in text)


def drawable(text, weight="normal"):
    """`text` as printable() has it, with MISSING also for what matplotlib's font has not.

    weight: of the font, as for matplotlib's Text. Without it matplotlib warns on the terminal.
    """
    from matplotlib.font_manager import FontProperties, findfont, get_font  # the rest needs none

    font = get_font(findfont(FontProperties(weight=weight)))
    return "".join(c if font.get_char_index(ord(c)) else MISSING for c in printable(text))


def percent(share, decimals=0):
    """A share, 0..1, in percent: "92.09 %"."""
    return f"{100 * share:.{decimals}f} %"


def out_of(shown, count):
    """How many of them are shown: "100 of 128", or "128" for all."""
    return f"{shown} of {count}" if shown < count else f"{count}"
