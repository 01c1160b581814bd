"""One run from start to end: worker, history, folder, terminal, window and movie put together."""

import gc
import io
import sys
from contextlib import contextmanager
from pathlib import Path

import numpy as np

from digits import photo
from visu.panels.dashboard import save_picture
from visu.panels.keys_and_views import VIEWS
from visu.panels.panel import PAUSED, STEPPING, print_failures
from visu.record.ladder import LADDER, code_hash
from visu.record.run import History, Run
from visu.record.run_folder import RunFolder, points_before, replace, tails
from visu.show import backend
from visu.show.terminal import Progress, ctrl_c_ignored, say, stopping_signals, summary
from visu.training import quiet_tensorflow
from visu.training.loop import Training
from visu.training.network import ScriptError
from visu.training.worker import Control, Worker

QUIET_SECONDS = 0.3  # for which the end of the training is awaited without a word


def run(args, mnist, kind, *parts):
    """Train, show it live, print the result and save it; see tensorflowvisu.run.

    args: from tensorflowvisu.parse_args; mnist: from mnist_data.load; kind, parts: the class of the
    network, and what it is made of.
    """

    def make_training():
        return Training(mnist, kind(*parts), args.values)

    with script_errors(args):
        if not (hasattr(args, "own_iterations") and hasattr(mnist, "train")):
            raise ScriptError(
                "the first two arguments must be args, from tensorflowvisu.parse_args, and mnist, "
                "from mnist_data.load or mnist_data.to_mnist"
            )
        layers = kind.count_layers(*parts)
    this, control = describe_run(args, mnist, layers), Control()
    recording = Recording(args, this)
    schedule = {"seed": this.seed, "iterations": this.iterations, "every": this.every}
    with stopping_signals(control.stop) as signals, recording:
        live = None if args.headless else open_window(recording, control, args.view)
        say(f"{this.name} on {this.data}, {this.planned}, {this.device}")
        with script_errors(args):
            if live:
                live.run(Worker(make_training, control, **schedule), paused=args.pause)
            else:
                training = make_training()
                for evaluation in training.evaluations(control=control, **schedule):
                    recording.take(evaluation)
    if len(signals) < 2:
        signals += recording.write_movie()
    print_failures()
    if signals and not backend.in_notebook():  # where a status is nothing but an error
        sys.exit(128 + signals[0])
    if args.image and not signals and (status := read_digits(args.image, training.inspection)):
        sys.exit(status)


@contextmanager
def script_errors(args):
    """Within it a ScriptError ends the script: one line with its name, status 2.

    args: from tensorflowvisu.parse_args; where they are something else, the file gives the name.
    """
    try:
        yield
    except ScriptError as error:
        script = getattr(args, "script", Path(sys.argv[0]).stem)
        say(f"{script}.py: {error}", sys.stderr)
        sys.exit(2)


def describe_run(args, mnist, layers):
    """The Run that these flags and data make; layers: how many layers have weights."""
    step, code = args.title.split()[0], code_hash(args.source)
    given = "script", "title", "label", "seed", "iterations", "own_iterations", "every", "trained"
    return Run(
        **{name: getattr(args, name) for name in given},
        step=step,
        data=mnist.name,
        train_count=len(mnist.train.images),
        test_count=len(mnist.test.images),
        layers=layers,
        code=code,
        edited=step in LADDER and code != LADDER[step].code,
        from_weights=args.weights is not None,
        device=quiet_tensorflow.device(),
    )


class Recording:
    """Takes in the evaluations of a run: into the history, its folder, the terminal, the movie.

    A context manager: whatever ends it, what was measured is saved and summed up. After each
    restart the run has a folder of its own.

    args: from parse_args; run: the Run. history: of the run under way.
    """

    def __init__(self, args, run):
        self.history = History(run, points_before(args.weights, run))
        self._make_folder = lambda: RunFolder(args.runs, args.source, run)
        self._folder = self._make_folder()
        self._progress = Progress()
        self._summed_up = self._warned = False
        self._replaced = []  # (folder, History) of each run that a restart has ended
        self._movie = None
        if args.movie:
            from visu.show.movie import Movie

            self._movie = Movie(args.movie, self.history, VIEWS[args.view])

    def __enter__(self):
        return self

    def __exit__(self, kind, *error):
        if kind is not None and not self.history.last:
            return
        with ctrl_c_ignored():  # pressed twice, it would cut off the summary
            self._sum_up()
        for folder, history in [*self._replaced, (self._folder, self.history)]:
            self._save_picture(folder, history)

    def take(self, evaluation):
        """Take in the next Evaluation; one at iteration 0 begins the run anew."""
        if evaluation.iteration == 0 and self.history.iteration:
            self._sum_up()
        self.history.append(evaluation)
        if evaluation.iteration == 0:
            if self._summed_up:
                self._replaced.append((self._folder, self.history.ghost))
            self._folder, self._summed_up = self._make_folder(), False
        if evaluation.test:
            self._save()
        self._progress.show(self.history)
        if self._movie:
            self._movie.film()
        if self.history.completed:
            self._sum_up()

    def say(self, line):
        """Print a line, below the progress bar."""
        self._progress.end()
        say(line)

    def picture_path(self):
        """The path for a picture of the current window, not used before. Raises OSError."""
        folder, name = self._folder.make(), f"iteration-{self.history.iteration}"
        paths = (folder / f"{name}{tail}.png" for tail in tails())
        return next(path for path in paths if not path.exists())

    def _save(self, ended=False):
        """Save what is new; say, once, where that fails. See RunFolder.write."""
        try:
            self._folder.write(self.history, ended)
        except OSError as error:
            if not self._warned:
                what_to_do = "Choose another folder with --runs FOLDER."
                say(f"This run could not be saved: {error}. {what_to_do}", sys.stderr)
            self._warned = True

    def _sum_up(self):
        """Save what is measured and print the result, once a run."""
        if self._summed_up:
            return
        self._summed_up = True
        self._save(ended=True)
        self.say(summary(self.history, self._folder.path if self._folder.saved else None))

    def _save_picture(self, folder, history):
        """Save the six panels, when there is nothing else to do: it takes a moment."""
        if folder.saved:
            picture = io.BytesIO()
            save_picture(picture, history)
            try:
                replace(folder.path / "window.png", picture.getvalue())
            except OSError as error:
                say(f"The picture window.png could not be saved: {error}.", sys.stderr)

    def write_movie(self):
        """Write the movie, if one is wanted; return the signals that aborted it."""
        if not self._movie:
            return []
        say("Writing the movie (Ctrl-C aborts it) …")
        with stopping_signals(interrupt) as signals:
            try:
                seconds = self._movie.write()
                say(f"Movie: {self._movie.path}, {seconds:.0f} s")
            except (OSError, KeyboardInterrupt) as error:
                why = "interrupted" if signals else error
                say(f"The movie could not be saved: {why}.", sys.stderr)
        return signals


def interrupt():
    """Do what Ctrl-C does by default."""
    raise KeyboardInterrupt


class Live:
    """A window, or a notebook's picture, beside the worker that trains: what it shows and obeys.

    recording: the Recording; control: the Control; view: the panels to begin with.
    Raises NoWindow where none can open.
    """

    def __init__(self, recording, control, view):
        if backend.in_notebook():
            from visu.show.notebook import Notebook as Window
        else:  # imported only where a window is wanted: pyplot takes a moment
            from visu.show.window import Window
        self.history, self.say = recording.history, recording.say
        self.picture_path = recording.picture_path
        self._recording, self._control, self._worker = recording, control, None
        self._restarting = False  # until the first evaluation of the next run
        self._stepping = False  # until the evaluation of the next iteration
        self._told = None  # the last Evaluation of the run for which this was said: see poll
        self.slower, self.faster = control.slower, control.faster
        self._window = Window(self)
        self._window.dashboard.show_only(view)

    def run(self, worker, paused):
        """Train until the window is closed. worker: a Worker; paused: whether to begin paused."""
        self._worker = worker
        if paused:
            self._control.toggle_pause()
        gc.collect()
        gc.freeze()  # else each full collection, with all of TensorFlow's objects, halts the window
        try:
            with backend.lost_display(self._lose_display):
                self._window.show(worker.start)
        finally:
            gc.unfreeze()
            self._end()

    def _end(self):
        """End the training, and take in what was finished after the window's last look."""
        try:
            if not self._worker.end(QUIET_SECONDS):
                self.say("Finishing what is under way …")
                self._worker.end()
        finally:
            self.poll()

    def _lose_display(self):
        """Do what is left of the run: the process ends when this returns."""
        say("The display is gone, and the window with it.", sys.stderr)
        with self._recording:
            self._end()
        self._recording.write_movie()

    def poll(self):
        """Take in what the worker has finished; return the run's status in a word or two.

        None means that the run was stopped, and the window is to close.
        """
        for evaluation in self._worker.take():
            self._recording.take(evaluation)
            self._restarting = self._restarting and evaluation.iteration > 0
            self._stepping = self._stepping and evaluation.iteration == 0
        if self._worker.training:
            self._copy_network(self._worker.training.inspection)
        if self._control.stopping:
            return None
        if self._restarting:
            return "restarting …"
        if self.history.completed:
            if self.history.last is not self._told and not backend.in_notebook():
                self.say("The window is still open: q in it, or Ctrl-C here, closes it.")
            self._told = self.history.last
            return "done"
        pace = self._control.pace
        if self._control.paused:
            return STEPPING if self._stepping else f"{PAUSED}, {pace}/s" if pace else PAUSED
        if not self.history.iteration:
            return "starting …"
        return f"at most {pace}/s" if pace else ""

    def _copy_network(self, inspection):
        """Have the network copied after each block, so that it can answer, while a view asks."""
        before, inspection.copying = inspection.copying, self._window.dashboard.asks
        if inspection.copying and not before:
            self._control.call(inspection.copy)  # the training may be waiting

    def ask(self, image, label):
        """The network's Look at a digit, [28, 28] uint8; None until it can answer.

        label: the true digit, None if it is unknown. Between two answers the network goes on.
        """
        training = self._worker and self._worker.training
        return training.inspection.ask(image, label) if training else None

    def restart(self):
        """Begin again with the same initial weights and batches."""
        self._restarting = self.history.last is not None
        self._control.restart()

    def step(self):
        """While paused: make one iteration."""
        self._stepping = self._control.paused
        self._control.step()

    def toggle_pause(self):
        """Pause or resume, until the run is complete."""
        if not self.history.completed:
            self._control.toggle_pause()


def open_window(recording, control, view):
    """A Live that shows the view of this key, or None with a line that says why there is none."""
    try:
        return Live(recording, control, VIEWS[view])
    except backend.NoWindow as why:
        say(f"No window: {why} Training without a window.", sys.stderr)
        return None


def read_digits(paths, inspection):
    """Print a line for each picture: its digit and the probability, or what is wrong with it.

    paths: of PNG and JPEG files; inspection: the Inspection of a network that is not training.
    Returns the exit status: 2 where a picture could not be read, 128 + the signal's number after
    Ctrl-C, SIGTERM or SIGHUP.
    """
    read = bad = 0
    with stopping_signals(lambda: None) as signals:
        inspection.copy()
        for path in paths:
            if signals:
                break
            try:
                probabilities = inspection.ask(photo.prepare(photo.read(path))).probabilities
                if np.isnan(probabilities).any():
                    raise ValueError("the network computes NaN: its training has diverged")
                digit = probabilities.argmax()
                say(f"{path}: {digit} ({100 * probabilities[digit]:.1f} %)")
                read += 1
            except ValueError as error:
                say(f"{path}: {error}", sys.stderr)
                bad += 1
    if signals:
        say(f"Stopped after {read + bad} of {len(paths)} pictures.")
        return 128 + signals[0]
    return 2 if bad else 0
