"""The figure: headline, panels, help. It needs no window; a plain Figure draws it as well."""

from bisect import bisect_right
from itertools import chain
from textwrap import shorten

import matplotlib.style
import numpy as np
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.transforms import Bbox

from visu.panels.keys_and_views import HELP, SENTENCES, SIX
from visu.panels.one_digit import Selection
from visu.panels.panel import Panel, PanelAxes
from visu.panels.style import DPI, INCHES, TEST, WARNING, drawable, style

HEAD = 104  # height of the headline; all lengths here are pixels of a figure of 1344 x 756
RATE_SECONDS = 2  # iterations per second are counted over the last so many


def rate(points):
    """Iterations per second over the last RATE_SECONDS of these Points, or all of a few."""
    last = points[-1]
    earlier = bisect_right(points, last.seconds - RATE_SECONDS, key=lambda point: point.seconds)
    first = points[max(earlier - 1, 0)]
    return (last.iteration - first.iteration) / max(last.seconds - first.seconds, 1e-9)


def fit(text, words, size, share):
    """Write words into a Text, in this size, or one that fits this share of its axes' width."""
    text.set(text=words, size=size)
    while text.get_window_extent().width > share * text.axes.bbox.width:
        text.set_size(0.97 * text.get_size())


class Headline(Panel):
    """The line above the panels: step, data, iteration, rate, test accuracy, and what goes on."""

    def __init__(self, axes, run):
        super().__init__(axes)
        self.run = run
        self.notice = ""  # shown for a moment in place of what goes on
        self.hint = ""  # that there are keys
        width = HEAD * axes.bbox.width / axes.bbox.height
        axes.set(xlim=(0, width), ylim=(0, HEAD))
        axes.set_axis_off()
        size = matplotlib.rcParams["font.size"] / 12
        title = axes.text(18, 68, "", weight="bold")
        fit(title, drawable(run.name, "bold"), 21 * size, 0.47)  # leaves room for the status
        self.facts = axes.text(18, 38, "", size=13 * size)
        self.sentence = axes.text(18, 11, "", size=15 * size, color=TEST)  # of the view
        self.accuracy = axes.text(width - 18, 57, "", size=32 * size, weight="bold", ha="right")
        self.misread = axes.text(width - 18, 33, "", size=13 * size, ha="right")
        self.caption = axes.text(width - 247, 63, "", size=13 * size, ha="right")
        self.status = axes.text(
            width - 450, 68, "", size=18 * size, weight="bold", ha="right",
            bbox={"boxstyle": "round,pad=0.3", "facecolor": WARNING, "edgecolor": "none"},
        )  # fmt: skip
        self.artists = [self.facts, self.caption, self.accuracy, self.misread, self.status]

    def update(self, history):
        before = [text.get_text() for text in self.artists]
        last, tested = history.last, history.last_test
        facts = [drawable(shorten(self.run.data, 24, placeholder=" …"))]
        if not self.run.iterations:
            facts += [self.run.planned]
        elif last:
            facts += [
                f"iteration {last.iteration:,} of {self.run.iterations:,}",
                f"epoch {100 * last.iteration / self.run.train_count:.1f}",
                f"learning rate {last.learning_rate:.3g}",
            ]
            if not self.going_on:
                facts += [f"{rate(history.train):,.0f} iterations/s"]
        line = "  ·  ".join(filter(None, [*facts, self.hint]))
        if line != self.facts.get_text():
            fit(self.facts, line, self.misread.get_size(), 0.81)
        if tested:
            answers = tested.test.answers
            misread = np.count_nonzero(answers.labels != answers.predictions)
            self.misread.set_text(f"{misread:,} of {len(answers.labels):,} misread")
            self.accuracy.set_text(f"{100 * answers.accuracy:.2f} %")
            earlier = tested.iteration < last.iteration
            at = f"test accuracy\nat iteration {tested.iteration:,}"
            self.caption.set_text(at if earlier else "test\naccuracy")
        self.status.set_text(self.notice or self.going_on)
        return before != [text.get_text() for text in self.artists]


class Dashboard:
    """Draws a History on a matplotlib Figure of any canvas and size.

    figure: an empty Figure, which is then this object's alone; run: a Run. With animated, what
    changes often is left out when the canvas draws: see Painter. keys: whether there are keys, of
    which a hint tells until the help was shown once; ask(image, label): returns a Look, or None.

    view: the classes of the panels shown; selection: the panels' Selection. A view that has been
    shown is kept in memory, so that it comes back fast.
    """

    def __init__(self, figure, run, animated=False, keys=False, ask=None):
        self.figure, self.run, self.animated, self.ask = figure, run, animated, ask
        self.view, self.selection = SIX, Selection()
        self.help_shown, self.help_seen = False, not keys
        self.redraw = True  # whether all panels are to be drawn, not only those that have changed
        self.arrange()

    @property
    def panels(self):
        """The headline and the panels shown, each a Panel, built when they are first needed."""
        if self.view not in self.built:
            cells = zip(self.view, places(self.view, *self.size), strict=True)
            self.built[self.view] = [self._build(kind, *cell) for kind, cell in cells]
        return [self.head, *self.built[self.view]]

    @property
    def asks(self):
        """Whether a panel of the view asks the network about digits."""
        return any(panel.asks for panel in self.panels)

    def update(self, history, status="", notice=""):
        """Take over what is new in `history`, and the status, such as "PAUSED".

        notice: shown in its place. Returns the members of `panels` to be drawn: those that have
        changed since the last call.
        """
        self.head.notice = notice
        for panel in self.panels:
            panel.going_on = status
        changed = [panel for panel in self.panels if self._call(panel, "update", history)]
        whole, self.redraw = self.redraw, False
        return [p for p in self.panels if whole or p in changed or p.axes.stale]

    def show_only(self, view):
        """Show these panels alone: a tuple of classes, such as those in VIEWS."""
        self.view, self.redraw = view, True
        self.head.sentence.set_text(SENTENCES.get(view, ""))
        for panel in chain(*self.built.values()):
            stale = panel.axes.stale
            panel.axes.set_visible(panel in self.built.get(view, ()))
            panel.axes.stale = stale  # the pixels of its background are the same as before

    def mouse(self, action, event):
        """Tell the panel under the mouse; see Panel.mouse."""
        panel = getattr(event.inaxes, "panel", None)  # a colour scale has none
        return self._call(panel, "mouse", action, event) if panel else None

    def key(self, key):
        """Tell the first of the panels that knows this key; see Panel.key."""
        if all(kind.key is Panel.key for kind in self.view):
            return None  # no panel has a use for keys: none need be built
        answers = (self._call(panel, "key", key) for panel in self.panels[1:])
        return next((answer for answer in answers if answer is not None), None)

    def _call(self, panel, method, *args):
        """Call a panel's method; if it raises, a message takes its place, and the rest goes on."""
        try:
            return None if panel.failed else getattr(panel, method)(*args)
        except Exception as error:
            panel.fail(error)
            return ()

    def show_help(self, on):
        """Show the keys on top of everything, or no longer."""
        self.help_shown, self.help_seen = on, True
        self.help.set_visible(on)
        self.head.hint = ""
        self.redraw = True  # it hides what has to come back

    def arrange(self):
        """Build everything again, to the figure's size: type and lines grow and shrink with it."""
        self.figure.clear()
        self.inches = self.figure.get_size_inches()
        self.unit = max(min(self.inches / INCHES), 0.2)
        self.size = self.inches * DPI / self.unit  # in the pixels of HEAD and of margins
        strip = Bbox([[0, 1 - HEAD / self.size[1]], [1, 1]])
        self.head = self._build(Headline, strip, strip)
        self.head.hint = "" if self.help_seen else "h: keys"
        with matplotlib.style.context("default"):
            self.help = self.figure.text(
                0.5, 0.5, HELP, family="monospace", size=16 * self.unit, linespacing=1.5, zorder=10,
                ha="center", va="center", multialignment="left", visible=self.help_shown,
                bbox={"boxstyle": "round,pad=1", "facecolor": "white", "edgecolor": "0.3"},
                animated=self.animated,
            )  # fmt: skip
        self.built = {}  # view -> its panels
        self.show_only(self.view)

    def _build(self, kind, cell, place):
        """A panel of this class, with axes at this place in a cell; see places."""
        with matplotlib.style.context(["default", style(self.unit)]):
            axes = self.figure.add_axes(place.bounds, axes_class=PanelAxes)
            try:
                panel = kind(axes, self.run)
            except Exception as error:
                panel = Panel(axes)
                panel.fail(error, kind)
        panel.put_into(cell)
        panel.selection, panel.ask = self.selection, self.ask
        for artist in panel.artists:  # which the painter draws, not the canvas
            artist.set_animated(self.animated)
        return panel


def places(view, width, height):
    """For each panel of a view its cell and within it its axes, as Bboxes from 0 to 1 both ways.

    One to three panels stand in a row, an even number of more in two.
    """
    rows = 2 if len(view) > 3 else 1
    columns = len(view) // rows
    shares = np.array([max(kind.wide for kind in view[k::columns]) for k in range(columns)])
    edges = np.concatenate([[0], np.cumsum(shares / shares.sum())]) * width
    tall = (height - HEAD) / rows
    for k, kind in enumerate(view):
        row, column = divmod(k, columns)
        ceiling = height - HEAD - row * tall
        cell = np.array([[edges[column], ceiling - tall], [edges[column + 1], ceiling]])
        left, right, top, bottom = kind.margins
        place = cell + [[left, bottom], [-right, -top]]
        yield Bbox(cell / [width, height]), Bbox(place / [width, height])


class Painter:
    """Draws panels of a Dashboard made with animated=True; its canvas is one that uses Agg."""

    def __init__(self, dashboard):
        self.dashboard, self.figure = dashboard, dashboard.figure
        self.canvas = self.figure.canvas
        self.backgrounds = {}  # panel -> the pixels of its background

    def paint(self, panels):
        """Draw these panels of the dashboard; returns the areas with new pixels, as Bboxes."""
        for panel in panels:
            self._restore_background(panel)
        for panel in panels:
            try:
                self._draw(panel.artists)
            except Exception as error:
                panel.fail(error)
        if not self.dashboard.help_shown:
            return [panel.cell.padded(1) for panel in panels]  # Qt rounds both ends down
        self._draw([self.dashboard.help])
        return [self.figure.bbox] if panels else []

    def complete(self):
        """After the canvas has drawn the backgrounds: cache these, and draw the artists on them."""
        self.backgrounds = {
            panel: self.canvas.copy_from_bbox(panel.cell) for panel in self.dashboard.panels
        }
        self.paint(self.dashboard.panels)

    def _restore_background(self, panel):
        """Restore the cached background of a panel; draw it where there is none, or a stale one."""
        if panel in self.backgrounds and not panel.axes.stale:
            self.canvas.restore_region(self.backgrounds[panel])
        else:
            self._draw([panel.paper, panel.axes])
            self.backgrounds[panel] = self.canvas.copy_from_bbox(panel.cell)

    def _draw(self, artists):
        for artist in artists:
            self.figure.draw_artist(artist)


class Offscreen(Painter):
    """Draws a Dashboard of its own, on a canvas in memory.

    run: a Run; width, height: in pixels.
    """

    def __init__(self, run, width=1344, height=756):
        figure = FigureCanvasAgg(Figure((width / DPI, height / DPI), dpi=DPI)).figure
        super().__init__(Dashboard(figure, run, animated=True))

    def draw(self, history, status=""):
        """Draw a History and the status; False where nothing has changed. See Dashboard.update."""
        return bool(self.paint(self.dashboard.update(history, status)))

    @property
    def pixels(self):
        """What was drawn, [height, width, 4] uint8; the next drawing changes it."""
        return np.asarray(self.canvas.buffer_rgba())


def save_picture(file, history):
    """Write the six panels of `history` as a PNG. file: a path, or a file open for bytes."""
    figure = Figure(INCHES, dpi=DPI)
    Dashboard(figure, history.run).update(history)
    figure.savefig(file, format="png")
