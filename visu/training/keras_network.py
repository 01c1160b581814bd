"""A compiled Keras model behind the two verbs of a Network; its own train_function trains it."""

import math
from contextlib import suppress

from visu.training.network import Network, ScriptError
from visu.training.quiet_tensorflow import tf


class KerasNetwork(Network):
    """A compiled Keras model as a Network, of which its own train_function advances it.

    model: takes [n, 28, 28, 1], [n, 28, 28] or [n, 784], pixels 0 to 1, and returns probabilities
    [n, 10], or logits if its loss says from_logits.
    Raises ScriptError where the model is another one.
    """

    in_graph = False  # Keras decides in Python what its train_function is

    def __init__(self, model):
        _check(model)
        self._model = model
        self._sparse = "sparse" in _name(model.loss).lower()
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
        self.xla = bool(model.jit_compile)  # as Keras does, whose dropout this is to drop

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
        with suppress(StopIteration):
            model.train_function(iter(dataset))


def _check(model):
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


def _name(loss):
    """The name of a Keras loss, given as text, function or object."""
    return loss if isinstance(loss, str) else getattr(loss, "__name__", type(loss).__name__)
