"""An X display in memory (Xvfb), its pixels, and xdotool on its windows."""

import os
import subprocess
import tempfile
import time
from contextlib import contextmanager
from pathlib import Path

import numpy as np


@contextmanager
def x_display(size, *flags):
    """The name of an X display of our own, as ":1", while the block lasts. Needs Xvfb.

    size: width and height in pixels, as "1600x900"; flags: others of Xvfb.
    """
    read, write = os.pipe()
    command = ["Xvfb", "-displayfd", str(write), "-screen", "0", f"{size}x24", "-dpi", "96"]
    command += ["-noreset", *flags]
    server = subprocess.Popen(command, pass_fds=[write], stderr=subprocess.DEVNULL)
    os.close(write)
    try:
        with os.fdopen(read) as file:
            yield f":{file.readline().strip()}"
    finally:
        server.terminate()
        server.wait()


class Screen:
    """A display whose pixels lie in a file: reading them costs the machine nothing.

    name: of the display; size: as of x_display; dump: the file, in the XWD format. variables: of a
    process whose window is to open here.
    """

    def __init__(self, name, size, dump):
        self.wide, self.tall = map(int, size.split("x"))
        self.variables = {"MPLBACKEND": "tkagg"} | os.environ | {"DISPLAY": name}
        header = np.fromfile(dump, ">u4", 25)
        shape, start = (self.tall, self.wide, 4), int(header[0] + 12 * header[19])
        self._pixels = np.memmap(dump, np.uint8, "r", start, shape)

    def xdotool(self, *arguments):
        """The words that an xdotool prints."""
        command = ["xdotool", *map(str, arguments)]
        done = subprocess.run(command, env=self.variables, capture_output=True, text=True)
        return done.stdout.split()

    def fill(self, title, process):
        """Wait for a window with this in its title; it gets the keys and the whole screen.

        Returns whether there is one: False if the process ends without.
        """
        while not (found := self.xdotool("search", "--onlyvisible", "--name", title)):
            if process.poll() is not None:
                return False
            time.sleep(0.02)
        self.xdotool("windowmove", found[0], 0, 0, "windowsize", found[0], self.wide, self.tall)
        self.xdotool("windowfocus", "--sync", found[0])
        return True

    def point(self, x, y):
        """Move the mouse to a place, given as shares of width and height."""
        self.xdotool("mousemove", int(x * self.wide), int(y * self.tall))

    def pixels(self, part):
        """A copy of a part (left, top, right, bottom), its edges as shares of width and height.

        [height, width, 3] uint8: blue, green, red.
        """
        left, top, right, bottom = part
        rows = slice(int(top * self.tall), int(bottom * self.tall))
        return self._pixels[rows, int(left * self.wide) : int(right * self.wide), :3].copy()

    def changed(self, part):
        """A function without arguments: whether the part looks otherwise than now."""
        now = self.pixels(part)
        return lambda: not np.array_equal(self.pixels(part), now)


@contextmanager
def screen(size):
    """A Screen of this size, as "1920x1080", while the block lasts. Needs Xvfb and xdotool."""
    with tempfile.TemporaryDirectory() as folder, x_display(size, "-fbdir", folder) as name:
        yield Screen(name, size, Path(folder, "Xvfb_screen0"))
