"""compare_curves.py: runs written by hand in; the axes' data, the table and the files out."""

import subprocess
import sys

import numpy as np
import pytest
from conftest import TOP
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from PIL import Image
from saved_runs import READ, TESTED, TITLES, legend, texts, thick, write_run

import compare_curves
from visu.panels import comparison
from visu.panels.step_colours import line_styles
from visu.record.ladder import LADDER
from visu.record.run_folder import SavedRun

GOOD = [0.1, 0.5, 0.9, 0.96]  # test accuracies


def ends(axes):
    """What is written beside the ends of the curves."""
    return sorted(text.get_text() for text in axes.texts)


def looks(figure):
    """For each experiment: its colour, its dashes, and the colour between them."""
    lines = figure.legends[0].get_lines()
    return [(line.get_color(), line.get_linestyle(), line.get_gapcolor()) for line in lines]


def test_two_steps_are_overlaid(tmp_path, compare):
    write_run(tmp_path, "2.0", GOOD)
    write_run(tmp_path, "2.1", [0.1, 0.8, 0.97, 0.9801])
    done = compare()
    assert (done.status, done.err) == (0, "")
    accuracy, loss = done.figure.axes
    np.testing.assert_allclose(thick(accuracy)[0], [TESTED, GOOD])
    np.testing.assert_allclose(thick(accuracy)[1], [TESTED, [0.1, 0.8, 0.97, 0.9801]])
    np.testing.assert_allclose(thick(loss)[1], [TESTED, [90, 20, 3, 1.99]], rtol=1e-5)
    assert legend(done.figure) == [f"{TITLES['2.0']}: 96.00 %", f"{TITLES['2.1']}: 98.01 %"]
    assert ends(accuracy) == ["96.00 %", "98.01 %"] and ends(loss) == ["1.99", "4.00"]
    thin, test = accuracy.get_lines()[:2]
    np.testing.assert_allclose(thin.get_data(), [READ, np.array(READ) / 200])
    assert thin.get_color() == test.get_color() and thin.get_zorder() < test.get_zorder()
    assert thin.get_linewidth() < test.get_linewidth()
    assert accuracy.get_xlim() == (0, 200)
    assert accuracy.get_ylim()[0] <= 0.5 and loss.get_ylim()[1] >= 50
    titles = [axes.get_title(loc="left").lower() for axes in done.figure.axes]
    assert all("test" in title and "training" in title for title in titles)
    assert "accuracy" in titles[0] and "cross entropy" in titles[1]
    assert "MNIST" in texts(done.figure)


def test_seeds_become_a_median_with_a_band(tmp_path, compare):
    values = np.array([[0.1, 0.5, 0.9, 0.95], [0.2, 0.6, 0.8, 0.97], [0.3, 0.4, 0.7, 0.99]])
    for seed, accuracies in enumerate(values):
        folder = write_run(tmp_path, "2.1", accuracies, seed=seed)
    slow = (folder / "curves.csv").read_text()  # evaluations that the other seeds do not have
    (folder / "curves.csv").write_text(slow.replace("20,0.1,180,,", "20,0.1,180,0.99,1"))
    done = compare("2.1")
    axes = done.figure.axes[0]
    ((iterations, middle),) = thick(axes)
    assert list(iterations) == TESTED
    np.testing.assert_allclose(middle, np.percentile(values, 50, axis=0))
    (band,) = axes.collections
    corners = band.get_paths()[0].vertices
    for k, i in enumerate(TESTED):
        seen = corners[corners[:, 0] == i, 1]
        expected = np.percentile(values[:, k], [10, 90])
        np.testing.assert_allclose([seen.min(), seen.max()], expected)
    assert "median of 3 seeds" in texts(done.figure) and "0,1,2" in done.out


def test_part_of_the_iterations(tmp_path, compare):
    write_run(tmp_path, "2.0", [0.1, 0.5, 0.96, 0.98])
    figure = compare("--from", "40", "--until", "100").figure
    assert [axes.get_xlim() for axes in figure.axes] == [(40, 100)] * 2
    assert "40 to 100" in texts(figure)
    for until, result in (("100", "96.00 %"), ("150", "96.00 % at 100"), ("200", "98.00 %")):
        figure = compare("--until", until).figure
        assert legend(figure) == [f"{TITLES['2.0']}: {result}"]
        assert ends(figure.axes[0]) == [result[:7]]
    figure = compare("--from", "50", "--until", "60").figure  # between two evaluations
    (low, high), shown = figure.axes[0].get_ylim(), np.interp([50, 60], [40, 100], [0.5, 0.96])
    assert low < shown[0] and shown[1] < high and figure.axes[1].get_ylim()[1] > 42
    for flags in (["--from", "40", "--until", "40"], ["--from", "200"]):
        done = compare(*flags)
        assert (done.status, done.figure, done.err.count("\n")) == (2, None, 1)
        assert " ".join(flags[:2]) in done.err


def test_one_panel_and_a_logarithmic_loss(tmp_path, compare):
    table = write_run(tmp_path, "2.0", [0.1, 0.5, 0.96, 0.98]) / "curves.csv"
    table.write_text(table.read_text().replace("\n200,1.0,0,", "\n200,1.0,0.003,"))
    (axes,) = compare("--accuracy").figure.axes
    assert "accuracy" in axes.get_title(loc="left").lower()
    (axes,) = compare("--loss", "--log").figure.axes
    assert "cross entropy" in axes.get_title(loc="left").lower() and axes.get_yscale() == "log"
    values = np.concatenate([line.get_ydata() for line in axes.get_lines()])
    low, high = axes.get_ylim()
    assert values.min() == 0.003 and low < values.min() and high > values.max()


def test_smoothing_is_over_iterations_of_the_training_curves_and_named(tmp_path, compare):
    write_run(tmp_path, "2.0", [0.1, 0.4, 0.7, 1.0])
    figure = compare("--smooth", "40").figure
    np.testing.assert_allclose(thick(figure.axes[0])[0][1], [0.1, 0.4, 0.7, 1.0])
    thin = figure.axes[0].get_lines()[0].get_ydata()  # at 0, 20, 40; 100, 120; 200
    np.testing.assert_allclose(200 * thin, [10, 20, 30, 110, 110, 200])
    assert "mean over 40 iterations" in texts(figure)
    assert "mean over" not in texts(compare().figure)


def test_the_table_in_figures(tmp_path, compare):
    write_run(tmp_path, "2.0", [0.1, 0.97, 0.96, 0.9534], seconds=8.0, steps_per_second=25.0)
    for seed, accuracies in enumerate([[0.1, 0.975, 0.98, 0.99], [0.1, 0.9, 0.97, 0.98]]):
        write_run(tmp_path, "2.1", accuracies, seed=seed)
    lines = compare().out.splitlines()
    lowest = ["200", "95.34", "97.00", "3.00", "4.66"]  # iterations, accuracies, losses
    assert lines[1].split()[-12:] == ["0", *lowest, "40", "–", "–", "8", "s", "25"]
    # medians of the seeds: final (0.99, 0.98), 97 % at (40, 100), 98 % at (100, 200), 99 % never
    both = ["0,1", "200", "98.50", "98.50", "1.50", "1.50"]
    assert lines[2].split()[-12:] == [*both, "70", "150", "–", "4", "s", "50"]
    assert len({len(line) for line in lines[:3]}) == 1
    # up to 150: read at 100; when that was is not saved
    lines = compare("--until", "150").out.splitlines()
    lowest = ["100", "96.00", "97.00", "3.00", "4.00"]
    assert lines[1].split()[-11:] == ["0", *lowest, "40", "–", "–", "–", "25"]
    both = ["0,1", "100", "97.50", "97.50", "2.50", "2.50"]
    assert lines[2].split()[-11:] == [*both, "70", "–", "–", "–", "50"]


def test_extreme_curves_are_drawn(tmp_path, compare, warned):
    for k, loss in enumerate(("3e38", "inf", "nan", "-1e-5", "0")):
        table = write_run(tmp_path, f"2.{k}", [0, 1, 0, 1]) / "curves.csv"
        table.write_text(table.read_text().replace(",100,", f",{loss},"))
    head, *_, last = table.read_text().splitlines()
    table.write_text(f"{head}\n{last}\n")  # of a single evaluation
    for flags in ([], ["--log"], ["--smooth", "3"]):
        done = compare(*flags)
        assert (done.status, done.err) == (0, "")
        FigureCanvasAgg(done.figure).draw()
    assert not warned()


# ---- what is said


DAMAGED = {  # what is done to the text of a file
    "no curves": ("curves.csv", None),
    "half a run.json": ("run.json", lambda text: text[:40]),
    "a list": ("run.json", lambda text: "[1, 2]"),
    "no seed": ("run.json", lambda text: text.replace('"seed": 0, ', "")),
    "empty": ("curves.csv", lambda text: "\n"),
    "other columns": ("curves.csv", lambda text: "epoch,loss\n1,2\n"),
    "words": ("curves.csv", lambda text: text + "a,b,c,d,e,f,g,h\n"),
    "no evaluations": ("curves.csv", lambda text: text.split("\n")[0] + "\n"),
    "bytes": ("curves.csv", lambda text: "\0\udcff"),
}


@pytest.mark.parametrize("kind", DAMAGED)
def test_damaged_runs_are_named_and_skipped(tmp_path, compare, kind):
    good = write_run(tmp_path, "2.1", GOOD)
    damaged = write_run(tmp_path, "2.1", GOOD, time="2027")
    name, change = DAMAGED[kind]
    text = change((damaged / name).read_text()) if change else (damaged / name).unlink()
    if text:
        (damaged / name).write_text(text, errors="surrogateescape")
    before = sorted(tmp_path.rglob("*"))
    done = compare("2.1")
    assert (done.status, done.folders) == (0, [[good]])
    assert done.err.startswith(f"{damaged} is skipped: ") and done.err.count("\n") == 1
    assert sorted(tmp_path.rglob("*")) == before  # none is deleted
    done = compare(str(damaged))
    assert (done.status, done.figure) == (2, None) and str(damaged) in done.err.splitlines()[-1]


def test_runs_that_are_skipped_for_the_same_reason_are_one_line(tmp_path, compare):
    folders = [write_run(tmp_path, "2.1", GOOD, seed=seed) for seed in range(4)]
    for folder in folders[:3]:
        (folder / "run.json").write_text('{"script": "mnist_2.1", "title": "2.1 net"}')
    done = compare()
    assert done.folders == [folders[3:]] and done.err.count("\n") == 1
    assert "Skipped runs: 3" in done.err and "older version" in done.err


@pytest.mark.parametrize("word", ["2.1", "7.0", "nowhere/at/all", "2.*"])
def test_what_is_not_there_is_said(tmp_path, compare, word):
    done = compare()
    assert done.status == 2 and "python mnist_1.0_softmax.py" in done.err
    write_run(tmp_path, "2.0", GOOD)
    done = compare("2.0", word)
    assert (done.status, done.figure) == (2, None)
    assert word in done.err and done.err.count("\n") == 1
    assert ("python mnist_2.1_five_layers_relu_lrdecay.py" in done.err) == (word == "2.1")


def test_ctrl_c_ends_it_without_a_word(tmp_path, compare, monkeypatch):
    def interrupted(*args):
        raise KeyboardInterrupt

    write_run(tmp_path, "2.0", GOOD)
    monkeypatch.setattr(compare_curves, "save", interrupted)
    done = compare()
    assert (done.status, done.err) == (130, "")


FLAGS = "--save a.bmp", "--smooth 0", "--until x", "--accuracy --log", "--loss --accuracy"
FLAGS += "--deck --log", "--deck --save a.png", "--diff 2.0 2.1 --smooth 2", "2.0 --diff 2.0 2.1"
FLAGS += "--follow --save a.png", "--follow --diff 2.0 2.1", "--follow --deck"
FLAGS += "--gradients --log", "--gradients --smooth 5", "--gradients --loss", "--gradients --deck"


@pytest.mark.parametrize("flags", [flags.split() for flags in FLAGS], ids=" ".join)
def test_bad_flags_are_one_line(tmp_path, compare, flags):
    write_run(tmp_path, "2.0", GOOD)
    done = compare(*flags)
    assert (done.status, done.figure, done.err.count("\n")) == (2, None, 1)
    assert any(flag in done.err for flag in flags if flag[0] == "-")


@pytest.mark.parametrize("label", ["漢字 🚀", "\x1b[0m", "$5 and $6_{", "_hidden", "a\udcffb"])
def test_any_label_is_drawn_without_a_warning(tmp_path, compare, warned, label):
    write_run(tmp_path, "2.0", GOOD, label=label, data=label)
    write_run(tmp_path, "2.1", GOOD, title=f"{label} 1")
    done = compare()
    FigureCanvasAgg(done.figure).draw()
    assert len(done.folders) == 2 and not warned() and done.out.encode()
    assert all(line.isprintable() for line in done.out.splitlines())


def test_what_a_student_changed(tmp_path, compare):
    write_run(tmp_path, "2.1", GOOD, source="one = 1\nlrmin=0.0001\nthree = 3\n", edited=False)
    changed = "one = 1\nlrmin=0.003\nthree = 3\n"
    b = write_run(tmp_path, "2.1", GOOD, time="2027", label="constant", source=changed)
    for other in ("constant", str(b)):
        done = compare("--diff", "2.1", other)
        lines = [line for line in done.out.splitlines() if line[0] in "+-"][2:]
        assert (done.status, lines) == (0, ["-lrmin=0.0001", "+lrmin=0.003"])
    done = compare("--diff", str(b), str(b))
    assert done.status == 0 and not [s for s in done.out.splitlines() if s[:1] in ("+", "-")]
    (b / f"{b.parent.name}.py").unlink()
    done = compare("--diff", "2.1", str(b))
    assert done.status == 2 and str(b) in done.err and done.err.count("\n") == 1


# ---- the gradients


def test_gradients_of_the_first_layer_of_each_run(tmp_path, compare):
    write_run(tmp_path, "2.0", GOOD, gradients=[[0.001, 0.01, 0.1, 0.1], [1] * 4, [1] * 4])
    for seed, size in enumerate([0.02, 0.04, 0.06]):
        sizes = [[size] * 4, [1] * 4, [2 * size, 1, 1, 0.4]]
        write_run(tmp_path, "2.1", GOOD, seed=seed, gradients=sizes)
    done = compare("2.0", "2.1", "--gradients")
    assert done.status == 0
    (axes,) = done.figure.axes
    drawn = [line.get_data() for line in axes.get_lines()]
    np.testing.assert_allclose(drawn, [[TESTED, [0.001, 0.01, 0.1, 0.1]], [TESTED, [0.04] * 4]])
    assert axes.get_yscale() == "log" and axes.get_ylim()[0] < 0.001 < 0.1 < axes.get_ylim()[1]
    told = legend(done.figure)
    assert TITLES["2.0"] in told[0] and "0.001 at iteration 0, 0.1 at 200" in told[0]
    assert TITLES["2.1"] in told[1] and "0.04 at iteration 0, 0.04 at 200" in told[1]
    assert "first layer" in axes.get_title(loc="left") and ends(axes) == ["0.0400", "0.100"]
    figure = compare("2.0", "--gradients", "--from", "40", "--until", "100").figure
    assert figure.axes[0].get_xlim() == (40, 100)
    assert "0.01 at iteration 40, 0.1 at 100" in legend(figure)[0]


def test_the_gradient_of_a_single_layer(tmp_path, compare):
    write_run(tmp_path, "1.0", GOOD, gradients=[[1.5, 1, 1, 0.5]])
    done = compare("--gradients")
    assert done.status == 0 and ends(done.figure.axes[0]) == ["0.500"]


@pytest.mark.parametrize("sizes", [[0, 0, 0, 0], [0, 0.1, 0.001, 0], [np.nan] * 4], ids=str)
def test_gradients_of_zero_and_nan_are_no_error(tmp_path, compare, sizes, warned):
    write_run(tmp_path, "2.0", GOOD, gradients=[sizes, sizes])
    done = compare("2.0", "--gradients")
    assert done.status == 0
    (axes,) = done.figure.axes
    FigureCanvasAgg(done.figure).draw()
    assert not warned()
    ticks = [text.get_text() for text in axes.get_yticklabels()]
    assert ("0" in ticks) == (0 in sizes)  # which a logarithmic axis does not have
    for size in sizes[:3]:
        x, y = axes.transData.transform((100, size))
        assert np.isnan(size) or axes.bbox.contains(x, y)
    if 0.1 in sizes:  # below the smallest in equal steps
        heights = [axes.transData.transform((0, y))[1] for y in (0, 0.001, 0.01, 0.1)]
        low, step, same = np.diff(heights)
        assert 0 < low <= step and same == pytest.approx(step)


# ---- the deck


def test_the_deck_draws_what_it_can_and_says_what_is_missing(tmp_path, compare):
    place = tmp_path / "pictures"
    for step in ("2.0", "2.2", "3.0", "3.1", "4.0", "4.1", "4.2"):
        write_run(tmp_path, step, [0.1, 0.5, 0.6, 0.7])
    done = compare("--deck", str(place))
    assert done.status == 0
    assert {path.stem for path in done.pictures} == {"convolution", "bigger_convolution"}
    assert "beyond.png" in done.out and "2,000" in done.out  # where it begins
    assert 'python mnist_2.1_five_layers_relu_lrdecay.py --label "constant rate"' in done.out
    assert "lrmin=0.003" in done.out and "keras.png" in done.out
    assert str(tmp_path) in done.out
    write_run(tmp_path, "2.1", [0.1, 0.5, 0.6, 0.7])
    write_run(tmp_path, "2.1", [0.1, 0.5, 0.6, 0.8], time="2027", label="constant rate")
    pictures = compare("--deck", str(place)).pictures
    assert len(pictures) == 7
    relu = pictures[place / "sigmoid_relu.png"]
    assert relu.axes[0].get_xlim() == (0, 300)  # "from sigmoid to ReLU, first 300 iterations"
    assert legend(relu) == ["sigmoid: 70.00 %", "ReLU, constant rate 0.003: 80.00 %"]
    decay = legend(pictures[place / "learning_rate_decay.png"])
    assert decay == [
        "ReLU, constant rate 0.003: 80.00 %",
        "ReLU, rate 0.003 → 0.0001: 70.00 %",
    ]


def test_vanishing_gradients_are_those_of_the_first_layer_with_names(tmp_path, compare):
    for step, sizes in (("2.0", [0.0003, 0.002, 0.02, 0.03]), ("2.1", [0.03, 0.2, 0.1, 0.1])):
        write_run(tmp_path, step, GOOD, gradients=[sizes, [2, 20, 10, 5]])
    figure = compare("--deck", str(tmp_path / "deck")).figure
    sigmoid, relu = (line.get_ydata() for line in figure.axes[0].get_lines())
    assert (sigmoid < relu).all()
    blue, red = (line.get_color() for line in figure.axes[0].get_lines())
    names = {text.get_text().split(":")[0]: text.get_color() for text in figure.axes[0].texts}
    assert names == {"sigmoid": blue, "ReLU": red}
    assert not figure.legends


def test_noisy_accuracy_is_one_seed_as_it_was_measured(tmp_path, compare):
    seeds = [[0.1, 0.97, 0.9, 0.98], [0.2, 0.9, 0.98, 0.91], [0.1, 0.95, 0.95, 0.96]]
    for seed, accuracies in enumerate(seeds):
        write_run(tmp_path, "2.1", accuracies, seed=seed, label="constant rate")
    figure = compare("--deck", str(tmp_path / "deck")).figure
    (axes,) = figure.axes
    (line,) = axes.get_lines()
    iterations, drawn = line.get_data()
    assert line.get_linestyle() == "-"  # gaps would look like noise
    assert list(iterations) == TESTED and list(drawn) in seeds
    assert not axes.collections  # no band
    assert "one seed" in texts(figure) and "median" not in texts(figure)


@pytest.mark.parametrize("spread", [0, 0.004])
def test_the_ladder_names_its_test_curves_at_their_ends(tmp_path, compare, spread):
    for k, step in enumerate(("1.0", "2.0", "2.1", "2.2", "3.0", "3.1")):
        write_run(tmp_path, step, [0.1, 0.5, 0.96, 0.97 + k * spread], seed=7)
    write_run(tmp_path, "3.1", [0.1, 0.5, 0.96, 0.99])
    pictures = compare("--deck", str(tmp_path / "deck")).pictures
    figure = pictures[tmp_path / "deck" / "ladder.png"]
    renderer = FigureCanvasAgg(figure).get_renderer()
    figure.draw(renderer)
    assert not figure.legends and "median of 1 to 2 seeds" in texts(figure)
    words = {"softmax", "sigmoid", "ReLU", "dropout", "convolution", "bigger"}
    width, panels = figure.bbox.width, [axes.get_tightbbox(renderer) for axes in figure.axes]
    for axes in figure.axes:
        assert len(axes.get_lines()) == 6 and "training" not in axes.get_title(loc="left")
        colours = {line.get_color() for line in axes.get_lines()}
        assert colours == {text.get_color() for text in axes.texts}
        assert words == {text.get_text().split(":")[0].split()[1] for text in axes.texts}
        boxes = [text.get_window_extent(renderer).padded(-1) for text in axes.texts]
        assert not any(a.overlaps(b) for k, a in enumerate(boxes) for b in boxes[:k])
        assert all(axes.bbox.y0 < box.y1 and box.y0 < axes.bbox.y1 for box in boxes)
        assert all(axes.bbox.x1 < box.x0 and box.x1 <= width for box in boxes)
        assert axes.bbox.width > 0.2 * width
    assert not panels[0].overlaps(panels[1])


# ---- the picture


@pytest.mark.parametrize("count, label", [(1, ""), (8, ""), (40, ""), (2, "W" * 40), (9, "W" * 40)])
@pytest.mark.parametrize("panels", [("accuracy", "loss"), ("loss",)])
def test_nothing_is_clipped_and_nothing_overlaps(tmp_path, count, label, panels):
    steps = [*LADDER, *(f"6.{k}" for k in range(30))][:count]
    found = [
        SavedRun(write_run(tmp_path, step, [0.1, 0.5, 0.6, 0.7 + k / 200], label=label))
        for k, step in enumerate(steps)
    ]
    figure = Figure((14, 7.875), dpi=96)
    view = comparison.View(panels, smooth=2)
    comparison.draw(figure, [[saved] for saved in found], view)
    renderer = FigureCanvasAgg(figure).get_renderer()
    figure.draw(renderer)
    assert min(axes.bbox.height for axes in figure.axes) > 300  # of 756: the curves come first
    assert len({*looks(figure)}) == count
    assert count > 10 or len({colour for colour, *_ in looks(figure)}) == count
    parts = [axes.get_tightbbox(renderer) for axes in figure.axes]
    parts += [figure.legends[0].get_window_extent(renderer)]
    parts += [text.get_window_extent(renderer) for text in figure.texts]
    for k, box in enumerate(parts):
        assert box.x0 >= 0 and box.y0 >= 0 and box.x1 <= 1344 and box.y1 <= 756
        assert not any(box.overlaps(other) for other in parts[k + 1 :])
    for axes in figure.axes:  # the numbers at the ends
        boxes = [text.get_window_extent(renderer).padded(-1) for text in axes.texts]
        assert min(count, 3) <= len(boxes) <= count
        assert not any(a.overlaps(b) for k, a in enumerate(boxes) for b in boxes[:k])


def test_a_step_has_one_colour_whatever_is_drawn_beside_it(tmp_path, compare):
    for step in ("4.2", "2.1", "7.0"):
        write_run(tmp_path, step, GOOD)
    alone = {step: looks(compare(step).figure)[0] for step in ("4.2", "2.1", "7.0")}
    for time, step in enumerate(["1.0", "2.0", "2.2", "5.0", "6.0"]):
        write_run(tmp_path, step, GOOD, time=f"203{time}")  # starts later
    for time, label in enumerate(["b", "a"]):
        write_run(tmp_path, "2.1", GOOD, time=f"204{time}", label=label)
    done = compare()
    names = [text.partition(":")[0] for text in legend(done.figure)]
    drawn = dict(zip(names, looks(done.figure), strict=True))
    steps = {name[:3]: look for name, look in drawn.items() if '"' not in name}
    assert steps.items() >= alone.items()
    assert len({colour for colour, *_ in steps.values()}) == len(steps) == 8
    assert {dashes for _, dashes, _ in steps.values()} == {"-"}
    own, *_ = steps["2.1"]
    assert drawn['2.1 "b"'][0] == drawn['2.1 "a"'][0] == own and len({*drawn.values()}) == 10
    assert [drawn['2.1 "b"']] == looks(compare('2.1 "b"').figure)  # also alone it is dashed


def test_many_experiments_of_a_step_differ(tmp_path):
    labels = ["", *map(str, range(15))]
    runs = [SavedRun(write_run(tmp_path, "2.1", GOOD, label=label)) for label in labels]
    found = [tuple(look.values()) for look in line_styles([[saved] for saved in runs])]
    assert len({*found}) == 16 and len({colour for colour, *_ in found}) == 1


@pytest.mark.parametrize("wide, dpi", [(14, 137.15), (14, 96), (6.4, 96)])
def test_no_headline_is_clipped(tmp_path, wide, dpi):
    group = [SavedRun(write_run(tmp_path, "2.1", GOOD, seed=seed)) for seed in range(10)]
    for panel, first, last in (("accuracy", 100, 5000), ("loss", 0, 300), ("gradients", 100, 300)):
        figure = Figure((wide, 0.5625 * wide), dpi=dpi)
        comparison.draw(figure, [group], comparison.View((panel,), first, last))
        (headline,) = figure.texts
        box = headline.get_window_extent(FigureCanvasAgg(figure).get_renderer())
        assert "median of 10 seeds" in headline.get_text()
        assert box.x0 >= 0 and box.x1 <= 0.998 * figure.bbox.width


def test_pictures_without_a_window(tmp_path, environment):
    write_run(tmp_path, "2.0", GOOD)

    def call(*flags):
        command = [sys.executable, TOP / "compare_curves.py", "--runs", tmp_path, *flags]
        variables = environment(MPLBACKEND="typo")
        return subprocess.run(command, capture_output=True, text=True, env=variables)

    for name, begin in (("a.png", b"\x89PNG"), ("a.svg", b"<?xml"), ("a.pdf", b"%PDF")):
        done = call("--save", tmp_path / name)
        assert (done.returncode, done.stderr) == (0, "") and "96.00" in done.stdout
        assert (tmp_path / name).read_bytes().startswith(begin)
    with Image.open(tmp_path / "a.png") as picture:
        assert picture.size == (1920, 1080)
    done = call()
    assert done.returncode == 0 and "96.00" in done.stdout and "--save" in done.stderr
    done = call("--save", tmp_path / "no" / "a.png")
    assert done.returncode == 2 and done.stderr.count("\n") == 1
