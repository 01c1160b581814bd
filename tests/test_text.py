"""Text from elsewhere: what a terminal and matplotlib are given of it. Numbers in words."""

import warnings

import pytest
from evaluations import evaluation, history_of
from matplotlib.figure import Figure

from visu.panels.dashboard import save_picture
from visu.panels.style import drawable, out_of, percent, printable


@pytest.mark.parametrize(
    "text, seen",
    [
        ("\x1b[31mred", "□[31mred"),
        ("a\rb\tc\nd", "a b c d"),
        ("\x9b2J", "□2J"),
        ("a\u202eb", "a□b"),  # right to left
        ("\x00\x07", "□□"),
        ("\udcdc", "□"),  # of a name that is not UTF-8
        *[(text, text) for text in ("2.1 ReLU, learning rate decay", "Übung Ω", "漢字", "$5")],
    ],
)
def test_nothing_that_a_terminal_obeys(text, seen):
    assert printable(text) == seen


@pytest.mark.parametrize("weight", ["normal", "bold"])
def test_no_glyph_is_missing_in_what_is_drawn(weight):
    text = drawable("a漢\x1b🚀\n\u3000é", weight)
    assert text == "a□□□  é"
    figure = Figure()
    figure.text(0, 0, text, weight=weight)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        figure.draw_without_rendering()


@pytest.mark.parametrize("name", ["$5 and $6_{", "漢字 🚀", "a\nb"])
def test_a_run_under_any_name_has_its_picture(tmp_path, name):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        save_picture(tmp_path / "a.png", history_of(evaluation(0), label=name, data=name))
    assert (tmp_path / "a.png").stat().st_size


def test_shares_and_counts():
    assert [percent(0.92094, 2), percent(0.5), percent(1, 1)] == ["92.09 %", "50 %", "100.0 %"]
    assert [out_of(100, 128), out_of(100, 100), out_of(100, 30)] == ["100 of 128", "100", "30"]
