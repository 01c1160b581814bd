"""What a view may ask of a network: gradients per layer, one digit's way through the layers."""

import threading

import numpy as np

from visu.record.run import Layer, Look
from visu.training.network import BATCH, signature
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
        self._drops = None  # whether a training step drops neurons, once that is known
        self.copying, self.iteration = False, 0

    def copy(self):
        """In the training thread, between two blocks: copy the variables."""
        opened = self._evaluate or _Opened(self._network.evaluate, 1)
        with self._lock:
            opened.copy()
            self._evaluate, self._copied = opened, self.iteration
        self._open_step()  # now that `ask` can answer

    def _open_step(self):
        """In the training thread: the _Opened step."""
        self._step = self._step or _Opened(self._network.train_step, BATCH, self._network.xla)
        self._drops = self._step.drops
        return self._step

    def ask(self, image, label=None):
        """The Look at a digit, [28, 28] uint8; None before the first copy has been made.

        label: the true digit, None if it is unknown.
        """
        with self._lock:
            if self._evaluate is None:
                return None
            last, known = self._answer, (self._copied, self._drops)
            if last and last.image is image and (last.iteration, last.drops) == known:
                return last
            X = tf.constant(image[np.newaxis, ..., np.newaxis] / 255, tf.float32)
            returned, layers = self._evaluate(X, tf.one_hot([label or 0], 10))
            probabilities = returned[0].numpy()[0]
            self._answer = Look(image, label, known[0], layers, probabilities, drops=known[1])
            return self._answer

    def next_step(self, X, Y_):
        """In the training thread, before a step on the batch X, Y_: the Look at its first digit as
        that step will see it, dropout on.
        """
        step = self._open_step()
        step.copy()  # random generators too: the copy drops the neurons that the step will
        returned, layers = step(X, Y_)
        shown = returned if getattr(returned, "shape", None) == X.shape else X
        image = np.round(255 * np.clip(shown[0, ..., 0], 0, 1)).astype(np.uint8)
        label = int(np.argmax(Y_[0]))
        return Look(image, label, self.iteration, layers, training=True, drops=step.drops)


class _Opened:
    """A tf.function on copies of its variables, which also returns the outputs of its layers.

    drops: whether it drops any of them. The operations are read off the graph, so that no script
    has to name its layers.
    """

    def __init__(self, function, n, xla=False):
        """n: how many images it will be called with; xla: whether XLA compiles it, which draws
        other random numbers.
        """

        def opened(X, Y_):
            returned = function.python_function(X, Y_)
            layers = _layers(tf.compat.v1.get_default_graph().get_operations(), n)
            self._kinds = [kind for kind, _, _ in layers]
            self.drops = any(dropped is not None for _, _, dropped in layers)
            return returned, [tensors for _, *tensors in layers]

        self._function = tf.function(opened, jit_compile=xla).get_concrete_function(*signature(n))
        variables = self._function.graph.variables
        self._pairs = [(tf.Variable(variable, trainable=False), variable) for variable in variables]
        handles = {id(variable.handle): copy.handle for copy, variable in self._pairs}
        captures = [handles.get(id(x), x) for x in self._function.captured_inputs]
        self._function.set_external_captures(captures)

    def copy(self):
        """Take over the variables of the network."""
        for copy, variable in self._pairs:
            copy.assign(variable)

    def __call__(self, X, Y_):
        """What the function returns, and the Layers of the first image."""
        returned, tensors = self._function(X, Y_)
        layers = [
            Layer(kind, output[0].numpy(), None if dropped is None else dropped[0].numpy())
            for kind, (output, dropped) in zip(self._kinds, tensors, strict=True)
        ]
        return returned, tuple(layers)


def _layers(operations, n):
    """In the graph: [kind, output, dropped] of each activation of n images, in order: its type of
    operation; its neurons; which of them a dropout right behind it drops, True, or None.
    """
    layers = []
    for op in operations:
        if op.name.startswith("gradient_tape/") or not op.outputs:
            continue
        shape = op.outputs[0].shape
        if op.type in ACTIVATIONS and shape.rank and shape[0] == n:
            layers.append([op.type, op.outputs[0], None])
        elif op.type == "SelectV2" and layers:
            _, output, dropped = layers[-1]
            if dropped is None and op.inputs[0].shape[1:] == output.shape[1:]:
                layers[-1][2] = tf.logical_not(op.inputs[0])
    return layers
