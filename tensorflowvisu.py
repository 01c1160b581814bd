"""What the scripts see of the visualizer: their flags (`parse_args`) and their last line (`run`).

`run` puts the rooms of `visu/` together: training in its worker thread, the readings in the
history, the window on the main thread, the terminal, and the files in `runs/`.
"""

import gc
import sys
from pathlib import Path

from visu import training  # first: it imports TensorFlow without its start-up noise
from visu.backend import NoWindow, in_notebook  # before the rest of matplotlib
from visu.flags import Parser, label, movie_file, whole
from visu.history import History, Run
from visu.record import keep, make_folder
from visu.terminal import Progress, ctrl_c, summary


def parse_args(doc):
    """Return the command line's flags, the same for every script.

    doc: the script's docstring, shown by --help; its first line begins with the title and a colon.
    The result has iterations (int or None), seed (int), data, headless, label, runs (Path) and
    movie (Path or None) as given, and script, title and source, the script's text. A bad flag ends
    the script with one line and status 2.
    """
    script = Path(sys.argv[0]).resolve()
    parser = Parser(prog=script.name, description=doc)
    add = parser.add_argument
    add("--iterations", type=whole(1, 10**7), metavar="N", help="train for N batches of 100")
    add("--seed", type=whole(0, 10**9), default=0, metavar="K", help="of weights and order (0)")
    data = "mnist, drawn (digits made here), auto (mnist or else drawn; the default), or a folder "
    data += "with other data: four IDX files, or their npz"
    add("--data", default="auto", metavar="DATA", help=data)
    add("--movie", type=movie_file, metavar="FILE", help="film the run: an .mp4 or a .gif")
    add("--headless", action="store_true", help="train without a window")
    add("--label", type=label, default="", metavar="TEXT", help="name it, for compare_curves.py")
    runs = script.parent / "runs"
    add("--runs", type=Path, default=runs, metavar="FOLDER", help=f"keep the results here ({runs})")
    args = parser.parse_args()
    args.script, args.title = script.stem, doc.strip().partition(":")[0]
    args.source = script.read_text(encoding="utf-8")  # now: it may be edited while it runs
    return args


def run(args, mnist, train_step, evaluate, optimizer, weights, biases, iterations):
    """Train, show it live, print the result and keep it in a folder of `args.runs`.

    args: from parse_args, its `iterations` win over the parameter; mnist: from mnist_data.load;
    train_step(X, Y_): a tf.function, one update from a batch X [100, 28, 28, 1], Y_ [100, 10]; one
    that changes the digits first returns them, to be shown as the network saw them;
    evaluate(X, Y_): gives probabilities Y [n, 10], cross entropy per 100 digits, accuracy 0..1;
    optimizer: its learning rate is shown; weights, biases: lists of tf.Variable, first layer first,
    to be shown. Whatever else train_step changes (moving averages, say) a restart puts back too.
    Ends the script with status 130 after Ctrl-C.
    """
    every = 10 if iterations <= 2000 else 20  # iterations between two readings
    title = f"{args.title}, {args.label}" if args.label else args.title
    about = Run(title, mnist.name, args.iterations or iterations, len(mnist.test.images))
    history, progress, control = History(), Progress(about.iterations), training.Control()
    movie = _open_movie(args.movie, history, about)
    schedule = {"seed": args.seed, "iterations": about.iterations, "every": every}
    folder = make_folder(args)

    def make_training():
        return training.Training(mnist, train_step, evaluate, optimizer, weights, biases)

    def take(reading):
        history.append(reading)
        progress.show(history)
        if movie:
            movie.look()

    def say(line):
        progress.end()
        print(line, flush=True)

    with ctrl_c(control.stop) as pressed:
        live = None if args.headless else _open_window(about, history, control, take, say, folder)
        print(f"{about.title} on {about.data}, {about.iterations:,} iterations", flush=True)
        try:
            if live:
                live.run(make_training, schedule)
            else:
                for reading in make_training().readings(control=control, **schedule):
                    take(reading)
        finally:
            progress.end()
            keep(folder, args, about, history, training.device())
            print(summary(history, about.iterations, folder), flush=True)
    if movie:
        pressed += _write(movie)
    if pressed and not in_notebook():  # where a status is nothing but an error
        sys.exit(130)


class _Live:
    """A window on the main thread, or a notebook's picture, and the worker that trains beside."""

    def __init__(self, about, history, control, take, say, folder):
        if in_notebook():
            from visu.notebook import Notebook as Window
        else:  # imported only where a window is wanted: pyplot takes a moment
            from visu.window import Window
        self._about, self._history, self._control, self._take = about, history, control, take
        self._folder = folder or Path.cwd()
        actions = {" ": control.toggle_pause, "n": control.step, "r": control.restart}
        self._window = Window(history, about, self._poll, actions, self._picture_path, say)
        self._window.status = self._status()

    def run(self, make_training, schedule):
        """Train until the window is closed."""
        gc.freeze()  # else each full collection, with all of TensorFlow's objects, halts the window
        self._worker = training.Worker(make_training, self._control, **schedule)
        try:
            self._window.show()
        finally:
            self._worker.end()
        self._poll()  # what came after the window's last look

    def _picture_path(self):
        return self._folder / f"iteration-{self._history.iteration}.png"

    def _poll(self):
        """Take what the worker has finished, and say what it is at."""
        for reading in self._worker.take():
            self._take(reading)
        self._window.status = self._status()
        if self._control.stopping:
            self._window.close()

    def _status(self):
        if self._control.paused:
            return "PAUSED"
        if not self._history.iteration:
            return "compiling …"
        return "done" if self._history.iteration >= self._about.iterations else ""


def _open_window(*parts):
    """A _Live, or None with a line that says why there is no window."""
    try:
        return _Live(*parts)
    except NoWindow as why:
        print(f"No window: {why} Training without it.", file=sys.stderr, flush=True)
        return None


def _open_movie(path, history, about):
    """A Movie that films `history`, or None without a path."""
    if path:
        from visu.movie import Movie

        return Movie(path, history, about)


def _write(movie):
    """Write a Movie and say so; gives what ctrl_c gives."""
    print("Writing the movie (Ctrl-C gives it up) ...", flush=True)
    with ctrl_c(movie.give_up) as pressed:
        try:
            seconds = movie.write()
            print(f"Movie: {movie.path}, {seconds:.0f} s", flush=True)
        except OSError as error:
            print(f"Warning: there is no movie: {error}.", file=sys.stderr, flush=True)
    return pressed
