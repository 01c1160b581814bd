"""The scripts as a ladder: small diffs between neighbours, and the accuracy they promise."""

import ast
import difflib
import math
import os
import re
import subprocess
import sys
from statistics import median

import numpy as np
import pytest
import refresh
from conftest import STEPS, TOP
from idx import write_idx
from paper import on_paper
from PIL import Image

import mnist_data
from visu.record.ladder import LADDER, code_hash
from visu.record.run_folder import SavedRun

# Bounds of the steps there are. Others, such as that of a new one, have defaults.
BUDGET = {  # step -> changed lines at most, from its parent, below the docstrings
    **{"2.0": 45, "2.1": 25, "2.2": 16, "3.0": 24, "3.1": 18},
    **{"4.0": 27, "4.1": 45, "4.2": 43, "5.0": 85},
}
FLOOR = {"1.0": 0.918, "2.0": 0.970, "2.1": 0.980, "2.2": 0.976, "3.0": 0.985, "3.1": 0.990}
FLOOR |= {"4.0": 0.992, "4.1": 0.990, "4.2": 0.993, "5.0": 0.990}
SEEDS = {"2.0": 3}  # its rate stays 0.003, so that the last evaluations scatter by 0.3: a median
SHORTENED = {"4.1": 2_000, "4.2": 2_000}  # the full runs are for benchmarks/ladder.py
MOST_LINES = {"4.0": 63, "4.1": 69, "4.2": 70}  # of code, and 55 of the deck's own steps


def changed_lines(old, new):
    diff = difflib.unified_diff(old, new, n=0, lineterm="")
    return [line for line in diff if re.match(r"[+-](?![+-]{2} )", line)]


def code_lines(step):
    return [x for x in refresh.body(step) if x.strip() and not x.lstrip().startswith("#")]


def lowest(step):
    """The lowest final accuracy that the header of a step names, 0..1."""
    return float(re.search(r"which end at ([\d.]+)", refresh.source(step))[1]) / 100


def test_the_list_names_the_scripts_and_their_own_lengths(script):
    step = LADDER[script.stem.split("_")[1]]
    (own,) = re.findall(r"parse_args\(__doc__, iterations=([\d_]+)\)", script.read_text())
    assert (step.script, step.iterations) == (script.stem, int(own))


def test_the_list_has_the_hash_of_each_script():
    assert refresh.stale() == {}, "run: python docs/refresh.py"


SAME = b'"""Doc."""\nimport numpy as np\n\n\ndef f(x):\n    return np.sum(x * 0.5)\n'
LAID_OUT = b"""'Another docstring.'
import numpy as np  # a comment
def f(x):

        return np.sum(
            x * 0.5)
"""


@pytest.mark.parametrize(
    ("source", "same"),
    [
        (LAID_OUT, True),
        (SAME.replace(b"\n", b"\r\n"), True),
        (SAME.partition(b"\n")[2], True),  # no docstring
        (SAME.replace(b"0.5", b"0.6"), False),
        (SAME.replace(b"    return", b"    pass\n    return"), False),
        (SAME.replace(b"    return np.sum(x * 0.5)", b"    pass\nf(1)"), False),
    ],
)
def test_the_hash_counts_the_code_alone(source, same):
    assert (code_hash(source) == code_hash(SAME)) is same


@pytest.mark.parametrize("step", [step for step in LADDER if refresh.parent(step)])
def test_neighbours_differ_by_their_idea(step):
    changed = changed_lines(refresh.body(refresh.parent(step)), refresh.body(step))
    assert 0 < len(changed) <= BUDGET.get(step, 45), "\n".join(changed)


def test_few_code_lines_of_which_3_are_plumbing(script):
    step = script.stem.split("_")[1]
    lines = code_lines(step)
    assert len(lines) <= MOST_LINES.get(step, 55)
    plumbing = [x for x in lines if re.search(r"\b(tensorflowvisu|mnist_data)\.|\bargs = ", x)]
    assert len(plumbing) <= 3
    assert max(map(len, script.read_text().splitlines())) <= 100


def test_headers_name_title_parent_and_idea(script):
    number = script.stem.split("_")[1]
    doc = ast.get_docstring(ast.parse(script.read_text()), clean=False)
    title = doc.partition(":")[0]
    assert title.split()[0] == number
    assert re.search(rf"^Parent: ({'|'.join([*LADDER, 'none'])})\b", doc, re.M)
    assert re.search(r"^New: ", doc, re.M)


def test_headers_draw_the_network_with_its_shapes(script, load_script):
    names = load_script(script)
    found = re.findall(r" (W\d?) \[([\d *,]+)\]", names["__doc__"])
    drawn = {
        name: [math.prod(map(int, n.split("*"))) for n in text.split(",")] for name, text in found
    }
    if "weights" not in names:  # those of Keras are in its model
        kernels = [v for v in names["model"].trainable_variables if len(v.shape) > 1]
        names |= {"weights": kernels} | {f"W{k}": kernel for k, kernel in enumerate(kernels, 1)}
    assert drawn == {name: list(value.shape) for name, value in names.items() if name in drawn}
    assert len(drawn) == len(names["weights"])


def find_mnist():
    """The folder of the real MNIST for the `ladder` tests, or a skip."""
    folder = os.environ.get("MNIST_DIR")
    if not folder or not os.path.isdir(folder):
        pytest.skip("needs the real MNIST: set MNIST_DIR to its folder")
    return os.path.abspath(folder)


def run(step, seed, runs):
    """The SavedRun of a run on the real MNIST."""
    command = [sys.executable, STEPS[step], "--headless", "--seed", str(seed), "--runs", runs]
    if step in SHORTENED:
        command += ["--iterations", str(SHORTENED[step])]
    environment = os.environ | {"MNIST_DIR": find_mnist()}
    subprocess.run(command, env=environment, check=True, cwd=TOP, timeout=3600)
    (file,) = runs.glob("*/*/run.json")
    return SavedRun(file.parent)


@pytest.mark.ladder
@pytest.mark.parametrize("step", LADDER)
def test_run_on_mnist_reaches_its_floor(step, tmp_path):
    finals = []
    for seed in range(SEEDS.get(step, 1)):
        saved = run(step, seed, tmp_path / str(seed))
        assert saved.result["completed"] and (saved.run.data, saved.run.seed) == ("MNIST", seed)
        finals.append(saved.result["final_test_accuracy"])
    assert median(finals) >= FLOOR.get(step, lowest(step) - 0.003)
    if step == "3.1":
        assert_photos_are_read(tmp_path)


def assert_photos_are_read(folder):
    """Of 500 test digits on paper 3.1 reads as many as of the originals, to 1.5 points."""
    test, rng, photos = mnist_data.load_folder(find_mnist()).test, np.random.default_rng(0), []
    images, labels = test.images[:500], test.labels[:500]
    write_idx(folder / "first", images, labels, images, labels)
    for k, digit in enumerate(images):
        photos.append(str(folder / f"{k}.{('png', 'jpg')[k % 2]}"))
        Image.fromarray(on_paper(digit, rng, dark_paper=k % 5 == 0)).save(photos[-1])
    (weights,) = folder.glob("*/*/*/weights.npz")
    command = [sys.executable, STEPS["3.1"], "--data", folder / "first", "--weights", weights]
    done = subprocess.run([*command, "--image", *photos], capture_output=True, text=True)
    originals = float(re.search(r"^Test accuracy: ([\d.]+)%", done.stdout, re.M)[1])
    found = re.findall(r"\.(?:png|jpg): (\d) \(", done.stdout)
    assert done.returncode == 0 and len(found) == 500, done.stderr
    read = 100 * np.mean([int(digit) == label for digit, label in zip(found, labels, strict=True)])
    print(f"originals {originals} %, photos {read:.1f} %")
    assert read >= originals - 1.5
