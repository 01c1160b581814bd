"""A movie of the panels: what to film while a run goes on, and the file when it has ended."""

import os
from dataclasses import replace
from pathlib import Path
from subprocess import CalledProcessError

import numpy as np
from matplotlib.animation import FFMpegWriter
from matplotlib.figure import Figure
from PIL import Image  # comes with matplotlib, which needs it

from visu.panels.blitting import Offscreen
from visu.panels.style import DPI
from visu.panels.views import SIX

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
    if os.path.isdir(path) or not os.access(path if os.path.exists(path) else path.parent, os.W_OK):
        return f"'{path}' cannot be written"
    try:
        os.lstat(part_of(path))
    except FileNotFoundError:
        pass
    except OSError as error:  # such as a name that is too long
        return f"'{path}' cannot be written: {error.strerror}"
    if path.suffix.lower() == ".mp4" and not FFMpegWriter.isAvailable():
        return "an .mp4 needs ffmpeg, which is not installed; a .gif does not"


def part_of(path):
    """Where a movie for this Path is written until it is whole."""
    return path.with_name(f"{path.stem}.part{path.suffix}")


class Movie:
    """Films the History of a run. While it goes on this costs next to no time.

    path: where write() puts it, .mp4 or .gif; history: read, never changed; view:
    names of the panels to film.
    Of a run that was started again, only the last start is filmed.
    """

    def __init__(self, path, history, view=SIX):
        self.path, self.history, self.view = Path(path), history, view
        self.frames = []  # (newest Evaluation, newest one of the test digits), 0.5 MB each
        self.most = FRAMES[self.path.suffix.lower()]
        self.given_up = False

    @property
    def part(self):
        """The file that is written, until it is whole."""
        return part_of(self.path)

    def look(self):
        """To be called after each evaluation: it becomes a frame if one is due.

        The movie is slow at first, when much happens: frame k is due at (k / most)² of the run.
        """
        if self.frames and self.history.iteration <= self.frames[-1][0].iteration:
            self.frames.clear()
        if (
            self.history.iteration
            >= self.history.run.iterations * (len(self.frames) / self.most) ** 2
        ):
            self._keep()

    def _keep(self):
        last, tested = self.history.last, self.history.last_test
        kept = {"W1": tested.test.variables["W1"]} if "first layer" in self.view else {}
        slim = replace(tested, test=replace(tested.test, variables=kept))
        self.frames.append((slim if last is tested else last, slim))

    def write(self):
        """Write the file, which takes a while, and return the movie's length in seconds.

        Raises OSError; there is no file then.
        """
        if not self.frames:
            raise OSError("there was no evaluation")
        if self.frames[-1][0].iteration != self.history.iteration:  # cut short
            self._keep()
        rate = max(len(self.frames) / SECONDS, 1)
        write = self._write_mp4 if self.path.suffix.lower() == ".mp4" else self._write_gif
        try:
            write(rate)
            os.replace(self.part, self.path)  # one that is there stays until this one is whole
        except BaseException as error:
            self.part.unlink(missing_ok=True)
            if self.given_up:
                raise InterruptedError("interrupted") from error
            if isinstance(error, CalledProcessError):
                raise OSError(f"ffmpeg failed, status {error.returncode}") from error
            raise
        return len(self.frames) / rate + STILL

    def give_up(self):
        """Have write() raise InterruptedError, an OSError, at its next frame."""
        self.given_up = True

    def _pictures(self, frames):
        """Draw these frames: yields [HEIGHT, WIDTH, 4] uint8, each good until the next."""
        screen = Offscreen(self.history.run, WIDTH, HEIGHT)
        screen.panels.show_only(self.view)
        for evaluations in frames:
            if self.given_up:
                raise InterruptedError
            screen.draw(self.history.at(*evaluations))
            yield screen.pixels

    def _write_mp4(self, rate):
        """rate: frames a second, here and below."""
        figure = Figure((WIDTH / DPI, HEIGHT / DPI), dpi=DPI)
        image = figure.figimage(np.zeros((HEIGHT, WIDTH, 4), np.uint8))
        writer = FFMpegWriter(fps=rate)
        with writer.saving(figure, self.part, DPI):
            for pixels in self._pictures(self.frames):
                image.set_data(pixels)
                writer.grab_frame()
            for _ in range(round(STILL * rate)):
                writer.grab_frame()

    def _write_gif(self, rate):
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
        first.save(self.part, save_all=True, append_images=images, duration=durations, loop=0)
