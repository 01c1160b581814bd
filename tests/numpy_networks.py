"""The networks of the scripts in numpy, float64: what TensorFlow's are compared with."""

import numpy as np


def convolution(X, W, stride, padded=True):
    """X [n, h, w, c] correlated with W [kh, kw, c, k], zero-padded to h / stride rows."""
    (kh, kw), (h, w) = W.shape[:2], X.shape[1:3]
    if padded:
        pads = [max((-(-n // stride) - 1) * stride + k - n, 0) for n, k in ((h, kh), (w, kw))]
        X = np.pad(X, [(0, 0), *((p // 2, p - p // 2) for p in pads), (0, 0)])
    windows = np.lib.stride_tricks.sliding_window_view(X, (kh, kw), axis=(1, 2))
    return np.einsum("nhwcij,ijck->nhwk", windows[:, ::stride, ::stride], W, optimize=True)


def relu(x):
    return np.maximum(x, 0)


def sigmoid(x):
    return 1 / (1 + np.exp(-x))


def dense(activation):
    def network(X, W, B):
        Y = X.reshape(len(X), -1)
        for w, b in zip(W[:-1], B[:-1], strict=True):
            Y = activation(Y @ w + b)
        return Y @ W[-1] + B[-1]

    return network


def convolutional(X, W, B):
    for w, b, stride in zip(W[:3], B[:3], (1, 2, 2), strict=True):
        X = relu(convolution(X, w, stride) + b)
    return dense(relu)(X, W[3:], B[3:])


def measured(Y):
    """Mean and variance [2, channels] of Y [..., channels]."""
    Y = Y.reshape(-1, Y.shape[-1])
    return np.array([Y.mean(axis=0), Y.var(axis=0)])


def batch_norm(Y, b, average):
    """average: [2, channels]; None: the batch's own, as it is in training."""
    mean, variance = measured(Y) if average is None else average
    return (Y - mean) / np.sqrt(variance + 0.001) + b


def normalized(X, W, B, averages=(None,) * 4):
    for w, b, stride, average in zip(W[:4], B[:4], (1, 2, 2, None), averages, strict=True):
        Y = convolution(X, w, stride) if stride else X.reshape(len(X), -1) @ w
        X = relu(batch_norm(Y, b, average))
    return X @ W[4] + B[4]


def global_average(X, W, B, averages=(None,) * 5):
    for k, (stride, average) in enumerate(zip((2, 1, 1, 2, 1), averages, strict=True)):
        X = relu(batch_norm(convolution(X, W[k], stride, padded=k < 4), B[k], average))
    return X.mean(axis=(1, 2)) @ W[5] + B[5]


# script's number -> network, shapes of its weights
BIGGER = [(6, 6, 1, 6), (5, 5, 6, 12), (4, 4, 12, 24), (1176, 200), (200, 10)]
DEEPER = [(6, 6, 1, 32), (3, 3, 32, 64), (3, 3, 64, 64), (4, 4, 64, 128), (3, 3, 128, 128)]
FIVE = [(784, 200), (200, 100), (100, 60), (60, 30), (30, 10)]
NETWORKS = {
    "1.0": (dense(None), [(784, 10)]),
    "2.0": (dense(sigmoid), FIVE),
    "2.1": (dense(relu), FIVE),
    "2.2": (dense(relu), FIVE),
    "3.0": (convolutional, [(5, 5, 1, 4), (5, 5, 4, 8), (4, 4, 8, 12), (588, 200), (200, 10)]),
    "3.1": (convolutional, BIGGER),
    "4.0": (normalized, BIGGER),
    "4.1": (normalized, BIGGER),
    "4.2": (global_average, [*DEEPER, (128, 10)]),
}


def cross_entropy(logits, Y_):
    """-sum(Y_ · log(softmax)) over 100 digits, the mean over those given taken 100 times."""
    logits = logits - logits.max(axis=1, keepdims=True)
    log_softmax = logits - np.log(np.exp(logits).sum(axis=1, keepdims=True))
    return -(Y_ * log_softmax).sum(axis=1).mean() * 100


def values(variables):
    return [variable.numpy().astype(np.float64) for variable in variables]
