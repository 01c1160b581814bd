"""The live window in a browser: a script under WebAgg, and headless Chromium that looks at it."""

import asyncio
import base64
import contextlib
import http.client
import io
import json
import math
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import time
import urllib.request

import numpy as np
import pytest
from conftest import SCRIPTS, TOP
from evaluations import RUN, evaluation, long_run
from matplotlib.colors import to_rgb
from matplotlib.figure import Figure
from matplotlib.image import imread
from test_live import until
from test_scripts import start
from test_window import press

from visu.panels.style import DPI, INCHES, WARNING
from visu.show import window

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
from tornado.websocket import websocket_connect  # noqa: E402


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
        url = self.run("return document.querySelector('canvas.mpl-canvas').toDataURL()")
        return imread(io.BytesIO(base64.b64decode(url.partition(",")[2])))

    def filled(self):
        """Whether the page has a picture of its own size."""
        script = "return [window.innerHeight, window.innerWidth].map(n => n * devicePixelRatio)"
        picture, viewport = self.canvas(), self.run(script)
        return [*picture.shape[:2]] == viewport and picture.min(axis=2).std() > 0.1

    def run(self, script):
        """What a script on the page returns."""
        return self.ask("/execute/sync", {"script": script, "args": []})

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


def moves(browser):
    before = browser.screenshot()
    time.sleep(0.7)
    return not np.array_equal(before, browser.screenshot())


def test_a_browser_shows_the_window_and_its_keys_work(served, browser):
    process, address = served
    browser.ask("/url", {"url": address})
    until(lambda: browser.filled() and not status_shown(browser.screenshot()))
    page = "const page = document.documentElement; return page.scrollHeight <= page.clientHeight"
    assert browser.run(page)  # it fits
    until(lambda: moves(browser))
    browser.ask("/window/rect", {"width": 1920, "height": 1080})
    until(browser.filled)
    until(lambda: moves(browser))
    browser.press(" ")
    until(lambda: status_shown(browser.screenshot()))  # PAUSED
    until(lambda: not moves(browser))
    browser.ask("/window/rect", {"width": 1100, "height": 700})
    seen = []
    until(lambda: seen.append(browser.canvas()) or browser.filled())
    until(lambda: not moves(browser))
    last = browser.canvas()
    assert browser.filled() and status_shown(browser.screenshot())
    drawn = [one for one in seen if one.shape == last.shape and one.any()]
    assert all(np.array_equal(one, last) for one in drawn)  # never text over text
    browser.press(" ")
    until(lambda: not status_shown(browser.screenshot()))
    until(lambda: moves(browser))
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
    until(lambda: browser.screenshot().std() > 0.1)
    until(lambda: moves(browser))
    browser.press(" ")
    until(lambda: status_shown(browser.screenshot()))
    until(lambda: not moves(browser))
    browser.press("s")
    line = next(line for line in process.stdout if line.startswith("saved"))
    saved = imread(line.removeprefix("saved ").strip())
    for tab in browser.ask("/window/handles"):
        browser.ask("/window", {"handle": tab})
        until(lambda: np.array_equal(browser.canvas(), saved))  # when "saved" is gone


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


def test_tabs_that_come_or_change_their_size_get_all_others_what_is_new(monkeypatch, tmp_path):
    from visu.show.webagg import FigureCanvas

    def open_figure(title):
        return FigureCanvas.new_manager(Figure(INCHES, dpi=DPI), 1).canvas.figure

    def next_evaluation():
        filled.append(evaluation(filled.iteration + 20))
        made.tick()

    def draw_and_compare(shown):
        made.canvas.draw()
        np.testing.assert_array_equal(shown, made.canvas.buffer_rgba())

    def save_and_compare():
        press(made, "s")
        made.notice_ends = 0  # of "saved", which is not in the picture
        made.tick()
        draw_and_compare((imread(tmp_path / "saved.png") * 255).round())

    monkeypatch.setattr(window, "open_figure", open_figure)
    monkeypatch.setattr(window, "PAINT_SECONDS", math.inf)  # a frame at once, on slow machines too
    filled = long_run(1600)
    made = window.Window(filled, RUN, lambda: "", picture_path=lambda: tmp_path / "saved.png")
    manager = made.canvas.manager
    for _ in range(2):  # the second comes when nobody has looked for a while
        next_evaluation()
        tab = Tab(manager)
        draw_and_compare(tab.look())
        next_evaluation()
        with monkeypatch.context() as during:
            during.setattr(made.figure, "draw", None)  # not the whole figure
            shown = tab.look()
        draw_and_compare(shown)
        manager.remove_web_socket(tab)
    tab = Tab(manager)
    tab.look()
    manager.handle_json({"type": "resize", "width": 1343, "height": 756})
    save_and_compare()
    draw_and_compare(tab.look())
    manager.remove_web_socket(tab)
    next_evaluation()
    Tab(manager)  # it has not asked for a picture yet
    save_and_compare()


def test_ctrl_c_ends_a_served_window_with_status_130(served):
    process, address = served
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=20)
    assert (process.returncode, err) == (130, "")
    assert "Stopped" in out


# ---- the server: a window without a training, and requests by hand

CHILD = """
import sys
from pathlib import Path
from evaluations import RUN, History, evaluation
from visu.show.window import Window

filled = History()

def poll():
    if filled.iteration < 1000:
        filled.append(evaluation(filled.iteration + 20 if filled.last else 0))
    return ""

Window(filled, RUN, poll, picture_path=lambda: Path(sys.argv[1])).show(lambda: None)
print("ended", flush=True)
"""
OTHER_PAGE = """
from matplotlib.backends.backend_webagg_core import FigureManagerWebAgg
page = FigureManagerWebAgg.get_javascript().replace("_make_on_message_function", "_listener")
FigureManagerWebAgg.get_javascript = lambda: page
"""


class Served:
    """A window under WebAgg in a process of its own; what it prints, and how to ask its server."""

    def __init__(self, code, variables, picture):
        self.picture = picture
        self.process = subprocess.Popen(
            [sys.executable, "-c", code, picture],
            env=variables,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        self.printed = ""
        self.port = int(self.line(r"http://.*:(\d+)$")[1])

    def line(self, pattern):
        """Wait for a line that matches; returns the match."""
        for line in self.process.stdout:
            self.printed += line
            if found := re.search(pattern, line):
                return found
        raise AssertionError(self.process.communicate()[1])

    def get(self, path, host, **headers):
        """The answer to a request by a page under this name: status, text."""
        line = http.client.HTTPConnection("127.0.0.1", self.port, timeout=20)
        line.request("GET", path, headers={"Host": host, **headers})
        answer = line.getresponse()
        with contextlib.closing(line):
            return answer.status, "" if answer.status == 101 else answer.read().decode()

    def websocket(self, host):
        """The status of a websocket's handshake by a page under this name."""
        key = {"Sec-WebSocket-Key": "MTIzNDU2Nzg5MDEyMzQ1Ng==", "Sec-WebSocket-Version": "13"}
        upgrade = {"Connection": "Upgrade", "Upgrade": "websocket", "Origin": f"http://{host}"}
        return self.get("/1/ws", host, **key, **upgrade)[0]

    def send(self, *messages):
        """Send these texts, bytes or dicts as a browser."""

        async def talk(socket):
            for message in messages:
                text = json.dumps(message) if isinstance(message, dict) else message
                await socket.write_message(text, binary=isinstance(text, bytes))

        self.talk(talk)

    def image(self):
        """The picture that a browser gets which has come: [height, width, 4] float 0..1."""

        async def talk(socket):
            for kind in ("refresh", "draw"):
                await socket.write_message(json.dumps({"type": kind}))
            while not isinstance(answer := await socket.read_message(), bytes):
                assert answer is not None  # closed
            return imread(io.BytesIO(answer))

        return self.talk(talk)

    def talk(self, talk):
        async def connected():
            socket = await websocket_connect(f"ws://127.0.0.1:{self.port}/1/ws")
            try:
                return await asyncio.wait_for(talk(socket), 20)
            finally:
                socket.close()

        return asyncio.run(connected())

    def press(self, key):
        self.send({"type": "key_press", "key": f"k{key}"})

    def end(self):
        """Press q. The window closes, and nothing was printed that is an error."""
        self.press("q")
        out, err = self.process.communicate(timeout=20)
        assert (self.process.returncode, err) == (0, "")
        assert out.endswith("ended\n")


@pytest.fixture
def serve(environment, tmp_path):
    """serve(code, rc): a Served window; rc: lines for matplotlib's matplotlibrc."""
    made = []

    def start(code=CHILD, rc=""):
        (tmp_path / "matplotlibrc").write_text(rc)
        path = os.pathsep.join([str(TOP), str(TOP / "tests")])
        variables = environment(MPLBACKEND="webagg", MATPLOTLIBRC=str(tmp_path), PYTHONPATH=path)
        made.append(Served(code, variables, tmp_path / "saved.png"))
        return made[-1]

    yield start
    for one in made:
        one.process.kill()
        one.process.communicate()


def test_a_page_under_a_name_of_a_stranger_is_refused(serve):
    page = serve()
    for host in ("127.0.0.1", "localhost", "LOCALHOST"):
        for port in (page.port, 9999):  # as with ssh -L 9999:localhost:8988
            assert page.get("/", f"{host}:{port}")[0] == 200
            assert page.websocket(f"{host}:{port}") == 101
    for host in ("evil.example", "localhost.evil.example", "127.0.0.1.evil.example", "10.0.0.1"):
        name = f"{host}:{page.port}"
        assert page.get("/", name)[0] == page.get("/js/mpl.js", name)[0] == 403
        assert page.websocket(name) == 403
    page.end()


@pytest.mark.parametrize(
    ("address", "host", "answer"),
    [
        ("127.0.0.1", "[::1]", True),
        ("::1", "[::1]", True),
        ("::1", "localhost", True),
        ("192.0.2.7", "192.0.2.7", True),
        ("192.0.2.7", "localhost", False),
        ("lecture.example", "Lecture.example", True),
        ("lecture.example", "evil.example", False),
        ("0.0.0.0", "192.0.2.7", True),
        ("0.0.0.0", "[2001:db8::1]", True),
        ("0.0.0.0", "localhost", True),
        ("0.0.0.0", socket.gethostname(), True),
        ("0.0.0.0", f"{socket.gethostname()}.evil.example", False),
        ("", "evil.example", False),
    ],
)
def test_the_names_under_which_a_configured_address_is_reached(address, host, answer):
    from visu.show.webagg import allowed

    assert allowed(host, address) is answer


MALFORMED = [
    "", "{", "5", "[]", "null", "[" * 100_000, b"\xff\x00", "{}", {"type": "key_press"},
    {"type": "key_press", "key": None}, {"type": "key_press", "key": "x"}, {"type": "event"},
    {"type": "nothing known"}, {"type": ["draw"]}, {"type": "toolbar_button", "name": "home"},
    {"type": "motion_notify"}, {"type": "resize", "width": -5, "height": "x"},
    {"type": "resize", "width": 10**9, "height": 10**9},
    {"type": "resize", "width": float("nan"), "height": 100},
    {"type": "set_device_pixel_ratio", "device_pixel_ratio": 0},
    {"type": "set_device_pixel_ratio", "device_pixel_ratio": "x"},
    {"type": "supports_binary"}, {"type": "supports_binary", "value": False},
]  # fmt: skip


def test_malformed_messages_and_requests_are_ignored(serve):
    page = serve(rc="webagg.address: 0.0.0.0")  # so that any of its addresses is a name for it
    page.press("s")  # before a browser has drawn the first frame
    until(page.picture.exists)
    page.send(*MALFORMED)
    assert page.get("/", f"192.0.2.7:{page.port}")[0] == 200
    assert page.get("/", f"evil.example:{page.port}")[0] == 403
    for path in ("/9", "/9/ws", f"/{'9' * 5000}", "/nothing"):
        assert page.get(path, "localhost")[0] == 404
    assert page.image().shape[:2] == (DPI * INCHES[1], DPI * INCHES[0])
    page.end()
    assert imread(page.picture).std() > 0.1


def test_another_matplotlib_gets_its_own_page_and_one_line(serve):
    page = serve(OTHER_PAGE + CHILD)
    (line,) = [line for line in page.printed.splitlines() if "_make_on_message_function" in line]
    script = page.get("/js/mpl.js", "localhost")[1]
    assert "_init_toolbar" in script and "_make_on_message_function" not in script
    assert page.image()[..., :3].std() > 0.1
    page.press("s")
    until(page.picture.exists)
    page.end()
