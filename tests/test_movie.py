"""Movies: which evaluations become frames, the files read back, and what goes wrong."""

import json
import shutil
import signal
import subprocess
import sys

import numpy as np
import pytest
from evaluations import RUN, evaluation
from PIL import Image
from test_scripts import begun

import tensorflowvisu
from visu.panels.blitting import Offscreen
from visu.panels.views import VIEWS
from visu.record.run import History
from visu.show import movie


def film(path, run, until, every=20):
    """A Movie that has seen a run until this iteration."""
    made = movie.Movie(path, History(), run)
    for i in range(0, until + 1, every):
        made.history.append(evaluation(i, test=i % 100 == 0, accuracy=0.9 * i / until))
        made.look()
    return made


@pytest.fixture
def short(tmp_path):
    """short(name): a Movie of 6 frames, the last one of a run that was cut short."""
    from dataclasses import replace

    made = film(tmp_path / "a.gif", replace(RUN, iterations=200), 100)

    def at(name):
        made.path = tmp_path / name
        return made

    return at


@pytest.mark.parametrize("every", [5, 20, 200])
def test_a_full_run_takes_half_a_minute_and_begins_slowly(every):
    made = film("a.mp4", RUN, RUN.iterations, every)
    iterations = [last.iteration for last, _ in made.frames]
    assert iterations[:20] == list(range(0, 2001, every))[:20]
    assert iterations[-1] == RUN.iterations
    assert len(iterations) == min(251, RUN.iterations / every + 1) or 190 < len(iterations) < 252
    assert (np.diff(iterations) > 0).all()


def test_a_run_cut_short_ends_with_its_last_evaluation(short):
    made = short("a.gif")
    made.history.append(evaluation(101))
    made.write()
    assert made.frames[-1][0].iteration == 101


@pytest.mark.parametrize("key", ["e", "w"])
def test_another_view_is_filmed(short, key):
    made = short("a.gif")
    viewed = movie.Movie(made.path, made.history, made.plan, VIEWS[key])
    viewed.look()
    viewed.write()
    with Image.open(made.path) as gif:
        shown = np.asarray(gif.convert("RGB"), int)
    screen = Offscreen(made.plan, 1280, 720)
    screen.panels.show_only(VIEWS[key])
    screen.draw(made.history)
    assert abs(shown - screen.pixels[..., :3]).mean() < 2


def test_a_run_started_again_is_filmed_alone(short):
    made = short("a.gif")
    for i in (0, 20):
        made.history.append(evaluation(i))
        made.look()
    assert [last.iteration for last, _ in made.frames] == [0, 20]


def test_a_gif_read_back(short):
    made = short("a.gif")
    length = made.write()
    with Image.open(made.path) as gif:
        assert gif.size == (1280, 720) and gif.n_frames == len(made.frames) == 6
        durations = []
        for k in range(gif.n_frames):
            gif.seek(k)
            durations.append(gif.info["duration"] / 1000)
        shown = np.asarray(gif.convert("RGB"), int)
    assert durations == [1] * 5 + [5] and sum(durations) == length
    screen = Offscreen(made.plan, 1280, 720)
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
    ("name", "words"),
    [("a.avi", ".mp4"), ("gif", ".mp4"), ("no/a.gif", "no folder"), ("d.gif", "cannot be written")]
    + [(f"{'long' * 99}/a.gif", "no folder"), (f"{'y' * 250}.gif", "too long")],
)
def test_a_file_that_cannot_be_is_one_line_before_training(
    name, words, monkeypatch, capsys, tmp_path
):
    (tmp_path / "d.gif").mkdir()
    monkeypatch.setattr(sys, "argv", ["mnist.py", "--movie", str(tmp_path / name)])
    with pytest.raises(SystemExit) as ended:
        tensorflowvisu.parse_args("0.0 title: what it is", 10_000)
    (line,) = capsys.readouterr().err.splitlines()
    assert ended.value.code == 2 and "--movie" in line and words in line


def test_a_view_that_needs_a_person_is_not_filmed(monkeypatch, capsys, tmp_path):
    monkeypatch.setitem(VIEWS, "d", ("digit",))
    flags = ["--view", "d", "--movie", str(tmp_path / "a.gif")]
    monkeypatch.setattr(sys, "argv", ["mnist.py", *flags])
    with pytest.raises(SystemExit) as ended:
        tensorflowvisu.parse_args("0.0 title: what it is", 10_000)
    (line,) = capsys.readouterr().err.splitlines()
    assert ended.value.code == 2 and "--view" in line and "window" in line


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
def test_a_movie_given_up_leaves_no_file(short, name):
    if movie.why_not(short(name).path):
        pytest.skip("needs ffmpeg")
    short(name).give_up()
    earlier = short(name).path
    earlier.write_bytes(b"the movie of an earlier run")
    with pytest.raises(InterruptedError):
        short(name).write()
    assert earlier.read_bytes() == b"the movie of an earlier run"
    assert not list(earlier.parent.glob("*.part.*"))


def test_a_script_stopped_by_ctrl_c_leaves_its_movie(small_data, tmp_path):
    path = tmp_path / "run.gif"
    process = begun(small_data, tmp_path, "--movie", path)
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=60)
    assert (process.returncode, err) == (130, "")
    assert "Stopped at iteration" in out and str(path) in out
    with Image.open(path) as gif:
        assert gif.n_frames >= 2
