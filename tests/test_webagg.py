"""The live window in a browser: a script under WebAgg, and headless Chromium that looks at it."""

import base64
import contextlib
import http.client
import io
import json
import re
import shutil
import signal
import sys
import time
import urllib.request

import numpy as np
import pytest
from conftest import SCRIPTS
from matplotlib.colors import to_rgb
from matplotlib.figure import Figure
from matplotlib.image import imread

from visu.panels.style import WARNING

pytest.importorskip("tornado", reason="needs tornado, which serves WebAgg")

# a page script: messages come in bursts
SLOW_LINE = """
const real = Object.getOwnPropertyDescriptor(WebSocket.prototype, "onmessage");
function listen(take) {
    const held = [];
    setInterval(() => held.splice(0).forEach(take), 300);
    real.set.call(this, (event) => held.push(event));
}
Object.defineProperty(WebSocket.prototype, "onmessage", {set: listen});
"""


def until(true, seconds=40):
    """Wait until true() is so."""
    end = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < end, "it never came"
        time.sleep(0.05)


@pytest.fixture
def served(small_data, start_process, tmp_path, environment):
    """A script that trains for long, and the address where it says to watch it."""
    command = [sys.executable, SCRIPTS[0], "--data", small_data, "--runs", tmp_path / "runs"]
    command += ["--iterations", "2000000"]
    process = start_process(command, env=environment(MPLBACKEND="webagg"))
    return process, next(m[0] for text in process.stdout if (m := re.search(r"http\S+", text)))


def ended(process):
    """Its status and what it complained of."""
    _, err = process.communicate(timeout=20)
    return process.returncode, err


class Browser:
    """Chromium without a screen, driven by chromedriver's own protocol (WebDriver)."""

    def __init__(self, driver):
        self.base = driver
        arguments = ["--headless=new", "--no-sandbox", "--disable-gpu", "--window-size=1500,1000"]
        options = {"goog:chromeOptions": {"args": arguments}}
        made = self.ask("/session", {"capabilities": {"alwaysMatch": options}})
        self.base += f"/session/{made['sessionId']}"

    def ask(self, path, body=None, method=None):
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(self.base + path, data, method=method)
        with urllib.request.urlopen(request, timeout=30) as answer:
            return json.load(answer)["value"]

    def run(self, script):
        """What a script on the page returns."""
        return self.ask("/execute/sync", {"script": script, "args": []})

    def canvas(self):
        """The picture on the page, [height, width, 3] float 0..1."""
        url = self.run("return document.querySelector('canvas.mpl-canvas').toDataURL()")
        return imread(io.BytesIO(base64.b64decode(url.partition(",")[2])))[..., :3]

    def shows(self, width=1344, height=756):
        """Whether the page has a picture of this size, with something on it."""
        picture = self.canvas()
        return picture.shape[:2] == (height, width) and picture.min(axis=2).std() > 0.1

    def paused(self):
        """Whether there is the yellow box of PAUSED."""
        return (abs(self.canvas() - to_rgb(WARNING)).max(axis=2) < 0.02).sum() > 1000

    def moves(self):
        before = self.canvas()
        time.sleep(0.7)
        return not np.array_equal(before, self.canvas())

    def pause(self):
        """Let it train for a while, press space and wait until nothing moves."""
        until(self.moves)
        self.press(" ")
        until(self.paused)
        until(lambda: not self.moves())

    def act(self, *devices):
        self.ask("/actions", {"actions": devices})

    def press(self, key):
        keys = [{"type": kind, "value": key} for kind in ("keyDown", "keyUp")]
        self.act({"type": "key", "id": "keys", "actions": keys})

    def drag(self, *places):
        """Hold the mouse's button along these places of the picture, (x, y) from 0 to 1."""
        script = "return document.querySelector('canvas.mpl-canvas').getBoundingClientRect()"
        box = self.run(script)
        to = [(box["x"] + x * box["width"], box["y"] + y * box["height"]) for x, y in places]
        moves = [{"type": "pointerMove", "x": int(x), "y": int(y)} for x, y in to]
        down, up = ({"type": kind, "button": 0} for kind in ("pointerDown", "pointerUp"))
        actions = [moves[0], down, *moves[1:], up]
        self.act({"type": "pointer", "id": "mouse", "actions": actions})


@pytest.fixture
def browser(start_process):
    if not (shutil.which("chromedriver") and shutil.which("chromium")):
        pytest.skip("needs chromium and chromedriver")
    driver = start_process(["chromedriver", "--port=0"], stderr=None)
    port = next(m[1] for line in driver.stdout if (m := re.search(r"on port (\d+)\.", line)))
    made = Browser(f"http://127.0.0.1:{port}")
    yield made
    with contextlib.suppress(OSError):
        made.ask("", method="DELETE")


def test_browsers_show_the_window_and_its_keys_and_mouse_work(served, browser):
    """Two tabs, one over a slow line: both show every pixel. Ctrl-C ends the run."""
    process, url = served
    browser.ask("/url", {"url": url})
    browser.ask("/window", {"handle": browser.ask("/window/new", {})["handle"]})
    before = {"cmd": "Page.addScriptToEvaluateOnNewDocument", "params": {"source": SLOW_LINE}}
    browser.ask("/goog/cdp/execute", before)
    browser.ask("/url", {"url": url})
    until(browser.shows)
    browser.pause()
    browser.press("s")
    line = next(line for line in process.stdout if line.startswith("saved"))
    saved = imread(line.removeprefix("saved ").strip())[..., :3]
    for tab in reversed(browser.ask("/window/handles")):
        browser.ask("/window", {"handle": tab})
        until(lambda: np.array_equal(browser.canvas(), saved))  # when "saved" is gone

    assert not browser.run("return document.querySelectorAll('button').length")  # none would work
    browser.ask("/refresh", {})
    until(lambda: np.array_equal(browser.canvas(), saved))  # complete, though nothing is new
    browser.run("document.querySelector('canvas.mpl-canvas').parentNode.style.width = '1000px'")
    until(lambda: browser.shows(1000))
    until(browser.paused)

    browser.press("d")
    until(browser.moves)
    until(lambda: not browser.moves())
    blank = browser.canvas()
    browser.drag((0.11, 0.78), (0.11, 0.85), (0.11, 0.9), (0.11, 0.95))

    def stroke():
        """Whether there is a new line on the sheet, from the top down."""
        new = (browser.canvas() < blank - 0.5).all(axis=2)[570:740, 30:190]
        return new.any(axis=1).sum() > 90 and new.any(axis=0).sum() < 40

    until(stroke)
    browser.press(" ")
    until(lambda: not browser.paused())
    process.send_signal(signal.SIGINT)
    assert ended(process) == (130, "")


def test_browsers_that_leave_are_no_error(served):
    """Many come and are gone at once, while the window has something to tell them."""
    from visu.show.browser import Server

    process, url = served
    key = {"Sec-WebSocket-Key": "MTIzNDU2Nzg5MDEyMzQ1Ng==", "Sec-WebSocket-Version": "13"}

    def watch():
        line = http.client.HTTPConnection(url.removeprefix("http://"), timeout=20)
        line.request(
            "GET", "/1/ws", headers=key | {"Connection": "Upgrade", "Upgrade": "websocket"}
        )
        assert line.getresponse().status == 101
        return line

    for _ in range(6):
        gone = [watch() for _ in range(5)]
        time.sleep(0.3)
        for line in gone:
            line.close()
    text = b'{"type": "key_press", "key": "kq"}'
    staying = watch()
    staying.sock.sendall(bytes([0x81, 0x80 + len(text)]) + bytes(4) + text)  # masked with zeros
    assert ended(process) == (0, "")

    gone = object.__new__(Server.WebSocket)
    gone.ws_connection = None  # as tornado leaves it
    gone.send_json({"type": "draw"})


class Tab:
    """A browser's tab as the canvas knows it."""

    def __init__(self, manager):
        self.manager = manager
        manager.add_web_socket(self)
        manager.handle_json({"type": "refresh"})

    def send_json(self, event):
        self.asks = event["type"] == "draw"

    def send_binary(self, png):
        self.picture = imread(io.BytesIO(png))

    def look(self):
        """The picture that it gets once it has been told to ask for one."""
        assert self.asks
        self.manager.handle_json({"type": "draw"})
        return self.picture


def test_a_figure_that_says_it_is_old_is_drawn_anew_and_a_blitted_one_is_not(monkeypatch):
    """As in compare_curves.py --follow, and in the live window."""
    from visu.show.browser import FigureCanvas

    canvas = FigureCanvas.new_manager(Figure(), 1).canvas
    tab = Tab(canvas.manager)
    first = tab.look()
    canvas.figure.text(0.5, 0.5, "new")
    canvas.draw_idle()
    second = tab.look()
    assert not np.array_equal(second, first)
    monkeypatch.setattr(canvas.figure, "draw", None)
    np.asarray(canvas.buffer_rgba())[:9] = 0, 0, 0, 255
    canvas.blit()
    third = tab.look()
    assert not third[:9, :, :3].any() and np.array_equal(third[9:], second[9:])
