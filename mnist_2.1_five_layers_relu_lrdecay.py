r"""2.1 ReLU, learning rate decay: an activation that learns faster, and a learning rate that falls.

Parent: 2.0
New: relu in place of sigmoid, with biases that start a little above zero; the learning rate falls
from 0.003 to 0.0001.

    · · · · · · · · · ·     X [n, 28, 28, 1]     n images, flattened: XX
    \x/x\x/x\x/x\x/x\x/     W1 [28*28, 200]      ReLU layer, B1 [200]
     · · · · · · · · ·      Y1 [n, 200]
      \x/x\x/x\x/x\x/       W2 [200, 100]        ReLU layer, B2 [100]
       · · · · · · ·        Y2 [n, 100]
        \x/x\x/x\x/         W3 [100, 60]         ReLU layer, B3 [60]
         · · · · ·          Y3 [n, 60]
          \x/x\x/           W4 [60, 30]          ReLU layer, B4 [30]
           · · ·            Y4 [n, 30]
            \x/             W5 [30, 10]          softmax layer, B5 [10]
             ·              Y [n, 10]

A ReLU's slope is 1 for positive inputs and 0 for negative ones: active neurons pass the signal on,
and the gradient back, undiminished. For the noisy accuracy of a constant rate write lrmin=0.003
below. Watch the test loss: from about iteration 3,000 on it climbs while the training loss goes to
zero. That is overfitting. The accuracy does not fall with it, as the loss also counts how sure the
network is of the digits that it misreads.

Accuracy: 98.30 % of the test digits after 10,000 iterations
(median of seeds 0-4, which end at 98.12 to 98.40; the test loss is 6.5 at its lowest and
10.1 at the end: python benchmarks/ladder.py).
"""

import tensorflowvisu  # before TensorFlow: keeps its start-up quiet
import mnist_data
import tensorflow as tf

args = tensorflowvisu.parse_args(__doc__, iterations=10_000)
mnist = mnist_data.load(args.data)

# weights and biases: weights start at random, as neurons that start alike would stay alike
rng = tf.random.Generator.from_seed(args.seed)
K, L, M, N = 200, 100, 60, 30
W1 = tf.Variable(rng.truncated_normal([28 * 28, K], stddev=0.1))
B1 = tf.Variable(tf.ones([K]) / 10)
W2 = tf.Variable(rng.truncated_normal([K, L], stddev=0.1))
B2 = tf.Variable(tf.ones([L]) / 10)
W3 = tf.Variable(rng.truncated_normal([L, M], stddev=0.1))
B3 = tf.Variable(tf.ones([M]) / 10)
W4 = tf.Variable(rng.truncated_normal([M, N], stddev=0.1))
B4 = tf.Variable(tf.ones([N]) / 10)
W5 = tf.Variable(rng.truncated_normal([N, 10], stddev=0.1))
B5 = tf.Variable(tf.zeros([10]))
weights, biases = [W1, W2, W3, W4, W5], [B1, B2, B3, B4, B5]


# model: images X [n, 28, 28, 1] to Ylogits [n, 10], the slide's L, before the softmax
def model(X):
    XX = tf.reshape(X, [-1, 28 * 28])
    Y1 = tf.nn.relu(XX @ W1 + B1)
    Y2 = tf.nn.relu(Y1 @ W2 + B2)
    Y3 = tf.nn.relu(Y2 @ W3 + B3)
    Y4 = tf.nn.relu(Y3 @ W4 + B4)
    return Y4 @ W5 + B5


# loss: cross entropy of the logits and Y_ [n, 10], the true digits, one-hot
def loss(Ylogits, Y_):
    cross_entropy = tf.nn.softmax_cross_entropy_with_logits(labels=Y_, logits=Ylogits)
    return tf.reduce_mean(cross_entropy) * 100  # the slide's sum over a batch of 100 images


# learning rate: falls from lrmax to lrmin; the optimizer calls it again in each iteration i
def learning_rate(lrmin=0.0001, lrmax=0.003):
    i = tf.cast(optimizer.iterations, tf.float32)
    return lrmin + (lrmax - lrmin) * tf.exp(-i / 2000)


# optimizer
optimizer = tf.keras.optimizers.Adam(learning_rate)


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
