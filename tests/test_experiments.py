"""Which runs belong together, which stand for a step, and what is said of those that do not."""

import os

import pytest
from saved_runs import SOURCE, TITLES, change, legend, thick, write_run

from visu.record import experiments
from visu.record.ladder import LADDER
from visu.record.medians import names
from visu.record.run_folder import SavedRun

GOOD = [0.1, 0.5, 0.9, 0.96]  # test accuracies
SHORT = {"iterations": 100}  # of a run with --iterations 100


def named(done):
    """The names of the experiments in the picture."""
    return [text.partition(":")[0] for text in legend(done.figure)]


# ---- which belong together


def test_what_differs_by_more_than_the_seed_is_another_curve(tmp_path, compare):
    own, fast, drawn = (
        write_run(tmp_path, "2.1", [0.1, 0.5, 0.6, 0.7], time=f"202{k}", **facts)
        for k, facts in enumerate([{}, {"label": "fast"}, {"data": "drawn digits"}])
    )
    assert compare("2.1").folders == [[own], [fast]]  # of each label one
    assert compare("fast").folders == [[fast]]
    done = compare(*map(str, (own, fast, drawn)))
    assert done.folders == [[own], [fast], [drawn]]
    title = TITLES["2.1"]
    names = [f"{title}, on MNIST", '2.1 "fast", on MNIST', f"{title}, on drawn digits"]
    assert named(done) == names and f"{names[2]} " in done.out
    assert len(compare(f"{tmp_path}/mnist_2.1*/*").folders) == 3  # as Windows' cmd leaves it


@pytest.mark.parametrize("label", ["", "mine"])
def test_runs_of_different_code_never_share_a_curve(tmp_path, compare, label):
    a, b, c = (
        write_run(tmp_path, "2.1", GOOD, seed=seed, source=f"x = {seed}\n", label=label)
        for seed in range(3)
    )
    header = f'"""Another header."""\n{SOURCE}  # why\n'
    own = [
        write_run(tmp_path, "2.1", GOOD, seed=3, time="2027"),
        write_run(tmp_path, "2.1", GOOD, seed=4, time="2028", source=header, edited=False),
    ]
    done = compare(*map(str, [a, b, c, *own]))
    assert done.folders == [[a], [b], [c], own]  # only the code counts
    assert all(folder.name in name for folder, name in zip((a, b, c), named(done), strict=False))


def test_an_edited_script_is_not_the_step(tmp_path, compare):
    own = write_run(tmp_path, "2.1", GOOD)
    edited = write_run(tmp_path, "2.1", [0.1] * 4, time="2027", source="zeros = 0\n")
    done = compare("2.1")
    assert done.folders == [[own], [edited]] and named(done) == [TITLES["2.1"], "2.1, edited"]
    assert compare("EDITED").folders == [[edited]]


def test_scripts_that_lie_beside_change_nothing(tmp_path, compare, monkeypatch):
    folder = write_run(tmp_path, "2.1", GOOD)
    monkeypatch.chdir(tmp_path)
    (tmp_path / f"{LADDER['2.1'].script}.py").write_text("edited_later = 1\n")
    (tmp_path / "mnist_9.9_student.py").write_text("mine = 1\n")
    done = compare()
    assert done.folders == [[folder]] and named(done) == [TITLES["2.1"]]
    assert "student" not in compare("9.9").err


def test_a_run_from_saved_weights_is_not_the_step(tmp_path, compare):
    for label in ("", "mine"):
        own = write_run(tmp_path, "2.1", GOOD, label=label, time=f"2026{label}")
        later = {"time": f"2027{label}", "seed": 1, "from_weights": True, "label": label}
        further = write_run(tmp_path, "2.1", [0.98] * 4, **later)
        assert compare(label or "2.1").folders[0] == [own]
        assert compare(", ".join(filter(None, [label, "from weights"]))).folders == [[further]]


@pytest.mark.parametrize("name", ["my_half", "mnist_2.5_half", "mnist_2.1_half"])
def test_a_copy_under_any_name_is_found(tmp_path, compare, name):
    own = write_run(tmp_path, "2.1", GOOD)
    copy = write_run(tmp_path, "2.1", GOOD, time="2027", source="half = 1\n", script=name)
    done = compare("2.1")
    assert done.folders == compare().folders == [[own], [copy]]
    assert named(done) == [TITLES["2.1"], f'2.1 "{name}"']
    for word in [name, name.upper(), f"{name}.py"] + ["2.5"] * (name == "mnist_2.5_half"):
        assert compare(word).folders == [[copy]]
    labelled = write_run(tmp_path, "2.1", GOOD, time="2028", script=name, label="half")
    assert compare("half").folders == [[labelled]]


# ---- which a word means


@pytest.mark.parametrize("label", ["docs", "2.1"])
def test_a_label_that_is_also_a_folders_name_can_be_named(tmp_path, compare, monkeypatch, label):
    run = write_run(tmp_path, "2.0", GOOD, label=label)
    (tmp_path / "docs").mkdir()
    (tmp_path / "2.1").mkdir()
    monkeypatch.chdir(tmp_path)
    done = compare(label)
    assert (done.folders, done.err) == ([[run]], "")
    done = compare("./docs")  # a separator: this is meant to be a folder
    assert done.status == 2 and "docs is skipped: it has no run.json" in done.err
    monkeypatch.chdir(run.parent)
    assert compare(run.name).folders == [[run]]  # a run's folder needs none


def test_what_several_words_name_is_drawn_once(tmp_path, compare):
    a, b = (write_run(tmp_path, "2.1", GOOD, seed=seed, label="mine") for seed in (0, 1))
    c = write_run(tmp_path, "2.0", GOOD, label="MINE")
    assert compare().folders == [[c], [a, b]]
    assert compare("2.1", "mine", "2.1").folders == [[a, b]]
    assert compare("2.1", "2.0", "mine").folders == [[a, b], [c]]
    for words in (["2.1", str(a)], [str(a), "2.1", f"{a}/", "2.1"], [os.path.relpath(a), "2.1"]):
        assert compare(*words).folders == [[a, b]]
    assert compare(str(a), f"{a}/", os.path.relpath(a)).folders == [[a]]


def test_where_runs_are_looked_for(tmp_path, compare):
    folder = write_run(tmp_path, "2.0", GOOD)
    ladder = write_run(tmp_path / "ladder", "2.1", GOOD)
    folder.parent.rename(tmp_path / "experiment")
    done = compare()
    assert (done.folders, done.err) == ([[tmp_path / "experiment" / folder.name]], "")
    assert compare("--runs", str(tmp_path / "ladder")).folders == [[ladder]]


@pytest.fixture
def choose(tmp_path):
    """choose(*words): the experiments that these words mean."""
    return lambda *words: experiments.choose(words, experiments.Runs(tmp_path, lambda line: None))


def test_a_step_beside_the_name_of_an_experiment_means_itself(tmp_path, choose):
    def folders(*words):
        return [group[0].folder for group in choose(*words)]

    own, half, fast = (write_run(tmp_path, "2.1", GOOD, label=x) for x in ("", "half", "fast"))
    other = write_run(tmp_path, "2.0", GOOD, label="half")
    assert folders("2.1", "half") == [own, half]
    assert folders("half", "mnist_2.1_five_layers_relu_lrdecay.py") == [half, own]
    assert folders("half") == [other, half]
    sigmoid = write_run(tmp_path, "2.0", GOOD)
    assert folders("2.0", "fast") == [sigmoid, fast]
    assert len(folders("2.1", "2.0")) == 5


def test_what_is_printed_can_be_typed_back(tmp_path, choose):
    for facts in ({}, {"label": "half"}, {"label": "half", "seed": 1}, {"from_weights": True}):
        write_run(tmp_path, "2.1", GOOD, **facts, source="half = 1\n" if facts else SOURCE)
    write_run(tmp_path, "2.1", GOOD, source="half = 2\n", script="my_half")
    write_run(tmp_path, "2.1", GOOD, label="half", data="drawn digits", time="2025")
    write_run(tmp_path, "7.0", GOOD, label="half")
    everything = [str(path.parent) for path in tmp_path.rglob("run.json")]
    for groups in (choose(), choose(*everything)):
        for name, group in zip(names(groups), groups, strict=True):
            for word in (name, name.replace('"', ""), name.upper()):  # a shell takes the quotes
                assert [{saved.folder for saved in found} for found in choose(word)] == [
                    {saved.folder for saved in group}
                ]


# ---- which one stands for a step


RULE = {  # runs, oldest first, and which of them stand
    "full full": [1],
    "full stopped short": [0],
    "full long": [0],
    "stopped long": [1],
    "full drawn": [0],
    "stopped drawn": [1],
    "full+ stopped+ full": [0],  # +: changed while it is watched
    "full running+ running+": [1, 2],
}
KINDS = {
    "full": {},
    "stopped": {"accuracies": GOOD[:2], "ended": True},
    "running": {"accuracies": GOOD[:2]},
    "short": {"accuracies": GOOD[:3]} | SHORT,
    "long": {"own_iterations": 100},
    "drawn": {"data": "drawn"},
}


@pytest.mark.parametrize("runs", RULE)
def test_the_rule(tmp_path, runs):
    groups = []
    for k, word in enumerate(runs.split()):
        facts = {"accuracies": GOOD, "time": f"202{k}"} | KINDS[word.strip("+")]
        folder = write_run(tmp_path, "2.0", **facts)
        groups.append([SavedRun(folder, 0, watched=word.endswith("+"))])
    assert [groups.index(group) for group in experiments.standing(groups)] == RULE[runs]


GAVE_WAY = {"stopped": {"ended": True}, "short": SHORT, "running": {}}


@pytest.mark.parametrize("kind", GAVE_WAY)
def test_what_gives_way_to_a_complete_run_is_told_and_drawn_when_named(tmp_path, compare, kind):
    full = write_run(tmp_path, "2.0", GOOD)
    newer = write_run(tmp_path, "2.0", GOOD[:3], time="2027", **GAVE_WAY[kind])
    done = compare()
    assert done.folders == [[full]] and done.err.count("\n") == 1 and kind in done.err
    done = compare("2.0", str(newer))
    assert done.folders == [[full], [newer]] and done.err == ""


def test_stopped_and_short_runs_are_marked_and_set_no_axes(tmp_path, compare):
    full = write_run(tmp_path, "2.0", [0.1, 0.9, 0.95, 0.96])
    stopped = write_run(tmp_path, "2.1", [0.1, 0.17], ended=True)
    write_run(tmp_path, "2.2", [0.1, 0.17, 0.18], **SHORT)
    alone, done = compare(str(full)), compare()
    assert done.err == "" and "(stopped)" in done.out and "(short)" in done.out
    told = legend(done.figure)
    assert "stopped at 40" in told[1] and "100 iterations" in told[2]
    for with_them, without in zip(done.figure.axes, alone.figure.axes, strict=True):
        assert with_them.get_xlim() == without.get_xlim() == (0, 200)
        assert with_them.get_ylim() == without.get_ylim()
    axes = done.figure.axes[0]
    assert [at[-1] for at, _ in thick(axes)] == [200, 40, 100]
    marks = [line.get_data() for line in axes.get_lines() if line.get_marker() == "X"]
    assert marks == [([40], [0.17]), ([100], [0.18])]
    assert compare(str(stopped)).figure.axes[0].get_xlim() == (0, 40)  # there is no other


def test_a_run_under_way_is_drawn_as_far_as_its_curves_go(tmp_path, compare):
    folder = write_run(tmp_path, "2.1", [0.1, 0.8, 0.97])
    change(folder, result={"iteration": 40})  # run.json is written after them
    done = compare()
    assert done.folders == [[folder]] and done.figure.axes[0].get_xlim() == (0, 100)
    assert legend(done.figure) == [f"{TITLES['2.1']}: 97.00 %, running"]
    assert "(running)" in done.out
    begun = os.stat(folder / "run.json").st_mtime - 3600
    os.utime(folder / "curves.csv", (begun, begun))  # it was killed, and could not say so
    assert "stopped at 100" in legend(compare().figure)[0]
    os.utime(folder / "curves.csv")
    change(folder, result={"ended": True})
    assert "stopped at 100" in legend(compare().figure)[0]


def test_other_data_stands_for_a_step_only_without_mnist_and_is_named(tmp_path, compare):
    drawn = write_run(tmp_path, "2.0", GOOD, data="drawn digits")
    done = compare()
    assert (done.folders, done.err) == ([[drawn]], "") and "on drawn digits" in done.out
    fashion = write_run(tmp_path, "2.0", GOOD, time="2027", data="fashion")
    own = write_run(tmp_path, "2.1", GOOD)
    done = compare()
    assert done.folders == [[fashion], [own]]
    assert named(done) == [f"{TITLES['2.0']}, on fashion", f"{TITLES['2.1']}, on MNIST"]
    assert "drawn digits" in done.err and done.err.count("\n") == 1
    mnist = write_run(tmp_path, "2.0", GOOD, time="2025")
    assert compare("2.0").folders == [[mnist]]


def test_the_deck_takes_an_edited_run_only_where_there_is_no_other(tmp_path, compare):
    write_run(tmp_path, "3.0", GOOD)
    edited = write_run(tmp_path, "2.2", GOOD, time="2027", source="zeros = 0\n")
    done = compare("--deck", str(tmp_path / "deck"))
    assert done.folders[0] == [edited] and "edited" in legend(done.figure)[0]
    own = write_run(tmp_path, "2.2", GOOD[:3], time="2028")  # under way
    assert compare("--deck", str(tmp_path / "deck")).folders[0] == [edited]
    own = write_run(tmp_path, "2.2", GOOD, data="fashion")
    done = compare("--deck", str(tmp_path / "deck"))
    assert done.folders[0] == [own] and "edited" not in legend(done.figure)[0]
    assert "fashion" in legend(done.figure)[0]


# ---- how much is read


def test_choosing_reads_the_curves_of_no_run_and_an_unchanged_run_once(tmp_path, monkeypatch):
    for seed in range(5):
        folder = write_run(tmp_path, "2.1", GOOD, seed=seed)
        (folder / "curves.csv").write_text("no curves\n")
    reads = []
    monkeypatch.setattr(
        experiments, "SavedRun", lambda *args: reads.append(args[0]) or SavedRun(*args)
    )
    runs = experiments.Runs(tmp_path, pytest.fail)
    for _ in range(3):
        (group,) = experiments.choose([], runs)
        assert len(group) == len(reads) == 5
