"""docs/walkthrough.md keeps step with the scripts, and its exercises can be done."""

import math
import re
import shlex

import pytest
import refresh
from conftest import STEPS as PATHS
from conftest import TOP, batch_of

from visu.panels.keys_and_views import KEYS

PAGE = TOP / "docs" / "walkthrough.md"
TEXT = PAGE.read_text(encoding="utf-8")
EDIT = re.compile(r"[Rr]eplace\s+`([^`]+)`\s+by\s+`([^`]+)`(?: \((\d) times\))?")
DELETE = re.compile(r"[Dd]elete\s+`([^`]+)`")
ADD = re.compile(
    r"After\s+`([^`]+)` add the lines?\s+(?:`([^`]+)`|```python\n(.*?)\n```)", re.DOTALL
)


def chapters():
    """{step: its text} of the chapters that have a script."""
    parts = re.split(r"^## ", TEXT, flags=re.MULTILINE)
    return {part[:3]: part for part in parts if part[:3] in PATHS}


def exercises():
    """(name, script, text) of each exercise and each script that it is done in."""
    for text in re.split(r"^(?=\*\*Exercise |## )", TEXT, flags=re.MULTILINE):
        if text.startswith("**Exercise "):
            question = text.partition("<details>")[0]
            for name in sorted(set(re.findall(r"mnist_\w[\w.]+\.py", question))):
                yield text[11:16], name, question


def edits(text):
    """(old, new, how often) of all that an exercise changes in a script."""
    for old, new, times in EDIT.findall(text):
        yield old, new, int(times or 1)
    for old in DELETE.findall(text):
        yield old + "\n", "", 1
    for old, line, block in ADD.findall(text):
        yield old + "\n", f"{old}\n{block or '    ' + line}\n", 1


def commands():
    """The words of all command lines on the page."""
    lines = re.findall(r"^    (python .*)$", TEXT, re.MULTILINE)
    lines += re.findall(r"(?<!`)`(python\s+[^`]+)`(?!`)", TEXT)
    return [shlex.split(line, comments=True) for line in lines]


def test_stale_diffs_are_written_anew():
    stale = re.sub(r"^\+(?=    )", "+ ", TEXT, flags=re.M)
    assert stale != TEXT and refresh.refreshed(stale) == TEXT


def test_each_step_shows_what_changed():
    shown = set(re.findall(r"<!-- diff (\S+) (\S+) -->", TEXT))
    for step, path in PATHS.items():
        parent = re.search(r"^Parent: (\d\.\d|none)", path.read_text(), re.MULTILINE)[1]
        assert (parent, step) in shown or parent == "none", step


def test_commands_name_scripts_and_flags_that_exist():
    sources = [*TOP.glob("*.py"), *TOP.glob("benchmarks/*.py")]
    known = {flag for path in sources for flag in re.findall(r'"(--[a-z-]+)"', path.read_text())}
    for _, script, *rest in commands():
        assert (TOP / script).is_file(), script
        assert {word for word in rest if word.startswith("--")} <= known, (script, rest)


def test_keys_that_are_pressed_are_keys_of_the_window():
    pressed = set(re.findall(r"[Pp]ress `(.)`|[Ee]ach `(.)` is a training step", TEXT))
    assert pressed and {key for pair in pressed for key in pair if key} <= {*KEYS}


def test_code_that_is_quoted_is_in_the_script():
    for step, text in chapters().items():
        for block in re.findall(r"(?<!add the lines\n\n)^```python\n(.*?)^```", text, re.M | re.S):
            assert block in PATHS[step].read_text(encoding="utf-8")


def test_the_program_that_takes_few_digits(small_data, monkeypatch, tmp_path):
    import mnist_data

    (code,) = re.findall(r"^```python\n((?:(?!^```).)*MNIST-1000.*?)^```", TEXT, re.M | re.S)
    small, load = mnist_data.load(str(small_data)), mnist_data.load
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(mnist_data, "load", lambda name: small)
    exec(compile(code.replace("[:1000]", "[:30]"), "walkthrough.md", "exec"), {})
    few = load("MNIST-1000")
    assert (few.train.images == small.train.images[:30]).all()
    assert (few.test.labels == small.test.labels).all()


@pytest.mark.parametrize(("name", "script", "text"), list(exercises()))
def test_an_exercise_can_be_done(name, script, text, load_script, small_data, tmp_path):
    """What it changes is in the script as often as it says, and the changed script trains."""
    import mnist_data

    source = (TOP / script).read_text(encoding="utf-8")
    code = source.index("import tensorflowvisu")
    changed, changes = source[code:], list(edits(text))
    assert changes
    for old, new, times in changes:
        assert source[code:].count(old) == times, old
        changed = changed.replace(old, new)
    copy = tmp_path / script
    copy.write_text(source[:code] + changed, encoding="utf-8")
    names = load_script(copy)
    X, Y_ = batch_of(mnist_data.load(str(small_data)).train, slice(100))
    assert names["model"](X).shape == (100, 10)
    if "train_step" in names:
        names["train_step"].python_function(X, Y_)


def layer_rows(chapter):
    """(variables, Keras layers, parameters as written) of each row of a network's table."""
    rows = re.findall(r"^\|.*?\| (.*?) \| (`layers\..*`) \| (.*) \|$", chapter, re.MULTILINE)
    for variables, layers, parameters in rows:
        yield variables, re.findall(r"`(layers\.[^`]+)`", layers), parameters


NETWORKS = {step: list(layer_rows(text)) for step, text in chapters().items()}


@pytest.mark.parametrize("step", [step for step, rows in NETWORKS.items() if len(rows) > 1])
def test_the_networks_have_as_many_parameters_as_they_say(step, load_script):
    from tensorflow import keras

    names, inputs = load_script(PATHS[step]), keras.Input([28, 28, 1])
    scope, Y, total = {"layers": keras.layers}, inputs, 0
    for variables, lines, parameters in NETWORKS[step]:
        for name, shape in re.findall(r"`([WBb]\d?) \[([\d, ]+)\]`", variables):
            assert names[name].shape == [int(n) for n in shape.split(",")], name
        layers = [eval(line, scope) for line in lines]
        for layer in layers:
            Y = layer(Y)
        formula, _, number = parameters.rpartition(" = ")
        number = int(number.replace(",", ""))
        assert sum(layer.count_params() for layer in layers) == number
        assert not formula or eval(formula.replace("·", "*"), {}) == number
        total += number
    assert total == sum(math.prod(v.shape) for v in names["weights"] + names["biases"])
    assert f"{total:,}" in chapters()[step]


@pytest.mark.parametrize("step", PATHS)
def test_the_accuracy_is_that_of_the_script(step):
    told = re.search(r"^Accuracy: ([\d.]+) %", PATHS[step].read_text(), re.M)[1]
    shown = re.findall(r"\*\*([\d.]+) %\*\*", chapters()[step])
    assert shown == [told]
