"""The live window in a browser: a script under WebAgg, and headless Chromium that looks at it."""

import base64
import contextlib
import io
import json
import math
import re
import shutil
import signal
import subprocess
import time
import urllib.request

import numpy as np
import pytest
from conftest import SCRIPTS
from matplotlib.colors import to_rgb
from matplotlib.figure import Figure
from matplotlib.image import imread
from test_scripts import start
from test_window import RUN, long_run, reading

from visu import window
from visu.panels import DPI, SIZE, WARNING

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

pytest.importorskip("tornado", reason="needs tornado, which serves WebAgg")


@pytest.fixture
def served(small_data, tmp_path, environment):
    """A script that trains for long, and the address where it says to watch it."""
    process = start(
        SCRIPTS[0], small_data, tmp_path, "--iterations", "2000000",
        env=environment(MPLBACKEND="webagg"),
    )  # fmt: skip
    try:
        for line in process.stdout:
            address = re.search(r"http://\S+", line)
            if address:
                break
        yield process, address[0]
    finally:
        process.kill()
        process.communicate()


class Browser:
    """Chromium without a screen, driven by chromedriver's own protocol (WebDriver)."""

    def __init__(self, driver):
        self.base = driver
        arguments = ["--headless=new", "--no-sandbox", "--disable-gpu", "--window-size=1500,900"]
        options = {"goog:chromeOptions": {"args": arguments}}
        made = self.ask("/session", {"capabilities": {"alwaysMatch": options}})
        self.base += f"/session/{made['sessionId']}"

    def ask(self, path, body=None, method=None):
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(self.base + path, data, method=method)
        with urllib.request.urlopen(request, timeout=30) as answer:
            return json.load(answer)["value"]

    def screenshot(self):
        """What the page shows, [height, width, 3] float 0..1."""
        png = base64.b64decode(self.ask("/screenshot"))
        return imread(io.BytesIO(png))[..., :3]

    def canvas(self):
        """The picture on the page, [height, width, 4] float 0..1."""
        script = "return document.querySelector('canvas.mpl-canvas').toDataURL()"
        url = self.ask("/execute/sync", {"script": script, "args": []})
        return imread(io.BytesIO(base64.b64decode(url.partition(",")[2])))

    def press(self, key):
        """Press a key with the mouse over the picture."""
        move = {"type": "pointerMove", "x": 700, "y": 400}
        keys = [{"type": kind, "value": key} for kind in ("keyDown", "keyUp")]
        actions = [
            {"type": "pointer", "id": "mouse", "actions": [move]},
            {"type": "key", "id": "keys", "actions": [{"type": "pause"}, *keys]},
        ]
        self.ask("/actions", {"actions": actions})


@pytest.fixture
def browser():
    if not (shutil.which("chromedriver") and shutil.which("chromium")):
        pytest.skip("needs chromium and chromedriver")
    command = ["chromedriver", "--port=0"]
    driver = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    try:
        port = next(
            m[1] for line in driver.stdout if (m := re.search(r"started.* on port (\d+)", line))
        )
        made = Browser(f"http://127.0.0.1:{port}")
        yield made
        with contextlib.suppress(OSError):
            made.ask("", method="DELETE")
    finally:
        driver.terminate()
        driver.communicate()


def status_shown(picture):
    """Whether there is the yellow box of PAUSED."""
    return (abs(picture - to_rgb(WARNING)).max(axis=2) < 0.02).sum() > 1000


def wait_for(true, seconds=20):
    end = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < end
        time.sleep(0.1)


def moves(browser):
    before = browser.screenshot()
    time.sleep(0.7)
    return not np.array_equal(before, browser.screenshot())


def test_a_browser_shows_the_window_and_its_keys_work(served, browser):
    process, address = served
    browser.ask("/url", {"url": address})
    wait_for(lambda: browser.screenshot().std() > 0.1 and not status_shown(browser.screenshot()))
    wait_for(lambda: moves(browser))
    page = "const page = document.documentElement; return page.scrollHeight <= page.clientHeight"
    assert browser.ask("/execute/sync", {"script": page, "args": []})  # it fits
    browser.press(" ")
    wait_for(lambda: status_shown(browser.screenshot()))  # PAUSED
    wait_for(lambda: not moves(browser))
    assert not moves(browser)
    browser.press(" ")
    wait_for(lambda: not status_shown(browser.screenshot()))
    wait_for(lambda: moves(browser))
    browser.press("q")
    out, err = process.communicate(timeout=20)
    assert (process.returncode, err) == (0, "")
    assert "Stopped at iteration" in out


def test_each_of_two_browsers_shows_every_pixel_also_over_a_slow_line(served, browser):
    """They get only what is new, and that must add up to what the script has drawn."""
    process, address = served
    browser.ask("/url", {"url": address})
    browser.ask("/window", {"handle": browser.ask("/window/new", {})["handle"]})
    before = {"cmd": "Page.addScriptToEvaluateOnNewDocument", "params": {"source": SLOW_LINE}}
    browser.ask("/goog/cdp/execute", before)
    browser.ask("/url", {"url": address})
    wait_for(lambda: browser.screenshot().std() > 0.1)
    wait_for(lambda: moves(browser))
    browser.press(" ")
    wait_for(lambda: status_shown(browser.screenshot()))
    wait_for(lambda: not moves(browser))
    browser.press("s")
    line = next(line for line in process.stdout if line.startswith("saved"))
    saved = imread(line.removeprefix("saved ").strip())
    for tab in browser.ask("/window/handles"):
        browser.ask("/window", {"handle": tab})
        np.testing.assert_array_equal(browser.canvas(), saved)


class Tab:
    """A browser's tab as the canvas knows it: it adds up the images that come."""

    def __init__(self, manager):
        self.manager, self.events = manager, []
        manager.add_web_socket(self)
        manager.handle_json({"type": "refresh"})

    def send_json(self, event):
        self.events.append(event["type"])

    def send_binary(self, png):
        image = imread(io.BytesIO(png))
        new = image[..., 3:] > 0
        self.pixels = image if new.all() else np.where(new, image, self.pixels)

    def look(self):
        """What it shows once it has asked for what it has been told is there."""
        assert "draw" in self.events
        self.events.clear()
        self.manager.handle_json({"type": "draw"})
        return (self.pixels * 255).round()


def test_tabs_that_come_or_change_their_size_get_all_others_what_is_new(monkeypatch):
    from visu.webagg import FigureCanvas

    def open_figure(title):
        return FigureCanvas.new_manager(Figure(SIZE, dpi=DPI), 1).canvas.figure

    def next_reading():
        filled.append(reading(filled.iteration + 20))
        made._tick()

    def draw_and_compare(shown):
        made.canvas.draw()
        np.testing.assert_array_equal(shown, made.canvas.buffer_rgba())

    monkeypatch.setattr(window, "open_figure", open_figure)
    monkeypatch.setattr(window, "SLICE", math.inf)  # a frame at once, on slow machines too
    filled = long_run(1600)
    made = window.Window(filled, RUN, lambda: None)
    manager = made.canvas.manager
    for _ in range(2):  # the second comes when nobody has looked for a while
        next_reading()
        tab = Tab(manager)
        draw_and_compare(tab.look())
        next_reading()
        with monkeypatch.context() as during:
            during.setattr(made.figure, "draw", None)  # not the whole figure
            shown = tab.look()
        draw_and_compare(shown)
        manager.remove_web_socket(tab)
    tab = Tab(manager)
    tab.look()
    manager.handle_json({"type": "resize", "width": 1343, "height": 756})
    draw_and_compare(tab.look())


def test_ctrl_c_ends_a_served_window_with_status_130(served):
    process, address = served
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=20)
    assert (process.returncode, err) == (130, "")
    assert "Stopped" in out
