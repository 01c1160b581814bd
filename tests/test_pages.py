"""The pages keep step with the scripts: links, pictures, accuracies, and the programs on them."""

import ast
import re
import sys
from pathlib import Path

import numpy as np
import pytest
import refresh
from conftest import STEPS, TOP

README = TOP / "README.md"
PAGES = [README, TOP / "CONTRIBUTING.md", *sorted((TOP / "docs").glob("*.md"))]
TEXTS = {page: page.read_text(encoding="utf-8") for page in PAGES}
SOURCES = {step: path.read_text(encoding="utf-8") for step, path in STEPS.items()}
SLIDES = TEXTS[TOP / "docs" / "slides.md"]
FENCE = re.compile(r"^```(\w*)\n(.*?)^```$", re.M | re.S)


def name(page):
    return page.name


def prose(text):
    """A page without its blocks of code."""
    return re.sub(r"^ {4}.*$", "", FENCE.sub("", text), flags=re.M)


def links(page):
    """(path, anchor) of the links and pictures of a page that lead into this folder."""
    without_code = re.sub(r"(?<!\[)`[^`\n]*`", "", prose(TEXTS[page]))
    for target in re.findall(r"\]\(([^)\s]+)\)", without_code):
        if not re.match(r"https?:", target):
            path, _, anchor = target.partition("#")
            yield (page.parent / path).resolve() if path else page, anchor


def anchors(page):
    """What GitHub makes of the headings of a page: small letters, hyphens for spaces."""
    headings = re.findall(r"^#+ (.+)$", prose(TEXTS[page]), re.M)
    return {re.sub(r"[^\w\- ]", "", text.lower()).replace(" ", "-") for text in headings}


# ---- links and pictures


@pytest.mark.parametrize("page", PAGES, ids=name)
def test_links_lead_somewhere(page):
    for path, anchor in links(page):
        assert path.exists(), path
        if path in TEXTS and anchor:
            assert anchor in anchors(path), f"{path.name}#{anchor}"
        elif anchor:
            lines = path.read_text(encoding="utf-8").splitlines()
            assert 1 <= int(anchor.removeprefix("L")) <= len(lines)


def test_every_picture_is_on_a_page():
    used = {path for page in PAGES for path, _ in links(page)}
    kinds = ".png", ".gif", ".svg", ".jpg"
    there = {path for path in (TOP / "docs").rglob("*") if path.suffix in kinds}
    assert there - used == set()


@pytest.mark.parametrize(("kind", "most"), [("png", 300 * 1024), ("gif", 10**6)])
def test_pictures_are_small(kind, most):
    for path in (TOP / "docs").rglob(f"*.{kind}"):
        assert path.stat().st_size < most, path


def test_each_page_can_be_found_from_the_readme():
    found, new = set(), {README}
    while new:
        found |= new
        new = {path for page in new for path, _ in links(page) if path in TEXTS} - found
    assert found == set(PAGES)


def test_the_readme_is_short():
    assert len(TEXTS[README].splitlines()) <= 140


# ---- the slide table


def slide_links():
    """(code, step, line) for each link of the slide table."""
    found = re.findall(r"\[`([^`]+)`\]\(\.\./mnist_(\d\.\d)_\w+\.py#L(\d+)\)", SLIDES)
    return [(code, step, int(line)) for code, step, line in found]


def test_all_steps_are_in_the_slide_table():
    assert {step for _, step, _ in slide_links()} == set(SOURCES)
    assert len(slide_links()) == len(re.findall(r"\]\(\.\./mnist_", SLIDES))


@pytest.mark.parametrize(("code", "step", "line"), slide_links())
def test_the_slide_table_links_to_the_line(code, step, line):
    source = SOURCES[step]
    assert code in source.splitlines()[line - 1]
    assert line > ast.parse(source).body[0].end_lineno  # not in the header
    assert f"(../{STEPS[step].name}#L{line})" in SLIDES
    if code.count("(") > code.count(")"):  # never ends in the middle of a call
        assert source.splitlines()[line - 1].endswith(code)


def test_the_slide_table_has_every_function_of_tensorflow_that_the_scripts_use():
    used = set(re.findall(r"\b(tf\.[\w.]+)\(", "".join(SOURCES.values())))
    quoted = set(re.findall(r"\b(tf\.[\w.]+)\(", "".join(code for code, *_ in slide_links())))
    assert used - quoted == set()


def test_moved_lines_are_linked_again():
    moved = re.sub(r"\.py#L\d+", ".py#L7", SLIDES)
    assert moved != SLIDES and refresh.refreshed(moved) == SLIDES


# ---- the ladder


def ladder_rows():
    """{step: cells} of the README's table."""
    rows = re.findall(r"^\| \[(\d\.\d)[^|]*\|(.+)\|$", TEXTS[README], re.M)
    return {step: [cell.strip() for cell in cells.split("|")] for step, cells in rows}


def test_the_ladder_has_a_row_for_each_script():
    assert list(ladder_rows()) == list(SOURCES)
    for step, path in STEPS.items():
        assert re.search(
            rf"^\| \[{re.escape(step)} [^]]*\]\({re.escape(path.name)}\) \|", TEXTS[README], re.M
        )


@pytest.mark.parametrize("step", SOURCES)
def test_the_ladder_counts_changed_lines(step):
    """Against the longest common subsequence, computed here."""
    told = ladder_rows()[step][1]
    if refresh.parent(step) is None:
        return None
    old, new = (refresh.body(k) for k in (refresh.parent(step), step))
    common = np.zeros([len(old) + 1, len(new) + 1], int)
    for i, a in enumerate(old):
        for j, b in enumerate(new):
            both = common[i, j] + 1 if a == b else 0
            common[i + 1, j + 1] = max(both, common[i, j + 1], common[i + 1, j])
    same = common[-1, -1]
    added, removed = map(int, re.fullmatch(r"\+(\d+) −(\d+)", told).groups())
    assert added - removed == len(new) - len(old)
    assert len(new) - same <= added <= len(new) - same + 2  # diff may miss a blank line


def test_changed_lines_are_counted_again():
    wrong = re.sub(r"\+\d+ −\d+", "+0 −0", TEXTS[README])
    assert wrong != TEXTS[README] and refresh.refreshed(wrong) == TEXTS[README]


ACCURACY = re.compile(
    r"^Accuracy: ([\d.]+) % of the test digits after ([\d,]+) iterations\s+"
    r"\(median of seeds [^,]+, which end at ([\d.]+)\s+to\s+([\d.]+)",
    re.MULTILINE,
)


@pytest.mark.parametrize("step", SOURCES)
def test_the_header_of_a_script_and_the_ladder_tell_the_same(step):
    told = ladder_rows()[step][2]
    median, iterations, lowest, highest = ACCURACY.search(SOURCES[step]).groups()
    assert told == f"**{median}** ({lowest}–{highest})"
    assert float(lowest) <= float(median) <= float(highest)
    (length,) = re.findall(r"parse_args\(__doc__, iterations=([\d_]+)", SOURCES[step])
    assert int(iterations.replace(",", "")) == int(length)


def test_wrong_digits_beyond_the_deck_are_those_of_the_ladder():
    rows = re.findall(r"^\| \[(\d\.\d)[^|]*\| (\d+) \|", TEXTS[TOP / "docs" / "beyond.md"], re.M)
    assert rows
    for step, wrong in rows:
        median = float(re.match(r"\*\*([\d.]+)", ladder_rows()[step][2])[1])
        assert int(wrong) == round(100 * (100 - median))


# ---- flags and keys


@pytest.mark.parametrize(
    ("program", "page"),
    [("mnist_1.0_softmax.py", "window.md"), ("compare_curves.py", "comparing.md")],
)
def test_all_flags_are_on_the_page(program, page, monkeypatch, capsys):
    import runpy

    monkeypatch.setattr(sys, "argv", [program, "--help"])
    with pytest.raises(SystemExit):
        runpy.run_path(str(TOP / program), run_name="__main__")
    flags = set(re.findall(r"^ +(?:-h, )?(--[a-z]+)", capsys.readouterr().out, re.M))
    text = TEXTS[TOP / "docs" / page]
    assert flags and {flag for flag in flags - {"--help"} if f"`{flag}" not in text} == set()


def test_all_keys_are_on_the_page():
    from visu.panels.keys_and_views import KEYS, ROWS

    table = TEXTS[TOP / "docs" / "window.md"].partition("## Keys")[2].partition("###")[0]
    cells = re.findall(r"^\| (`.*?) \|", table, re.M)
    shown = [keys.replace("...", "").split() for keys, *_ in ROWS]
    told = "docs/window.md, Keys: a row for each of ROWS, in its order"
    assert [re.findall("`(.+?)`", cell) for cell in cells] == shown, told
    assert sum(len(keys) for *_, keys in ROWS) == len(KEYS), "a key is in two rows"


def test_all_keys_of_a_comparison_are_on_the_page():
    from visu.show.comparison_window import ROWS

    table = TEXTS[TOP / "docs" / "comparing.md"].partition("| key in the window |")[2]
    cells = re.findall(r"^\| (`.*?) \|", table.partition("##")[0], re.M)
    assert [re.findall("`(.+?)`", cell) for cell in cells] == [keys.split() for keys, *_ in ROWS]


# ---- the programs on the pages


def blocks(page):
    """The Python programs on a page, by their first line."""
    return [code for kind, code in FENCE.findall(TEXTS[page]) if kind == "python"]


@pytest.fixture
def fashion(small_data, monkeypatch):
    """keras.datasets.fashion_mnist, which needs no network: the small data."""
    import keras

    import mnist_data

    data = mnist_data.load(str(small_data))
    arrays = tuple((part.images, part.labels) for part in (data.train, data.test))
    monkeypatch.setattr(keras.datasets.fashion_mnist, "load_data", lambda: arrays)
    return arrays


def test_own_data(fashion, monkeypatch, tmp_path):
    import mnist_data

    code = blocks(README)[0]
    assert code in blocks(TOP / "docs" / "data.md") and len([*filter(None, code.splitlines())]) == 5
    monkeypatch.chdir(tmp_path)
    exec(compile(code, "README.md", "exec"), {})
    mnist = mnist_data.load("Fashion-MNIST")
    assert mnist.name == "Fashion-MNIST"
    np.testing.assert_array_equal(mnist.test.images, fashion[1][0])


def test_own_network(fashion, monkeypatch, tmp_path, capfd):
    """The whole program as it stands, which has the README's five lines."""
    lines = [*filter(None, blocks(README)[1].splitlines())]
    code = next(code for code in blocks(TOP / "docs" / "data.md") if "Conv2D" in code)
    assert len(lines) == 5 and set(lines) <= set(code.splitlines())
    program = tmp_path / "mine.py"
    program.write_text(code)
    monkeypatch.setattr(sys, "argv", [str(program), "--headless", "--iterations", "20"])
    exec(compile(code, str(program), "exec"), {"__name__": "__main__"})
    printed = capfd.readouterr()
    assert "Mine on Fashion-MNIST, 20 iterations" in printed.out and printed.err == ""
    assert [*Path(tmp_path).glob("runs/mine/*/run.json")]


@pytest.mark.slow
def test_the_regressor_of_the_deck(capfd):
    import tensorflow as tf

    tf.keras.utils.set_random_seed(0)
    (code,) = blocks(TOP / "docs" / "slides.md")
    names = {}
    exec(compile(code, "slides.md", "exec"), names)
    printed = capfd.readouterr().out.strip(" []\n").split()
    np.testing.assert_allclose([*map(float, printed)], names["y"], atol=0.3)
