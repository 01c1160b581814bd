"""The thread that trains beside a window, and what a person may ask of it."""

import queue
import threading
import time

PACES = 2, 10, 50, 200, None  # iterations per second, for a run that one can talk over
BLOCKS_PER_SECOND = 4  # of a run that is held back: each one ends in an evaluation


class Control:
    """What a person asks of the training: set from any thread, obeyed between two blocks.

    pace: iterations per second of a training that is held back, None at full speed.
    """

    def __init__(self):
        self._changed = threading.Condition()
        self._steps = 0  # single iterations that may still be made while paused
        self._due = 0.0  # when the next block may begin
        self._calls = []  # functions that the training thread is to call
        self.pace = None
        self.paused = self.restarting = self.stopping = False

    def toggle_pause(self):
        """Pause after the block of iterations under way, or resume."""
        with self._changed:
            self.paused, self._steps = not self.paused, 0
            self._changed.notify_all()

    def step(self):
        """While paused: make one iteration."""
        with self._changed:
            self._steps += self.paused
            self._changed.notify_all()

    def slower(self):
        """Hold the training back, or further back."""
        self._change_pace(-1)

    def faster(self):
        """Hold the training less back, or no longer."""
        self._change_pace(1)

    def _change_pace(self, by):
        with self._changed:
            k = PACES.index(self.pace) + by
            self.pace, self._due = PACES[min(max(k, 0), len(PACES) - 1)], 0.0
            self._changed.notify_all()

    @property
    def slowed(self):
        """Whether it is paused or held back: then each block ends in a full evaluation."""
        return self.paused or self.pace is not None

    def restart(self):
        """Begin again, with the same initial weights and batches."""
        with self._changed:
            self.restarting, self.paused = True, False
            self._steps, self._due = 0, 0.0
            self._changed.notify_all()

    def stop(self):
        """End the training."""
        with self._changed:
            self.stopping = True
            self._changed.notify_all()

    def call(self, function):
        """Have the training thread call function() between two blocks, also while it waits."""
        with self._changed:
            self._calls.append(function)
            self._changed.notify_all()

    def wait(self, most):
        """How many of the next `most` iterations to make now, 0 to end.

        Blocks while paused, and as long as the pace asks for; after a run, with `most` 0, until it
        is to restart or to stop.
        """
        with self._changed:
            while not (self.stopping or self.restarting):
                left = max(self._due - time.monotonic(), 0)
                if self._calls:
                    self._call(self._calls.pop(0))
                elif most and self._steps:
                    self._steps -= 1
                    return 1
                elif most and not (self.paused or left):
                    return self._block(most)
                else:
                    self._changed.wait(left or None)
            return 0

    def _call(self, function):
        """Call function(); meanwhile other threads may ask for more."""
        self._changed.release()
        try:
            function()
        finally:
            self._changed.acquire()

    def _block(self, most):
        """The length of the next block, at most `most`; sets when the one after it may begin."""
        if self.pace is None:
            return most
        length = min(most, max(self.pace // BLOCKS_PER_SECOND, 1))
        self._due = time.monotonic() + length / self.pace
        return length


class Worker:
    """A thread that trains beside the window and hands its finished evaluations over."""

    def __init__(self, make_training, control, **schedule):
        """make_training() returns the Training; called in the thread, as it takes a while.

        schedule: the arguments of Training.evaluations.
        """
        self._finished = queue.SimpleQueue()
        self._control = control
        self._thread = threading.Thread(target=self._work, args=(make_training, schedule))
        self._thread.daemon = True
        self.training = None  # the Training, once it is made

    def start(self):
        """Begin to train, unless the training has been stopped before."""
        if not self._control.stopping:
            self._thread.start()

    def _work(self, make_training, schedule):
        try:
            self.training = make_training()
            while True:
                for evaluation in self.training.evaluations(control=self._control, **schedule):
                    self._finished.put(evaluation)
                self._control.wait(0)
                if self._control.stopping:
                    return
                self._control.restarting = False
                self.training.restore()
        except BaseException as error:  # belongs to the main thread: see take
            self._finished.put(error)

    def take(self):
        """Yield the evaluations finished since the last call; raise what the training raised."""
        while not self._finished.empty():
            item = self._finished.get_nowait()
            if isinstance(item, BaseException):
                raise item
            yield item

    def end(self, seconds=None):
        """Stop the training and wait until the block of iterations under way is done.

        seconds: to wait at most. Returns whether it is done.
        """
        self._control.stop()
        if self._thread.ident:
            self._thread.join(seconds)
        return not self._thread.is_alive()
