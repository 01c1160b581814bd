"""Each benchmark runs to its end, on small data; what it starts runs in this process mostly."""

import contextlib
import functools
import importlib
import io
import re
import runpy
import shutil
import sys
from types import SimpleNamespace

import numpy as np
import pytest
import steps
from conftest import SCRIPTS
from matplotlib.image import imread

SMALL = "--iterations", "20", "--seeds", "1"
load = importlib.import_module


@pytest.fixture
def bench(monkeypatch, capfd):
    """bench(name, *arguments): what the benchmark prints, called from the command line."""

    def call(name, *arguments):
        monkeypatch.setattr(sys, "argv", [f"{name}.py", *map(str, arguments)])
        capfd.readouterr()
        load(name).main()
        return capfd.readouterr().out

    return call


@pytest.fixture
def in_this_process(monkeypatch):
    """What benchmarks start as processes of their own runs in this one, as TensorFlow is there."""

    def run(script, *flags):
        monkeypatch.setattr(sys, "argv", [str(script), "--headless", *map(str, flags)])
        with contextlib.redirect_stdout(io.StringIO()) as printed:
            runpy.run_path(str(script), run_name="__main__")
        return steps.saved_run(printed.getvalue(), script.name)

    monkeypatch.setattr(steps, "run", run)
    monkeypatch.setattr(load("speed"), "in_a_process", lambda function, *values: function(*values))


def rows(table):
    """The cells of a table in Markdown, without its head."""
    lines = [line for line in table.splitlines() if line.startswith("|")]
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in lines[2:]]


BAD = "ladder --seeds 0", "ladder --iterations 0", "ladder 6.0", "drawn_digits --seeds 0"
BAD += "drawn_digits --sheet sheet.png", "drawn_digits --data nowhere", "validation 2.0"
BAD += "validation 3.1 --seeds none", "validation 3.1 --data nowhere", "speed 2.0"
BAD += "speed --seconds 0", "window 1.0 --size big", "window 1.0 --key-seconds 0"


@pytest.mark.parametrize("command", BAD)
def test_bad_values_get_one_line_and_status_2(command, bench, monkeypatch, capfd, tmp_path):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(SystemExit) as end:
        bench(*command.split())
    assert end.value.code == 2
    out, err = capfd.readouterr()
    assert (out, err.count("\n")) == ("", 1)


@pytest.mark.parametrize(
    ("text", "end"),
    [
        ("sys.exit(3)", "3"),
        ("print()", "copy.py: the run was not saved; give a folder that is wri"),
    ],
)
def test_a_copy_that_fails_or_saves_no_run_ends_the_program(text, end, tmp_path):
    copy = tmp_path / "copy.py"
    copy.write_text(f"import sys, visu.record.ladder\n{text}\n")
    with pytest.raises(SystemExit) as error:
        steps.run(copy)
    assert str(error.value.code).startswith(end)


def test_conditions_name_the_versions():
    import keras

    assert f"keras {keras.__version__}, numpy {np.__version__}" in steps.conditions()


def test_ladder_makes_a_run_once(bench, in_this_process, small_data, tmp_path):
    command = ["constant", *SMALL, "--data", small_data, "--runs", tmp_path]
    table = bench("ladder", *command)
    ((title, iterations, median, *_),) = rows(table)
    assert "constant rate" in title and iterations == "20" and "Seeds 0-0, small" in table
    assert 10 <= float(median.strip("*")) <= 100
    assert bench("ladder", *command) == table
    assert len([*tmp_path.glob("*/*/run.json")]) == 1


@pytest.fixture
def few_drawn(monkeypatch):
    """Only 300 + 1,000 digits are drawn; other such digits pass for MNIST. Returns their folder."""
    benchmark = load("drawn_digits")
    make = functools.partial(benchmark.drawn.make, train=300, test=1000)
    monkeypatch.setattr(benchmark.drawn, "make", make)
    monkeypatch.setattr(benchmark.download, "checked", lambda name, array: array)
    monkeypatch.setitem(benchmark.SCRIPTS, "3.1", SCRIPTS[0])  # which compiles in no time
    return lambda folder: benchmark.write_folder(folder, make(seed=1))


def test_drawn_digits(few_drawn, bench, in_this_process, tmp_path):
    mnist = few_drawn(tmp_path / "mnist")
    table = bench("drawn_digits", "1.0", *SMALL, "--data", mnist, "--runs", tmp_path / "runs")
    assert "1,300 digits drawn" in table
    drawn, real = rows(table)
    assert [drawn[0], drawn[1], real[1]] == ["1.0 softmax", "20", "20"]
    assert drawn[2] != real[2], "the second row is of other test digits"
    for _, _, seeds, median in (drawn, real):
        assert 15 < float(seeds) == float(median.strip("*"))


def test_drawn_digits_sheet(few_drawn, bench, tmp_path):
    mnist = few_drawn(tmp_path / "mnist")
    bench("drawn_digits", "--data", mnist, "--sheet", tmp_path / "sheet.png")
    assert imread(tmp_path / "sheet.png").shape[:2] == (340, 1200)


def test_validation(bench, in_this_process, monkeypatch, small_data):
    benchmark = load("validation")
    variants = {"1.0": (), "a lower rate": (("SGD(0.003)", "SGD(0.001)"),)}
    monkeypatch.setitem(benchmark.VARIANTS, "1.0", variants)
    monkeypatch.setitem(benchmark.HELD_OUT, "1.0", 100)
    table = rows(bench("validation", "1.0", *SMALL, "--data", small_data))
    assert [row[0] for row in table] == [*variants]
    assert all(10 <= float(row[2]) <= 100 for row in table)


def test_each_variant_of_validation_is_an_edit_of_todays_script(tmp_path):
    for step, variants in load("validation").VARIANTS.items():
        made = [steps.edited(tmp_path, step, edits).read_text() for edits in variants.values()]
        assert len({*made}) == len(made) and steps.SCRIPTS[step].read_text() in made
        for text in made:
            compile(text, step, "exec")


def test_validation_holds_out_digits_of_the_training_set(small_data, tmp_path):
    import mnist_data

    mnist = mnist_data.load(str(small_data))
    load("validation").write_split(tmp_path, mnist.train, 100)
    split = mnist_data.load(str(tmp_path))
    assert (len(split.train.images), len(split.test.images)) == (200, 100)
    both = np.concatenate([split.train.images, split.test.images])
    assert sorted(map(bytes, both)) == sorted(map(bytes, mnist.train.images))


def test_causes(bench, in_this_process, monkeypatch, small_data):
    """Accuracies at the iterations that the head names, after training on a few digits."""
    benchmark = load("causes")
    question = (50, 100), {"1.0, few": benchmark.Variant("1.0", (), 100)}
    monkeypatch.setitem(benchmark.QUESTIONS, "few", question)
    printed = bench("causes", "few", "--seeds", "1", "--data", small_data)
    ((name, *cells, losses),) = rows(printed.strip())
    assert "| at 50 | at 100 |" in printed and name == "1.0, few"
    middle, lowest, highest = map(float, re.findall(r"[\d.]+", cells[-1]))
    assert 15 < lowest == middle == highest <= 100
    assert re.fullmatch(r"[\d.]+ \(at \d+\) → [\d.]+", losses)


def test_each_cause_is_an_edit_of_todays_script(tmp_path):
    benchmark = load("causes")
    variants = [v for _, group in benchmark.QUESTIONS.values() for v in group.values()]
    for step, edits, _ in variants:
        text = steps.edited(tmp_path, step, edits).read_text(encoding="utf-8")
        compile(text, step, "exec")
        assert (text == steps.SCRIPTS[step].read_text(encoding="utf-8")) == (not edits)


def test_signal_before_the_training(bench, monkeypatch, small_data):
    """SGD's first step is the rate times the gradient; more of a difference comes through 2.1."""
    benchmark = load("causes")
    variants = {step: benchmark.SIGNAL[f"{step}, SGD"] for step in ("2.0", "2.1")}
    monkeypatch.setattr(benchmark, "SIGNAL", variants)
    printed = bench("causes", "signal", "--seeds", "1", "--data", small_data)
    old, new = (
        [float(cell.split()[0].replace(",", "")) for cell in cells]
        for _, *cells in rows(printed.strip())
    )
    for *_, gradient, step, _, _ in (old, new):
        assert step == pytest.approx(0.003 * gradient, rel=0.06)  # of two digits each
    assert all(b > 2 * a > 0 for a, b in zip(old[:5], new[:5], strict=True))
    assert re.search(r"seed by seed: \d+ \(\d+–\d+\)", printed)


def test_spreads_of_two_layers_by_hand():
    X = np.array([[0.0, 1.0], [1.0, 3.0]])
    weights, biases = [np.array([[1.0, 0.0], [0.0, -1.0]]), np.array([[2.0], [5.0]])], [0.0, 7.0]
    found = load("causes").spreads(weights, biases, lambda Y: np.maximum(Y, 0), X)
    assert found == [0.25, 1.0]  # outputs [0, 0], [1, 0]: 0.5 and 0; logits 7, 9: 1


def rates(step, small_data, capfd):
    """The rows that speed.py prints for a step, a round of which is short."""
    options = SimpleNamespace(rounds=1, seconds=0.01, iterations=40, data=str(small_data))
    capfd.readouterr()
    load("speed").compare(step, options)
    return rows(f"\n|\n|\n{capfd.readouterr().out}")


def test_speed(in_this_process, small_data, capfd):
    """All contenders, those of TensorFlow in this process; without PyTorch if it is not there."""
    names = [name for name in load("contenders").CONTENDERS["1.0"] if "PyTorch" not in name]
    table = [row for row in rates("1.0", small_data, capfd) if "PyTorch" not in row[1]]
    assert [row[:2] for row in table] == [["1.0", name] for name in names]
    assert all(float(row[2].replace(",", "")) > 0 for row in table)


@pytest.mark.slow
def test_speed_of_fit(in_this_process, small_data, capfd):
    """The ladder's fit beside Keras's own with the same evaluations."""
    table = rates("5.0", small_data, capfd)
    assert [row[:2] for row in table] == [
        ["5.0", name] for name in load("contenders").CONTENDERS["5.0"]
    ]
    assert all(float(row[2]) > 0 for row in table)


needs_a_screen = pytest.mark.skipif(
    not (shutil.which("Xvfb") and shutil.which("xdotool")), reason="needs Xvfb and xdotool"
)


@needs_a_screen
@pytest.mark.slow
def test_window(bench, small_data):
    flags = "--iterations", "2000", "--size", "1344x756", "--data", small_data
    ((step, headless, live, _, frame, start, *answers),) = rows(
        bench("window", "1.0", *flags, "--rounds", "1", "--key-seconds", "5")
    )
    assert step == "1.0" and float(frame) > 0
    assert float(headless.replace(",", "")) > 0 and float(live.replace(",", "")) > 0
    picture, evaluation, curve = map(float, start.split("/"))
    assert 0 < picture <= evaluation < curve
    assert int(answers[-1]) >= 10 and "5000" not in answers[1], "a key was not answered"


@needs_a_screen
@pytest.mark.slow
def test_window_strokes(bench, small_data):
    flags = "2.0", "--strokes", "--key-seconds", "5", "--data", small_data
    ((step, answers, count),) = rows(bench("window", *flags))
    assert step == "2.0" and int(count) > 0 and re.fullmatch(r"\d+, \d+", answers)
