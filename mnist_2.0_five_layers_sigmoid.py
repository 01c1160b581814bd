r"""2.0 five layers, sigmoid: four layers of neurons between the pixels and the softmax.

Parent: 1.0
New: hidden layers with an activation function, and what they need: weights that start at random,
the optimizer Adam, more iterations; the loss of 1.0 in one operation, which never takes log(0).

    · · · · · · · · · ·     X [n, 28, 28, 1]     n images, flattened: XX
    \x/x\x/x\x/x\x/x\x/     W1 [28*28, 200]      sigmoid layer, B1 [200]
     · · · · · · · · ·      Y1 [n, 200]
      \x/x\x/x\x/x\x/       W2 [200, 100]        sigmoid layer, B2 [100]
       · · · · · · ·        Y2 [n, 100]
        \x/x\x/x\x/         W3 [100, 60]         sigmoid layer, B3 [60]
         · · · · ·          Y3 [n, 60]
          \x/x\x/           W4 [60, 30]          sigmoid layer, B4 [30]
           · · ·            Y4 [n, 30]
            \x/             W5 [30, 10]          softmax layer, B5 [10]
             ·              Y [n, 10]

Without Adam, with the slides' SGD(0.003), some 1,200 iterations pass at about 10 %: the deck's slow
convergence. A sigmoid's slope is at most 1/4. Four of them, and small weights, make the gradient
vanish on its way back to W1, and SGD's step is as small as the gradient. Adam divides each gradient
by its size: W1's first step is as large as in 2.1. The slow start that is left has another cause:
on the way forward, too, each sigmoid flattens what the digits differ by, and Y4 is nearly the same
for all of them. With stddev=0.35 in place of 0.1 it has 88 % after 100 iterations, else 54 %
(medians of seeds 0-4: python benchmarks/causes.py signal start gradient).

Accuracy: 97.57 % of the test digits after 10,000 iterations
(median of seeds 0-4, which end at 96.98 to 97.77: python benchmarks/ladder.py).
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
B1 = tf.Variable(tf.zeros([K]))
W2 = tf.Variable(rng.truncated_normal([K, L], stddev=0.1))
B2 = tf.Variable(tf.zeros([L]))
W3 = tf.Variable(rng.truncated_normal([L, M], stddev=0.1))
B3 = tf.Variable(tf.zeros([M]))
W4 = tf.Variable(rng.truncated_normal([M, N], stddev=0.1))
B4 = tf.Variable(tf.zeros([N]))
W5 = tf.Variable(rng.truncated_normal([N, 10], stddev=0.1))
B5 = tf.Variable(tf.zeros([10]))
weights, biases = [W1, W2, W3, W4, W5], [B1, B2, B3, B4, B5]


# model: images X [n, 28, 28, 1] to Ylogits [n, 10], the slide's L, before the softmax
def model(X):
    XX = tf.reshape(X, [-1, 28 * 28])
    Y1 = tf.nn.sigmoid(XX @ W1 + B1)
    Y2 = tf.nn.sigmoid(Y1 @ W2 + B2)
    Y3 = tf.nn.sigmoid(Y2 @ W3 + B3)
    Y4 = tf.nn.sigmoid(Y3 @ W4 + B4)
    return Y4 @ W5 + B5


# loss: cross entropy of the logits and Y_ [n, 10], the true digits, one-hot
def loss(Ylogits, Y_):
    cross_entropy = tf.nn.softmax_cross_entropy_with_logits(labels=Y_, logits=Ylogits)
    return tf.reduce_mean(cross_entropy) * 100  # the slide's sum over a batch of 100 images


# optimizer
optimizer = tf.keras.optimizers.Adam(0.003)


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
