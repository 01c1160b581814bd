"""What a view may ask of a network: gradients per layer, one digit's way through the layers."""

import threading

import numpy as np

from visu.record.run import Layer, Look
from visu.training.network import signature
from visu.training.quiet_tensorflow import tf

ACTIVATIONS = "Relu", "Sigmoid", "Tanh", "Elu", "Selu", "LeakyRelu", "Relu6"  # types of operations


def gradient_sizes(evaluate, weights, X, Y_):
    """In the graph: root mean square of the loss's gradient for each of the weights, [layers].

    The loss is that of evaluate(X, Y_): cross entropy per 100 digits, dropout off.
    """
    with tf.GradientTape() as tape:
        loss = evaluate(X, Y_)[1]
    gradients = tape.gradient(loss, weights, unconnected_gradients="zero")
    return tf.stack([tf.sqrt(tf.reduce_mean(tf.square(gradient))) for gradient in gradients])


class Inspection:
    """Answers questions about one digit, from a copy of the network's variables.

    The training thread owns the network and copies it; `ask` may be called from any thread, however
    long a block of iterations takes.

    copying: whether to copy after each block, set by the view that asks; iteration: of the network,
    set by the training thread.
    """

    def __init__(self, network):
        self._network = network
        self._lock = threading.Lock()
        self._evaluate = self._step = None  # _Opened, once they are needed
        self._copied = None  # the iteration of the copy
        self._answer = None  # the Look given last
        self.copying, self.iteration = False, 0

    def copy(self):
        """In the training thread, between two blocks: copy the variables."""
        opened = self._evaluate or _Opened(self._network.evaluate, 1)
        with self._lock:
            opened.copy()
            self._evaluate, self._copied = opened, self.iteration

    def ask(self, image, label=None):
        """The Look at a digit, [28, 28] uint8; None before the first copy has been made.

        label: the true digit, None if it is unknown.
        """
        with self._lock:
            if self._evaluate is None:
                return None
            last = self._answer
            if last and last.image is image and last.iteration == self._copied:
                return last
            X = tf.constant(image[np.newaxis, ..., np.newaxis] / 255, tf.float32)
            returned, layers = self._evaluate(X, tf.one_hot([label or 0], 10))
            self._answer = Look(image, label, self._copied, layers, returned[0].numpy()[0])
            return self._answer

    def next_step(self, X, Y_):
        """In the training thread, before a step on the batch X, Y_: the Look at its first digit as
        that step will see it, dropout on.
        """
        self._step = self._step or _Opened(self._network.train_step, len(X), self._network.xla)
        self._step.copy()  # random generators too: the copy drops the neurons that the step will
        returned, layers = self._step(X, Y_)
        shown = returned if getattr(returned, "shape", None) == X.shape else X
        image = np.round(255 * np.clip(shown[0, ..., 0], 0, 1)).astype(np.uint8)
        return Look(image, int(np.argmax(Y_[0])), self.iteration, layers, training=True)


class _Opened:
    """A tf.function on copies of its variables, which also returns the outputs of its layers.

    The operations are read off the graph, so that no script has to name its layers.
    """

    def __init__(self, function, n, xla=False):
        """n: how many images it will be called with; xla: whether XLA compiles it, which draws
        other random numbers.
        """
        self._kinds = []

        def opened(X, Y_):
            returned = function.python_function(X, Y_)
            operations = tf.compat.v1.get_default_graph().get_operations()
            outputs, dropped, self._kinds = _layers(operations, n)
            return returned, outputs, dropped

        self._function = tf.function(opened, jit_compile=xla).get_concrete_function(*signature(n))
        variables = self._function.graph.variables
        self._pairs = [(tf.Variable(variable, trainable=False), variable) for variable in variables]
        handles = {id(variable.handle): copy.handle for copy, variable in self._pairs}
        captures = [handles.get(id(x), x) for x in self._function.captured_inputs]
        self._function.set_external_captures(captures)
        self.copy = tf.function(self._copy, autograph=False)

    def _copy(self):
        for copy, variable in self._pairs:
            copy.assign(variable)

    def __call__(self, X, Y_):
        """What the function returns, and the Layers of the first image."""
        returned, outputs, dropped = self._function(X, Y_)
        layers = [
            Layer(kind, output[0].numpy(), None if mask is None else mask[0].numpy())
            for kind, output, mask in zip(self._kinds, outputs, dropped, strict=True)
        ]
        return returned, tuple(layers)


def _layers(operations, n):
    """In the graph: the outputs of all activations of n images, in order; for each the neurons that
    a dropout right behind it drops, True for these, or None; and their types of operation.
    """
    forward = [op for op in operations if not op.name.startswith("gradient_tape/")]
    starts = [
        k
        for k, op in enumerate(forward)
        if op.type in ACTIVATIONS and op.outputs[0].shape.rank and op.outputs[0].shape[0] == n
    ]
    outputs = [forward[k].outputs[0] for k in starts]
    dropped = []
    ends = [*starts[1:], None][: len(starts)]  # 1.0 has no activation at all
    for output, start, end in zip(outputs, starts, ends, strict=True):
        kept = [
            op.inputs[0]
            for op in forward[start:end]
            if op.type == "SelectV2" and op.inputs[0].shape[1:] == output.shape[1:]
        ]
        dropped.append(tf.logical_not(kept[0]) if kept else None)
    return outputs, dropped, [forward[k].type for k in starts]
