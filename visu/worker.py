"""The thread that trains beside a window, and what a person may ask of it."""

import queue
import threading


class Control:
    """What a person asks of the training: set from any thread, obeyed between two blocks."""

    def __init__(self):
        self._changed = threading.Condition()
        self._steps = 0  # single iterations that may still be made while paused
        self.paused = False
        self.restarting = False
        self.stopping = False

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

    def restart(self):
        """Begin again with the same initial weights and batches."""
        with self._changed:
            self.restarting, self.paused = True, False
            self._changed.notify_all()

    def stop(self):
        """End the training."""
        with self._changed:
            self.stopping = True
            self._changed.notify_all()

    def wait(self, most):
        """How many of the next `most` iterations to make now, 0 to end; blocks while paused."""
        with self._changed:
            self._changed.wait_for(
                lambda: not self.paused or self._steps or self.stopping or self.restarting
            )
            if self.stopping or self.restarting:
                return 0
            if self.paused:
                self._steps -= 1
                return 1
            return most

    def wait_for_restart(self):
        """After a run: block until it is clear what comes next, True to begin again."""
        with self._changed:
            self._changed.wait_for(lambda: self.stopping or self.restarting)
            self.restarting = False
            return not self.stopping


class Worker:
    """A thread that trains beside the window and hands its finished evaluations over."""

    def __init__(self, make_training, control, **schedule):
        """make_training() returns the Training; it is called in the thread, as it takes a while.

        schedule: the arguments of Training.evaluations.
        """
        self._finished = queue.SimpleQueue()
        self._control = control
        self._thread = threading.Thread(target=self._work, args=(make_training, schedule))
        self._thread.daemon = True

    def start(self):
        """Begin to train, unless the training has been stopped before."""
        if not self._control.stopping:
            self._thread.start()

    def _work(self, make_training, schedule):
        try:
            training = make_training()
            while True:
                for evaluation in training.evaluations(control=self._control, **schedule):
                    self._finished.put(evaluation)
                if not self._control.wait_for_restart():
                    return
                training.restore()
        except BaseException as error:  # belongs to the main thread: see take
            self._finished.put(error)

    def take(self):
        """Yield the evaluations finished since the last call; raise what the training raised."""
        while not self._finished.empty():
            item = self._finished.get_nowait()
            if isinstance(item, BaseException):
                raise item
            yield item

    def end(self):
        """Stop the training and wait until the block of iterations under way is done."""
        self._control.stop()
        if self._thread.ident:
            self._thread.join()
