"""Text from elsewhere, made safe to print and to draw; shares and counts in words."""

MISSING = "□"


def printable(text):
    """`text` in one line of the same length, with nothing in it that a terminal would obey.

    White space becomes spaces; MISSING stands for escapes and other control characters.
    """
    return "".join(c if c.isprintable() else " " if c.isspace() else MISSING for c in text)


def drawable(text, weight="normal"):
    """The same, with MISSING also for each character that matplotlib's font lacks.

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
