"""What is kept of a run: its folder in runs/, with curves, facts and a picture of the window."""

import os
import platform
import sys
import time
from contextlib import suppress
from importlib.metadata import version

from visu.history import new_folder, write_curves, write_run


def make_folder(args):
    """Make and return the folder of a new run: runs/script/date-time-seed; None with a warning.

    args: the result of parse_args, of which runs, script and seed count.
    """
    name = f"{time.strftime('%Y%m%d-%H%M%S')}-seed{args.seed}"
    try:
        return new_folder(args.runs / args.script, name)
    except OSError as error:
        _warn_not_kept(error)


def _warn_not_kept(error):
    print(f"Warning: this run cannot be kept: {error}. See --runs.", file=sys.stderr, flush=True)


def keep(folder, args, about, history, device):
    """Write the script, its curves, facts and window into `folder`; a warning where it can't be.

    about: the Run; history: its History, perhaps cut short; device: what trained, as text.
    """
    if folder is None:
        return
    if not history.test_iterations:
        with suppress(OSError):  # a picture saved by hand stays
            folder.rmdir()
        return
    from visu.panels import save_picture

    try:
        (folder / f"{args.script}.py").write_text(args.source, encoding="utf-8")
        write_curves(folder / "curves.csv", history)
        facts = _facts(args, about, device) | history.results(about.iterations)
        write_run(folder / "run.json", facts)
        save_picture(folder / "window.png", history, about)
    except OSError as error:
        _warn_not_kept(error)


def _facts(args, about, device):
    """What run.json says of a run beside its results: plain values only."""
    affinity = getattr(os, "sched_getaffinity", None)  # Linux only
    return {
        "script": args.script,
        "title": args.title,
        "label": args.label,
        "arguments": sys.argv[1:],
        "seed": args.seed,
        "data": about.data,
        "versions": {"python": platform.python_version()}
        | {name: version(name) for name in ("tensorflow", "keras", "numpy", "matplotlib")},
        "device": device,
        "cores": len(affinity(0)) if affinity else os.cpu_count(),
    }
