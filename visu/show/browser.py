"""WebAgg, matplotlib's window in a browser, for a figure that is blitted: a backend for pyplot.

Its server is tornado, which the user has installed.
"""

from io import BytesIO

from matplotlib.backends import backend_webagg as webagg
from matplotlib.backends.backend_webagg_core import NavigationToolbar2WebAgg
from matplotlib.image import imsave
from tornado.ioloop import IOLoop
from tornado.websocket import WebSocketClosedError

NavigationToolbar2WebAgg.toolitems = []  # the window has no toolbar: its buttons would fail


class Server(webagg.WebAggApplication):
    """matplotlib's server, which a browser may leave at any time."""

    class WebSocket(webagg.WebAggApplication.WebSocket):
        """A browser's connection to the figure."""

        def write_message(self, message, binary=False):
            """Send a message; a browser that has just gone is no error."""
            try:
                sent = super().write_message(message, binary)
            except WebSocketClosedError:
                return
            sent.add_done_callback(lambda done: done.cancelled() or done.exception())


class FigureManager(webagg.FigureManagerWebAgg):
    """Serves the figure to browsers until it is closed; matplotlib's own waits for Ctrl-C."""

    @classmethod
    def pyplot_show(cls, *, block=None):
        Server.initialize()
        print(f"Watch it in a browser: http://{Server.address}:{Server.port}", flush=True)
        IOLoop.current().start()

    def destroy(self):
        IOLoop.current().stop()


class FigureCanvas(webagg.FigureCanvasWebAgg):
    """Sends pictures no faster than a browser asks for them; matplotlib's own redraws for each."""

    manager_class = FigureManager
    supports_blit = True
    _whole = False  # whether the canvas holds the whole figure

    @property
    def watched(self):
        """Whether there is a browser."""
        return bool(self.manager.web_sockets)

    def draw(self):
        self._whole = True
        super().draw()

    def draw_idle(self):
        self._whole = False
        super().draw_idle()

    def blit(self, bbox=None):
        super().draw_idle()  # tells the browsers to ask

    def handle_draw(self, event):
        """A browser asks for a picture."""
        super().blit() if self._whole else self.draw()

    def get_diff_image(self):
        """The whole picture: the page skips some, and what only they showed would be missing."""
        png = BytesIO()
        imsave(png, self.buffer_rgba(), format="png", pil_kwargs={"compress_level": 1})
        return png.getvalue()
