r"""5.0 Keras: the network of 3.1 once more, in the high-level API of TensorFlow.

Parent: 3.1
New: Keras builds the network, the training step and the loop; the script only declares them.

    · · · · · · · · · ·     X [n, 28, 28, 1]     Input
    @ @ @ @ @ @ @ @ @ @     W1 [6, 6, 1, 6]      Conv2D(6, 6)
    :::::::::::::::::::     Y1 [n, 28, 28, 6]
      @ @ @ @ @ @ @ @       W2 [5, 5, 6, 12]     Conv2D(12, 5, strides=2), Dropout
      :: :::: ::: :::       Y2 [n, 14, 14, 12]
        @ @ @ @ @ @         W3 [4, 4, 12, 24]    Conv2D(24, 4, strides=2), Dropout
        :::: :: :::         Y3 [n, 7, 7, 24]     Flatten
         \x/x\x\x/          W4 [7*7*24, 200]     Dense(200), Dropout
          · x · ·           Y4 [n, 200]
           \x/x\            W5 [200, 10]         Dense(10, activation="softmax")
            · ·             Y [n, 10]

A line here, and the lines of 3.1 that it stands for:

    Conv2D, Dense           W1 to W5, B1 to B5, tf.nn.conv2d, @, tf.nn.relu, tf.nn.softmax
    Dropout(0.25)           dropout and its pkeep = 0.75, off by itself when testing
    Flatten                 YY = tf.reshape(Y3, ...)
    Sequential              model
    loss, metrics           loss, and the accuracy in evaluate
    compile                 train_step: tape, gradients, apply_gradients; tf.function
    fit                     the loop over the batches

"Simple but constrained", says the deck: what fit does in a step can be neither read nor changed
here; the weights have no names of their own; the loss is a mean, not the slides' sum over 100
images, which makes no difference to Adam. To change the step, write train_step in a class of your
own, or go back to 3.1.

The optimizer, its learning rate and the start values are those of 3.1. tensorflowvisu.fit lets
Keras run 20 steps per call (steps_per_execution). A plain fit asks Python after each step, and with
the same evaluations takes nearly twice as long: python benchmarks/speed.py 5.0.

Accuracy: 99.30 % of the test digits after 10,000 iterations
(median of seeds 0-4, which end at 99.20 to 99.38: python benchmarks/ladder.py).
"""

import tensorflowvisu  # before TensorFlow: keeps its start-up quiet
import mnist_data
import tensorflow as tf
from tensorflow.keras import layers

args = tensorflowvisu.parse_args(__doc__, iterations=10_000)
mnist = mnist_data.load(args.data)
tf.keras.utils.set_random_seed(args.seed)  # of the start values and of dropout


# weights and biases: where they start
def start(bias=0.1):
    return {
        "kernel_initializer": tf.keras.initializers.TruncatedNormal(stddev=0.1),
        "bias_initializer": tf.keras.initializers.Constant(bias),
    }


# model: images X [n, 28, 28, 1] to probabilities Y [n, 10]
model = tf.keras.Sequential(
    [
        layers.Input([28, 28, 1]),
        layers.Conv2D(6, 6, padding="same", activation="relu", **start()),
        layers.Conv2D(12, 5, strides=2, padding="same", activation="relu", **start()),
        layers.Dropout(0.25),
        layers.Conv2D(24, 4, strides=2, padding="same", activation="relu", **start()),
        layers.Dropout(0.25),
        layers.Flatten(),
        layers.Dense(200, activation="relu", **start()),
        layers.Dropout(0.25),
        layers.Dense(10, activation="softmax", **start(bias=0.0)),
    ]
)


# learning rate: falls from lrmax to lrmin; the optimizer calls it again in each iteration i
def learning_rate(lrmin=0.0001, lrmax=0.003):
    i = tf.cast(optimizer.iterations, tf.float32)
    return lrmin + (lrmax - lrmin) * tf.exp(-i / 2000)


# optimizer
optimizer = tf.keras.optimizers.Adam(learning_rate)

# training step and evaluation
model.compile(optimizer, loss="categorical_crossentropy", metrics=["accuracy"])

tensorflowvisu.fit(args, mnist, model)  # trains as model.fit does
