"""A network, of a script or of Keras: it trains on batches and answers for images; XLA or not."""

import math
from contextlib import suppress

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
        if not all(isinstance(part, list | tuple) for part in (weights, biases)):
            raise ScriptError("weights, biases must be two lists of tf.Variable, as [W], [b]")
        if not weights:
            raise ScriptError("there are no weights to train: the list of weights is empty")
        weights, biases = [*weights], [*biases]
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
    """Whether XLA is to compile a concrete function, which may call others: only without a GPU.

    XLA fuses many small operations. It has no fast convolution on a CPU, cannot print or call
    Python, and fails on some GPUs.
    """
    graph = step.graph.as_graph_def()
    nodes = [graph.node, *(function.node_def for function in graph.library.function)]
    operations = {node.op for part in nodes for node in part}
    refused = any(word in op for op in operations for word in NOT_FOR_XLA)
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


# ---- a Keras model


class KerasNetwork(Network):
    """A compiled Keras model as a Network, of which its own train_function advances it.

    model: takes [n, 28, 28, 1], [n, 28, 28] or [n, 784], pixels 0 to 1, and returns probabilities
    [n, 10], or logits if its loss says from_logits.
    Raises ScriptError where the model is another one.
    """

    in_graph = False  # Keras decides in Python what its train_function is

    def __init__(self, model):
        _check_model(model)
        self._model = model
        self._sparse = "sparse" in _loss_name(model.loss).lower()
        logits = getattr(model.loss, "get_config", dict)().get("from_logits", False)
        kernels, vectors = [], []
        for variable in model.trainable_variables:
            (vectors if len(variable.shape) == 1 else kernels).append(variable.value)
        if not model.optimizer.built:
            model.optimizer.build(model.trainable_variables)

        def train_step(X, Y_):  # not what trains: it shows what Keras does in a single step
            model.train_step(self._pair(X, Y_))

        def evaluate(X, Y_):
            inputs, _ = self._pair(X, Y_)
            outputs = tf.cast(model(inputs, training=False), tf.float32)  # float16 on some GPUs
            losses = tf.keras.losses.categorical_crossentropy(Y_, outputs, from_logits=logits)
            Y = tf.nn.softmax(outputs) if logits else outputs
            right = tf.equal(tf.argmax(Y, 1), tf.argmax(Y_, 1))
            return Y, 100 * tf.reduce_mean(losses), tf.reduce_mean(tf.cast(right, tf.float32))

        super().__init__(train_step, evaluate, model.optimizer, kernels, vectors)
        self.xla = bool(model.jit_compile)  # as in Keras: the same dropout in Inspection

    def _pair(self, X, Y_):
        """Images [..., 28, 28, 1] and one-hot labels [..., 10] as model and loss take them."""
        X = tf.reshape(X, [*X.shape[:-3], *self._model.input_shape[1:]])
        return X, tf.argmax(Y_, -1) if self._sparse else Y_

    def advance(self, X, Y_, first, last):
        """Train on the batches first ... last - 1 of X, Y_ [k, BATCH, ...], in one execution.

        An execution makes at most k - 1 steps, fewer where the batches end; without any it is only
        compiled.
        """
        model, steps = self._model, len(X) - 1
        if not model.train_function or model.steps_per_execution != steps:
            model.steps_per_execution = steps
            model.make_train_function(force=True)
        dataset = tf.data.Dataset.from_tensor_slices(self._pair(X[first:last], Y_[first:last]))
        options = tf.data.Options()  # for a few batches threads and tuning do not pay
        options.autotune.enabled, options.threading.private_threadpool_size = False, 1
        with suppress(StopIteration):
            model.train_function(iter(dataset.with_options(options)))


def _check_model(model):
    """Raise ScriptError unless this is a compiled Keras model of images [28, 28]."""
    if not isinstance(model, tf.keras.Model) or not getattr(model, "optimizer", None):
        raise ScriptError(
            "fit(args, mnist, model) needs a compiled Keras model: model.compile(...)"
        )
    if not model.loss:
        raise ScriptError('the model is compiled without a loss: model.compile(..., loss="...")')
    if isinstance(model.loss, (list, tuple, dict)):
        raise ScriptError('the model has one output: compile it with one loss, loss="..."')
    takes, gives = (getattr(model, name, None) for name in ("input_shape", "output_shape"))
    if takes is None:
        raise ScriptError(
            "the model does not say what inputs it takes: begin with keras.Input([28, 28, 1])"
        )
    if not isinstance(takes, tuple) or None in takes[1:] or math.prod(takes[1:]) != 28 * 28:
        raise ScriptError(f"the model takes inputs of shape {takes}, not images of 28 x 28 pixels")
    if gives != (None, 10):
        raise ScriptError(f"the model returns outputs of shape {gives}, not (None, 10)")


def _loss_name(loss):
    """The name of a Keras loss, given as text, function or object."""
    return loss if isinstance(loss, str) else getattr(loss, "__name__", type(loss).__name__)
