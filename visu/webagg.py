"""WebAgg, matplotlib's window in a browser, made to draw only what is new: a backend for pyplot.

Its server is tornado, which the user has installed.
"""

from matplotlib import pyplot as plt
from matplotlib.backends.backend_webagg import (
    FigureCanvasWebAgg,
    FigureManagerWebAgg,
    WebAggApplication,
)
from matplotlib.backends.backend_webagg_core import FigureManagerWebAgg as Core
from tornado.ioloop import IOLoop, PeriodicCallback

LOOK = 50  # milliseconds between two looks whether a figure is left

PAGE = """
// no toolbar: its buttons would fail, as the window has none
mpl.figure.prototype._init_toolbar = function () {};
// the figure, with the title above it, fits into the browser's window
mpl.figure.prototype._canvas_extra_style = function (canvas_div) {
    canvas_div.style.maxWidth = "calc(100vw - 60px)";
    canvas_div.style.maxHeight = "calc(100vh - 70px)";
};
// the space bar is a key of the window, and does not scroll the page
mpl.figure.prototype._key_event_extra = function (event) {
    if (event.key === " ") event.preventDefault();
};
// each message waits until the image before it is on the page: an image holds only what is new,
// and the browser drops one that the next follows too soon
const listener = mpl.figure.prototype._make_on_message_function;
mpl.figure.prototype._make_on_message_function = function (figure) {
    const listen = listener(figure);
    let ready = Promise.resolve();
    return function (event) {
        ready = ready.then(function () {
            listen(event);
            if (event.data instanceof Blob) return new Promise(function (drawn) {
                figure.imageObj.addEventListener("load", drawn, {once: true});
            });
        });
    };
};
"""


class FigureManager(FigureManagerWebAgg):
    @classmethod
    def pyplot_show(cls, *, block=None):
        """Serve the figures to browsers until the last one is closed.

        matplotlib's own would go on without a figure, and take Ctrl-C for itself.
        """
        script = Core.get_javascript() + PAGE
        Core.get_javascript = lambda: script
        WebAggApplication.initialize()
        loop = IOLoop.current()

        def look():
            if not plt.get_fignums():
                loop.stop()

        address, port = WebAggApplication.address, WebAggApplication.port
        print(f"Watch it in a browser: http://{address}:{port}", flush=True)
        watch = PeriodicCallback(look, LOOK)
        watch.start()
        try:
            loop.start()
        finally:
            watch.stop()


class FigureCanvas(FigureCanvasWebAgg):
    """A canvas of which each browser asks for the newest pixels when it has drawn the last ones.

    matplotlib's own draws the whole figure whenever a browser asks.
    """

    manager_class = FigureManager
    supports_blit = True
    _drawn = None  # the renderer that has the whole figure; another size has another renderer

    @property
    def watched(self):
        """Whether there is a browser."""
        return bool(self.manager.web_sockets)

    def draw(self):
        self._drawn = self.get_renderer()
        super().draw()

    def blit(self, bbox=None):
        """Tell the browsers that there are new pixels."""
        self.draw_idle()

    def handle_refresh(self, event):
        """A browser has come: nothing may have been drawn while there was none."""
        self._drawn = None
        super().handle_refresh(event)

    def handle_draw(self, event):
        """A browser asks for the new pixels: send them to all."""
        if self.get_renderer() is self._drawn:
            super().blit()
        else:
            self.draw()
