"""A movie of the panels: what to film while a run goes on, and the file when it has ended."""

import os
from dataclasses import replace
from subprocess import CalledProcessError

import numpy as np
from matplotlib.animation import FFMpegWriter
from matplotlib.figure import Figure
from PIL import Image  # comes with matplotlib, which needs it

from visu.panels.dashboard import Offscreen
from visu.panels.style import DPI

WIDTH, HEIGHT = 1280, 720  # pixels
FRAMES = {".mp4": 250, ".gif": 125}  # at most, and the end
SECONDS = 25  # all frames together; a short run has few, which then stand up to a second each
STILL = 4  # seconds more for the last frame


def why_not(path):
    """None, or why no movie can be written to this Path, in a few words."""
    if path.suffix.lower() not in FRAMES:
        return f"'{path}' ends in neither {' nor '.join(FRAMES)}"
    if not os.path.isdir(path.parent):  # which raises nothing, unlike Path's
        return f"there is no folder '{path.parent}'"
    if os.path.isdir(path) or not os.access(path.parent, os.W_OK):
        return f"'{path}' cannot be written"
    if path.suffix.lower() == ".mp4" and not FFMpegWriter.isAvailable():
        return "an .mp4 needs ffmpeg, which is not installed; a .gif does not"


class Movie:
    """Films the History of a run. While it goes on this costs next to no time.

    path: where write() puts it, .mp4 or .gif, a Path; history: read, never changed; view: the
    classes of the panels to film. Of a run that was started again, only the last start is filmed.
    """

    def __init__(self, path, history, view):
        self.path, self.history, self.view = path, history, view
        self.suffix = path.suffix.lower()
        self.frames = []  # (newest Evaluation, newest one of the test digits), 0.5 MB each

    def film(self):
        """Add a frame of the newest evaluation, in place of the last frame if that is not due.

        Frame k of n is due at (k / n)² of the run: slow at first, when much happens.
        """
        last, tested = self.history.last, self.history.last_test
        if last.iteration == 0:
            self.frames.clear()
        share = ((len(self.frames) - 1) / FRAMES[self.suffix]) ** 2
        if self.frames and self.frames[-1][0].iteration < share * self.history.run.iterations:
            self.frames.pop()
        names = {name for kind in self.view for name in kind.keeps}
        kept = {name: tested.test.variables[name] for name in names}
        slim = replace(tested, test=replace(tested.test, variables=kept))
        self.frames.append((slim if last is tested else last, slim))

    def write(self):
        """Write the file, which takes a while, and return the movie's length in seconds.

        Raises OSError; a file that is there stays until this one is whole.
        """
        if not self.frames:
            raise OSError("there was no evaluation")
        rate = max(len(self.frames) / SECONDS, 1)
        part = self.path.with_name(f"{self.path.stem}.part{self.path.suffix}")
        try:
            (self._write_mp4 if self.suffix == ".mp4" else self._write_gif)(part, rate)
            os.replace(part, self.path)
        except CalledProcessError as error:
            raise OSError(f"ffmpeg failed, status {error.returncode}") from error
        finally:
            part.unlink(missing_ok=True)
        return len(self.frames) / rate + STILL

    def _pictures(self, frames):
        """Draw these frames: yields [HEIGHT, WIDTH, 4] uint8, each good until the next."""
        screen = Offscreen(self.history.run, WIDTH, HEIGHT)
        screen.dashboard.show_only(self.view)
        for evaluations in frames:
            screen.draw(self.history.at(*evaluations))
            yield screen.pixels

    def _write_mp4(self, path, rate):
        """rate: frames a second, here and below."""
        figure = Figure((WIDTH / DPI, HEIGHT / DPI), dpi=DPI)
        image = figure.figimage(np.zeros((HEIGHT, WIDTH, 4), np.uint8))
        writer = FFMpegWriter(fps=rate)
        with writer.saving(figure, path, DPI):
            for pixels in self._pictures(self.frames):
                image.set_data(pixels)
                writer.grab_frame()
            for _ in range(round(STILL * rate)):
                writer.grab_frame()

    def _write_gif(self, path, rate):
        """By Pillow itself, in the colours of the last frame, which has them all.

        matplotlib's PillowWriter keeps a palette for each frame: twice the file and the time.
        """
        last = next(self._pictures(self.frames[-1:]))
        palette = Image.fromarray(last).convert("RGB").quantize(method=Image.Quantize.FASTOCTREE)
        images = (
            Image.fromarray(pixels).convert("RGB").quantize(palette=palette, dither=0)
            for pixels in self._pictures(self.frames)
        )
        durations = [10 * round(100 / rate)] * len(self.frames)  # a GIF counts hundredths
        durations[-1] += 1000 * STILL
        first = next(images)
        first.save(path, save_all=True, append_images=images, duration=durations, loop=0)
