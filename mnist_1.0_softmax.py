r"""1.0 softmax: one layer of ten neurons reads handwritten digits.

Parent: none; the ladder starts here.
New: weights and biases, a model, a loss, an optimizer, a training step.

    · · · · · · · · · ·     X [n, 28, 28, 1]     n images of 28×28 grey pixels, flattened: XX
    \x/x\x/x\x/x\x/x\x/     W [28*28, 10]        softmax layer, b [10]
      · · · · · · · ·       Y [n, 10]            probabilities of the ten digits

Accuracy: 92.07 % of the test digits after 2,000 iterations
(median of seeds 0-4, which end at 91.81 to 92.14: python benchmarks/ladder.py).
"""

import tensorflowvisu  # before TensorFlow: keeps its start-up quiet
import mnist_data
import tensorflow as tf

args = tensorflowvisu.parse_args(__doc__, iterations=2_000)
mnist = mnist_data.load(args.data)

# weights and biases
W = tf.Variable(tf.zeros([28 * 28, 10]))
b = tf.Variable(tf.zeros([10]))
weights, biases = [W], [b]


# model: images X [n, 28, 28, 1] to Ylogits [n, 10], the slide's L, before the softmax
def model(X):
    XX = tf.reshape(X, [-1, 28 * 28])
    return XX @ W + b


# loss: cross entropy of the logits and Y_ [n, 10], the true digits, one-hot
def loss(Ylogits, Y_):
    Y = tf.nn.softmax(Ylogits)
    cross_entropy = -tf.reduce_sum(Y_ * tf.math.log(Y), axis=1)
    return tf.reduce_mean(cross_entropy) * 100  # the slide's sum over a batch of 100 images


# optimizer
optimizer = tf.keras.optimizers.SGD(0.003)


# training step: one batch X [100, 28, 28, 1], Y_ [100, 10]
@tf.function  # the first call compiles it into a data flow graph
def train_step(X, Y_):
    with tf.GradientTape() as tape:  # records the computation, so that it can be differentiated
        cross_entropy = loss(model(X), Y_)
    gradients = tape.gradient(cross_entropy, weights + biases)  # of both lists, joined by +
    optimizer.apply_gradients(zip(gradients, weights + biases))


# evaluation: probabilities Y [n, 10], cross entropy, share of correct answers
@tf.function
def evaluate(X, Y_):
    Ylogits = model(X)
    Y = tf.nn.softmax(Ylogits)
    is_correct = tf.equal(tf.argmax(Y, 1), tf.argmax(Y_, 1))
    accuracy = tf.reduce_mean(tf.cast(is_correct, tf.float32))
    return Y, loss(Ylogits, Y_), accuracy


tensorflowvisu.run(args, mnist, train_step, evaluate, optimizer, weights, biases)
