"""compare_curves.py: hand-written runs in, the axes' data, the table and the files out."""

import contextlib
import io
import json
import os
import shutil
import subprocess
import sys

import numpy as np
import pytest
from conftest import SCRIPTS, TOP
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from PIL import Image

import compare_curves
from visu.panels import comparison
from visu.record import experiments, saved_run

TITLES = {"2.0": "2.0 five layers, sigmoid", "2.1": "2.1 ReLU, learning rate decay"}
NAMES = {path.stem.split("_")[1]: path.stem for path in SCRIPTS}
READ = [0, 20, 40, 100, 120, 200]  # iterations; the test digits are not read at 20 and 120
TESTED = [0, 40, 100, 200]


def write_run(place, step, accuracies, time="20260101-120000", seed=0, source="a\n", **facts):
    """A folder as a script leaves it; accuracies: of the test digits at TESTED, or fewer."""
    script = facts.get("script", NAMES.get(step, f"mnist_{step}_net"))
    folder = place / script / f"{time}-seed{seed}"
    folder.mkdir(parents=True)
    tested = dict(zip(TESTED, accuracies, strict=False))
    lines = ["iteration,train_accuracy,train_loss,test_accuracy,test_loss"]
    for i in [i for i in READ if i <= max(tested)]:
        test = f"{tested[i]},{100 * (1 - tested[i]):.6g}" if i in tested else ","
        lines.append(f"{i},{i / 200},{200 - i},{test}")
    (folder / "curves.csv").write_text("\n".join(lines) + "\n")
    (folder / f"{script}.py").write_text(source)
    run = {
        "script": script, "title": TITLES.get(step, f"{step} net"), "label": "", "seed": seed,
        "data": "MNIST", "planned_iterations": 200, "iterations": max(tested), "seconds": 4.0,
        "completed": max(tested) == 200, "steps_per_second": 50.0,
    }  # fmt: skip
    (folder / "run.json").write_text(json.dumps(run | facts))
    return folder


@pytest.fixture
def beside(tmp_path_factory, monkeypatch):
    """The folder of compare_curves.py and the scripts, which all have the text of write_run."""
    folder = tmp_path_factory.mktemp("beside")
    for name in NAMES.values():
        (folder / f"{name}.py").write_text("a\n")
    monkeypatch.setattr(compare_curves, "TOP", folder)
    return folder


@pytest.fixture
def compare(tmp_path, monkeypatch, capsys, beside):
    """compare(*flags): status, figure (None if none was drawn), output and errors of a call.

    compare.saved: the figures of the last call by their paths.
    """
    drawn = []

    def save(path, groups, view):
        drawn.append(Figure(compare_curves.INCHES))
        comparison.draw(drawn[-1], groups, view)
        call.saved[path] = drawn[-1]

    monkeypatch.setattr(compare_curves, "save", save)

    def call(*flags):
        drawn.clear()
        call.saved = {}
        command = ["compare_curves.py", "--runs", str(tmp_path), *flags]
        if not {"--deck", "--diff"} & {*flags}:
            command += ["--save", "a.png"] if "--save" not in flags else []
        monkeypatch.setattr(sys, "argv", command)
        try:
            status = compare_curves.main()
        except SystemExit as end:
            status = end.code
        printed = capsys.readouterr()
        return status, drawn[0] if drawn else None, printed.out, printed.err

    return call


def thick(axes):
    """The data [2, n] of the thick lines, those of the test digits."""
    widest = max(line.get_linewidth() for line in axes.get_lines())
    return [line.get_data() for line in axes.get_lines() if line.get_linewidth() == widest]


def legend(figure):
    return [text.get_text() for text in figure.legends[0].get_texts()]


def texts(figure):
    return " ".join(text.get_text() for text in figure.texts)


def test_two_steps_are_overlaid(tmp_path, compare):
    write_run(tmp_path, "2.0", [0.1, 0.5, 0.9, 0.96])
    write_run(tmp_path, "2.1", [0.1, 0.8, 0.97, 0.9801])
    status, figure, *_ = compare()
    assert status == 0
    accuracy, loss = figure.axes
    np.testing.assert_allclose(thick(accuracy)[0], [TESTED, [0.1, 0.5, 0.9, 0.96]])
    np.testing.assert_allclose(thick(accuracy)[1], [TESTED, [0.1, 0.8, 0.97, 0.9801]])
    np.testing.assert_allclose(thick(loss)[1], [TESTED, [90, 20, 3, 1.99]], rtol=1e-5)
    assert legend(figure) == [f"{TITLES['2.0']}: 96.00 %", f"{TITLES['2.1']}: 98.01 %"]
    thin = accuracy.get_lines()[0]
    np.testing.assert_allclose(thin.get_data(), [READ, np.array(READ) / 200])
    assert thin.get_zorder() < accuracy.get_lines()[-1].get_zorder()
    assert accuracy.get_xlim() == (0, 200)
    assert accuracy.get_ylim()[0] <= 0.5 and loss.get_ylim()[1] >= 50


def test_seeds_become_a_median_with_a_band(tmp_path, compare):
    values = np.array([[0.1, 0.5, 0.9, 0.95], [0.2, 0.6, 0.8, 0.97], [0.3, 0.4, 0.7, 0.99]])
    for seed, accuracies in enumerate(values):
        write_run(tmp_path, "2.1", accuracies, seed=seed)
    _, figure, out, _ = compare("2.1")
    ((iterations, middle),) = thick(figure.axes[0])
    assert list(iterations) == TESTED
    np.testing.assert_allclose(middle, np.percentile(values, 50, axis=0))
    (band,) = figure.axes[0].collections
    corners = band.get_paths()[0].vertices
    for k, i in enumerate(TESTED):
        seen = corners[corners[:, 0] == i, 1]
        expected = np.percentile(values[:, k], [10, 90])
        np.testing.assert_allclose([seen.min(), seen.max()], expected)
    assert "median of 3 seeds" in texts(figure) and "0,1,2" in out


def test_what_differs_by_more_than_the_seed_is_another_curve(tmp_path, compare):
    write_run(tmp_path, "2.1", [0.1, 0.5, 0.6, 0.7], time="20260101-120001")
    write_run(tmp_path, "2.1", [0.1, 0.5, 0.6, 0.8], time="20260101-120002", label="fast")
    write_run(tmp_path, "2.1", [0.1, 0.5, 0.6, 0.9], time="20260101-120003", data="drawn digits")
    _, figure, *_ = compare("2.1")  # of each label the newest
    assert legend(figure) == [f"{TITLES['2.1']}: 70.00 %", '2.1 "fast": 80.00 %']
    _, figure, *_ = compare("fast")
    assert legend(figure) == ['2.1 "fast": 80.00 %']
    given = sorted(map(str, tmp_path.glob("*/*")))
    _, figure, out, _ = compare(*given)
    assert f"{TITLES['2.1']}, on drawn digits " in out
    assert sorted(legend(figure)) == [
        '2.1 "fast", on MNIST: 80.00 %',
        f"{TITLES['2.1']}, on MNIST: 70.00 %",
        f"{TITLES['2.1']}, on drawn digits: 90.00 %",
    ]
    assert len(legend(compare(f"{tmp_path}/mnist_2.1*/*")[1])) == 3  # as Windows' cmd leaves it


def test_an_edited_script_is_another_curve_named_by_its_folder(tmp_path, compare):
    a = write_run(tmp_path, "2.1", [0.1, 0.5, 0.6, 0.7], time="20260101-120001")
    b = write_run(tmp_path, "2.1", [0.1, 0.5, 0.6, 0.8], time="20260101-120002", source="b\n")
    write_run(tmp_path, "2.1", [0.1, 0.5, 0.6, 0.9], time="20260101-120003", source="b\n")
    _, figure, *_ = compare("2.1")  # of one seed the newest
    assert legend(figure) == [f"{TITLES['2.1']}: 70.00 %", "2.1, edited: 90.00 %"]
    c = write_run(tmp_path, "2.1", [0.1, 0.5, 0.6, 0.6], time="20260101-120004", source="c\n")
    _, figure, *_ = compare(str(a), str(b), str(c))
    assert legend(figure) == [
        f"{TITLES['2.1']}: 70.00 %",
        f"2.1, edited, {b.name}: 80.00 %",
        f"2.1, edited, {c.name}: 60.00 %",
    ]


def test_a_run_cut_short_is_drawn_as_far_as_it_went_and_marked(tmp_path, compare):
    write_run(tmp_path, "2.0", [0.1, 0.5, 0.9, 0.96])
    write_run(tmp_path, "2.1", [0.1, 0.8, 0.97])
    _, figure, out, _ = compare()
    assert list(thick(figure.axes[0])[1][0]) == [0, 40, 100]
    assert legend(figure)[1] == f"{TITLES['2.1']}: 97.00 %, stopped at 100"
    marks = [line for line in figure.axes[0].get_lines() if line.get_marker() == "X"]
    assert [line.get_data() for line in marks] == [([100], [0.97])]
    assert f"{TITLES['2.1']} (stopped)" in out


def test_part_of_the_iterations(tmp_path, compare):
    write_run(tmp_path, "2.0", [0.1, 0.5, 0.96, 0.98])
    _, figure, *_ = compare("--from", "40", "--until", "100")
    assert [axes.get_xlim() for axes in figure.axes] == [(40, 100)] * 2
    assert legend(figure) == [f"{TITLES['2.0']}: 96.00 %"]  # where the picture ends
    assert "40 to 100" in texts(figure)
    assert legend(compare("--until", "150")[1]) == [f"{TITLES['2.0']}: 96.00 % at 100"]
    assert legend(compare("--until", "200")[1]) == [f"{TITLES['2.0']}: 98.00 %"]
    _, figure, *_ = compare("--from", "50", "--until", "60")  # between two evaluations
    (low, high), shown = figure.axes[0].get_ylim(), np.interp([50, 60], [40, 100], [0.5, 0.96])
    assert low < shown[0] and shown[1] < high and figure.axes[1].get_ylim()[1] > 42
    for flags in (["--from", "40", "--until", "40"], ["--from", "200"]):
        status, figure, _, err = compare(*flags)
        assert (status, figure, err.count("\n")) == (2, None, 1) and " ".join(flags[:2]) in err


def test_one_panel_and_a_logarithmic_loss(tmp_path, compare):
    write_run(tmp_path, "2.0", [0.1, 0.5, 0.96, 0.98])
    (axes,) = compare("--accuracy")[1].axes
    assert "accuracy" in axes.get_title(loc="left").lower()
    (axes,) = compare("--loss", "--log")[1].axes
    assert "cross entropy" in axes.get_title(loc="left").lower() and axes.get_yscale() == "log"
    low, high = axes.get_ylim()
    assert low < 2 and high > 200  # test losses 2 to 90, of training batches up to 200
    assert compare("--loss", "--accuracy")[0] == 2


def test_smoothing_is_over_iterations_of_the_training_curves_and_named(tmp_path, compare):
    write_run(tmp_path, "2.0", [0.1, 0.4, 0.7, 1.0])
    _, figure, *_ = compare("--smooth", "40")
    np.testing.assert_allclose(thick(figure.axes[0])[0][1], [0.1, 0.4, 0.7, 1.0])
    thin = figure.axes[0].get_lines()[0].get_ydata()  # at 0, 20, 40; 100, 120; 200
    np.testing.assert_allclose(200 * thin, [10, 20, 30, 110, 110, 200])
    assert "mean over 40 iterations" in texts(figure)
    assert "mean over" not in texts(compare()[1])


def test_a_mean_over_iterations():
    at, values = np.array([0, 10, 20, 30, 1000]), np.array([1, 2, np.nan, 6, np.inf])
    expected = [1.5, 1.5, np.nan, 6, np.nan]
    np.testing.assert_allclose(experiments.smoothed(at, values, 20), expected)
    np.testing.assert_allclose(experiments.smoothed(at, values, 60)[[0, 3]], [3, 3])
    np.testing.assert_array_equal(experiments.smoothed(at, values[:4].repeat(2)[:5], 1)[:2], [1, 1])


def test_the_table_in_figures(tmp_path, compare):
    write_run(tmp_path, "2.0", [0.1, 0.97, 0.96, 0.9534], seconds=8.0, steps_per_second=25.0)
    for seed, accuracies in enumerate([[0.1, 0.975, 0.98, 0.99], [0.1, 0.9, 0.97, 0.98]]):
        write_run(tmp_path, "2.1", accuracies, seed=seed)
    lines = compare()[2].splitlines()
    lowest = ["200", "95.34", "97.00", "3.00", "4.66"]  # iterations, accuracies, losses
    assert lines[1].split()[-12:] == ["0", *lowest, "40", "–", "–", "8", "s", "25"]
    # medians of the seeds: final (0.99, 0.98), 97 % at (40, 100), 98 % at (100, 200), 99 % never
    both = ["0,1", "200", "98.50", "98.50", "1.50", "1.50"]
    assert lines[2].split()[-12:] == [*both, "70", "150", "–", "4", "s", "50"]
    assert len({len(line) for line in lines[:3]}) == 1


def assert_skipped(folder, err):
    """One line says which run is skipped, and why."""
    line = err.splitlines()[0]
    assert line.startswith(str(folder)) and 10 < len(line.removeprefix(str(folder))) < 150


DAMAGED = {  # what is done to the text of a file
    "no curves": ("curves.csv", None),
    "half a run.json": ("run.json", lambda text: text[:40]),
    "another run.json": ("run.json", lambda text: '{"title": []}'),
    "a list": ("run.json", lambda text: "[1, 2]"),
    "empty": ("curves.csv", lambda text: "\n"),
    "other columns": ("curves.csv", lambda text: "epoch,loss\n1,2\n"),
    "half a line": ("curves.csv", lambda text: text[:-9]),
    "words": ("curves.csv", lambda text: text + "a,b,c,d,e\n"),
    "no evaluations": ("curves.csv", lambda text: text.split("\n")[0]),
    "bytes": ("curves.csv", lambda text: "\0\udcff"),
}


@pytest.mark.parametrize("kind", DAMAGED)
def test_damaged_runs_are_named_and_skipped(tmp_path, compare, kind):
    write_run(tmp_path, "2.0", [0.1, 0.5, 0.9, 0.96])
    damaged = write_run(tmp_path, "2.1", [0.1, 0.5, 0.9, 0.97])
    name, change = DAMAGED[kind]
    text = change((damaged / name).read_text()) if change else (damaged / name).unlink()
    if text:
        (damaged / name).write_text(text, errors="surrogateescape")
    before = sorted(tmp_path.rglob("*"))
    status, figure, _, err = compare()
    assert status == 0 and legend(figure) == [f"{TITLES['2.0']}: 96.00 %"]
    assert_skipped(damaged, err)
    assert err.count("\n") == 1 and sorted(tmp_path.rglob("*")) == before  # nothing is deleted
    status, figure, _, err = compare(str(damaged))
    assert status == 2 and figure is None and str(damaged) in err.splitlines()[-1]


def test_no_runs_at_all(compare):
    status, figure, _, err = compare()
    assert status == 2 and "python mnist_1.0_softmax.py" in err


@pytest.mark.parametrize("word", ["2.1", "7.0", "nowhere/at/all", "2.*"])
def test_what_is_not_there_is_said(tmp_path, compare, word):
    write_run(tmp_path, "2.0", [0.1, 0.5, 0.9, 0.96])
    status, figure, _, err = compare("2.0", word)
    assert (status, figure) == (2, None)
    assert word in err and err.count("\n") == 1
    assert ("python mnist_2.1_five_layers_relu_lrdecay.py" in err) == (word == "2.1")


def test_ctrl_c_ends_it_without_a_word(tmp_path, compare, monkeypatch):
    def interrupted(*args):
        raise KeyboardInterrupt

    write_run(tmp_path, "2.0", [0.1, 0.5, 0.9, 0.96])
    monkeypatch.setattr(compare_curves, "save", interrupted)
    status, _, _, err = compare()
    assert (status, err) == (130, "")


FLAGS = "--save a.bmp", "--smooth 0", "--until x", "--accuracy --log"
FLAGS += "--deck --log", "--deck --save a.png", "--diff 2.0 2.1 --smooth 2", "2.0 --diff 2.0 2.1"


@pytest.mark.parametrize("flags", [flags.split() for flags in FLAGS], ids=" ".join)
def test_bad_flags_are_one_line(compare, flags):
    status, figure, _, err = compare(*flags)
    assert (status, figure) == (2, None) and err.count("\n") == 1
    assert any(flag in err for flag in flags if flag[0] == "-")


def test_a_loss_that_is_not_a_number(tmp_path, compare, recwarn):
    folder = write_run(tmp_path, "2.0", [0.1, 0.5, 0.9, 0.1])
    text = (folder / "curves.csv").read_text().replace("0.1,90", "0.1,nan")
    (folder / "curves.csv").write_text(text)
    status, figure, *_ = compare()
    assert status == 0 and np.isnan(thick(figure.axes[1])[0][1][[0, -1]]).all()
    assert not recwarn.list


def test_what_a_student_changed(tmp_path, compare):
    write_run(tmp_path, "2.1", [0.1, 0.5, 0.6, 0.7], source="one\nlrmin=0.0001\nthree\n")
    b = write_run(
        tmp_path, "2.1", [0.1, 0.5, 0.6, 0.7], time="20260101-120002", label="constant",
        source="one\nlrmin=0.003\nthree\n",
    )  # fmt: skip
    for other in ("constant", str(b)):
        status, _, out, _ = compare("--diff", "2.1", other)
        changed = [line for line in out.splitlines() if line[0] in "+-"][2:]
        assert (status, changed) == (0, ["-lrmin=0.0001", "+lrmin=0.003"])
    status, _, out, _ = compare("--diff", str(b), str(b))
    assert status == 0 and not [line for line in out.splitlines() if line[:1] in ("+", "-")]
    (b / f"{NAMES['2.1']}.py").unlink()
    status, _, _, err = compare("--diff", "2.1", str(b))
    assert status == 2 and str(b) in err


def test_a_folder_named_like_a_step_does_not_hide_it(tmp_path, compare, monkeypatch):
    write_run(tmp_path, "2.1", [0.1, 0.5, 0.6, 0.7])
    monkeypatch.chdir(tmp_path)
    (tmp_path / "2.1").mkdir()
    assert legend(compare("2.1")[1]) == [f"{TITLES['2.1']}: 70.00 %"]


def test_a_run_of_a_single_line_is_drawn(tmp_path, compare):
    table = write_run(tmp_path, "2.1", [0.1, 0.5, 0.6, 0.7]) / "curves.csv"
    head, *_, last = table.read_text().splitlines()
    table.write_text(f"{head}\n{last}\n")
    status, figure, *_ = compare("2.1")
    assert status == 0 and legend(figure) == [f"{TITLES['2.1']}: 70.00 %"]


def test_the_deck_draws_nothing_of_runs_that_end_before_it_begins(tmp_path, compare):
    for step in ("3.1", "4.0", "4.1", "4.2"):
        write_run(tmp_path, step, [0.1, 0.5, 0.6, 0.7])
    place = tmp_path / "pictures"
    status, _, out, _ = compare("--deck", str(place))
    assert status == 0 and not compare.saved and not place.exists()
    assert "beyond.png" in out and "2,000" in out


def test_the_deck_draws_what_it_can_and_says_what_is_missing(tmp_path, compare):
    place = tmp_path / "pictures"
    for step in ("2.0", "2.1", "2.2", "3.0"):
        write_run(tmp_path, step, [0.1, 0.5, 0.6, 0.7])
    status, _, out, _ = compare("--deck", str(place))
    assert status == 0
    assert list(compare.saved) == [place / "convolution.png"]
    assert 'python mnist_2.1_five_layers_relu_lrdecay.py --label "constant rate"' in out
    assert "lrmin=0.003" in out and "bigger_convolution.png" in out and str(tmp_path) in out
    write_run(tmp_path, "2.1", [0.1, 0.5, 0.6, 0.8], time="2027", label="constant rate")
    compare("--deck", str(place))
    assert len(compare.saved) == 5
    first = compare.saved[place / "sigmoid_relu.png"]
    assert first.axes[0].get_xlim() == (0, 300)  # "from sigmoid to ReLU, first 300 iterations"
    assert [text.partition(":")[0] for text in legend(first)] == [
        TITLES["2.0"],
        '2.1 "constant rate"',
    ]


@pytest.mark.parametrize("count, label", [(1, ""), (8, ""), (40, ""), (2, "W" * 40), (9, "W" * 40)])
@pytest.mark.parametrize("panels", [("accuracy", "loss"), ("loss",)])
def test_nothing_is_clipped_and_nothing_overlaps(tmp_path, count, label, panels):
    for k in range(count):
        write_run(tmp_path, f"2.{k}", [0.1, 0.5, 0.6, 0.7 + k / 200], time=f"{k:02}", label=label)
    found = [saved_run.read(folder) for folder in saved_run.find(tmp_path)]
    figure = Figure((14, 7.875), dpi=96)
    comparison.draw(figure, experiments.experiments(found), comparison.View(panels, smooth=2))
    renderer = FigureCanvasAgg(figure).get_renderer()
    figure.draw(renderer)
    assert min(axes.bbox.height for axes in figure.axes) > 300  # of 756: the curves come first
    looks = [(line.get_color(), line.get_linestyle()) for line in figure.legends[0].get_lines()]
    assert len(set(looks)) == min(count, 24)
    assert count > 8 or len({colour for colour, _ in looks}) == count
    parts = [axes.get_tightbbox(renderer) for axes in figure.axes]
    parts += [figure.legends[0].get_window_extent(renderer)]
    parts += [text.get_window_extent(renderer) for text in figure.texts]
    for k, box in enumerate(parts):
        assert box.x0 >= 0 and box.y0 >= 0 and box.x1 <= 1344 and box.y1 <= 756
        assert not any(box.overlaps(other) for other in parts[k + 1 :])


@pytest.mark.parametrize("end, begin", [("svg", b"<?xml"), ("pdf", b"%PDF")])
def test_pictures_for_a_slide(tmp_path, end, begin):
    found = saved_run.read(write_run(tmp_path, "2.0", [0.1, 0.5, 0.9, 0.96]))
    compare_curves.save(tmp_path / f"a.{end}", [[found]], comparison.View())
    assert (tmp_path / f"a.{end}").read_bytes().startswith(begin)


def test_without_a_window(tmp_path, environment):
    write_run(tmp_path, "2.0", [0.1, 0.5, 0.9, 0.96])
    for flags in (["--save", tmp_path / "a.png"], []):
        command = [sys.executable, TOP / "compare_curves.py", "--runs", tmp_path, *flags]
        done = subprocess.run(
            command, capture_output=True, text=True, env=environment(MPLBACKEND="typo")
        )
        assert done.returncode == 0 and "96.00" in done.stdout  # the table all the same
        assert bool(done.stderr) != bool(flags) and ("--save" in done.stderr or flags)
    with Image.open(tmp_path / "a.png") as picture:
        assert picture.format == "PNG" and picture.size == (1920, 1080)


def test_a_picture_that_cannot_be_written(tmp_path, compare, monkeypatch):
    write_run(tmp_path, "2.0", [0.1, 0.5, 0.9, 0.96])
    monkeypatch.undo()
    monkeypatch.setattr(
        sys, "argv", ["", "--runs", str(tmp_path), "--save", f"{tmp_path}/no/a.png"]
    )
    assert compare_curves.main() == 2


def test_a_window_opens_and_q_closes_it(tmp_path, display, environment):
    pytest.importorskip("tkinter")
    if not shutil.which("xdotool"):
        pytest.skip("needs xdotool")
    write_run(tmp_path, "2.0", [0.1, 0.5, 0.9, 0.96])
    variables = environment(DISPLAY=display, MPLBACKEND="tkagg")
    command = [sys.executable, str(TOP / "compare_curves.py"), "--runs", str(tmp_path)]
    with subprocess.Popen(command, env=variables, stdout=subprocess.PIPE) as process:
        search = ["xdotool", "search", "--sync", "--onlyvisible", "--name", "Comparing curves"]
        done = subprocess.run(search, env=variables, check=True, capture_output=True, timeout=30)
        window = done.stdout.split()[0]
        try:
            subprocess.run(["xdotool", "windowfocus", "--sync", window], env=variables, timeout=30)
            for _ in range(20):  # Tk drops keys until it has drawn for the first time
                subprocess.run(["xdotool", "key", "q"], env=variables, timeout=30)
                with contextlib.suppress(subprocess.TimeoutExpired):
                    process.wait(1)
                    break
            assert process.returncode == 0
        finally:
            process.kill()


# ---- folders of strangers, and of runs under way


ABSENT = object()


def rewrite(folder, **facts):
    """Change what stands in a run.json."""
    new = json.loads((folder / "run.json").read_text()) | facts
    new = {key: value for key, value in new.items() if value is not ABSENT}
    (folder / "run.json").write_text(json.dumps(new))


WRONG = [
    *(("seconds", value) for value in ("4.0", 10**30, float("nan"), float("inf"), -1, True, [])),
    *(("steps_per_second", value) for value in ("50", None, 1e300)),
    *(("seed", value) for value in ("0", 1.5, -1, False, 10**30, {})),
    *(("iterations", value) for value in (None, "200", 10**30, -5, 100)),
    *(("planned_iterations", value) for value in (None, [200])),
    *(("title", value) for value in ("", " \n", 5, None, "long " * 10**4)),
    *(("label", value) for value in (5, None, ["a"], "x" * 10**4)),
    *(("data", value) for value in (None, 1)),
    *(("completed", value) for value in ("yes", 1, None)),
    *(("script", value) for value in (5, None, "../../../secret", "a/b", "a\\b", "C:a", "/etc/a")),
    *((key, ABSENT) for key in ("script", "title", "seed", "data", "completed", "seconds")),
]


@pytest.mark.parametrize("key, value", WRONG, ids=lambda x: repr(x)[:20])
def test_wrong_facts_are_named_and_skipped(tmp_path, compare, key, value):
    bad = write_run(tmp_path, "2.1", [0.1, 0.5, 0.9, 0.97])
    rewrite(bad, **{key: value})
    status, figure, _, err = compare()
    assert (status, figure) == (2, None)
    assert_skipped(bad, err)
    assert err.count("\n") == 2 and (key in err.splitlines()[0] or value == 100)


def test_unknown_facts_are_ignored(tmp_path, compare):
    write_run(tmp_path, "2.1", [0.1, 0.5, 0.9, 0.97], more={"a": [None]}, format=10**30)
    status, figure, _, err = compare()
    assert (status, err) == (0, "") and legend(figure) == [f"{TITLES['2.1']}: 97.00 %"]


@pytest.mark.parametrize(
    "old, new",
    [
        ("\n40,", "\n20,"), ("\n40,", "\n10,"), ("\n40,", "\nnan,"), ("\n40,", "\n30.5,"),
        ("\n200,", "\n1e30,"), ("\n0,", "\n-1,"), ("0.97,", "97,"), ("0.97,", "-0.1,"),
        ("0.97,", "inf,"), ("0.97,", "0.97,0,"), ("0.97,3", "0.97,1e300"), ("0.97,", ","),
    ],
)  # fmt: skip
def test_wrong_curves_are_named_and_skipped(tmp_path, compare, recwarn, old, new):
    bad = write_run(tmp_path, "2.1", [0.1, 0.5, 0.9, 0.97])
    text = (bad / "curves.csv").read_text()
    assert old in text
    (bad / "curves.csv").write_text(text.replace(old, new))
    status, figure, _, err = compare()
    assert (status, figure) == (2, None) and not recwarn.list
    assert_skipped(bad, err)


@pytest.mark.parametrize("name", ["run.json", "curves.csv"])
@pytest.mark.parametrize("kind", ["a folder", "a pipe", "a link", "not UTF-8", "deep", "huge"])
def test_other_things_in_place_of_the_files(tmp_path, compare, name, kind):
    bad = write_run(tmp_path, "2.1", [0.1, 0.5, 0.9, 0.97])
    shutil.copy(bad / name, tmp_path / "elsewhere")
    (bad / name).unlink()
    if kind == "a folder":
        (bad / name).mkdir()
    elif kind == "a pipe":
        getattr(os, "mkfifo", lambda _: pytest.skip("no named pipes here"))(bad / name)
    elif kind == "a link":
        (bad / name).symlink_to(tmp_path / "elsewhere")
    else:
        content = {"not UTF-8": b"\xff\xfe{", "deep": b"[" * 10**5, "huge": b" " * 10**8}[kind]
        (bad / name).write_bytes(content)
    status, figure, _, err = compare()
    assert (status, figure) == (2, None)
    assert_skipped(bad, err)
    assert name in err.splitlines()[0]


def test_extreme_curves_are_drawn(tmp_path, compare, recwarn):
    for k, loss in enumerate(("3e38", "inf", "-1e-5", "0")):
        folder = write_run(tmp_path, f"2.{k}", [0, 1, 0, 1])
        table = (folder / "curves.csv").read_text().replace(",100\n", f",{loss}\n")
        (folder / "curves.csv").write_text(table)
    for flags in ([], ["--log"], ["--smooth", "3"]):
        status, figure, _, err = compare(*flags)
        assert (status, err) == (0, "")
        FigureCanvasAgg(figure).draw()
    assert not recwarn.list


@pytest.mark.parametrize("way", ["by name", "by link"])
def test_no_file_outside_of_the_folder_is_read(tmp_path, compare, way):
    good = write_run(tmp_path, "2.0", [0.1, 0.5, 0.9, 0.96])
    bad = write_run(tmp_path, "2.1", [0.1, 0.5, 0.9, 0.97])
    (tmp_path / "secret.py").write_text("password\n")
    if way == "by name":
        rewrite(bad, script="../../secret")
    else:
        (bad / f"{NAMES['2.1']}.py").unlink()
        (bad / f"{NAMES['2.1']}.py").symlink_to(tmp_path / "secret.py")
    status, _, out, err = compare("--diff", str(good), str(bad))
    assert status == 2 and "password" not in out + err
    assert_skipped(bad, err)


ESCAPE = "\x1b]0;owned\x07\x1b[2J\x9b31m\r\u202e"


def visible(text):
    """Whether a terminal shows all characters of these lines."""
    return all(line.isprintable() for line in text.split("\n"))


def test_no_escape_reaches_the_terminal(tmp_path, compare):
    for step, seed in (("2.0", 0), ("2.1", 1)):
        names = dict.fromkeys(("label", "data"), f"a{ESCAPE}{seed}") | {"title": f"{step} {ESCAPE}"}
        folder = write_run(tmp_path, step, [0.1, 0.5, 0.9, 0.96], seed=seed, **names)
        (folder / f"{NAMES[step]}.py").write_text(f"one\n{ESCAPE}{seed}\n")
        folder.rename(folder.with_name(f"b{ESCAPE}{seed}"))
        (tmp_path / f"x{ESCAPE}" / "bad").mkdir(parents=True, exist_ok=True)
        (tmp_path / f"x{ESCAPE}" / "bad" / "run.json").write_text(f'{{"title": "{seed}"}}')
    for flags in ([], ["--diff", "2.0", "2.1"], ["7" + ESCAPE], [str(tmp_path / f"x{ESCAPE}")]):
        _, figure, out, err = compare(*flags)
        assert out or err
        assert visible(out) and visible(err)
        assert figure is None or visible("\n".join(legend(figure)) + texts(figure))


@pytest.mark.parametrize("label", ["漢字 🚀", "\x1b[0m", "$5 and $6_{", "_hidden", "a\udcffb"])
def test_any_label_is_drawn_without_a_warning(tmp_path, compare, recwarn, label):
    write_run(tmp_path, "2.0", [0.1, 0.5, 0.9, 0.96], label=label, data=label)
    write_run(tmp_path, "2.1", [0.1, 0.5, 0.9, 0.96], title=f"{label} 1")
    _, figure, out, _ = compare()
    FigureCanvasAgg(figure).draw()
    assert len(legend(figure)) == 2 and not recwarn.list and out.encode()


def test_a_label_like_a_step_and_what_is_named_twice_come_once(tmp_path, compare):
    folder = write_run(tmp_path, "2.0", [0.1, 0.5, 0.9, 0.96], label="2.1")
    write_run(tmp_path, "2.1", [0.1, 0.5, 0.9, 0.97], label="2.0")
    both = ['2.0 "2.1": 96.00 %', '2.1 "2.0": 97.00 %']
    assert legend(compare()[1]) == both
    assert legend(compare("2.1")[1]) == both[1:]
    assert legend(compare("2.1", "2.0", "2.1")[1]) == both[::-1]
    assert legend(compare("2.0", str(folder), f"{folder}/")[1]) == both[:1]


def test_runs_on_other_data_do_not_stand_for_a_step(tmp_path, compare):
    write_run(tmp_path, "2.0", [0.1, 0.5, 0.6, 0.7], time="20260101-120001")
    drawn = write_run(tmp_path, "2.0", [0.1, 0.5, 0.6, 0.9], time="2027", data="drawn digits")
    status, figure, out, err = compare()
    assert status == 0 and legend(figure) == [f"{TITLES['2.0']}: 70.00 %"]
    assert "MNIST" in out and "drawn digits" not in out
    assert "drawn digits" in err and err.count("\n") == 1
    _, figure, out, err = compare(str(drawn), "2.0")  # asked for
    assert len(legend(figure)) == 2 and "drawn digits" in out and err == ""


def test_other_data_stands_for_a_step_without_mnist_and_is_named(tmp_path, compare):
    write_run(tmp_path, "2.0", [0.1, 0.5, 0.6, 0.7], time="20260101", data="drawn digits")
    _, figure, out, err = compare()
    assert legend(figure) == [f"{TITLES['2.0']}: 70.00 %"] and "on drawn digits" in texts(figure)
    assert "drawn digits" in out and err == ""
    write_run(tmp_path, "2.0", [0.1, 0.5, 0.6, 0.8], time="20260102", data="fashion")
    write_run(tmp_path, "2.1", [0.1, 0.5, 0.6, 0.9])
    _, figure, out, err = compare()
    both = [f"{TITLES['2.0']}, on fashion", f"{TITLES['2.1']}, on MNIST"]
    assert [text.partition(":")[0] for text in legend(figure)] == both
    assert all(text in out for text in both) and "drawn digits" in err and err.count("\n") == 1


def test_runs_of_a_renamed_script_are_found(tmp_path, compare):
    folder = write_run(tmp_path, "2.1", [0.1, 0.5, 0.9, 0.97])
    folder.parent.rename(tmp_path / "experiment")
    assert legend(compare()[1]) == [f"{TITLES['2.1']}: 97.00 %"]


def test_folders_within_the_folder_of_runs_are_left_alone(tmp_path, compare):
    write_run(tmp_path, "2.0", [0.1, 0.5, 0.9, 0.96])
    write_run(tmp_path / "ladder", "2.1", [0.1, 0.5, 0.9, 0.97])
    (tmp_path / "notes" / "empty").mkdir(parents=True)
    _, figure, _, err = compare()
    assert legend(figure) == [f"{TITLES['2.0']}: 96.00 %"] and err == ""
    _, figure, *_ = compare("--runs", str(tmp_path / "ladder"))
    assert legend(figure) == [f"{TITLES['2.1']}: 97.00 %"]


def test_a_run_under_way_is_drawn_as_far_as_it_is_written(tmp_path, compare):
    folder = write_run(tmp_path, "2.1", [0.1, 0.8, 0.97, 0.98], completed=False, iterations=40)
    table = (folder / "curves.csv").read_text()
    (folder / "curves.csv").write_text(table[: table.index("\n200,") + 8])
    _, figure, _, err = compare()
    ((iterations, values),) = thick(figure.axes[0])
    assert (list(iterations), list(values), err) == ([0, 40, 100], [0.1, 0.8, 0.97], "")
    assert figure.axes[0].get_xlim() == (0, 120)


def test_a_run_that_has_not_trained_yet_is_skipped(tmp_path, compare):
    folder = write_run(tmp_path, "2.1", [0.1])
    empty = tmp_path / NAMES["2.1"] / "empty"
    empty.mkdir()
    assert_skipped(folder, compare()[3])
    status, _, _, err = compare(str(empty))
    assert_skipped(empty, err)
    assert status == 2 and "run.json" in err


def open_output(place):
    """What stands for standard output where nothing can be written."""
    if place == "closed":
        return None
    if place == "full":
        return open("/dev/full", "w") if os.path.exists("/dev/full") else pytest.skip("not here")
    read, write = os.pipe()
    os.close(read)
    return os.fdopen(write, "w")


@pytest.mark.parametrize("flags", [[], ["--diff", "2.0", "2.1"]], ids=["picture", "diff"])
@pytest.mark.parametrize("place", ["closed pipe", "closed", "full"])
def test_an_output_that_takes_nothing(tmp_path, compare, monkeypatch, place, flags):
    for step in ("2.0", "2.1"):
        write_run(tmp_path, step, [0.1, 0.5, 0.9, 0.96], source=step * 10**5)
    stream = open_output(place)
    with monkeypatch.context() as patch:
        patch.setattr(sys, "stdout", stream)
        status, figure, _, err = compare(*flags)
    assert (status, err) == (0, "") and (figure is not None or flags)
    if stream:
        stream.close()  # as at the end of Python, which would complain


def test_a_terminal_without_these_letters(tmp_path, compare, monkeypatch):
    write_run(tmp_path, "2.0", [0.1, 0.5, 0.9, 0.96], label="Übung")
    with monkeypatch.context() as patch:
        patch.setattr(sys, "stdout", io.TextIOWrapper(io.BytesIO(), encoding="ascii"))
        status, *_ = compare()
        assert status == 0 and b"96.00" in sys.stdout.buffer.getvalue()
