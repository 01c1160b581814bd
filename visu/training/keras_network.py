"""A compiled Keras model as a Network."""

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

    @staticmethod
    def count_layers(model):
        """How many layers have weights; builds the model if need be. Raises ScriptError."""
        _check_model(model)
        return sum(len(variable.shape) > 1 for variable in model.trainable_variables)

    def __init__(self, model):
        self._model, self._input_shape = model, _check_model(model)
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
        X = tf.reshape(X, [*X.shape[:-3], *self._input_shape])
        return X, tf.argmax(Y_, -1) if self._sparse else Y_

    def give_up_xla(self):
        self._model.jit_compile, self._model.train_function = False, None
        return super().give_up_xla()

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
    """The shape of one input of a model, such as [28, 28, 1]; builds the model if need be.

    Raises ScriptError unless this is a compiled Keras model of images of 28 x 28 pixels.
    """
    if not isinstance(model, tf.keras.Model) or not getattr(model, "optimizer", None):
        raise ScriptError(
            "fit(args, mnist, model) needs a compiled Keras model: model.compile(...)"
        )
    if not model.loss:
        raise ScriptError('the model is compiled without a loss: model.compile(..., loss="...")')
    if isinstance(model.loss, (list, tuple, dict)):
        raise ScriptError('the model has one output: compile it with one loss, loss="..."')
    called_with = (model.get_build_config() or {}).get("input_shape", (None, 28, 28, 1))
    takes = getattr(model, "input_shape", None) or called_with
    if not isinstance(takes, tuple | list) or None in takes[1:] or math.prod(takes[1:]) != 28 * 28:
        raise ScriptError(f"the model takes inputs of shape {takes}, not images of 28 x 28 pixels")
    try:
        gives = model(tf.zeros([1, *takes[1:]])).shape
    except Exception as error:  # Keras's, or of the model's own code
        why = str(error).strip().splitlines()[0]
        raise ScriptError(
            f"the model does not take images of shape {[*takes[1:]]}: {why}. Another shape is told "
            "by keras.Input([784]) at its beginning, or by a first call, model(tf.zeros([1, 784]))"
        ) from error
    if gives != (1, 10):
        raise ScriptError(f"the model returns outputs of shape {gives} for one image, not (1, 10)")
    return [*takes[1:]]


def _loss_name(loss):
    """The name of a Keras loss, given as text, function or object."""
    return loss if isinstance(loss, str) else getattr(loss, "__name__", type(loss).__name__)
