"""Our own cache: files that are there whole or not at all, whatever ends a run, however many run.

A file is written under a name of its own and then renamed, in one step. What a killed run leaves
behind is therefore never taken for data.
"""

import contextlib
import os
import secrets
import sys
import time

from digits.idx import full_path

PART = ".part"  # how the names of files end that are being written
STALE = 3600  # seconds after which nobody writes such a file any more


def datasets():
    """Returns the folder in which Keras keeps data sets, and we beside it."""
    return full_path(os.environ.get("KERAS_HOME") or "~/.keras") / "datasets"


def keep(path, content):
    """Writes bytes to a file, its folder made if need be. Raises OSError, the file is as before."""
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(f"{path.name}.{secrets.token_hex(8)}{PART}")
    try:
        part.write_bytes(content)
        os.replace(part, path)
    except OSError:
        with contextlib.suppress(OSError):
            part.unlink()
        raise


def sweep(folder):
    """Deletes what killed runs have left in a folder, as far as that can be."""
    with contextlib.suppress(OSError):
        for part in folder.glob(f"*{PART}"):
            if part.stat().st_mtime < time.time() - STALE:
                part.unlink()


def say_not_kept(what, folder, error):
    """Says in one line that a folder does not take what was fetched or made, and goes on."""
    print(
        f"{what} cannot be kept in {folder} ({error.strerror or error}); it is used all the same. "
        "KERAS_HOME=FOLDER names another place.",
        file=sys.stderr,
    )
