"""WebAgg, matplotlib's window in a browser. Its server is tornado, which the user has installed."""

from matplotlib import pyplot as plt
from matplotlib.backends.backend_webagg import WebAggApplication
from matplotlib.backends.backend_webagg_core import FigureManagerWebAgg
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
"""


def serve():
    """In place of plt.show(): serve the figures to browsers until the last one is closed.

    plt.show() would go on without a figure, and take Ctrl-C for itself.
    """
    script = FigureManagerWebAgg.get_javascript() + PAGE
    FigureManagerWebAgg.get_javascript = lambda: script
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
