"""Our own cache folders: a file in them is complete or absent, whatever ends a run.

A file is written under a temporary name and then renamed, in one step, so what a killed run leaves
behind is never taken for data. A file that is already there may belong to somebody else: it is
never overwritten or deleted. If it is damaged, it is renamed once its replacement is complete.
"""

import contextlib
import errno
import os
import re
import secrets
import sys
import time

from digits.idx import NAMES, full_path, is_damaged

TEMPORARY = re.compile(rf"({'|'.join(NAMES)})\.gz\.[0-9a-f]{{16}}\.part")
STALE = 3600  # seconds after which no run can still be writing a temporary file


def datasets():
    """Returns the folder in which Keras stores data sets. Our own folders are in it."""
    return full_path(os.environ.get("KERAS_HOME") or "~/.keras") / "datasets"


def save(folder, name, content):
    """Saves the bytes of a .gz as the file `name`.gz of one of our own folders.

    Creates the folder. Does nothing if the file exists, unless it is damaged: then that one is
    renamed. Raises OSError, with the folder's files as they were.
    """
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{name}.gz"
    part = path.with_name(f"{path.name}.{secrets.token_hex(8)}.part")
    try:
        part.write_bytes(content)
        if is_damaged(path):
            os.rename(path, path.with_name(f"{path.name}.damaged-{secrets.token_hex(4)}"))
        if not os.path.lexists(path):
            os.replace(part, path)
        elif not os.path.isfile(path):
            raise FileExistsError(errno.EEXIST, f"{path.name} exists and is not a file")
    finally:
        with contextlib.suppress(OSError):
            part.unlink()


def sweep(folder):
    """Deletes the temporary files that killed runs have left in one of our own folders."""
    with contextlib.suppress(OSError), os.scandir(folder) as entries:
        for entry in entries:
            if TEMPORARY.fullmatch(entry.name) and entry.is_file(follow_symlinks=False):
                age = time.time() - entry.stat(follow_symlinks=False).st_mtime
                if age > STALE:
                    os.unlink(entry)


def say_not_saved(what, folder, error):
    """Prints in one line that a folder takes no files, why, and what to do."""
    print(
        f"{what} could not be saved in {folder} ({error.strerror or error}). This run uses it "
        "all the same. To save it elsewhere, set KERAS_HOME=FOLDER.",
        file=sys.stderr,
    )
