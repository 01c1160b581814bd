"""How the curves of each experiment look, the same in each comparison."""

from itertools import cycle

from visu.record.ladder import LADDER

# Okabe and Ito's colours, distinct for the colour-blind too, with darker ones in place of their
# yellow, which is pale on white; those of neighbouring steps, often compared, differ most.
COLOURS = {
    "1.0": "#56b4e9",  # sky blue
    "2.0": "#d55e00",  # vermilion
    "2.1": "#0072b2",  # blue
    "2.2": "#e69f00",  # orange
    "3.0": "#000000",  # black
    "3.1": "#009e73",  # green
    "4.0": "#5a1a8b",  # indigo
    "4.1": "#8b5a2b",  # brown
    "4.2": "#cc79a7",  # pink
    "5.0": "#882255",  # wine
}
OTHERS = "#808080", "#c51b7d"  # of networks that are no step of the ladder, before those above
GAPS = "white", "#f0e442", "#ff9ad5", "#7fe8e8", "#a6e05a"  # between dashes
DASHED = [*zip(cycle(("--", ":", "-.")), 3 * GAPS, strict=False)]


def line_styles(groups):
    """How each experiment is drawn, a dict for plot(): in its step's colour, whatever is drawn
    beside it and whenever it starts; the step itself solid, what else has its colour dashed.
    """
    first = [group[0] for group in groups]
    begun = sorted(first, key=lambda saved: saved.folder.name)  # which begins with the time
    others = dict.fromkeys(saved.run.step for saved in begun if saved.run.step not in LADDER)
    colours = COLOURS | dict(zip(others, cycle([*OTHERS, *COLOURS.values()]), strict=False))
    found, dashes = {}, {colour: cycle(DASHED) for colour in colours.values()}
    for saved in sorted(begun, key=lambda saved: bool(saved.run.variant)):
        colour = colours[saved.run.step]
        solid = not saved.run.variant and colour not in [look["color"] for look in found.values()]
        style, gap = ("-", None) if solid else next(dashes[colour])
        found[saved.folder] = {"color": colour, "linestyle": style, "gapcolor": gap}
    return [found[saved.folder] for saved in first]
