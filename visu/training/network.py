"""The network of a script: it trains on batches and answers for images, with XLA or without."""

import inspect
import math

from visu.training.quiet_tensorflow import tf

BATCH = 100  # digits in a batch, as on the slides
NOT_FOR_XLA = "Conv", "Print", "PyFunc", "Assert", "CheckNumerics"  # in types of operations


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

    @staticmethod
    def count_layers(train_step, evaluate, optimizer, weights, biases):
        """How many layers have weights. Raises ScriptError where the arguments are no network."""
        for name, function in (("train_step", train_step), ("evaluate", evaluate)):
            _check_function(name, function)
        for name, part in (("weights", weights), ("biases", biases)):
            if not isinstance(part, list | tuple):
                raise ScriptError(f"{name} must be a list, as [W1, W2], not {_kind(part)}")
            for one in part:
                if not isinstance(one, tf.Variable | tf.keras.Variable):
                    raise ScriptError(
                        f"{name} must be a list of tf.Variable, but holds {_kind(one)}"
                    )
        if not weights:
            raise ScriptError("there are no weights to train: the list of weights is empty")
        if not isinstance(optimizer, tf.keras.optimizers.Optimizer | None):
            raise ScriptError(
                "optimizer must be one of tf.keras.optimizers, or None where train_step needs "
                f"none, not {_kind(optimizer)}"
            )
        return len(weights)

    def __init__(self, train_step, evaluate, optimizer, weights, biases):
        Network.count_layers(train_step, evaluate, optimizer, weights, biases)
        self.train_step, self.evaluate = _as_graph(train_step), _as_graph(evaluate)
        variables = [*weights, *biases]
        self.weights, biases = [*map(_tf_variable, weights)], [*map(_tf_variable, biases)]
        self._check_evaluate()
        self._named = _named(self.weights, biases, self._trace_evaluate(1))
        self.optimizer = optimizer
        of_keras = any(isinstance(one, tf.keras.Variable) for one in variables)
        if optimizer and not (optimizer.built or of_keras):
            # now: if tracing has to make its variables, it takes twice the time
            others = [one for name, one in self._named.items() if name.startswith("other")]
            optimizer.build(variables + [one for one in others if one.trainable])
        step = self.train_step.get_concrete_function(*signature(BATCH))
        # a step may return the images that it trained on; whatever else it returns is ignored
        shape = getattr(step.structured_outputs, "shape", None)
        self._returns_images = shape == signature(BATCH)[0].shape
        self.variables = step.variables
        self._compile_loop(xla_compiles(step))

    def _check_evaluate(self):
        """Raise ScriptError unless evaluate returns what it has to, for 100 blank images."""
        labels = tf.one_hot(tf.range(BATCH) % 10, 10)  # so that one in ten is predicted
        Y, _, accuracy = self._evaluated(tf.zeros([BATCH, 28, 28, 1]), labels)
        sums = tf.reduce_sum(Y, 1).numpy()
        wrong = sums[abs(sums - 1) > 0.01]  # NaN is none: the weights may have diverged
        if len(wrong):
            raise ScriptError(
                "Y must be the probabilities of the ten digits, but they add up to "
                f"{wrong[0]:.4g}, not to 1: are they logits, without tf.nn.softmax? (For a Keras "
                "model: a last layer with softmax, or a loss with from_logits=True.)"
            )
        if accuracy > 1:
            raise ScriptError(
                f"accuracy must be a share from 0 to 1, but for 10 of 100 digits it is {accuracy:g}"
            )

    def _trace_evaluate(self, n):
        """evaluate for n images, as a concrete function."""
        try:
            return self.evaluate.get_concrete_function(*signature(n))
        except Exception as error:  # TensorFlow's, or Python's own
            why = str(error).strip().splitlines()[-1].strip()
            raise ScriptError(
                f"evaluate(X, Y_) must take any number of images, not only {BATCH}: {why}"
            ) from error

    def _compile_loop(self, xla):
        self.xla = xla
        self._loop = tf.function(self._train_loop, jit_compile=xla)

    def give_up_xla(self):
        """Have the loop built again, without XLA; what has traced `advance` is to trace it again.

        Returns whether there was something to give up.
        """
        before = self.xla
        self._compile_loop(False)
        return before

    def advance(self, X, Y_, first, last):
        """In the graph: train on the batches first ... last - 1 of X, Y_ [k, BATCH, ...].

        Returns images and labels of the last of them if train_step returned its images, else None.
        """
        images = self._loop(X, Y_, first, last)
        return (images, tf.gather(Y_, last - 1)) if self._returns_images else None

    def _train_loop(self, X, Y_, first, last):
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
        """In the graph, for X [n, 28, 28, 1]: accuracy and loss [2], probabilities Y [n, 10]."""
        Y, loss, accuracy = self._evaluated(X, Y_)
        return tf.stack([accuracy, loss]), Y

    def _evaluated(self, X, Y_):
        """What evaluate returns, as float32. Raises ScriptError where the shapes are others."""
        n, returned = X.shape[0], self.evaluate(X, Y_)
        values = returned if isinstance(returned, tuple | list) else [returned]
        shapes = [getattr(value, "shape", None) for value in values]
        if shapes != [[n, 10], [], []]:
            found = ", ".join(str(shape) for shape in shapes)
            raise ScriptError(
                "evaluate(X, Y_) must return three values: Y, the probabilities of the digits, "
                f"shape ({n}, 10) for {n} images; cross_entropy and accuracy, one number "
                f"each. It returns {found}"
            )
        return [tf.cast(value, tf.float32) for value in values]

    def learning_rate(self):
        """In the graph: the learning rate, [] float32; NaN without an optimizer."""
        return tf.convert_to_tensor(self.optimizer.learning_rate if self.optimizer else math.nan)

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


def _check_function(name, function):
    """Raise ScriptError unless this is a function of X and Y_."""
    try:
        inspect.signature(getattr(function, "python_function", function)).bind("X", "Y_")
    except (TypeError, ValueError):
        raise ScriptError(f"{name} must be a function of X and Y_: def {name}(X, Y_)") from None


def _kind(value):
    """What a value is, for a message: "a Tensor", "None"."""
    return "None" if value is None else f"a {type(value).__name__}"


def _tf_variable(variable):
    """A tf.Variable as it is; what a Keras variable keeps its value in."""
    return variable.value if isinstance(variable, tf.keras.Variable) else variable


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
