"""Text from elsewhere: what a terminal and matplotlib are given of it."""

import warnings

import numpy as np
import pytest
from matplotlib.figure import Figure

from visu.dashboard import save_picture
from visu.history import Evaluation, History, Measure, Plan
from visu.text import drawable, printable


@pytest.mark.parametrize(
    "text, seen",
    [
        ("\x1b[31mred", "□[31mred"),
        ("a\rb\tc\nd", "a b c d"),
        ("\x9b2J", "□2J"),
        ("a\u202eb", "a□b"),  # right to left
        ("\x00\x07", "□□"),
        ("\udcdc", "□"),  # of a name that is not UTF-8
    ],
)
def test_nothing_that_a_terminal_obeys(text, seen):
    assert printable(text) == seen


@pytest.mark.parametrize("text", ["2.1 ReLU, learning rate decay", "Übung Ω", "漢字", "$5"])
def test_what_can_be_printed_stays(text):
    assert printable(text) == text


@pytest.mark.parametrize("weight", ["normal", "bold"])
def test_no_glyph_is_missing_in_what_is_drawn(weight):
    text = drawable("a漢\x1b🚀é", weight)
    assert len(text) == 5 and (text[0], text[-1]) == ("a", "é")
    figure = Figure()
    figure.text(0, 0, text, weight=weight)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        figure.draw_without_rendering()


@pytest.mark.parametrize("name", ["$5 and $6_{", "漢字 🚀", "a\nb"])
def test_a_run_under_any_name_has_its_picture(tmp_path, name):
    digits = np.zeros([100, 28, 28], np.uint8), np.zeros(100, int), np.zeros(100, int)
    read = Measure(0.5, 1.0, *digits)
    history = History()
    history.append(
        Evaluation(0, 0.0, 0.1, read, read, np.zeros(8), np.zeros(8), np.zeros([784, 10]))
    )
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        save_picture(tmp_path / "a.png", history, Plan(f"1.0 softmax, {name}", name, 100, 100, 100))
    assert (tmp_path / "a.png").stat().st_size
