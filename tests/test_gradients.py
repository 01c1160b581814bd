"""The gradient per layer: the file of a run, the panels of `g`, compare_curves.py --gradients."""

import math
from argparse import Namespace
from dataclasses import replace
from itertools import combinations

import numpy as np
import pytest
import test_compare
from evaluations import RUN, evaluation, history_of, long_run
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from test_compare import TITLES, legend, texts, write_run
from visu.record.saved_run import NoRun, read, read_gradients

from visu.panels.blitting import Offscreen
from visu.panels.dashboard import Panels
from visu.panels.style import DPI
from visu.record.run import History, Plan
from visu.record.run_folder import RunFolder, gradients_text
from visu.show import window

compare, beside = test_compare.compare, test_compare.beside  # fixtures
SIZES = [(1280, 720), (1920, 1080)]
VANISHING = [0.00036, 0.0016, 0.0083, 0.066, 0.92]  # of 2.0, as the issue measured them


def measured(iteration, sizes):
    """An Evaluation with gradients of these sizes."""
    return replace(evaluation(iteration), gradients=np.array(sizes, np.float32))


def show(filled, size=SIZES[0]):
    """The panels of `g`, after an update: all, the lines, the bars."""
    figure = Figure((size[0] / DPI, size[1] / DPI), dpi=DPI)
    FigureCanvasAgg(figure)
    panels = Panels(figure, RUN)
    panels.show_only(window.VIEWS["g"])
    panels.update(filled)
    panels.figure.canvas.draw()
    return panels, *panels.moving[1:]


def curves(lines):
    return [np.array(line.get_data(), float) for line in lines.axes.get_lines()]


def bars(plot):
    """Where the bars end, and their colours, from top to bottom."""
    patches = sorted(plot.axes.patches, key=lambda bar: plot.axes.transData.transform(
        bar.get_xy())[1], reverse=True)  # fmt: skip
    return [bar.get_x() + bar.get_width() for bar in patches], [
        bar.get_facecolor() for bar in patches
    ]


def words(plot):
    return [text.get_text() for text in plot.axes.texts if text.get_text()]


# ---- the file


def test_gradients_csv_as_text_and_back(tmp_path):
    filled = history_of(
        measured(0, [0.1, 2]), evaluation(20, test=False), measured(40, [0, math.nan])
    )
    path = tmp_path / "gradients.csv"
    path.write_text(gradients_text(filled))
    assert path.read_text() == "iteration,W1,W2\n0,0.1,2\n40,0,nan\n"
    path.write_text(path.read_text() + "60,0.")  # still being written
    columns = read_gradients(path)
    assert list(columns) == ["iteration", "W1", "W2"]
    np.testing.assert_array_equal(columns["iteration"], [0, 40])
    np.testing.assert_array_equal(columns["W2"], [2, np.nan])


def test_the_file_grows_with_the_run_and_is_written_anew_after_a_loss(tmp_path):
    args = Namespace(
        runs=tmp_path, script="mnist_0.0_try", source=b"", title="0.0", label="", weights=None
    )
    folder, grown = RunFolder(args, 0, Plan("0.0", "small", 99, 200, 300), "CPU"), History()
    for part in (evaluation(0), evaluation(20, test=False), evaluation(40), evaluation(60)):
        grown.append(part)
        folder.write(grown)
        if grown.iteration:
            assert (folder.path / "gradients.csv").read_text() == gradients_text(grown)
    (folder.path / "gradients.csv").unlink()
    grown.append(evaluation(80))
    folder.write(grown)
    assert (folder.path / "gradients.csv").read_text() == gradients_text(grown)
    assert list(read(folder.path).gradients["iteration"]) == [0, 40, 60, 80]


@pytest.mark.parametrize(
    "text",
    [
        "",
        "iteration\n0\n",
        "iteration,W1\n",
        "iteration,W2\n0,1\n",
        "iteration,W1\n0,1,2\n",
        "iteration,W1\n0,x\n",
        "iteration,W1\n20,1\n0,1\n",
        "iteration,W1\n0,-1\n",
        "iteration,W1\n0,1e300\n",
    ],
)
def test_a_damaged_file_harms_nothing_but_the_gradients(tmp_path, text):
    folder = write_run(tmp_path, "2.0", [0.1, 0.5, 0.9, 0.96])
    (folder / "gradients.csv").write_text(text)
    run = read(folder)
    with pytest.raises(NoRun, match="gradients.csv"):
        run.gradients  # noqa: B018


# ---- the panels


def test_lines_and_bars_show_the_sizes_first_layer_dark_and_on_top():
    filled = history_of(measured(0, VANISHING), measured(100, np.sqrt(VANISHING)))
    _, lines, plot = show(filled)
    for k, curve in enumerate(curves(lines)):
        np.testing.assert_allclose(
            curve, [[0, 100], [VANISHING[k], VANISHING[k] ** 0.5]], rtol=1e-6
        )
    ends, colours = bars(plot)
    np.testing.assert_allclose(ends, np.sqrt(VANISHING), rtol=1e-6)
    grey = np.array(colours)[:, :3] @ [0.3, 0.6, 0.1]
    assert (np.diff(grey) > 0.05).all() and grey[0] < 0.2 and grey[-1] < 0.75
    assert lines.axes.get_yscale() == plot.axes.get_xscale() == "log"
    assert lines.axes.get_ylim()[0] <= min(VANISHING) and plot.axes.get_xlim()[1] >= max(ends)
    assert {"W1", "W5", "0.019", "0.96"} <= {*words(plot)}
    assert "iteration 100:  W5's gradient is 51 times W1's" in words(plot)


@pytest.mark.parametrize(
    ("sizes", "told"),
    [
        (VANISHING, "W5's gradient is 2,600 times W1's"),
        ([3, 1, 2], "W1's gradient is 1.5 times W3's"),
        ([0.1], ""),
        ([0, 1], ""),
        ([math.nan, 1], ""),
    ],
)
def test_the_ratio_of_last_and_first_in_words(sizes, told):
    text = " ".join(words(show(history_of(measured(0, sizes)))[2]))
    assert told in text and ("times" in text) == bool(told)


@pytest.mark.parametrize("sizes", [[0, 0, 0], [0, 0.1, 2], [math.nan, 1, 1], [math.inf, 1, 1]])
def test_gradients_of_zero_or_none_at_all_are_said(sizes, recwarn):
    said = "exactly 0" if sizes[0] == 0 else "NaN"
    for filled in (
        history_of(measured(0, sizes)),
        history_of(measured(0, [1, 1, 1]), measured(20, sizes)),
    ):
        _, lines, plot = show(filled)
        assert said in " ".join(words(plot))
        assert "W1 = " in " ".join(words(lines))
        assert ("NaN" in lines.hint.get_text()) == (said == "NaN")
    assert not recwarn.list


@pytest.mark.parametrize("size", SIZES, ids=str)
@pytest.mark.parametrize(
    "sizes", [[1e-4] * 5, [10.0] * 8, [0, 0, 0, 1, 1], VANISHING, [0.01, 0.0101, 1, 1.01, 0.011]]
)
def test_names_at_the_ends_of_lines_do_not_overlap(size, sizes):
    filled = history_of(measured(0, VANISHING[:1] * len(sizes)), measured(2000, sizes))
    panels, lines, _ = show(filled, size)
    names = [text for text in lines.axes.texts if text.get_text().startswith("W")]
    assert len(names) == len(sizes)
    boxes = [text.get_window_extent() for text in names]
    for box in boxes:
        assert box.x1 <= panels.figure.bbox.width / 2 and lines.axes.bbox.y0 - 20 < box.y0
        assert box.y1 < lines.axes.bbox.y1 + 20
    for a, b in combinations(boxes, 2):
        assert a.y1 <= b.y0 + 1 or b.y1 <= a.y0 + 1
    middles = np.array([box.y0 + box.y1 for box in boxes])
    assert (np.diff(middles[np.argsort(sizes, kind="stable")]) > 0).all()  # in the lines' order


def test_a_single_layer_and_a_restart():
    filled = history_of(measured(0, [0.5]), measured(20, [0.25]))
    panels, lines, plot = show(filled)
    assert bars(plot)[0] == [0.25] and words(plot)[:1] == ["iteration 20"]
    filled.clear()
    panels.update(filled)
    panels.figure.canvas.draw()
    assert not curves(lines) and not plot.axes.patches
    filled.append(measured(0, VANISHING))
    panels.update(filled)
    assert len(curves(lines)) == 5
    children = [len(axes.get_children()) for axes in panels.figure.axes]
    filled.append(measured(20, VANISHING))
    panels.update(filled)
    assert [len(axes.get_children()) for axes in panels.figure.axes] == children


def test_what_is_painted_bit_by_bit_is_the_whole_picture():
    """Blitting, with artists that are made when the first evaluation comes."""
    filled = History()
    offscreen = Offscreen(RUN, *SIZES[0])
    offscreen.panels.show_only(window.VIEWS["g"])
    offscreen.draw(filled)
    for i in (0, 20, 120):
        filled.append(measured(i, np.array(VANISHING) * (1 + i)))
        offscreen.draw(filled)
    panels, *_ = show(filled)
    whole = np.asarray(panels.figure.canvas.buffer_rgba())[100:]
    differs = (offscreen.pixels[100:] != whole).any(axis=2)  # at the edges of bars, on the axes
    assert differs.mean() < 0.002


def test_long_runs_stay_few_points():
    _, lines, _ = show(long_run(100_000, 20))
    assert len(curves(lines)[0][0]) <= 2000


# ---- compare_curves.py --gradients


def write_gradients(folder, first, last):
    """gradients.csv of three layers at iterations 0, 40, 100, 200."""
    rows = zip((0, 40, 100, 200), first, last, strict=True)
    lines = [f"{i},{a},1,{b}\n" for i, a, b in rows]
    (folder / "gradients.csv").write_text("iteration,W1,W2,W3\n" + "".join(lines))


def run_with_gradients(place, step, first, last=(1, 1, 1, 1), **facts):
    write_gradients(write_run(place, step, [0.1, 0.5, 0.9, 0.96], **facts), first, last)


def test_first_and_last_layer_of_each_run(tmp_path, compare):
    run_with_gradients(tmp_path, "2.0", [0.001, 0.01, 0.1, 0.1])
    for seed, size in enumerate([0.02, 0.04, 0.06]):
        run_with_gradients(tmp_path, "2.1", [size] * 4, [2 * size, 1, 1, 0.4], seed=seed)
    status, figure, *_ = compare("2.0", "2.1", "--gradients")
    assert status == 0
    (axes,) = figure.axes
    drawn = [line.get_data() for line in axes.get_lines()]
    at = [0, 40, 100, 200]
    np.testing.assert_allclose(drawn[0], [at, [1, 1, 1, 1]])
    np.testing.assert_allclose(drawn[1], [at, [0.08, 1, 1, 0.4]])
    np.testing.assert_allclose(drawn[2], [at, [0.001, 0.01, 0.1, 0.1]])
    np.testing.assert_allclose(drawn[3], [at, [0.04] * 4])
    assert axes.get_yscale() == "log" and axes.get_ylim()[0] < 0.001 < 1 < axes.get_ylim()[1]
    told = legend(figure)
    assert TITLES["2.0"] in told[0] and "1,000 at iteration 0, 10 at 200" in told[0]
    assert TITLES["2.1"] in told[1] and "2 at iteration 0, 10 at 200" in told[1]
    assert "first layer" in texts(figure) and "last layer" in texts(figure)
    names = [text.get_text() for text in axes.texts]
    assert sorted(names) == ["W1", "W1", "W3", "W3"]


def test_a_part_of_it_and_one_layer(tmp_path, compare):
    run_with_gradients(tmp_path, "2.0", [0.001, 0.01, 0.1, 0.2])
    _, figure, *_ = compare("2.0", "--gradients", "--from", "40", "--until", "100")
    assert figure.axes[0].get_xlim() == (40, 100)
    assert "100 at iteration 40, 10 at 100" in legend(figure)[0]
    folder = write_run(tmp_path, "1.0", [0.1, 0.5, 0.9, 0.92])
    (folder / "gradients.csv").write_text("iteration,W1\n0,1.5\n200,0.5\n")
    status, figure, *_ = compare("1.0", "--gradients")
    assert status == 0 and [text.get_text() for text in figure.axes[0].texts] == ["W1"]


@pytest.mark.parametrize("sizes", [[0, 0, 0, 0], [0, 0.1, 0.1, 0], ["nan"] * 4], ids=str)
def test_zeros_and_nan_are_no_error(tmp_path, compare, sizes, recwarn):
    run_with_gradients(tmp_path, "2.0", sizes, sizes)
    status, figure, *_ = compare("2.0", "--gradients")
    assert status == 0 and not recwarn.list
    low, high = figure.axes[0].get_ylim()
    assert 0 < low < high
    FigureCanvasAgg(figure).draw()


def test_runs_without_gradients_give_way_and_are_named_in_one_line(tmp_path, compare):
    run_with_gradients(tmp_path, "2.0", [0.001, 0.01, 0.1, 0.1])
    for seed in range(3):
        write_run(tmp_path, "2.0", [0.1, 0.5, 0.9, 0.9], time="2027", seed=seed)
    status, figure, _, err = compare("2.0", "--gradients")
    assert status == 0 and len(figure.axes[0].get_lines()) == 2
    assert err.count("\n") == 1 and "3" in err and "gradients.csv" in err
    status, figure, _, err = compare("2.0")
    assert status == 0 and "gradients" not in err  # not read where they are not drawn
    status, figure, _, err = compare("2.1", "--gradients")
    assert (status, figure) == (2, None)


def test_where_no_run_has_gradients_this_is_what_is_said(tmp_path, compare):
    write_run(tmp_path, "2.0", [0.1, 0.5, 0.9, 0.9])
    for words in ([], ["2.0"]):
        status, _, _, err = compare(*words, "--gradients")
        assert status == 2 and "gradients" in err.splitlines()[-1]


@pytest.mark.parametrize("flags", ["--log", "--smooth 5", "--loss", "--accuracy", "--deck"])
def test_flags_that_make_no_sense_with_it(compare, flags):
    status, figure, _, err = compare("--gradients", *flags.split())
    assert (status, figure) == (2, None) and err.count("\n") == 1
    assert flags.split()[0] in err


def test_the_deck_has_a_picture_of_vanishing_gradients(tmp_path, compare):
    place = tmp_path / "pictures"
    write_run(tmp_path, "2.0", [0.1, 0.5, 0.6, 0.7])
    run_with_gradients(tmp_path, "2.1", [0.1] * 4)
    _, _, out, err = compare("--deck", str(place))
    lacking = out.partition("vanishing_gradients.png")[2].partition(".png")[0]
    assert "mnist_2.0" in lacking and "mnist_2.1" not in lacking
    assert err.count("\n") == 1 and "gradients.csv" in err
    run_with_gradients(tmp_path, "2.0", [0.001] * 4, time="2027")
    compare("--deck", str(place))
    (picture,) = compare.saved
    assert picture == place / "vanishing_gradients.png"
    assert [text.partition(":")[0] for text in legend(compare.saved[picture])] == [*TITLES.values()]
