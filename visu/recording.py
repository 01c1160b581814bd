"""Takes in the evaluations of a run: into the history, its files, the terminal and the movie."""

import sys

from visu.panels.views import VIEWS
from visu.record.run import History
from visu.record.run_folder import RunFolder, tails
from visu.show.progress import Progress
from visu.show.terminal import say, stopping_signals, summary


class Recording:
    """A context manager: whatever ends it, what was measured is saved and summed up.

    Each restart is a run of its own, with its own folder.

    args: from parse_args; plan: the history.Plan; device: what trains, as text.
    history: of the run under way.
    """

    def __init__(self, args, plan, device):
        self.plan, self.history = plan, History()
        self._make_folder = lambda: RunFolder(args, args.seed, plan, device)
        self._folder = self._make_folder()
        self._progress = Progress(plan.iterations)
        self._summed_up = False
        self._movie = None
        if args.movie:
            from visu.show.movie import Movie

            self._movie = Movie(args.movie, self.history, plan, VIEWS[args.view])

    def __enter__(self):
        return self

    def __exit__(self, kind, *error):
        if self.history.last or kind is None:
            self._end_run()

    @property
    def completed(self):
        """Whether the last iteration is done."""
        return self.history.completed(self.plan.iterations)

    def take(self, evaluation):
        """Take in the next Evaluation; one at iteration 0 begins a new run."""
        if evaluation.iteration == 0:
            if self.history.iteration:
                self._end_run()
            self._folder, self._summed_up = self._make_folder(), False
        self.history.append(evaluation)
        if evaluation.test:
            self._folder.write(self.history)
        self._progress.show(self.history)
        if self._movie:
            self._movie.look()
        if self.completed:
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

    def _sum_up(self):
        """Save what is measured and print the result, once a run."""
        if self._summed_up:
            return
        self._summed_up = True
        self._folder.write(self.history, ended=True)
        folder = self._folder.path if self._folder.saved else None
        self.say(summary(self.history, self.plan.iterations, folder))

    def _end_run(self):
        """Sum up; the picture comes last, as it takes a moment."""
        self._sum_up()
        if self._folder.saved:
            from visu.panels.dashboard import save_picture

            try:
                save_picture(self._folder.path / "window.png", self.history, self.plan)
            except OSError as error:
                self._folder.warn(error)

    def write_movie(self):
        """Write the movie, if one is wanted; return the signals that aborted it."""
        if not self._movie:
            return []
        say("Writing the movie (Ctrl-C aborts it) …")
        with stopping_signals(self._movie.give_up) as signals:
            try:
                seconds = self._movie.write()
                say(f"Movie: {self._movie.path}, {seconds:.0f} s")
            except OSError as error:
                say(f"The movie could not be saved: {error}.", sys.stderr)
        return signals
