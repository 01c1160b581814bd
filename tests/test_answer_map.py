"""The map of answers: the panel of `m`."""

from dataclasses import replace

import numpy as np
import pytest
from evaluations import evaluation, history_of
from windows import SIZES, make_dashboard, mouse

from visu.panels.answer_map import AnswerMap
from visu.panels.one_digit import OneDigit
from visu.panels.style import RED
from visu.record.run import Look

CORNERS = [(np.sin(k * np.pi / 5), np.cos(k * np.pi / 5)) for k in range(10)]


def show(filled, size=SIZES[0], ask=None):
    """The panel, drawn."""
    dashboard = make_dashboard(size, (AnswerMap,))
    dashboard.panels[1].ask = ask
    dashboard.update(filled)
    dashboard.figure.canvas.draw()
    return dashboard, dashboard.panels[1]


def dots(panel, colour=None):
    """The places of all dots, [n, 2], in no order, or of the rings of this colour."""
    lines = [line for line in panel.axes.get_lines() if line.get_marker() == "o"]
    rings = [line for line in lines if line.get_markerfacecolor() == "none"]
    chosen = [line for line in rings if line.get_color() == colour] if colour else lines
    chosen = chosen if colour else [line for line in lines if line not in rings]
    return np.concatenate([line.get_xydata() for line in chosen])


def in_order(places):
    return places[np.lexsort(places.T)]


def test_a_digit_stands_at_its_probabilities_times_the_corners():
    filled = history_of(evaluation(0, 0.9))
    test = filled.last.test
    panel = show(filled)[1]
    expected = np.array([sum(p * np.array(c) for p, c in zip(Y, CORNERS, strict=True))
                         for Y in test.probabilities])  # fmt: skip
    np.testing.assert_allclose(in_order(dots(panel)), in_order(expected), atol=1e-9)
    misread = test.answers.labels != test.answers.predictions
    np.testing.assert_allclose(in_order(dots(panel, RED)), in_order(expected[misread]), atol=1e-9)


def test_digits_of_one_class_have_the_colour_of_the_digit_at_its_corner():
    filled = history_of(evaluation(0, 1.0))
    sure = replace(filled.last.test, probabilities=np.eye(10)[filled.last.test.answers.labels])
    filled = history_of(replace(filled.last, test=sure))
    panel = show(filled)[1]
    named = {text.get_text(): text for text in panel.axes.texts if text.get_text().isdigit()}
    assert sorted(named) == list("0123456789")
    for digit, corner in enumerate(CORNERS):
        text = named[str(digit)]
        (line,) = [
            line
            for line in panel.axes.get_lines()
            if line.get_color() == text.get_color() and len(line.get_xydata())
        ]
        np.testing.assert_allclose(line.get_xydata(), np.tile(corner, (100, 1)), atol=1e-9)
        assert np.dot(text.get_position(), corner) > 1  # beyond its corner


def test_a_click_opens_the_nearest_digit_and_beside_all_of_them_none():
    filled = history_of(evaluation(0, 0.9))
    dashboard, panel = show(filled)
    index = 321
    x, y = filled.last.test.probabilities[index] @ CORNERS
    assert mouse(dashboard, panel, "press", (x, y)) == (OneDigit,)
    assert dashboard.selection.index == index
    np.testing.assert_array_equal(dashboard.selection.image, filled.last.test.answers.images[index])
    assert mouse(dashboard, panel, "press", (-1.7, 1.1)) is None


def test_a_digit_drawn_by_hand_appears():
    """Then, and only then, the network is asked about it."""
    probabilities = np.array([0, 0, 0.5, 0, 0, 0, 0, 0.5, 0, 0])
    asked = []

    def ask(image, label):
        asked.append(image)
        return Look(image, label, 0, (), probabilities)

    filled = history_of(evaluation(0, 0.9))
    dashboard, panel = show(filled, ask=ask)
    assert not asked and not dashboard.asks
    dashboard.selection.draw(None, (0.5, 0.5))
    dashboard.update(filled)
    assert dashboard.asks and len(asked) == 1
    (star,) = [line for line in panel.axes.get_lines() if line.get_marker() == "*"]
    assert star.get_visible()
    np.testing.assert_allclose(star.get_xydata()[0], probabilities @ CORNERS, atol=1e-9)


@pytest.mark.parametrize("broken", [np.nan, "empty"])
def test_probabilities_that_are_not_numbers_and_an_empty_history(broken, recwarn):
    filled = history_of() if broken == "empty" else history_of(evaluation(0))
    if filled.last:
        filled.last.test.probabilities[:] = broken
    dashboard, panel = show(filled)
    assert not np.isfinite(dots(panel)).any()
    assert mouse(dashboard, panel, "press", (0, 0)) is None
    assert not recwarn.list
