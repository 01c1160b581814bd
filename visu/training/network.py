"""A script's network, opened: gradients per layer, and one digit on its way through the layers."""

import threading

import numpy as np

from visu.record.run import Layer, Look
from visu.training.quiet_tensorflow import tf

ACTIVATIONS = "Relu", "Sigmoid", "Tanh", "Elu", "Selu", "LeakyRelu", "Relu6"  # types of operations


def gradient_sizes(evaluate, weights, X, Y_):
    """In the graph: root mean square of the loss's gradient for each of the weights, [layers].

    The loss is that of evaluate(X, Y_): cross entropy per 100 digits, dropout off.
    """
    with tf.GradientTape() as tape:
        loss = evaluate(X, Y_)[1]
    gradients = tape.gradient(loss, weights, unconnected_gradients="zero")
    sizes = [tf.sqrt(tf.reduce_mean(tf.square(gradient))) for gradient in gradients]
    return tf.stack(sizes) if sizes else tf.zeros([0])


class Network:
    """What the window may ask of a script's network while it trains, pauses or has ended.

    The training thread owns the network. While somebody watches, it copies the variables between
    two blocks of iterations; questions are answered from that copy, however long a block takes.

    train_step, evaluate: tf.functions as for tensorflowvisu.run; weights, biases: lists of
    tf.Variable.
    watched: whether to copy, set by the one who asks; iteration: of the network, set by the
    training thread.
    """

    def __init__(self, train_step, evaluate, weights, biases, xla=False):
        """xla: whether training steps are compiled by XLA, which draws other random numbers."""
        self._functions, self._xla = (evaluate, train_step), xla
        read = _variables(evaluate.get_concrete_function(*_signature(1)))
        self._variables = _named(weights, biases, read)
        self._lock = threading.Lock()
        self._evaluate = self._step = None  # _Opened, once somebody watches
        self._copied = None  # the iteration of the copy
        self._answer = None  # the Look given last
        self.watched, self.iteration = False, 0

    def values(self):
        """{name: array} of the variables that evaluate reads: W1, B1, ..., then other1, ..."""
        return {name: variable.numpy() for name, variable in self._variables.items()}

    def assign(self, values):
        """Give the variables these values, {name: array} as from values().

        Raises ValueError, one line, where names, shapes or types are not theirs.
        """
        if values.keys() != self._variables.keys():
            found, wanted = ", ".join(values), ", ".join(self._variables)
            raise ValueError(f"the file has {found}; the network has {wanted}")
        for name, variable in self._variables.items():
            found, wanted = values[name], variable.numpy()
            if (found.shape, found.dtype) != (wanted.shape, wanted.dtype):
                found, wanted = (f"{[*x.shape]} {x.dtype}" for x in (found, wanted))
                raise ValueError(f"{name} is {found} in the file, {wanted} in the network")
        for name, variable in self._variables.items():
            variable.assign(values[name])

    def follow(self):
        """In the training thread, between two blocks: copy the network if somebody watches."""
        if self.watched:
            opened = self._evaluate or _Opened(self._functions[0], 1)
            with self._lock:
                opened.copy()
                self._evaluate, self._copied = opened, self.iteration

    def look(self, image, label=None):
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

    def observe(self, X, Y_):
        """In the training thread, before a step on the batch X, Y_: the Look at its first digit as
        that step will see it, dropout on.
        """
        self._step = self._step or _Opened(self._functions[1], len(X), self._xla)
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
        """n: how many images it will be called with."""
        self._kinds = []

        def opened(X, Y_):
            returned = function.python_function(X, Y_)
            operations = tf.compat.v1.get_default_graph().get_operations()
            outputs, dropped, self._kinds = _layers(operations, n)
            return returned, outputs, dropped

        self._function = tf.function(opened, jit_compile=xla).get_concrete_function(*_signature(n))
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


def _variables(function):
    """The variables that a concrete function reads, in the order in which it first does so.

    graph.variables has another order in each process.
    """
    handles = {id(variable.handle): variable for variable in function.graph.variables}
    return [handles[id(x)] for x in function.captured_inputs if id(x) in handles]


def _named(weights, biases, read):
    """W1, ... and B1, ... of these lists, other1, ... of what else is read, as {name: variable}."""
    named = {f"W{k}": variable for k, variable in enumerate(weights, 1)}
    named |= {f"B{k}": variable for k, variable in enumerate(biases, 1)}
    known = {id(variable) for variable in named.values()}
    others = [variable for variable in read if id(variable) not in known]
    return named | {f"other{k}": variable for k, variable in enumerate(others, 1)}


def _signature(n):
    return tf.TensorSpec([n, 28, 28, 1]), tf.TensorSpec([n, 10])
