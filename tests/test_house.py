"""The house: which folder may import which, and who may import TensorFlow and matplotlib."""

import ast

import pytest
from conftest import SCRIPTS, TOP

FOLDERS = {  # a folder of visu/ -> those that its modules may import, beside its own
    "record": set(),
    "training": {"record"},
    "panels": {"record"},
    "show": {"panels", "record"},
}
FACES = {"tensorflowvisu", "compare_curves", "mnist_data", "visu", "digits"}
MODULES = [*(TOP / "visu").rglob("*.py"), *(TOP / "digits").glob("*.py")]
MODULES += [TOP / f"{name}.py" for name in ("tensorflowvisu", "compare_curves", "mnist_data")]


def imported(path, top_level=False):
    """The dotted names of all modules that a file imports, also within its functions, or not."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    for node in tree.body if top_level else ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield node.module
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def libraries(path, top_level=False):
    """The first parts of the names of what a file imports."""
    return {name.partition(".")[0] for name in imported(path, top_level)}


@pytest.mark.parametrize("folder", FOLDERS)
def test_imports_between_folders_run_one_way(folder):
    others = {path.stem for path in (TOP / "visu").glob("*.py")} | {*FOLDERS}
    for path in (TOP / "visu" / folder).glob("*.py"):
        found = {n.split(".")[1] for n in imported(path) if n.startswith("visu.")} & others
        assert found <= FOLDERS[folder] | {folder}, path.name
        assert not libraries(path) & {"tensorflowvisu", "compare_curves"}, path.name


def test_only_the_training_side_and_the_scripts_import_tensorflow():
    for path in MODULES:
        if path.parent.name != "training":
            assert not libraries(path) & {"tensorflow", "keras"}, path.name


def test_record_and_training_know_no_matplotlib():
    for folder in ("record", "training"):
        for path in (TOP / "visu" / folder).glob("*.py"):
            assert not libraries(path) & {"matplotlib", "PIL"}, path.name


def test_comparing_runs_needs_no_training():
    names = [*imported(TOP / "compare_curves.py")]
    assert not [name for name in names if name.startswith("visu.training")]


def test_the_data_knows_nothing_of_the_visualizer():
    for path in [*(TOP / "digits").glob("*.py"), TOP / "mnist_data.py"]:
        assert not libraries(path) & {"visu", "tensorflowvisu", "compare_curves"}, path.name


def test_a_script_sees_two_modules_of_the_house():
    for path in SCRIPTS:
        assert libraries(path) & FACES == {"tensorflowvisu", "mnist_data"}, path.name
