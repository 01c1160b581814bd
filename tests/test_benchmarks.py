"""Each benchmark runs to its end, on small data; what it starts runs in this process mostly."""

import contextlib
import functools
import importlib
import io
import re
import runpy
import shutil
import sys

import numpy as np
import pytest
from conftest import SCRIPTS, TOP
from matplotlib.image import imread

SMALL = "--iterations", "20", "--seeds", "1"


@pytest.fixture
def load(monkeypatch):
    """load(name): a benchmark as a module."""
    monkeypatch.syspath_prepend(TOP / "benchmarks")
    return importlib.import_module


@pytest.fixture
def bench(load, monkeypatch, capfd):
    """bench(name, *arguments): what the benchmark prints, called from the command line."""

    def call(name, *arguments):
        monkeypatch.setattr(sys, "argv", [f"{name}.py", *map(str, arguments)])
        capfd.readouterr()
        load(name).main()
        return capfd.readouterr().out

    return call


@pytest.fixture
def in_this_process(load, monkeypatch):
    """What benchmarks start as processes of their own runs in this one, as TensorFlow is there."""

    def python(file, *flags, quiet=False):
        monkeypatch.setattr(sys, "argv", [str(file), *map(str, flags)])
        with contextlib.redirect_stdout(io.StringIO()) as printed:
            runpy.run_path(str(file), run_name="__main__")
        return printed.getvalue()

    monkeypatch.setattr(load("steps"), "python", python)


def rows(table):
    """The cells of a table in Markdown, without its head."""
    lines = [line for line in table.splitlines() if line.startswith("|")]
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in lines[2:]]


BAD = "ladder --seeds 0", "ladder --iterations 0", "ladder 6.0", "drawn_digits --seeds 0"
BAD += "drawn_digits --sheet sheet.png", "drawn_digits --data nowhere", "validation 2.0"
BAD += "validation 3.1 --seeds none", "validation 3.1 --data nowhere", "speed 2.0"
BAD += "speed --seconds 0", "start 1", "start --rounds 0", "window 1.0 --size big"
BAD += "window 1.0 --key-seconds 0", "window 1.0 --iterations -5"


@pytest.mark.parametrize("command", BAD)
def test_bad_values_get_one_line_and_status_2(command, load, monkeypatch, capsys, tmp_path):
    name, *arguments = command.split()
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "argv", [f"{name}.py", *arguments])
    with pytest.raises(SystemExit) as end:
        load(name).main()
    assert end.value.code == 2
    out, err = capsys.readouterr()
    assert (out, err.count("\n")) == ("", 1)


def test_the_length_of_each_script_is_what_it_trains_for(script, load, load_script):
    assert load("steps").length(script) == load_script(script)["args"].iterations


def test_python_runs_a_copy_in_another_folder_and_ends_if_it_fails(load, tmp_path, capfd):
    copy = tmp_path / "copy.py"
    copy.write_text("import sys, visu.cli\nprint(sys.argv[1])\nsys.exit(sys.argv[2] or 0)\n")
    assert load("steps").python(copy, 5, "") == "5\n"
    with pytest.raises(SystemExit) as end:
        load("steps").python(copy, 5, "why", quiet=True)
    assert (end.value.code, capfd.readouterr().err) == (1, "why\n")


def test_ladder_makes_a_run_once(bench, in_this_process, small_data, tmp_path):
    command = ["constant", *SMALL, "--data", small_data, "--runs", tmp_path]
    table = bench("ladder", *command)
    ((title, iterations, median, *_),) = rows(table)
    assert "constant rate" in title and iterations == "20" and "Seeds 0-0, small" in table
    assert 10 <= float(median.strip("*")) <= 100
    assert bench("ladder", *command) == table
    assert len([*tmp_path.glob("*/*/run.json")]) == 1


@pytest.fixture
def stand_in(monkeypatch, tmp_path):
    """stand_in(text): processes that a benchmark starts run this shell script, not Python."""

    def make(text):
        file = tmp_path / "python"
        file.write_text(f"#!/bin/sh\n{text}\n")
        file.chmod(0o755)
        monkeypatch.setattr(sys, "executable", str(file))

    return make


def test_ladder_ends_with_the_status_of_a_script_that_fails(bench, stand_in, tmp_path, capfd):
    stand_in("echo --data nowhere: there is no such folder >&2; exit 2")
    with pytest.raises(SystemExit) as end:
        bench("ladder", "1.0", "--data", "nowhere", "--runs", tmp_path)
    assert end.value.code == 2
    assert capfd.readouterr().err == "--data nowhere: there is no such folder\n"


@pytest.fixture
def few_drawn(load, monkeypatch):
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


def test_validation(load, bench, in_this_process, monkeypatch, small_data):
    benchmark = load("validation")
    slow = benchmark.put(("SGD(0.003)", "SGD(0.001)"))
    variants = {"1.0": benchmark.put(), "a lower rate": slow}
    monkeypatch.setitem(benchmark.VARIANTS, "1.0", variants)
    monkeypatch.setitem(benchmark.HELD_OUT, "1.0", 100)
    table = rows(bench("validation", "1.0", *SMALL, "--data", small_data))
    assert [row[0] for row in table] == [*variants]
    assert all(10 <= float(row[2]) <= 100 for row in table)


def test_each_variant_of_validation_is_an_edit_of_todays_script(load):
    benchmark = load("validation")
    for step, variants in benchmark.VARIANTS.items():
        source = load("steps").SCRIPTS[step].read_text(encoding="utf-8")
        made = [edit(source) for edit in variants.values()]
        assert len({*made}) == len(made) and source in made
        for text in made:
            compile(text, step, "exec")


def test_validation_holds_out_digits_of_the_training_set(load, small_data, tmp_path):
    import mnist_data

    mnist = mnist_data.load(str(small_data))
    load("validation").write_split(tmp_path, mnist, 100)
    split = mnist_data.load(str(tmp_path))
    assert (len(split.train.images), len(split.test.images)) == (200, 100)
    both = np.concatenate([split.train.images, split.test.images])
    assert sorted(map(bytes, both)) == sorted(map(bytes, mnist.train.images))


@pytest.fixture
def variables(monkeypatch):
    """Those that speed.py sets are unset, now and after the test."""
    for name in ("TF_ENABLE_ONEDNN_OPTS", "KERAS_BACKEND"):
        monkeypatch.setenv(name, "")
        monkeypatch.delenv(name)


def test_speed(load, bench, in_this_process, variables, small_data):
    """All contenders, those of TensorFlow in this process; without PyTorch if it is not there."""
    flags = "--rounds", "1", "--seconds", "0.01", "--iterations", "20", "--data", small_data
    contenders = [name for name in load("contenders").contenders_of("1.0") if "PyTorch" not in name]
    table = [row for row in rows(bench("speed", "1.0", *flags)) if "PyTorch" not in row[1]]
    assert [row[:2] for row in table] == [["1.0", name] for name in contenders]
    assert all(float(row[2].replace(",", "")) > 0 for row in table)


@pytest.mark.slow
def test_speed_of_fit(load, bench, in_this_process, variables, small_data):
    """The ladder's fit beside Keras's own with the same evaluations."""
    flags = "--rounds", "1", "--iterations", "40", "--data", small_data
    table = rows(bench("speed", "5.0", *flags))
    assert [row[:2] for row in table] == [["5.0", name] for name in load("contenders").RATES]
    assert all(float(row[2]) > 0 for row in table)


def test_speed_treats_contenders_alike_and_skips_missing_ones(bench, load, stand_in, variables):
    """The stand-in's rate is the value of the variable that turns oneDNN on."""
    stand_in(
        'case "$*" in *PyTorch*) echo \'{"skipped": "not installed"}\'; exit;; esac\n'
        'echo "{\\"rate\\": ${TF_ENABLE_ONEDNN_OPTS:-0}, \\"memory\\": 1}"'
    )
    table = rows(bench("speed", "1.0", "--rounds", "2"))
    contenders = [name for name in load("contenders").contenders_of("1.0") if "PyTorch" not in name]
    assert [row[1] for row in table] == contenders
    assert {row[2] for row in table} == {"1"}


def test_operations_of_an_iteration_are_those_of_its_products(load):
    """Of 2.2: two operations a weight forward, four backward, but two in the first layer."""
    weights = [28 * 28 * 200, 200 * 100, 100 * 60, 60 * 30, 30 * 10]
    expected = 100 * (6 * sum(weights) - 2 * weights[0])
    assert load("contenders").NETWORKS["2.2"].operations() == expected


def test_start(bench, small_data):
    """In a process of its own, as it times the import of TensorFlow."""
    ((step, *seconds),) = rows(bench("start", "1.0", "--rounds", "1", "--data", small_data))
    imported, first, training = map(float, seconds)
    assert step == "1.0" and imported > 0 and 0 < first <= training


needs_a_screen = pytest.mark.skipif(
    not (shutil.which("Xvfb") and shutil.which("xdotool")), reason="needs Xvfb and xdotool"
)


@needs_a_screen
@pytest.mark.slow
def test_window_ladder(bench, small_data):
    flags = "--iterations", "200", "--size", "1344x756", "--data", small_data
    table = rows(bench("window", "1.0", "--ladder", *flags))
    assert [row[0] for row in table] == ["1.0", "all"]
    assert float(table[0][1]) > 0


@needs_a_screen
@pytest.mark.slow
def test_window_strokes(bench, small_data):
    ((step, answers),) = rows(
        bench("window", "2.0", "--strokes", "--key-seconds", "5", "--data", small_data)
    )
    assert step == "2.0" and re.fullmatch(r"\d+, \d+ \([1-9]\d*\)", answers)


@needs_a_screen
@pytest.mark.slow
def test_window(bench, small_data):
    flags = "--iterations", "2000", "--size", "1344x756", "--data", small_data
    ((step, headless, live, *_, answers),) = rows(
        bench("window", "1.0", *flags, "--rounds", "1", "--key-seconds", "5")
    )
    assert step == "1.0, 1344x756"
    assert float(headless.replace(",", "")) > 0 and float(live.replace(",", "")) > 0
    assert "(" in answers, "no key was answered"
