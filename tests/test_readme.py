"""The README keeps step with the scripts."""

import re

import pytest
from conftest import SCRIPTS, TOP

README = (TOP / "README.md").read_text()
SOURCES = {path.stem.split("_")[1]: path.read_text() for path in SCRIPTS}


def steps_of(cell):
    """The steps that a cell like "2.1", "2.1, 3.0", "2.0 – 2.2", "all" or "–" names."""
    if cell in ("all", "–"):
        return list(SOURCES) if cell == "all" else []
    first, _, last = cell.partition(" – ")
    return [step for step in SOURCES if first <= step <= last] if last else cell.split(", ")


def slide_rows():
    """(code of today, step) for each fragment in the table of the slides' code."""
    table = README.partition("| slide | script | steps |")[2].partition("\n\n")[0]
    for line in table.strip().splitlines()[1:]:
        _, script, steps = re.split(r" \| ", line.strip("| "))
        for fragment in re.findall(r"`([^`]+)`", script):
            for step in steps_of(steps):
                yield fragment, step


@pytest.mark.parametrize(("fragment", "step"), list(slide_rows()))
def test_the_slides_table_quotes_the_scripts(fragment, step):
    assert fragment in SOURCES[step]


def test_each_code_line_of_the_networks_is_in_the_slides_table():
    """Nothing that computes may be missing in the table: every tf function in the scripts is."""
    used = set(re.findall(r"\b(tf\.[\w.]+)\(", "".join(SOURCES.values())))
    quoted = set(re.findall(r"\b(tf\.[\w.]+)\(", "".join(fragment for fragment, _ in slide_rows())))
    assert used - quoted == set()


def test_all_flags_and_scripts_are_named(load_script):
    flags = "--iterations --seed --data --headless --label --view --runs --help"
    for flag in flags.split():
        assert f"`{flag}" in README
    for picture in re.findall(r"\]\((docs/[^)]+)\)", README):
        assert (TOP / picture).stat().st_size < 300 * 1024


ACCURACY = re.compile(
    r"^Accuracy: ([\d.]+) % of the test digits after ([\d,]+) iterations\s+"
    r"\(median of seeds [^,]+, which end at ([\d.]+)\s+to\s+([\d.]+)",
    re.MULTILINE,
)
LOSS = re.compile(r"test loss is ([\d.]+) at its lowest\s+and\s+([\d.]+) at the end")


def ladder_rows():
    """{step: cells} of the tables "The ladder" and "Beyond the deck"."""
    text = README.partition("## The ladder")[2].partition("\n## ")[0]
    rows = re.findall(r"^\| (\d\.\d) [^|]*\|(.+)\|$", text, re.MULTILINE)
    return {step: [cell.strip(" *") for cell in cells.split("|")] for step, cells in rows}


@pytest.mark.parametrize("step", SOURCES)
def test_the_header_of_a_script_and_the_table_tell_the_same(step):
    median, iterations, lowest, highest = ACCURACY.search(SOURCES[step]).groups()
    told, loss = ladder_rows()[step][:3], LOSS.search(SOURCES[step])
    assert told == [iterations, median, f"{lowest}–{highest}"]
    assert float(lowest) <= float(median) <= float(highest)
    assert loss is None or ladder_rows()[step][3] == " → ".join(loss.groups())
    (length,) = re.findall(r"parse_args\(__doc__, iterations=([\d_]+)", SOURCES[step])
    assert int(iterations.replace(",", "")) == int(length)
