"""A script's network: it advances by batches, and answers for images; whether XLA compiles it."""

from visu.training.quiet_tensorflow import tf

BATCH = 100  # digits in a batch, as on the slides
NOT_FOR_XLA = "Conv", "Print", "PyFunc"  # in the types of operations


class ScriptError(Exception):
    """A script breaks its contract with the visualizer; the message says what to change."""


class Network:
    """A script's functions and variables: `advance` trains on batches, `answers` evaluates images.

    train_step, evaluate, optimizer, weights, biases: as for `tensorflowvisu.run`; the functions are
    tf.functions here. variables: all that a step touches: weights, biases, the optimizer's state,
    random generators, ...; xla: whether XLA compiles a step.
    Raises ScriptError where the script breaks its contract.
    """

    in_graph = True  # whether `advance` may be traced as part of a graph

    def __init__(self, train_step, evaluate, optimizer, weights, biases):
        if not weights:
            raise ScriptError("there are no weights to train: the list of weights is empty")
        self.train_step, self.evaluate = _as_graph(train_step), _as_graph(evaluate)
        self.optimizer, self.weights, self.biases = optimizer, weights, biases
        if not optimizer.built:
            optimizer.build(weights + biases)  # its variables cannot be made while tracing
        step = self.train_step.get_concrete_function(*signature(BATCH))
        _check_evaluate(self.evaluate.get_concrete_function(*signature(BATCH)).structured_outputs)
        # a step may return the images that it trained on; whatever else it returns is ignored
        shape = getattr(step.structured_outputs, "shape", None)
        self._returns_images = shape == signature(BATCH)[0].shape
        self.variables, self.xla = step.variables, xla_compiles(step)
        self._loop = tf.function(self._loop, jit_compile=self.xla)
        one_image = self.evaluate.get_concrete_function(*signature(1))
        self._named = _named(weights, biases, one_image)

    def advance(self, X, Y_, first, last):
        """In the graph: train on the batches first ... last - 1 of X, Y_ [k, BATCH, ...].

        Returns images and labels of the last of them if train_step returned its images, else None.
        """
        images = self._loop(X, Y_, first, last)
        return (images, tf.gather(Y_, last - 1)) if self._returns_images else None

    def _loop(self, X, Y_, first, last):
        """In the graph: the same; returns the images of the last batch.

        XLA compiles this once, as `first` and `last` are data to it: with tf.range(first, last), or
        X[i] in place of tf.gather, they would be constants, and each pair of them another program.
        """
        i, images = first, tf.gather(X, last - 1)
        while i < last:
            returned = self.train_step(tf.gather(X, i), tf.gather(Y_, i))
            images = returned if self._returns_images else images
            i += 1
        return images

    def answers(self, X, Y_):
        """In the graph, for X [n, 28, 28, 1]: accuracy and loss [2], predictions [n] and their
        confidences [n].
        """
        Y, loss, accuracy = self.evaluate(X, Y_)
        return tf.stack([accuracy, loss]), tf.argmax(Y, 1), tf.reduce_max(Y, 1)

    def values(self):
        """{name: array} of the variables that evaluate reads: W1, B1, ..., then other1, ..."""
        return {name: variable.numpy() for name, variable in self._named.items()}

    def assign(self, values):
        """Give the variables these values, {name: array} as from values().

        Raises ScriptError where names, shapes or types are not theirs.
        """
        if values.keys() != self._named.keys():
            found, wanted = ", ".join(values), ", ".join(self._named)
            raise ScriptError(
                f"--weights do not fit: the file has {found}; the network has {wanted}"
            )
        for name, variable in self._named.items():
            found, wanted = (f"{[*x.shape]} {x.dtype}" for x in (values[name], variable.numpy()))
            if found != wanted:
                raise ScriptError(
                    f"--weights do not fit: {name} is {found} in the file, {wanted} in the network"
                )
            variable.assign(values[name])


def signature(n):
    """The tf.TensorSpecs of n images and their labels."""
    return tf.TensorSpec([n, 28, 28, 1]), tf.TensorSpec([n, 10])


def xla_compiles(step):
    """Whether XLA is to compile a concrete function, which may call others.

    XLA fuses many small operations. It has no fast convolution on a CPU, cannot print or call
    Python, and fails on some GPUs.
    """
    graph = step.graph.as_graph_def()
    nodes = [graph.node, *(function.node_def for function in graph.library.function)]
    types = {node.op for part in nodes for node in part}
    refused = any(word in type for type in types for word in NOT_FOR_XLA)
    return not refused and not tf.config.list_physical_devices("GPU")


def _as_graph(function):
    """A plain function as a tf.function; a tf.function as it is."""
    return function if hasattr(function, "get_concrete_function") else tf.function(function)


def _check_evaluate(returned):
    """Raise ScriptError unless evaluate returned Y [BATCH, 10], cross_entropy [], accuracy []."""
    values = returned if isinstance(returned, tuple | list) else [returned]
    shapes = [getattr(value, "shape", None) for value in values]
    if shapes != [[BATCH, 10], [], []]:
        found = ", ".join(str(shape) for shape in shapes)
        raise ScriptError(
            "evaluate(X, Y_) must return three values: Y, the probabilities of the digits, shape "
            f"({BATCH}, 10) for {BATCH} images; cross_entropy and accuracy, one number each. "
            f"It returns {found}"
        )


def _named(weights, biases, function):
    """{name: variable}: W1, ... and B1, ... of these lists, then other1, ... of what else a
    concrete function reads, in the order in which it first does so.

    graph.variables has another order in each process.
    """
    handles = {id(variable.handle): variable for variable in function.graph.variables}
    read = [handles[id(x)] for x in function.captured_inputs if id(x) in handles]
    known = {id(variable) for variable in weights + biases}
    others = [variable for variable in read if id(variable) not in known]
    named = ("W", weights), ("B", biases), ("other", others)
    return {f"{letters}{k}": one for letters, part in named for k, one in enumerate(part, 1)}
