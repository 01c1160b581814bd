"""The house: which module may import which, and that the packages' maps name what is there."""

import ast
import importlib
from itertools import chain

import pytest
from conftest import TOP

TRAINING = {"quiet_tensorflow", "training", "network", "keras_training", "worker"}
RECORD = {"history", "run_folder", "weights_file", "saved_run", "choosing", "experiments"}
PICTURES = {"pictures", "style", "curve_panels", "image_panels", "dashboard", "blitting"}
PICTURES |= {"comparison", "deck", "digit_panel", "error_panels", "focus", "gradient_panels"}
PICTURES |= {"layer_columns", "sheet"}
BELOW = {"text", "terminal", "keys"}  # what any of them may use
MODULES = {path.stem for path in (TOP / "visu").glob("*.py")} - {"__init__"}
SURROUNDINGS = MODULES - TRAINING - RECORD - PICTURES - BELOW


def imported(path):
    """The dotted names of all modules that a file imports, also within its functions."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield node.module
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def modules_of(path):
    """The modules of visu/ that a file imports."""
    names = (name.split(".") for name in imported(path))
    return {name[1] for name in names if name[0] == "visu" and len(name) > 1} & MODULES


@pytest.mark.parametrize(
    ("modules", "allowed"),
    [
        (BELOW, BELOW),
        (RECORD, RECORD | BELOW),
        (PICTURES, PICTURES | RECORD | BELOW),
        (TRAINING, TRAINING | {"history", "pictures"} | BELOW),
        (SURROUNDINGS, MODULES - TRAINING),
    ],
    ids=["below", "record", "pictures", "training", "surroundings"],
)
def test_imports_run_one_way(modules, allowed):
    for module in modules:
        assert modules_of(TOP / "visu" / f"{module}.py") <= allowed, module


def test_only_the_training_side_imports_tensorflow():
    libraries = {"tensorflow", "keras"}
    for path in chain((TOP / "visu").glob("*.py"), (TOP / "digits").glob("*.py")):
        if path.stem not in TRAINING:
            found = {name.partition(".")[0] for name in imported(path)}
            assert not found & libraries, path.name


def test_the_record_knows_no_matplotlib():
    for module in RECORD | TRAINING | BELOW:
        top = list(ast.parse((TOP / "visu" / f"{module}.py").read_text()).body)
        names = [a.name for node in top if isinstance(node, ast.Import) for a in node.names]
        names += [node.module for node in top if isinstance(node, ast.ImportFrom)]
        assert not [name for name in names if name.startswith("matplotlib")], module


def test_the_data_knows_nothing_of_the_visualizer():
    for path in [*(TOP / "digits").glob("*.py"), TOP / "mnist_data.py"]:
        assert not [name for name in imported(path) if name.partition(".")[0] == "visu"], path.name


@pytest.mark.parametrize("package", ["visu", "digits"])
def test_the_map_of_a_package_names_each_module_once(package):
    there = {path.stem for path in (TOP / package).glob("*.py")} - {"__init__"}
    lines = importlib.import_module(package).__doc__.splitlines()
    first = [line.split()[0] for line in lines if "  " in line.strip()]
    assert sorted(first) == sorted(there)
