"""The live window: pyplot's figure, a timer, keys. It reads a History and knows no training."""

import math
import time
from functools import wraps

import matplotlib
import matplotlib.pyplot as plt
from matplotlib.artist import Artist
from matplotlib.image import imsave

from visu.panels.dashboard import Dashboard, Painter
from visu.panels.keys_and_views import ACTIONS, SIX, VIEWS
from visu.panels.style import DPI, INCHES
from visu.show.backend import NoWindow, one_line, why_no_window

LOOK_MILLISECONDS = 160  # between two looks at the training
PAINT_SECONDS = 0.01  # of painting, after which keys come first
NOTICE_SECONDS = 2  # for which a notice stands in place of the status
PEN_MILLISECONDS = 80  # after the last move of a pen, until it counts as resting
MODIFIERS = {"shift", "control", "ctrl", "alt", "super", "cmd", "meta", "caps_lock"}
OWN_ACTIONS = "toggle_help", "full_screen", "save", "close"  # the others are session.Live's
MOUSE = {
    "button_press_event": "press",
    "motion_notify_event": "drag",
    "button_release_event": "release",
}


def _guarded(method):
    """Keep what `method` raises for show() to raise again: toolkits print or swallow it.

    That includes KeyboardInterrupt, which Ctrl-C raises wherever Python happens to be. A closed
    window ignores calls: Tk still makes some after its canvas is gone.
    """

    @wraps(method)
    def guarded(self, *args):
        if self.closed or self.figure.canvas is not self.canvas:
            return
        try:
            method(self, *args)
        except BaseException as error:
            self.error = self.error or error
            self.close()

    return guarded


class Window:
    """A live window on a run. Raises NoWindow, one line, where none can open.

    live: a session.Live, of which the window uses, on the main thread only,
    history: read, never changed;
    poll(): called several times a second, also while paused; it may add to the history, and
    returns the status, such as "starting …", "PAUSED", "done", or None to close the window;
    ask(image, label): the network's answer; picture_path(): where `s` writes its PNG;
    say(line): for the terminal; and the actions of the table of keys that are not OWN_ACTIONS.

    The window stays open until it is closed, also when nothing new comes.
    """

    def __init__(self, live):
        self.live, self.history = live, live.history
        self.notice, self.notice_ends = "", 0.0  # shown in place of the status, and until when
        self.error, self.closed = None, False
        self.figure = open_figure(self.history.run.name)
        self.canvas = self.figure.canvas
        # On macosx blitting is there but known to fail.
        self.blits = self.canvas.supports_blit and matplotlib.get_backend() != "macosx"
        self.dashboard = Dashboard(
            self.figure, self.history.run, animated=self.blits, keys=True, ask=live.ask
        )
        self.seen_size = None  # at the last tick, [width, height] in inches
        self.painter = Painter(self.dashboard)
        self.due = []  # members of dashboard.panels that are yet to be drawn
        self.changed = False  # whether keys or the mouse have changed what is to be drawn soon
        self.rest = self.canvas.new_timer(1, [(self.paint, (PAINT_SECONDS,), {})])
        self.soon = self.canvas.new_timer(1, [(self.show_changes, (), {})])
        self.rest.single_shot = self.soon.single_shot = True
        handlers = dict.fromkeys(MOUSE, self._mouse)
        handlers |= {"key_press_event": self._press, "draw_event": self.drawn}
        handlers |= {"resize_event": self._resized, "close_event": self._closed}
        for event, handler in handlers.items():
            self.canvas.mpl_connect(event, handler)

    def show(self, begin):
        """Block until the window is closed: by q, by its frame's button, by close().

        begin: called once, without arguments, when the window is on the screen.

        Whatever poll or an action raised, KeyboardInterrupt included, closes the window and is
        raised again from here.
        """
        self.dashboard.update(self.history)
        first = self.canvas.new_timer(LOOK_MILLISECONDS, [(begin, (), {})])
        first.single_shot = True
        first.start()
        timer = self.canvas.new_timer(LOOK_MILLISECONDS, [(self.tick, (), {})])
        timer.start()
        try:
            with matplotlib.rc_context({"figure.raise_window": False}):  # takes no focus
                plt.show(block=True)
        finally:
            timer.stop()
            self.close()
        if self.error:
            raise self.error

    def close(self):
        """Close the window; show() then returns."""
        self.closed = True
        plt.close(self.figure)

    def _closed(self, event):
        self.closed = True

    @_guarded
    def tick(self):
        """Show what is new, if the frame before is done; fit a window whose size has settled."""
        self._let_tk_work()
        if self.changed:
            return
        before, self.seen_size = self.seen_size, self.figure.get_size_inches().tolist()
        if self.seen_size == before and not self.fits():
            self.fit()
        elif not self.due:
            self.update()
            self.paint(PAINT_SECONDS)

    def fits(self):
        """Whether the panels are laid out to the size of the window."""
        near = math.dist(self.figure.get_size_inches(), self.dashboard.inches) < 0.02
        return near and self.figure.get_visible()

    def fit(self):
        """Lay the panels out again, to the size of the window."""
        self.figure.set_visible(True)
        self.dashboard.arrange()
        self.update()
        if not self.closed:
            self.canvas.draw()
        self.due = []

    def update(self):
        """Take over what the training has finished, and find what is to be drawn."""
        self.changed, status = False, self.live.poll()
        if status is None:
            return self.close()
        noticed = time.monotonic() < self.notice_ends
        new = self.dashboard.update(self.history, status, self.notice if noticed else "")
        self.due = [panel for panel in self.dashboard.panels if panel in self.due or panel in new]

    @_guarded
    def paint(self, seconds=math.inf):
        """Draw what is due, for about so long; the rest follows when waiting keys are answered."""
        if not self.figure.get_visible():
            self.due = []
        if self.due and not (self.blits and getattr(self.canvas, "watched", True)):  # see browser
            self.canvas.draw_idle()
            self.due = []
        end = time.perf_counter() + seconds
        while self.due:
            self._blit(self.due.pop(0))
            if time.perf_counter() > end:
                return self.rest.start()

    def _blit(self, panel):
        for area in self.painter.paint([panel]):
            self.canvas.blit(area)

    @_guarded
    def drawn(self, event):
        """The canvas has drawn the whole figure: a new window, or another size."""
        if self.blits and not self.canvas.is_saving():
            self.painter.complete()
            self.due = []

    @_guarded
    def _resized(self, event):
        """Show nothing, rather than text over text, until the panels are laid out again."""
        self.painter.backgrounds.clear()
        self.figure.set_visible(self.fits())

    @_guarded
    def _press(self, event):
        """Dispatch a key: an action, a panel's own use for it, or a view.

        What it changes is drawn when no other key waits: see _draw_soon.
        """
        key = {"=": "+"}.get(event.key, event.key or "").lower()
        if key in MODIFIERS:
            return
        if self.dashboard.help_shown:  # any key closes it, and these do nothing else
            self.toggle_help()
            key = "" if key in ("h", "escape") else key
        if key in ACTIONS:
            owner = self if ACTIONS[key] in OWN_ACTIONS else self.live
            getattr(owner, ACTIONS[key])()
        elif not self._obey(self.dashboard.key(key)) and key in VIEWS:
            self._obey(SIX if self.dashboard.view == VIEWS[key] else VIEWS[key])
        self._draw_soon()

    @_guarded
    def _mouse(self, event):
        """Dispatch an event of the mouse to the panel under it."""
        answer = self.dashboard.mouse(MOUSE[event.name], event)
        if isinstance(answer, Artist):
            self._draw_line(answer)
        elif self._obey(answer):
            self._draw_soon()

    def _draw_soon(self, milliseconds=1):
        """Have all changes drawn so much later: after the keys that already wait."""
        self.changed, self.soon.interval = True, milliseconds
        if not self.closed:
            self.soon.start()

    @_guarded
    def show_changes(self):
        """Draw what keys and the mouse have changed."""
        self.update()
        self.paint()

    def _draw_line(self, sheet):
        """Draw this artist alone until the pen rests: toolkits drop moves while we are busy."""
        quick = self.blits and self.figure.get_visible() and not self.dashboard.help_shown
        if quick:
            self.figure.draw_artist(sheet)
            self.canvas.blit(sheet.get_window_extent())
        self._draw_soon(PEN_MILLISECONDS if quick else 1)

    def _obey(self, answer):
        """Show the view that a panel answers with, if any; False where it ignores the event."""
        if answer:
            self._acknowledge()
            self.dashboard.show_only(answer)
        return answer is not None

    def _acknowledge(self):
        """Show at once that a key has come, as a new view takes a moment."""
        self.dashboard.head.status.set_text("…")
        if self.blits and self.figure.get_visible() and not self.changed:
            self._blit(self.dashboard.head)
            self._let_tk_work()

    def _let_tk_work(self):
        """Let Tk show what is drawn and follow its frame's size, for which it waits to be idle."""
        if hasattr(self.canvas, "get_tk_widget"):
            self.canvas.get_tk_widget().update_idletasks()

    def toggle_help(self):
        """Show or hide the keys."""
        self._acknowledge()
        self.dashboard.show_help(not self.dashboard.help_shown)
        self._draw_soon()

    def full_screen(self):
        """Fill the screen, or no longer, where the toolkit can."""
        if hasattr(self.canvas.manager, "full_screen_toggle"):
            self.canvas.manager.full_screen_toggle()

    def save(self):
        """Write what the window shows, and say where."""
        self.show_changes() if self.fits() else self.fit()
        try:
            path = self.live.picture_path()
            if self.painter.backgrounds:
                imsave(path, self.canvas.buffer_rgba(), format="png")  # a third of savefig's time
            else:  # a canvas that may have no pixels, or none yet
                self.figure.savefig(path, format="png")
            self.live.say(f"saved {path}")
            self.notice = "saved"
        except OSError as error:
            self.live.say(f"The picture could not be saved: {error}")
            self.notice = "not saved"
        self.notice_ends = time.monotonic() + NOTICE_SECONDS


def open_figure(title):
    """pyplot's empty figure in a window with this title. Raises NoWindow."""
    if reason := why_no_window():
        raise NoWindow(reason)
    try:
        with matplotlib.rc_context({"toolbar": "None"}):
            figure = plt.figure(figsize=INCHES, dpi=DPI)
    except Exception as error:  # a TclError, or whatever else the toolkit raises
        raise NoWindow(one_line(error)) from error
    manager = figure.canvas.manager
    manager.set_window_title(title)
    if manager.key_press_handler_id is not None:  # matplotlib's own keys: f, l, k, ...
        figure.canvas.mpl_disconnect(manager.key_press_handler_id)
    _fit_to_screen(figure)
    return figure


def _fit_to_screen(figure):
    """Make the window as large as the screen allows, in its own proportions.

    The figure knows its size before it is on the screen, so that it is laid out once.
    """
    window = getattr(figure.canvas.manager, "window", None)
    if hasattr(window, "winfo_screenwidth"):  # Tk
        screen = window.winfo_screenwidth(), window.winfo_screenheight()
    elif hasattr(window, "screen"):  # Qt
        area = window.screen().availableGeometry()
        screen = area.width(), area.height()
    else:
        return
    wide, tall = figure.canvas.get_width_height()
    scale = min(0.97 * screen[0] / wide, 0.92 * screen[1] / tall)  # room for frame and task bar
    figure.set_size_inches(scale * figure.get_size_inches())
