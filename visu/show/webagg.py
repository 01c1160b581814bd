"""WebAgg, matplotlib's window in a browser, made to draw only what is new: a backend for pyplot.

Its server is tornado, which the user has installed. It replaces private names of matplotlib. In a
matplotlib that lacks one of them, matplotlib's own page and drawing are used as they are.
"""

import ipaddress
import json
import re
import socket

from matplotlib import pyplot as plt
from matplotlib.backends.backend_webagg import (
    FigureCanvasWebAgg,
    FigureManagerWebAgg,
    WebAggApplication,
)
from tornado.ioloop import IOLoop, PeriodicCallback
from tornado.web import ErrorHandler, RequestHandler
from tornado.websocket import WebSocketClosedError

LOOK = 50  # milliseconds between two looks whether a figure is left
EVERYWHERE = "", "0.0.0.0", "::"  # to listen on all addresses of this machine
LARGEST = 6_000  # CSS pixels: no figure in a browser is wider or higher

PAGE = """
// no toolbar: its buttons would fail, as the window has none
mpl.figure.prototype._init_toolbar = function () {};
// the figure fills the browser's window: matplotlib's page sends the size of canvas_div when it
// changes, but not if it was known before the connection was open, so observe it anew then
mpl.figure.prototype._canvas_extra_style = function (canvas_div) {
    canvas_div.style.cssText += `; position: fixed; left: 0; top: 0; border: 0; resize: none;
        background: white; min-width: 100vw; max-width: 100vw; min-height: 100vh;
        max-height: 100vh`;
    this.ws.addEventListener("open", () => {
        this.resizeObserverInstance.unobserve(canvas_div);
        this.resizeObserverInstance.observe(canvas_div);
    });
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


def _missing():
    """The private names that this module needs and this matplotlib does not have."""
    page = FigureManagerWebAgg.get_javascript()
    names = [*re.findall(r"^mpl\.figure\.prototype\.\w+", PAGE, re.MULTILINE)]
    names += ["imageObj", "resizeObserverInstance"]
    methods = "get_renderer", "handle_draw", "handle_refresh"
    missing = [name for name in names if not re.search(rf"{re.escape(name)}\b", page)]
    return missing + [name for name in methods if not hasattr(FigureCanvasWebAgg, name)]


MISSING = _missing()


def allowed(host, address):
    """Whether a browser may name this machine `host` while the server listens on `address`.

    host: a request's Host without its port. Any other name may be a stranger's that was made to
    resolve to this machine (DNS rebinding): to the browser, our page is then the stranger's.
    """
    host, address = host.lower().strip("[]"), address.lower()
    local = host in ("localhost", "127.0.0.1", "::1")
    if address in EVERYWHERE:
        name = socket.gethostname().lower()
        short = name.partition(".")[0]
        return local or host in (name, short, f"{short}.local") or _ip(host) is not None
    loopback = address == "localhost" or getattr(_ip(address), "is_loopback", False)
    return host == address or (loopback and local)


def _ip(text):
    """An IP address, or None if this is none."""
    try:
        return ipaddress.ip_address(text)
    except ValueError:
        return None


def obeyed(text):
    """Whether a browser's message is one that the window obeys, and well formed."""
    try:
        message = json.loads(text)
    except (ValueError, RecursionError):
        return False
    match message:
        case {"type": "refresh" | "draw" | "ack" | "send_image_mode"}:
            return True
        case {"type": "supports_binary", "value": value}:
            return value is True
        case {"type": "key_press" | "key_release", "key": str(key)}:
            return "k" in key  # what the page puts before a key's own name
        case {"type": "resize", "width": int() | float() as w, "height": int() | float() as h}:
            return 1 <= w <= LARGEST and 1 <= h <= LARGEST
        case {"type": "set_device_pixel_ratio", "device_pixel_ratio": int() | float() as ratio}:
            return 0.1 <= ratio <= 10
    return False


class Application(WebAggApplication):
    """matplotlib's server, for browsers that ask for it by this machine's own name only."""

    class MplJs(RequestHandler):
        """The page's script."""

        def get(self):
            self.set_header("Content-Type", "application/javascript")
            self.write(FigureManagerWebAgg.get_javascript() + ("" if MISSING else PAGE))

    class WebSocket(WebAggApplication.WebSocket):
        """A browser's connection to a figure; it ignores messages that the window does not obey."""

        def on_message(self, message):
            if obeyed(message):
                super().on_message(message)

        def write_message(self, message, binary=False):
            """Send a message; a browser that has gone is no error."""
            try:
                sent = super().write_message(message, binary)
            except WebSocketClosedError:
                return
            sent.add_done_callback(lambda done: done.cancelled() or done.exception())

    def find_handler(self, request, **kwargs):
        """Refuse requests under other names (403) and for figures that do not exist (404)."""
        status = None
        figure = re.match(r"/(\d+)", request.path)
        if not allowed(request.host_name, self.address):
            status = 403
        elif figure and figure[1] not in map(str, plt.get_fignums()):
            status = 404
        if status is None:
            return super().find_handler(request, **kwargs)
        return self.get_handler_delegate(request, ErrorHandler, {"status_code": status})

    def log_request(self, handler):
        """Print nothing: the terminal belongs to the training."""


class FigureManager(FigureManagerWebAgg):
    """A figure's tabs in browsers, and the server for them."""

    @classmethod
    def pyplot_show(cls, *, block=None):
        """Serve the figures to browsers until the last one is closed.

        matplotlib's own would go on without a figure, and take Ctrl-C for itself.
        """
        Application.initialize()
        loop = IOLoop.current()

        def look():
            if not plt.get_fignums():
                loop.stop()

        if MISSING:
            print(f"No {', '.join(MISSING)} in this matplotlib: its own page is used.", flush=True)
        address = Application.address
        name = socket.gethostname() if address in EVERYWHERE else address
        name = f"[{name}]" if ":" in name else name
        print(f"Watch it in a browser: http://{name}:{Application.port}", flush=True)
        watch = PeriodicCallback(look, LOOK)
        watch.start()
        try:
            loop.start()
        finally:
            watch.stop()


class StockCanvas(FigureCanvasWebAgg):
    """matplotlib's own canvas, which draws the whole figure whenever a browser asks."""

    manager_class = FigureManager


class NewPixelsCanvas(StockCanvas):
    """A canvas of which each browser asks for the newest pixels when it has drawn the last ones."""

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


FigureCanvas = StockCanvas if MISSING else NewPixelsCanvas
