"""Which run stands for a step, what is ignored, and what the picture says of both."""

import json
import os
import shutil

import numpy as np
import pytest
import test_compare
from test_compare import NAMES, TITLES, legend, texts, thick, write_run

import compare_curves
from visu.record import experiments, saved_run

compare, beside = test_compare.compare, test_compare.beside  # fixtures
OWN = 'tensorflowvisu.parse_args(__doc__, iterations=200)\n"""--iterations=20"""\n'
OLD = "tensorflowvisu.run(mnist, train_step, iterations=2_00)\n"  # older scripts


@pytest.mark.parametrize("source", [OWN, OLD])
@pytest.mark.parametrize("kind", ["stopped", "short", "long"])
def test_a_complete_run_of_the_scripts_own_length_stands(tmp_path, compare, beside, source, kind):
    (beside / f"{NAMES['2.0']}.py").write_text(source)
    write_run(tmp_path, "2.0", [0.1, 0.5, 0.9, 0.96], source=source)
    values, facts = [0.1, 0.17, 0.18], {"planned_iterations": 100, "completed": True}
    if kind == "stopped":
        facts = {}
    elif kind == "long":
        values, facts = [0.1, 0.5, 0.9, 0.97], {"planned_iterations": 400, "iterations": 400}
    newer = write_run(tmp_path, "2.0", values, time="2027", source=source, **facts)
    if kind == "long":
        table = (newer / "curves.csv").read_text()
        (newer / "curves.csv").write_text(f"{table}400,1,0,0.97,3\n")
    _, figure, out, err = compare()
    assert legend(figure) == [f"{TITLES['2.0']}: 96.00 %"] and "96.00" in out
    assert err.count("\n") == (kind != "long") and (kind == "long" or kind in err)
    _, figure, _, err = compare("2.0", str(newer))  # drawn when named
    assert len(legend(figure)) == 2 and err == ""
    assert figure.axes[0].get_xlim() == (0, 400 if kind == "long" else 200)


def test_stopped_and_short_runs_are_marked_and_set_no_axes(tmp_path, compare):
    source = OWN
    full = write_run(tmp_path, "2.0", [0.1, 0.9, 0.95, 0.96], source=source)
    stopped = write_run(tmp_path, "2.1", [0.1, 0.17], source=source)
    short = {"planned_iterations": 100, "completed": True}
    write_run(tmp_path, "2.2", [0.1, 0.17, 0.18], source=source, **short)
    _, alone, *_ = compare(str(full))
    _, figure, out, err = compare()
    assert err == "" and "(stopped)" in out and "(short)" in out
    assert "stopped at 40" in legend(figure)[1] and "100 iterations" in legend(figure)[2]
    for with_them, without in zip(figure.axes, alone.axes, strict=True):
        assert with_them.get_xlim() == without.get_xlim() == (0, 200)
        assert with_them.get_ylim() == without.get_ylim()
    marks = [line for line in figure.axes[0].get_lines() if line.get_marker() == "X"]
    assert len(marks) == 2
    assert compare(str(stopped))[1].axes[0].get_xlim() == (0, 40)  # there is no other


def test_the_rule_without_files():
    def run(name, state="", length=200, data="MNIST", recent=False):
        completed = state in ("", "short")
        iterations = 100 if state else 200
        facts = saved_run.Facts(
            "s", "2.0 a", "", False, data, 0, iterations, iterations, completed, 1.0, 1.0
        )
        curves = {"iteration": np.array([0.0, iterations])}
        text = f"parse_args(__doc__, iterations={length})"
        return saved_run.SavedRun(name, facts, curves, text, "", recent, state != "running")

    def best(*runs):
        return [found.folder for found in experiments.representatives(runs)]

    assert best(run("a"), run("b")) == ["b"]  # the newest
    assert best(run("a"), run("b", "stopped"), run("c", "short")) == ["a"]
    assert best(run("a"), run("b", length=100)) == ["a"]  # longer than its script
    assert best(run("a", "stopped"), run("b", length=100)) == ["b"]
    assert best(run("a"), run("b", data="drawn")) == ["a"]
    assert best(run("a", "stopped"), run("b", data="drawn")) == ["b"]
    assert best(run("a", recent=True), run("b", "stopped", recent=True), run("c")) == ["a"]
    running = [run(name, "running", recent=True) for name in "bc"]
    assert best(run("a"), *running) == ["b", "c"]


def test_an_edited_script_is_not_the_step(tmp_path, compare):
    write_run(tmp_path, "2.1", [0.1, 0.5, 0.9, 0.98])
    zeros = write_run(tmp_path, "2.1", [0.1] * 3 + [0.1135], time="2027", source="zeros\n")
    _, figure, out, _ = compare("2.1")
    assert legend(figure) == [f"{TITLES['2.1']}: 98.00 %", "2.1, edited: 11.35 %"]
    assert [line.split()[0] for line in out.splitlines()[1:]] == ["2.1", "2.1,"]
    assert legend(compare("EDITED")[1]) == ["2.1, edited: 11.35 %"]
    out = compare("--diff", "2.1", "edited")[2]
    assert "-a" in out.splitlines() and "+zeros" in out.splitlines()
    shutil.rmtree(zeros)
    write_run(
        tmp_path,
        "2.1",
        [0.1, 0.5, 0.9, 0.97],
        time="2028",
        source='"""Another header."""\r\na  # why\r\n',
        seed=1,
    )
    assert legend(compare("2.1")[1]) == [f"{TITLES['2.1']}: 97.50 %"]  # only the code counts


def test_a_median_is_taken_where_all_seeds_were_evaluated(tmp_path, compare):
    """A run that was slowed down has more evaluations; they are nobody's median."""
    write_run(tmp_path, "2.1", [0.1, 0.5, 0.9, 0.98])
    slow = write_run(tmp_path, "2.1", [0.3, 0.7, 0.92, 0.96], seed=1) / "curves.csv"
    slow.write_text(slow.read_text().replace("20,0.1,180,,", "20,0.1,180,0.99,1"))
    iterations, accuracies = thick(compare("2.1")[1].axes[0])[0]
    np.testing.assert_array_equal(iterations, [0, 40, 100, 200])
    np.testing.assert_allclose(accuracies, [0.2, 0.6, 0.91, 0.97])


def test_a_run_from_saved_weights_is_not_the_step(tmp_path, compare):
    write_run(tmp_path, "2.1", [0.1, 0.5, 0.9, 0.98])
    later = {"time": "2027", "seed": 1, "from_weights": True}
    write_run(tmp_path, "2.1", [0.98, 0.98, 0.98, 0.99], **later)
    labels = [f"{TITLES['2.1']}: 98.00 %", "2.1, from weights: 99.00 %"]
    assert legend(compare("2.1")[1]) == labels
    write_run(tmp_path, "2.0", [0.1, 0.5, 0.9, 0.96], label="mine")
    write_run(tmp_path, "2.0", [0.98, 0.98, 0.98, 0.97], label="mine", **later)
    labels = ['2.0 "mine": 96.00 %', '2.0 "mine, from weights": 97.00 %']
    assert legend(compare("2.0")[1]) == labels


def test_without_a_script_beside_nothing_is_called_edited(tmp_path, compare, beside):
    (beside / f"{NAMES['2.1']}.py").unlink()
    write_run(tmp_path, "2.1", [0.1, 0.5, 0.9, 0.98], source="zeros\n")
    assert legend(compare()[1]) == [f"{TITLES['2.1']}: 98.00 %"]


def test_the_deck_takes_the_unedited_run(tmp_path, compare):
    write_run(tmp_path, "2.2", [0.1, 0.5, 0.9, 0.98])
    write_run(tmp_path, "3.0", [0.1, 0.5, 0.9, 0.99])
    write_run(tmp_path, "3.0", [0.1, 0.1, 0.1, 0.1135], time="2027", source="zeros\n")
    place = tmp_path / "pictures"
    compare("--deck", str(place))
    assert legend(compare.saved[place / "convolution.png"])[1] == "3.0 net: 99.00 %"
    (old,) = tmp_path.glob("mnist_3.0*/2026*")
    shutil.rmtree(old)  # there is no other
    compare("--deck", str(place))
    assert legend(compare.saved[place / "convolution.png"])[1] == "3.0, edited: 11.35 %"


@pytest.mark.parametrize("name", ["my_half", "mnist_2.5_half", "mnist_2.1_half", "mnist_2.1_copy"])
@pytest.mark.parametrize("there", [True, False], ids=["beside", "elsewhere"])
def test_a_copy_under_any_name_is_found(tmp_path, compare, beside, name, there):
    if there:
        (beside / f"{name}.py").write_text("half\n")
    write_run(tmp_path, "2.1", [0.1, 0.5, 0.9, 0.98])
    write_run(tmp_path, "2.1", [0.1, 0.5, 0.9, 0.95], time="2027", source="half\n", script=name)
    both = [f"{TITLES['2.1']}: 98.00 %", f'2.1 "{name}": 95.00 %']
    assert legend(compare()[1]) == legend(compare("2.1")[1]) == both
    words = [name, name.upper(), f"{name}.py"] + ["2.5"] * (name == "mnist_2.5_half")
    for word in words:
        assert legend(compare(word)[1]) == both[1:]
    write_run(tmp_path, "2.1", [0.1, 0.5, 0.9, 0.94], time="2028", script=name, label="half")
    assert legend(compare("half")[1]) == ['2.1 "half": 94.00 %']


def test_the_ladder_has_these_scripts():
    assert set(NAMES.values()) == compare_curves.LADDER


def test_labels_are_found_whatever_their_case(tmp_path, compare):
    write_run(tmp_path, "2.1", [0.1, 0.5, 0.9, 0.98], label="Constant Rate")
    for word in ("constant rate", "CONSTANT RATE", "Constant Rate"):
        assert legend(compare(word)[1]) == ['2.1 "Constant Rate": 98.00 %']


def test_one_run_is_drawn_once_however_often_it_is_named(tmp_path, compare):
    a, _ = (write_run(tmp_path, "2.1", [0.1, 0.5, 0.9, 0.9 + k / 50], seed=k) for k in (0, 1))
    for words in (["2.1", str(a)], [str(a), "2.1", f"{a}/", "2.1"], [os.path.relpath(a), "2.1"]):
        _, figure, out, _ = compare(*words)
        assert legend(figure) == [f"{TITLES['2.1']}: 91.00 %"] and "0,1" in out
    assert len(legend(compare(str(a), f"{a}/", os.path.relpath(a))[1])) == 1


# ---- the picture


def notes(axes):
    """The values written beside the ends of curves: {text: (x, y) of the end}."""
    return {text.get_text(): text.xy for text in axes.texts}


def test_numbers_are_those_of_the_picture(tmp_path, compare):
    write_run(tmp_path, "2.0", [0.1, 0.5, 0.88, 0.9773])
    _, figure, *_ = compare("--until", "100")
    assert legend(figure) == [f"{TITLES['2.0']}: 88.00 %"]
    accuracy, loss = figure.axes
    assert notes(accuracy) == {"88.00 %": pytest.approx((100, 0.88))}
    assert notes(loss) == {"12.0": pytest.approx((100, 12))}
    _, figure, *_ = compare()
    assert list(notes(figure.axes[0])) == ["97.73 %"]


def test_numbers_at_the_ends_do_not_cover_each_other(tmp_path, compare):
    for k in range(9):
        write_run(tmp_path, f"5.{k}", [0.1, 0.9, 0.95, 0.97 + k / 1000])
    _, figure, *_ = compare()
    figure.canvas.draw()
    for axes in figure.axes:
        boxes = sorted((text.get_window_extent() for text in axes.texts), key=lambda box: box.y0)
        assert 2 < len(boxes) <= 9
        tops = [box.y1 for box in boxes]
        assert all(box.y0 > top - 1 for box, top in zip(boxes[1:], tops, strict=False))


def test_a_logarithmic_axis_cuts_nothing_off(tmp_path, compare):
    folder = write_run(tmp_path, "2.0", [0.1, 0.5, 0.9, 0.96])
    table = (folder / "curves.csv").read_text()
    assert "\n200,1.0,0," in table
    (folder / "curves.csv").write_text(table.replace("\n200,1.0,0,", "\n200,1.0,0.003,"))
    (axes,) = compare("--loss", "--log")[1].axes
    values = np.concatenate([line.get_ydata() for line in axes.get_lines()])
    low, high = axes.get_ylim()
    assert values.min() == 0.003 and low < values.min() and high > values.max()


def test_training_curves_are_running_means_in_the_steps_colour(tmp_path, compare):
    folder = write_run(tmp_path, "2.0", [0.1, 0.5, 0.9, 0.96], iterations=4000)
    rng = np.random.default_rng(0)
    right = rng.integers(80, 100, 201) / 100
    rows = [
        f"{20 * k},{right[k]},1.5,{0.9 if k % 10 == 0 else ''},{9 if k % 10 == 0 else ''}"
        for k in range(201)
    ]
    header = (folder / "curves.csv").read_text().splitlines()[0]
    (folder / "curves.csv").write_text("\n".join([header, *rows]) + "\n")
    facts = json.loads((folder / "run.json").read_text()) | {"planned_iterations": 4000}
    (folder / "run.json").write_text(json.dumps(facts))
    _, figure, *_ = compare()
    training, test = figure.axes[0].get_lines()[:2]
    expected = [right[max(0, k - 5) : k + 6].mean() for k in range(201)]
    np.testing.assert_allclose(training.get_ydata(), expected)
    assert training.get_color() == test.get_color()
    assert (training.get_alpha() or 1) > 0.6 and training.get_linewidth() < test.get_linewidth()
    assert "200 iterations" in texts(figure)
    ((at, _),) = thick(figure.axes[0])
    assert list(at) == list(range(0, 4001, 200))


def test_titles_name_what_is_drawn(tmp_path, compare):
    write_run(tmp_path, "2.0", [0.1, 0.5, 0.9, 0.96])
    _, figure, *_ = compare("--until", "100")
    titles = [axes.get_title(loc="left").lower() for axes in figure.axes]
    assert all("test" in title and "training" in title for title in titles)
    assert "accuracy" in titles[0] and "cross entropy" in titles[1]
    assert "0 to 100" in texts(figure) and "MNIST" in texts(figure)
