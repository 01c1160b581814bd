"""Run folders written by hand, and what a picture shows of them: these tests train nothing."""

import json
from dataclasses import fields

from visu.record.ladder import LADDER, code_hash
from visu.record.run import Run
from visu.record.run_folder import columns_of, new_folder

TITLES = {"2.0": "2.0 five layers, sigmoid", "2.1": "2.1 ReLU, learning rate decay"}
READ = [0, 20, 40, 100, 120, 200]  # iterations; the test digits are not read at 20 and 120
TESTED = [0, 40, 100, 200]
SOURCE = "steps = 200\n"  # of a step's own script
RUN = {field.name for field in fields(Run)}


def write_run(place, step, accuracies, time="20260101-120000", gradients=None, **facts):
    """A folder as a script leaves it, completed with the last of TESTED; returns its path.

    accuracies: of the test digits at TESTED, or fewer; gradients: for each layer's weights those at
    TESTED, else 0.1 for each of three layers; source: the script's text, edited where it is not
    SOURCE; facts: other values of the Run or of its result.
    """
    tested = dict(zip(TESTED, accuracies, strict=False))
    source, end = facts.pop("source", SOURCE), max(tested)
    gradients = gradients or [[0.1] * len(TESTED)] * 3
    run = {
        "script": LADDER[step].script if step in LADDER else f"mnist_{step}_net", "step": step,
        "title": TITLES.get(step, f"{step} net"), "label": "", "seed": 0, "iterations": 200,
        "own_iterations": 200, "every": 20, "data": "MNIST", "train_count": 300, "test_count": 200,
        "layers": len(gradients), "code": code_hash(source.encode()), "edited": source != SOURCE,
        "from_weights": False, "device": "CPU",
    }  # fmt: skip
    run |= {name: value for name, value in facts.items() if name in RUN}
    result = {
        "iteration": end, "completed": end == run["iterations"], "ended": False, "seconds": 4.0,
        "steps_per_second": 50.0,
    }  # fmt: skip
    result |= {name: value for name, value in facts.items() if name not in RUN}
    folder = new_folder(place / run["script"], f"{time}-seed{run['seed']}")
    lines = [",".join(columns_of(Run(**run)))]
    for i in [i for i in READ if i <= end]:
        sizes = [layer[TESTED.index(i)] for layer in gradients] if i in tested else []
        test = [tested[i], 100 * (1 - tested[i]), *sizes] if i in tested else [""] * len(gradients)
        test = [f"{x:.6g}" for x in test] if i in tested else ["", "", *test]
        lines.append(",".join([f"{i},{i / 200},{200 - i}", *test]))
    (folder / "curves.csv").write_text("\n".join(lines) + "\n")
    (folder / f"{run['script']}.py").write_text(source)
    (folder / "run.json").write_text(json.dumps({"run": run, "result": result, "machine": {}}))
    return folder


def grow(folder, iteration, accuracy, **result):
    """A further evaluation, at this iteration, of a run that write_run has written."""
    parts = json.loads((folder / "run.json").read_text())
    sizes = ["0.1"] * parts["run"]["layers"]
    with open(folder / "curves.csv", "a") as file:
        file.write(",".join([f"{iteration},0.5,1,{accuracy},10", *sizes]) + "\n")
    change(folder, result={"iteration": iteration} | result)


def change(folder, **parts):
    """Change values in the parts of run.json: change(folder, run={"seed": 1})."""
    path = folder / "run.json"
    found = json.loads(path.read_text())
    for name, values in parts.items():
        found[name] |= values
    part = path.with_name("run.json.part")
    part.write_text(json.dumps(found))
    part.replace(path)


# ---- what a picture shows


def thick(axes):
    """The data [2, n] of the thick lines, those of the test digits."""
    widest = max(line.get_linewidth() for line in axes.get_lines())
    return [line.get_data() for line in axes.get_lines() if line.get_linewidth() == widest]


def legend(figure):
    """The texts of the legend: an experiment's name, its result and its state."""
    return [text.get_text() for text in figure.legends[0].get_texts()]


def texts(figure):
    """What is written on the figure beside panels and legend."""
    return " ".join(text.get_text() for text in figure.texts)
