"""A notebook that runs a script with %run, in a kernel of its own."""

import asyncio
import base64
import io
import json

import numpy as np
import pytest
from conftest import SCRIPTS, TOP
from matplotlib.image import imread

nbclient = pytest.importorskip("nbclient", reason="needs nbclient, to run a notebook")
pytest.importorskip("ipykernel", reason="needs ipykernel, to run a notebook")
from nbformat import v4  # noqa: E402

MEMORY = "gc.collect(); int(open('/proc/self/statm').read().split()[1]) * 4096 / 1e6"


class Notebook(nbclient.NotebookClient):
    """Runs a notebook and interrupts its second cell once, when the picture there is refreshed.

    At the third time: at the first one a slow machine may not have trained yet.
    """

    refreshed = 0

    def process_message(self, message, cell, index):
        if message["msg_type"] == "update_display_data" and index == 1:
            self.refreshed += 1
            if self.refreshed == 3:
                asyncio.ensure_future(self.km.interrupt_kernel())
        return super().process_message(message, cell, index)


@pytest.fixture(scope="module")
def ran(small_data, tmp_path_factory):
    """The cells of a notebook that was run, one run complete and one interrupted; the folders."""
    runs = tmp_path_factory.mktemp("notebook")
    script = f'"{SCRIPTS[0]}" --data "{small_data}" --runs "{runs}"'
    sources = [f"%run {script} --iterations {n}" for n in (400, 2_000_000)] + ["6 * 7"]
    sources += ["import gc; gc.get_freeze_count()"]
    sources += [f"%run {script} --iterations 100 --view e", MEMORY] * 2
    sources.append(f"%run {script} --iterations 0")
    pasted = SCRIPTS[0].read_text().replace("iterations=2_000", "iterations=100")
    sources.append(f"import os, sys; os.chdir({str(runs)!r}); sys.path.insert(0, {str(TOP)!r})")
    sources.append(pasted.replace("load(args.data)", f"load({str(small_data)!r})"))
    notebook = v4.new_notebook(cells=[v4.new_code_cell(source) for source in sources])
    with pytest.MonkeyPatch.context() as patch:
        patch.delenv("MPLBACKEND", raising=False)  # the kernel sets its own
        Notebook(notebook, timeout=120, kernel_name="python3").execute()
    return notebook.cells, sorted((runs / SCRIPTS[0].stem).iterdir())


def result(folder):
    return json.loads((folder / "run.json").read_text())["result"]


def printed(cell, name="stdout"):
    return "".join(out.text for out in cell.outputs if out.get("name") == name)


def pictures(cell):
    shown = [out.data["image/png"] for out in cell.outputs if out.output_type == "display_data"]
    return [imread(io.BytesIO(base64.b64decode(png))) for png in shown]


def test_one_picture_is_refreshed_in_place(ran):
    cells, folders = ran
    (picture,) = pictures(cells[0])
    end = imread(folders[0] / "window.png")
    assert picture.shape == end.shape
    assert (abs(picture - end) > 0.1).mean() < 0.01  # all but the status, "done"
    assert not np.array_equal(picture, end)


def test_another_view_is_shown_and_the_six_panels_are_saved(ran):
    cells, folders = ran
    (picture,) = pictures(cells[4])
    end = imread(folders[2] / "window.png")
    assert picture.shape == end.shape
    assert (abs(picture - end)[100:] > 0.1).mean() > 0.1


def test_a_network_that_is_not_trained_is_shown(ran):
    """Nine of ten test digits are wrong then: their panel, at the lower right, is red."""
    (picture,) = pictures(ran[0][8])
    height, width, _ = picture.shape
    red, green, _, _ = np.moveaxis(picture[height // 2 :, 2 * width // 3 :], -1, 0)
    assert (red - green > 0.1).mean() > 0.2


def test_the_result_is_printed_and_the_files_are_written(ran):
    cells, folders = ran
    out = printed(cells[0])
    assert "Final test accuracy" in out and str(folders[0]) in out
    assert len(out.splitlines()) < 20 and "\b" not in out
    files = {"curves.csv", "run.json", "weights.npz", "window.png"}
    files.add(SCRIPTS[0].name)
    assert {file.name for file in folders[0].iterdir()} == files
    assert result(folders[0])["completed"] is True


def test_a_script_pasted_into_a_cell_works(ran):
    cells, folders = ran
    assert "1.0 softmax on small, 100 iterations" in printed(cells[-1])
    (run,) = (folders[0].parent.parent / "runs" / "notebook").iterdir()
    assert (run / "notebook.py").read_text().strip() == cells[-1].source.strip()
    assert len(pictures(cells[-1])) == 1


def test_an_interrupt_ends_the_run_with_its_summary(ran):
    cells, folders = ran
    assert "Stopped at iteration" in printed(cells[1])
    assert len(pictures(cells[1])) == 1
    interrupted = result(folders[1])
    assert interrupted["completed"] is False and 0 < interrupted["iteration"] < 2_000_000


def test_there_is_no_error_and_the_kernel_goes_on(ran):
    cells, _ = ran
    assert [printed(cell, "stderr") for cell in cells] == [""] * len(cells)
    assert {out.output_type for cell in cells[:2] for out in cell.outputs} == {
        "stream",
        "display_data",
    }
    assert cells[2].outputs[0].data["text/plain"] == "42"


def test_a_run_leaves_nothing_behind_in_memory(ran):
    """What the garbage collector was told to leave alone while a run went on is its own again."""
    frozen, first, second = (
        float(cell.outputs[0].data["text/plain"]) for cell in (ran[0][k] for k in (3, 5, 7))
    )
    assert frozen == 0
    assert second - first < 40  # MB
