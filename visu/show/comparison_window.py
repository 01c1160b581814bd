"""The window of compare_curves.py: draws a comparison again when runs, size or an axis change."""

from dataclasses import replace

import matplotlib.pyplot as plt

from visu.panels import comparison, keys_and_views
from visu.panels.style import INCHES, drawable
from visu.record.medians import names
from visu.record.run_folder import tails
from visu.show import window
from visu.show.backend import in_notebook
from visu.show.terminal import say, shorten

LOOK_SECONDS = 1  # between two looks at the runs, and at most until Ctrl-C is obeyed
ROWS = (  # the keys, as in keys_and_views, from which the others are
    ("l", "logarithmic loss, or linear", {"l": "toggle_log"}),
    *(row for row in keys_and_views.ROWS if {*row[2].values()} & {*window.OWN_ACTIONS}),
)
HELP = "\n".join(f"{keys:<9} {text}" for keys, text, _ in ROWS)
ACTIONS = {key: action for *_, keys in ROWS for key, action in keys.items()}


class ComparisonWindow:
    """A window on experiments. Raises NoWindow where none can open; a notebook shows the figure.

    look: returns experiments, and what is to be written where there are none; called every
    LOOK_SECONDS; view: the comparison.View to begin with; folder: where `s` writes a PNG;
    stopped: returns whether the window is to close.
    """

    def __init__(self, look, view, folder, stopped):
        self.look, self.view, self.folder, self.stopped = look, view, folder, stopped
        self.keys = not in_notebook()
        title = "Comparing curves"
        self.figure = window.open_figure(title) if self.keys else plt.figure(figsize=INCHES)
        self.canvas, self.help_shown = self.figure.canvas, False
        self.shown = look()

    def show(self):
        """Block until the window is closed."""
        self.draw()
        self.canvas.mpl_connect("resize_event", self.draw)
        self.canvas.mpl_connect("key_press_event", self.press)
        timer = self.canvas.new_timer(1000 * LOOK_SECONDS, [(self.tick, (), {})])
        timer.start()
        plt.show()

    def tick(self):
        """Draw what is new."""
        if self.stopped():
            self.close()
        elif (found := self.look()) != self.shown:
            self.shown = found
            self.draw()

    def draw(self, event=None):
        """Draw the experiments, or write why there are none."""
        self.figure.clear()
        unit, height = min(self.figure.get_size_inches() / INCHES), self.figure.bbox.height
        groups, why = self.shown
        if groups:
            comparison.draw(self.figure, groups, self.view)
            title = f"Comparing curves: {', '.join(names(groups))}"
            self.canvas.manager.set_window_title(shorten(drawable(title), 100))
        else:
            lines = "\n".join(map(drawable, why.split("\n")))
            text = self.figure.text(0.5, 0.5, lines, size=20 * unit, wrap=True)
            text.set(ha="center", va="center", multialignment="left", parse_math=False)
        labels = [axes.xaxis.label.get_window_extent() for axes in self.figure.axes]
        beside = labels[-1].y0 / height if labels else 0.01  # where nothing else is
        self.hint = self.figure.text(0.99, beside, "h: keys" * self.keys, size=15 * unit)
        self.hint.set(color="0.5", ha="right")
        self.help = self.figure.text(
            0.5, 0.5, HELP, family="monospace", size=20 * unit, linespacing=1.5, zorder=10,
            ha="center", va="center", multialignment="left", visible=self.help_shown,
            bbox={"boxstyle": "round,pad=1", "facecolor": "white", "edgecolor": "0.3"},
        )  # fmt: skip
        self.canvas.draw_idle()

    def press(self, event):
        """Dispatch a key."""
        key = (event.key or "").lower()
        if self.help_shown and key != "h":  # any key closes it
            self.toggle_help()
        if key in ACTIONS:
            getattr(self, ACTIONS[key])()

    def toggle_log(self):
        """Show the loss on a logarithmic axis, or on a linear one again."""
        self.view = replace(self.view, log=not self.view.log)
        self.draw()

    def full_screen(self):
        """Fill the screen, or no longer, where the toolkit can."""
        if hasattr(self.canvas.manager, "full_screen_toggle"):
            self.canvas.manager.full_screen_toggle()

    def save(self):
        """Write what the window shows as a PNG with a new name, and say where."""
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            paths = (self.folder / f"comparison{tail}.png" for tail in tails())
            path = next(path for path in paths if not path.exists())
            self.hint.set_text("")
            self.figure.savefig(path)
            say(f"saved {path}")
            self.hint.set_text("saved")
        except OSError as error:
            say(f"The picture could not be saved: {error}")
            self.hint.set_text("not saved")
        self.canvas.draw_idle()

    def toggle_help(self):
        """Show or hide the keys."""
        self.help_shown = not self.help_shown
        self.help.set_visible(self.help_shown)
        self.canvas.draw_idle()

    def close(self):
        """Close the window; show() then returns."""
        plt.close(self.figure)
