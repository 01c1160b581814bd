"""Text from elsewhere, made safe to draw; shares and counts in words."""

from visu.show.terminal import MISSING, printable


def drawable(text, weight="normal"):
    """`text` in one line, with MISSING for each character that matplotlib's font lacks.

    weight: of the font, as for matplotlib's Text. Without it matplotlib warns on the terminal.
    """
    from matplotlib.font_manager import FontProperties, findfont, get_font  # printing needs none

    font = get_font(findfont(FontProperties(weight=weight)))
    return "".join(c if font.get_char_index(ord(c)) else MISSING for c in printable(text))


def percent(share, digits=0):
    """A share, 0..1, in percent, with so many decimals."""
    return f"{100 * share:.{digits}f} %"


def out_of(shown, count):
    """How many of them are shown: "100 of 128", or "128" for all."""
    return f"{shown} of {count}" if shown < count else f"{count}"
