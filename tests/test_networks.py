"""The networks, their losses, gradients and updates, against numpy in float64."""

from functools import partial

import numpy as np
import pytest
import tensorflow as tf
from conftest import SCRIPTS as ALL
from conftest import batch_of
from numpy_networks import NETWORKS, convolution, cross_entropy, measured, values

from visu.training.inspection import gradient_sizes

SAMPLES = 8  # weights of each variable whose gradient is checked
SCRIPTS = [path for path in ALL if "tensorflowvisu.run(" in path.read_text()]  # 5.0: test_keras

DROPOUT = [path for path in SCRIPTS if "pkeep" in path.read_text()]
NORMALIZED = [path for path in SCRIPTS if "averages" in path.read_text()]


@pytest.fixture(params=SCRIPTS, ids=lambda path: path.stem)
def script(request):
    """Each script that writes its own training step."""
    return request.param


COSINES = {"4.1": (0.005, 14_000), "4.2": (0.005, 14_000)}  # highest learning rate, where it is 0


def rate(step, i):
    """The learning rate at iteration i."""
    if step in ("1.0", "2.0"):
        return 0.003
    if step in COSINES:
        highest, last = COSINES[step]
        return highest * (1 + np.cos(np.pi * i / last)) / 2
    return 0.0001 + 0.0029 * np.exp(-i / 2000)


def number(script):
    return script.stem.split("_")[1]


@pytest.fixture
def loaded(script, load_script):
    """A script's names, its variables moved off their start so that nothing is zero or even."""
    names = load_script(script)
    rng = np.random.default_rng(1)
    for variable in names["weights"] + names["biases"]:
        variable.assign_add(rng.normal(0, 0.05, variable.shape).astype(np.float32))
    for average in names.get("averages", ()):
        average.assign_add(rng.uniform(0, 0.5, average.shape).astype(np.float32))
    return names


@pytest.fixture
def batch(loaded):
    train = loaded["mnist"].train
    return batch_of(train, slice(100))


def network(script, names):
    """The script's network in numpy, for X, W, B, as it is at test time."""
    made = NETWORKS[number(script)][0]
    return partial(made, averages=values(names["averages"])) if "averages" in names else made


def test_shapes_and_start_values(script, load_script):
    names, other = load_script(script), load_script(script, "--seed", "1")
    shapes = NETWORKS[number(script)][1]
    assert [tuple(w.shape) for w in names["weights"]] == shapes
    assert [tuple(b.shape) for b in names["biases"]] == [shape[-1:] for shape in shapes]
    hidden = {"1.0": 0, "2.0": 0}.get(number(script), 0.1)
    for b in names["biases"][:-1]:
        np.testing.assert_allclose(b.numpy(), hidden)
    np.testing.assert_array_equal(names["biases"][-1].numpy(), 0)
    for w, another in zip(values(names["weights"]), values(other["weights"]), strict=True):
        if number(script) == "1.0":
            assert not w.any()
        else:  # normal, cut off at two standard deviations, which leaves 0.88 of one
            spread = np.sqrt(2 / w[..., 0].size) if number(script) == "4.2" else 0.1
            left = 0.88 * spread
            assert abs(w).max() <= 2.001 * spread
            assert abs(w.std() - left) < 5 * left / np.sqrt(2 * w.size)
            assert abs(w.mean()) < 5 * left / np.sqrt(w.size)
            assert np.any(w != another)


def test_evaluations_are_what_numpy_computes(script, loaded, batch):
    X, Y_ = batch
    logits = network(script, loaded)(
        X.astype(np.float64), values(loaded["weights"]), values(loaded["biases"])
    )
    Y, loss, accuracy = (result.numpy() for result in loaded["evaluate"](X, Y_))
    np.testing.assert_allclose(Y, np.exp(logits) / np.exp(logits).sum(1, keepdims=True), atol=1e-5)
    np.testing.assert_allclose(loss, cross_entropy(logits, Y_), rtol=1e-4)
    np.testing.assert_allclose(accuracy, np.mean(logits.argmax(1) == Y_.argmax(1)), rtol=1e-6)


def test_gradients_are_numpys_finite_differences(script, loaded, batch):
    """Those of training but for dropout: with batch normalization through a batch's own mean."""
    X, Y_ = (part[10:15] for part in batch)  # with these, no ReLU is on another side in float32
    weights, biases = loaded["weights"], loaded["biases"]
    training = {"training": True} if "averages" in loaded else {}
    with tf.GradientTape() as tape:
        loss = loaded["loss"](loaded["model"](X, **training), Y_)
    gradients = tape.gradient(loss, weights + biases)

    W, B = values(weights), values(biases)
    network, X = NETWORKS[number(script)][0], X.astype(np.float64)
    rng, step = np.random.default_rng(2), 1e-7
    for gradient, value in zip(gradients, W + B, strict=True):
        flat, gradient = value.reshape(-1), gradient.numpy().reshape(-1)
        scale = float(abs(gradient).max())
        for k in rng.choice(flat.size, min(SAMPLES, flat.size), replace=False):
            before, losses = flat[k], []
            for flat[k] in (before + step, before - step):
                losses.append(cross_entropy(network(X, W, B), Y_))
            flat[k] = before
            slope = (losses[0] - losses[1]) / (2 * step)
            assert gradient[k] == pytest.approx(slope, rel=1e-3, abs=1e-4 * scale)


@pytest.mark.parametrize("script", [SCRIPTS[1], NORMALIZED[0]], indirect=True, ids=number)
def test_sizes_of_gradients_are_numpys_slopes(script, loaded, batch):
    """Along a layer's gradient the loss rises by its length: numpy's loss tells that one."""
    X, Y_ = (part[:20] for part in batch)
    weights, step = loaded["weights"], 1e-6
    sizes = gradient_sizes(loaded["evaluate"], weights, X, Y_).numpy()
    with tf.GradientTape() as tape:
        loss = loaded["evaluate"](X, Y_)[1]
    gradients = values(tape.gradient(loss, weights))
    W, B, X = values(weights), values(loaded["biases"]), X.astype(np.float64)
    assert len(sizes) == len(W)
    for k, gradient in enumerate(gradients):
        direction, losses = gradient / np.linalg.norm(gradient), []
        for way in (step, -step):
            moved = [w + way * direction if j == k else w for j, w in enumerate(W)]
            losses.append(cross_entropy(network(script, loaded)(X, moved, B), Y_))
        slope = (losses[0] - losses[1]) / (2 * step)
        assert sizes[k] == pytest.approx(slope / np.sqrt(gradient.size), rel=2e-3)


def test_first_step_of_the_optimizer(script, loaded, batch):
    """Gradient descent moves by rate × gradient, Adam's first step by the rate against its sign."""
    X, Y_ = batch
    weights, biases = loaded["weights"], loaded["biases"]
    loaded["optimizer"].build(weights + biases)
    with tf.GradientTape() as tape:
        loss = loaded["loss"](loaded["model"](X), Y_)
    gradient = tape.gradient(loss, weights[-1]).numpy()
    before = weights[-1].numpy()
    loaded["train_step"](X, Y_)
    step = loaded["train_step"].get_concrete_function(X, Y_)
    assert all(v.dtype != tf.int32 for v in step.variables)  # with which XLA fails on a GPU
    moved = weights[-1].numpy() - before
    if number(script) == "1.0":
        np.testing.assert_allclose(moved, -0.003 * gradient, rtol=1e-3, atol=1e-6)
    elif loaded["train_step"].python_function.__globals__["model"].__defaults__ is None:
        clear = abs(gradient) > 1e-2
        assert clear.mean() > 0.5
        np.testing.assert_allclose(moved[clear], -0.003 * np.sign(gradient[clear]), rtol=1e-2)
    else:  # with dropout the gradient is another one, the size of the step is not
        assert np.isclose(abs(moved), rate(number(script), 0), rtol=1e-3).mean() > 0.5


def test_learning_rate(script, loaded):
    optimizer = loaded["optimizer"]
    optimizer.build(loaded["weights"] + loaded["biases"])
    for i in (0, 300, 2000, 7_000):
        optimizer.iterations.assign(i)
        found = float(tf.convert_to_tensor(optimizer.learning_rate))
        assert found == pytest.approx(rate(number(script), i), rel=1e-5, abs=1e-8)


@pytest.mark.parametrize("step", COSINES)
def test_a_shorter_run_has_its_whole_schedule(step, load_script):
    names = load_script(next(p for p in SCRIPTS if step in p.stem), "--iterations", "200")
    for i, share in ((0, 1), (100, 0.5), (200, 0)):
        names["optimizer"].iterations.assign(i)
        found = float(tf.convert_to_tensor(names["optimizer"].learning_rate))
        assert found == pytest.approx(share * COSINES[step][0], abs=1e-8)


@pytest.mark.parametrize("script", DROPOUT, indirect=True, ids=number)
def test_dropout_drops_a_quarter_and_boosts_the_rest(script, loaded, batch):
    """With identity-like readout the dense layer before the last shows through the logits."""
    X, _ = batch
    W5, B5 = loaded["weights"][-1], loaded["biases"][-1]
    W5.assign(tf.eye(*W5.shape))  # the logits are the first 10 neurons of the last hidden layer
    B5.assign(tf.zeros(10))
    others = loaded["weights"][:-1]
    for w in others[-1:]:  # the last hidden layer is made 1 for every input
        w.assign(tf.zeros_like(w))
    loaded["biases"][-2].assign(tf.ones_like(loaded["biases"][-2]))
    for average in loaded.get("averages", ())[-1:]:  # mean 0, variance 1
        average.assign([[0.0] * 200, [1.0] * 200])
    np.testing.assert_array_equal(loaded["model"](X).numpy(), 1)
    masks = [loaded["model"](X, pkeep=0.75).numpy() for _ in range(20)]
    np.testing.assert_allclose(np.unique(masks), [0, 1 / 0.75], rtol=1e-6)
    share = np.mean(np.array(masks) > 0)
    assert abs(share - 0.75) < 5 * np.sqrt(0.75 * 0.25 / (20 * 1000))
    assert np.any(masks[0] != masks[1])


@pytest.mark.parametrize("script", NORMALIZED, indirect=True, ids=number)
def test_moving_averages_take_in_a_share_of_a_batch(script, loaded, batch):
    X, _ = batch
    made, stride = NETWORKS[number(script)][0], 2 if number(script) == "4.2" else 1
    W, B = values(loaded["weights"]), values(loaded["biases"])
    before = values(loaded["averages"])
    loaded["model"](X)
    for old, new in zip(before, values(loaded["averages"]), strict=True):  # not at test time
        np.testing.assert_array_equal(new, old)
    logits = loaded["model"](X, training=True)
    after = values(loaded["averages"])
    X = X.astype(np.float64)
    np.testing.assert_allclose(logits, made(X, W, B), rtol=1e-3, atol=1e-3)
    expected = 0.98 * before[0] + 0.02 * measured(convolution(X, W[0], stride))
    np.testing.assert_allclose(after[0], expected, rtol=1e-4, atol=1e-5)
    assert all(np.any(b != a) for b, a in zip(before, after, strict=True))


def augmentation(load_script, *flags):
    return load_script(next(path for path in SCRIPTS if "augmentation" in path.stem), *flags)


@pytest.fixture
def augment(load_script):
    """augment(X, matrix, shift, field): 4.1's, with these numbers in place of its random ones."""
    names = augmentation(load_script)

    def made(X, matrix=((1, 0), (0, 1)), shift=(0, 0), field=0):
        class Chosen:
            """What it is asked for comes as these numbers, for each of 100 digits."""

            def uniform(self, shape, low, high):
                chosen = {4: np.subtract(matrix, np.eye(2)), 2: np.array(shift)}
                return tf.constant(np.resize(chosen[np.prod(shape[1:])], shape), tf.float32)

            def normal(self, shape, mean, stddev):
                return tf.constant(np.resize(field, shape), tf.float32)

        names["augment"].__globals__["rng"] = Chosen()
        return names["augment"](tf.constant(X), 1.0).numpy()

    return made


@pytest.fixture
def noise():
    return np.random.default_rng(0).random([100, 28, 28, 1]).astype(np.float32)


def test_augmentation_moves_pixels_as_its_matrix_says(augment, noise):
    X = noise
    np.testing.assert_array_equal(augment(X), X)
    shifted = augment(X, shift=[-1, 2])  # takes what is 1 above, 2 right; black comes in
    np.testing.assert_allclose(shifted[:, 1:, :-2], X[:, :-1, 2:], atol=1e-5)
    assert not shifted[:, 0].any() and not shifted[:, :, -2:].any()
    turned = augment(X, [[0, 1], [-1, 0]])  # a quarter turn round the middle
    np.testing.assert_allclose(turned, np.rot90(X, -1, axes=(1, 2)), atol=1e-4)
    doubled = augment(X, [[0.5, 0], [0, 0.5]])  # the middle of four pixels stays theirs
    middle = doubled[:, 13:15, 13:15].mean(axis=(1, 2))
    np.testing.assert_allclose(middle, X[:, 13:15, 13:15].mean(axis=(1, 2)), atol=1e-5)


def test_elastic_augmentation_moves_pixels_as_the_field_near_them_says(augment, noise):
    everywhere = augment(noise, field=np.full([5, 5, 2], [-1, 2]))
    np.testing.assert_allclose(everywhere, augment(noise, shift=[-1, 2]), atol=1e-4)
    corner = np.zeros([5, 5, 2])
    corner[0, 0] = 0, -5  # what is left of it by some pixels: black, as there are none
    pushed = augment(noise, field=corner)
    assert not pushed[:, 0, 0].any()
    np.testing.assert_array_equal(pushed[:, 17:], noise[:, 17:])
    np.testing.assert_array_equal(pushed[:, :, 17:], noise[:, :, 17:])


def test_augmentation_is_another_one_for_each_digit_and_each_time(load_script):
    names = augmentation(load_script)
    X, Y_ = batch_of(names["mnist"].train, [0] * 100)
    once, again = names["augment"](X, 1.0).numpy(), names["augment"](X, 1.0).numpy()
    assert len(np.unique(once.reshape(100, -1), axis=0)) == 100
    assert np.any(once != again)


def test_augmentation_fades_out_before_the_end(load_script):
    """From 84 to 94 % of the run; then the network sees the digits as they are."""
    names = augmentation(load_script, "--iterations", "200")
    names["optimizer"].build(names["weights"] + names["biases"])
    X, Y_ = batch_of(names["mnist"].train, slice(100))
    changes = []
    for i in (0, 168, 178, 186, 188, 199):
        names["optimizer"].iterations.assign(i)
        seen = names["train_step"](X, Y_).numpy()
        assert seen.shape == X.shape
        changes.append(float(abs(seen - X).mean()))
    assert changes[0] == pytest.approx(changes[1], rel=0.2)
    assert changes[1] > 1.2 * changes[2] > 1.2 * 1.2 * changes[3] > 0
    assert changes[4:] == [0, 0]
