"""What a view may ask of a network: gradients per layer, one digit's way through the layers."""

import math
import threading

import numpy as np

from visu.record.run import Layer, Look, Product
from visu.training.network import BATCH, signature
from visu.training.quiet_tensorflow import tf

# types of operations: products with weights, and what leaves the output of a layer as it is
PRODUCTS = {"MatMul", "BatchMatMulV2", "Einsum", "Conv2D", "DepthwiseConv2dNative"}
PASSING = {"Identity", "IdentityN", "Reshape", "Squeeze"}
SUMS = {"Add", "AddV2", "BiasAdd"}
PLAIN = {  # attributes of the products that a Product describes
    "MatMul": {"transpose_a": False, "transpose_b": False},
    "Conv2D": {"data_format": b"NHWC", "dilations": [1, 1, 1, 1], "explicit_paddings": []},
}


def gradient_sizes(evaluate, weights, X, Y_):
    """In the graph: root mean square of the loss's gradient for each of the weights, [layers].

    The loss is that of evaluate(X, Y_): cross entropy per 100 digits, dropout off.
    """
    with tf.GradientTape() as tape:
        loss = evaluate(X, Y_)[1]
    gradients = tape.gradient(loss, weights, unconnected_gradients="zero")
    gradients = [tf.cast(gradient, tf.float32) for gradient in gradients]
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
            layers = _layers(tf.compat.v1.get_default_graph().get_operations(), X)
            self._known = [(kind, settings) for kind, settings, *_ in layers]
            self.drops = any(dropped is not None for _, _, _, _, dropped in layers)
            return returned, [tensors for _, _, *tensors in layers]

        def trace():
            return tf.function(opened, jit_compile=xla).get_concrete_function(*signature(n))

        tf.config.run_functions_eagerly(True)  # tf.functions within it become part of its graph
        try:
            self._function = trace()
        except tf.errors.OperatorNotAllowedInGraphError:  # one needs AutoGraph: its layers are lost
            tf.config.run_functions_eagerly(False)
            self._function = trace()
        finally:
            tf.config.run_functions_eagerly(False)
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
        arrays = tf.nest.map_structure(lambda x: None if x is None else x.numpy(), tensors)
        return returned, tuple(
            Layer(kind, output, dropped, parts and Product(**settings, **parts))
            for (kind, settings), (parts, output, dropped) in zip(self._known, arrays, strict=True)
        )


def _layers(operations, X):
    """In the graph: [kind, settings, parts, output, dropped] of each hidden layer for the first of
    the images X, in order: the type of operation that makes its output; see _product for the next
    two; that output; what a dropout drops of it, True, or None.

    The output of a layer is what the next product with weights reads. Backward operations are none.
    """
    depth, found = {X.op: 0}, {}  # how many products lie behind an operation; found: the layers
    seeing = {X.op: set()}  # operation: the products that it is made of, back to the layer before
    learned = {}  # operation: variable
    for op in operations:
        if "gradient_tape/" in op.name:
            continue
        images = [x for x in op.inputs if x.op in seeing]
        weights = [x for x in op.inputs if x.op in learned or x.dtype == tf.resource]
        product = op.type in PRODUCTS and len(images) == len(weights) == 1
        loop = images and any(x.dtype == tf.resource for x in weights)  # or another control flow
        if images:
            before = [seeing[x.op] for x in images]
            seeing[op] = {op} if product or loop else set().union(*before)
            depth[op] = max(depth[x.op] for x in images) + bool(product or loop)
        elif weights:
            learned[op] = learned.get(weights[0].op, weights[0].ref())
        if product and depth[images[0].op]:  # each once, also where evaluate calls a model twice
            reader = learned[weights[0].op], depth[op]
            found.setdefault(reader, _layer(images[0], seeing))
    layers, before = [], X
    for kind, output, dropped in found.values():
        made = _product(output, before, seeing, learned)
        layers.append([kind, *made, output[0], None if dropped is None else dropped[0]])
        before = output
    return layers


def _layer(read, seeing):
    """[kind, output, dropped] of the layer whose output is read as this tensor.

    seeing: the operations that depend on the images, as a dropout's choice does not.
    """
    dropped, passing = None, PASSING | {"Mean", "SelectV2"}  # Mean: of whole feature maps
    while read.op.type in passing:
        op, data = read.op, [x for x in read.op.inputs if x.op in seeing]
        if op.type != "IdentityN" and len(data) > 1:
            break
        if op.type == "SelectV2":  # the output, scaled up, or 0
            dropped = tf.broadcast_to(tf.logical_not(op.inputs[0]), tf.shape(read))
            passing = PASSING | {"Mul", "RealDiv"}
        elif dropped is not None:
            passing = PASSING
        read = data[0]
    return [read.op.type, read, None if dropped is None else tf.reshape(dropped, tf.shape(read))]


def _product(output, before, seeing, learned):
    """In the graph: settings and parts of the Product, as dicts, that makes the output of a layer
    of `before`, the images or the output of the layer before; None, None if that is no Product.
    """
    op = next(iter(seeing[output.op]), output.op)
    if len(seeing[output.op]) > 1 or op.type not in PLAIN or op.outputs[0].shape != output.shape:
        return None, None
    inputs, weights = op.inputs
    shape = [1, 1, *before.shape[1:]][-3:]
    plain = all(op.get_attr(name) == value for name, value in PLAIN[op.type].items())
    fits = [*inputs.shape[1:]] in (shape, [math.prod(shape)])
    direct = not seeing[inputs.op] or _layer(inputs, seeing)[1].op == before.op
    if not (plain and fits and direct and weights.shape[-2] == inputs.shape[-1]):
        return None, None
    strides, padding, patch = (1, 1), "VALID", shape[:2]
    if op.type == "Conv2D":
        patch = weights.shape[:2]
        strides, padding = tuple(op.get_attr("strides")[1:3]), op.get_attr("padding").decode()
    added = [x.op for x in (output, *output.op.inputs) if x.op.type in SUMS]
    terms = [x for add in added if op in [x.op for x in add.inputs] for x in add.inputs]
    biases = [x for x in terms if x.op in learned and x.shape.num_elements() == output.shape[-1]]
    parts = {
        "inputs": tf.reshape(inputs[0], shape),
        "weights": tf.reshape(weights, [*patch, shape[2], -1]),
        "bias": tf.reshape(biases[0], [-1]) if biases else None,
    }
    return {"strides": strides, "padding": padding}, parts
