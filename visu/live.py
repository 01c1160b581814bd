"""The live window, or a notebook's picture, beside the worker that trains."""

import gc
import sys

from visu.show import backend
from visu.show.terminal import say


class Live:
    """A window on the main thread, or a notebook's picture, beside the worker that trains."""

    def __init__(self, recording, control, worker, view):
        if backend.in_notebook():
            from visu.show.notebook import Notebook as Window
        else:  # imported only where a window is wanted: pyplot takes a moment
            from visu.show.window import Window
        self._recording, self._control, self._worker = recording, control, worker
        self._restarting = False  # until the first evaluation of the next run
        self._stepping = False  # until the evaluation of the next iteration
        self._told = None  # the history's last Evaluation for which the open window was mentioned
        actions = {
            " ": self._toggle_pause, "n": self._step, "-": control.slower, "+": control.faster,
            "r": self._restart,
        }  # fmt: skip
        self._window = Window(
            recording.history, recording.plan, self._poll, actions, recording.picture_path,
            recording.say,
        )  # fmt: skip
        self._window.panels.show_only(view)

    def run(self):
        """Train until the window is closed."""
        gc.collect()
        gc.freeze()  # else each full collection, with all of TensorFlow's objects, halts the window
        try:
            self._window.show(self._worker.start)
        finally:
            gc.unfreeze()
            try:
                self._worker.end()
            finally:
                self._poll()  # what was finished after the window's last look

    def _poll(self):
        """Take what the worker has finished; return the status of the run, for people."""
        for evaluation in self._worker.take():
            self._recording.take(evaluation)
            self._restarting = self._restarting and evaluation.iteration > 0
            self._stepping = self._stepping and evaluation.iteration == 0
        if self._control.stopping:
            self._window.close()
        self._ask()
        history, pace = self._recording.history, self._control.pace
        if self._restarting:
            return "restarting …"
        if self._recording.completed:
            if not (history.last is self._told or self._window.closed or backend.in_notebook()):
                self._recording.say("The window is still open: q in it, or Ctrl-C here, closes it.")
                self._told = history.last
            return "done"
        if self._control.paused:
            return "one iteration …" if self._stepping else "PAUSED"
        if not history.iteration:
            return "compiling …"
        return f"at most {pace} iterations/s" if pace else ""

    def _ask(self):
        """Ask the network about the digit in focus, while a panel shows it."""
        training, panels = self._worker.training, self._window.panels
        if not training:
            return
        inspection, copying = training.inspection, training.inspection.copying
        inspection.copying = "digit" in panels.names
        if inspection.copying and not copying:
            self._control.call(inspection.copy)  # the training may be waiting
        if inspection.copying and panels.focus.image is not None:
            self._recording.history.look = inspection.ask(panels.focus.image, panels.focus.label)

    def _restart(self):
        self._restarting = self._recording.history.last is not None
        self._control.restart()

    def _step(self):
        self._stepping = self._control.paused
        self._control.step()

    def _toggle_pause(self):
        if not self._recording.completed:
            self._control.toggle_pause()


def open_window(*parts):
    """A Live, or None with a line that says why there is no window."""
    try:
        return Live(*parts)
    except backend.NoWindow as why:
        say(f"No window: {why} Training without a window.", sys.stderr)
        return None
