"""Movies: which evaluations become frames, the files read back, and what goes wrong."""

import json
import shutil
import signal
import subprocess
import sys
import time
from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest
from conftest import SCRIPTS
from evaluations import RUN, evaluation
from PIL import Image
from windows import offscreen

import tensorflowvisu
from visu.panels.dashboard import Offscreen
from visu.panels.keys_and_views import SIX, VIEWS
from visu.record.run import History
from visu.session import Recording
from visu.show import movie


def film(path, until, every=20, view=SIX, **changes):
    """A Movie that has seen a run until this iteration; changes: to RUN."""
    made = movie.Movie(path, History(replace(RUN, **changes)), view)
    for i in range(0, until + 1, every):
        made.history.append(evaluation(i, test=i % 100 == 0, accuracy=0.9 * i / until))
        made.film()
    return made


def iterations(made):
    return [last.iteration for last, _ in made.frames]


@pytest.fixture
def short(tmp_path):
    """short(name, view): a Movie of 6 frames, of a run that was cut short."""
    return lambda name, view=SIX: film(tmp_path / name, 100, view=view, iterations=200)


@pytest.mark.parametrize("every", [5, 20, 200])
def test_a_full_run_has_so_many_frames_and_begins_slowly(every, tmp_path):
    frames = iterations(film(tmp_path / "a.mp4", RUN.iterations, every))
    evaluations = RUN.iterations // every + 1
    assert frames[:20] == list(range(0, 2001, every))[:20]
    assert frames[-1] == RUN.iterations
    assert min(evaluations, 190) <= len(frames) <= min(evaluations, 251)
    assert (np.diff(frames) > 0).all()


def test_a_run_cut_short_ends_with_its_last_evaluation(tmp_path):
    made = film(tmp_path / "a.gif", 1000, iterations=100_000)
    made.history.append(evaluation(1001))
    made.film()
    assert iterations(made)[-1] == 1001 and len(made.frames) < 20


def test_a_run_started_again_is_filmed_alone(short):
    made = short("a.gif")
    for i in (0, 20):
        made.history.append(evaluation(i))
        made.film()
    assert iterations(made) == [0, 20]


@pytest.mark.parametrize("key", ["0", "e", "w"])
def test_a_gif_read_back(short, key):
    made = short("a.gif", VIEWS[key])
    length = made.write()
    with Image.open(made.path) as gif:
        assert gif.size == (1280, 720) and gif.n_frames == len(made.frames) == 6
        durations = []
        for k in range(gif.n_frames):
            gif.seek(k)
            durations.append(gif.info["duration"] / 1000)
        shown = np.asarray(gif.convert("RGB"), int)
    assert durations == [1] * 5 + [5] and sum(durations) == length
    screen = offscreen(made.history.run, made.view)
    screen.draw(made.history)
    assert abs(shown - screen.pixels[..., :3]).mean() < 2


@pytest.mark.skipif(not shutil.which("ffprobe"), reason="needs ffmpeg")
def test_an_mp4_read_back(short):
    made = short("a.MP4")
    length = made.write()
    command = ["ffprobe", "-v", "error", "-show_streams", "-of", "json", made.path]
    asked = subprocess.run(command, capture_output=True, check=True, timeout=30)
    (stream,) = json.loads(asked.stdout)["streams"]
    assert (stream["width"], stream["height"], stream["pix_fmt"]) == (1280, 720, "yuv420p")
    assert int(stream["nb_frames"]) == len(made.frames) + movie.STILL
    assert float(stream["duration"]) == pytest.approx(length) == 10


# ---- what goes wrong


@pytest.mark.parametrize(
    ("flags", "words"),
    [("--movie a.avi", ".mp4"), ("--movie gif", ".mp4"), ("--movie no/a.gif", "no folder")]
    + [("--movie d.gif", "cannot be written"), (f"--movie {'long' * 99}/a.gif", "no folder")]
    + [("--movie a.gif --view d", "--view: this view needs a window")],
)
def test_a_movie_that_cannot_be_is_one_line_before_training(
    flags, words, monkeypatch, capsys, tmp_path
):
    (tmp_path / "d.gif").mkdir()
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "argv", [str(SCRIPTS[0]), *flags.split()])
    with pytest.raises(SystemExit) as ended:
        tensorflowvisu.parse_args("0.0 title: what it is", 10_000)
    (line,) = capsys.readouterr().err.splitlines()
    assert ended.value.code == 2 and "argument --" in line and words in line


def test_a_missing_ffmpeg_is_said_and_a_gif_goes_without(monkeypatch, tmp_path):
    monkeypatch.setenv("PATH", str(tmp_path))
    assert "ffmpeg" in movie.why_not(tmp_path / "a.mp4")
    assert movie.why_not(tmp_path / "a.gif") is None


@pytest.mark.skipif(sys.platform == "win32", reason="needs a shell")
def test_an_ffmpeg_that_fails_leaves_no_file(short, monkeypatch, tmp_path):
    broken = tmp_path / "ffmpeg"
    broken.write_text("#!/bin/sh\nexit 3\n")
    broken.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
    with pytest.raises(OSError, match="ffmpeg failed, status 3"):
        short("a.mp4").write()
    assert not (tmp_path / "a.mp4").exists()


@pytest.mark.parametrize("name", ["a.gif", "a.mp4"])
def test_ctrl_c_aborts_the_movie_and_leaves_an_earlier_one(name, tmp_path, monkeypatch, capsys):
    path = tmp_path / name
    if movie.why_not(path):
        pytest.skip("needs ffmpeg")
    args = SimpleNamespace(runs=tmp_path / "runs", source=b"", movie=path, view="0", weights=None)
    recording, draw = Recording(args, RUN), Offscreen.draw
    for k in range(5):
        recording.take(evaluation(20 * k))
    path.write_bytes(b"the movie of an earlier run")

    def interrupted(screen, history):
        if history.iteration == 40:
            signal.raise_signal(signal.SIGINT)
        return draw(screen, history)

    monkeypatch.setattr(Offscreen, "draw", interrupted)
    assert recording.write_movie() == [signal.SIGINT]
    assert "interrupted" in capsys.readouterr().err
    assert path.read_bytes() == b"the movie of an earlier run"
    assert not list(tmp_path.glob("*.part.*"))


def test_a_script_stopped_by_ctrl_c_leaves_its_movie(small_data, start_process, tmp_path):
    path, runs = tmp_path / "run.gif", tmp_path / "runs"
    command = [sys.executable, SCRIPTS[0], "--data", small_data, "--runs", runs, "--movie", path]
    command += ["--headless", "--iterations", "1000000"]
    process = start_process(command)
    while not [file for file in runs.glob("*/*/curves.csv") if file.read_text().count("\n") > 9]:
        assert process.poll() is None
        time.sleep(0.05)
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=60)
    assert (process.returncode, err) == (130, "")
    assert "Stopped at iteration" in out and str(path) in out
    with Image.open(path) as gif:
        assert gif.n_frames >= 2
