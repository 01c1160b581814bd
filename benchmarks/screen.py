"""A screen in memory for benchmarks/window.py: Xvfb, its pixels, and xdotool on its windows."""

import os
import subprocess
import sys
import tempfile
import time
from contextlib import contextmanager
from pathlib import Path

import numpy as np


class Screen:
    """An Xvfb of this size whose pixels lie in a file: reading them costs the machine nothing."""

    def __init__(self, size, folder):
        read, write = os.pipe()
        command = ["Xvfb", "-displayfd", str(write), "-dpi", "96", "-noreset", "-fbdir", folder]
        command += ["-screen", "0", f"{size}x24"]
        self.server = subprocess.Popen(command, pass_fds=[write], stderr=subprocess.DEVNULL)
        os.close(write)
        with os.fdopen(read) as file:
            self.name = f":{file.readline().strip()}"
        self.variables = os.environ | {"DISPLAY": self.name}
        self.variables.setdefault("MPLBACKEND", "tkagg")
        self.size = size.split("x")
        dump = Path(folder) / "Xvfb_screen0"  # an XWD file
        header = np.fromfile(dump, ">u4", 25)
        shape, start = (int(header[5]), int(header[12])), int(header[0] + 12 * header[19])
        self.pixels = np.memmap(dump, np.uint8, "r", start, shape)

    def xdotool(self, *arguments):
        command = ["xdotool", *map(str, arguments)]
        done = subprocess.run(command, env=self.variables, check=True, capture_output=True)
        return done.stdout.decode().split()

    def fill(self, title, process):
        """Wait for the window with this title; it gets the keys and the whole screen.

        Where the process ends without a window, so does this one, with its status.
        """
        search = ["xdotool", "search", "--onlyvisible", "--name", title]
        options = {"env": self.variables, "capture_output": True, "text": True}
        while not (found := subprocess.run(search, **options).stdout.split()):
            if process.poll() is not None:
                sys.exit(process.returncode)
            time.sleep(0.02)
        window = found[0]
        self.xdotool("windowmove", window, 0, 0, "windowsize", window, *self.size)
        self.xdotool("windowfocus", "--sync", window)

    def probe(self):
        """The pixels of the fifth panel's title: no frame changes them, each view does."""
        wide, tall = map(int, self.size)
        rows = slice(int(0.56 * tall), int(0.59 * tall))
        return self.pixels[rows, 4 * int(0.37 * wide) : 4 * int(0.5 * wide)].copy()

    def badge(self):
        """The pixels of the status in the headline: what they show when a key has come is new."""
        wide, tall = map(int, self.size)
        return self.pixels[: int(0.05 * tall), 4 * wide // 2 : 4 * int(0.74 * wide)].copy()

    def picture(self):
        """The pixels of what the network gets in the view of one digit; training leaves them."""
        wide, tall = map(int, self.size)
        rows = slice(int(0.3 * tall), int(0.55 * tall))
        return self.pixels[rows, 4 * int(0.03 * wide) : 4 * int(0.19 * wide)].copy()

    def point(self, x, y):
        """Move the mouse to this place on the sheet of that view, -1..1 both ways."""
        wide, tall = map(int, self.size)
        self.xdotool("mousemove", int(wide * (0.111 + 0.09 * x)), int(tall * (0.818 + 0.16 * y)))

    def settled(self):
        """The probe once the first frame of this size is there and at rest."""
        before, since = None, time.monotonic()
        while True:
            now = self.probe()
            if before is None or now.std() < 1 or not np.array_equal(now, before):
                before, since = now, time.monotonic()
            if time.monotonic() - since > 1:
                return now
            time.sleep(0.01)

    def end(self):
        self.server.terminate()
        self.server.wait()


@contextmanager
def screen(size):
    with tempfile.TemporaryDirectory() as folder:
        made = Screen(size, folder)
        try:
            yield made
        finally:
            made.end()
