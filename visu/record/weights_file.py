"""Writes and reads weights.npz: all variables of a network, with the title of its step."""

import io
import os

import numpy as np

NAME = "weights.npz"
MOST = 10**9  # bytes of all arrays


def to_bytes(title, variables):
    """The content of a file with these variables, {name: array}.

    title: of the step, as "3.1 bigger convolution, dropout".
    """
    content = io.BytesIO()
    np.savez(content, title=title, **variables)
    return content.getvalue()


def read(path, title):
    """The variables in a file with the content of `to_bytes`, {name: array}.

    title: of the step that wants them. Raises ValueError, one line, where the file is damaged, no
    such file, or another step's.
    """
    if not os.path.isfile(path):  # which raises nothing, unlike Path's
        raise ValueError("it is not a file" if os.path.exists(path) else "there is no such file")
    try:
        with np.load(path, allow_pickle=False) as file:
            if sum(entry.file_size for entry in file.zip.infolist()) > MOST:
                raise ValueError
            variables = {name: file[name] for name in file.files}
        found = str(variables.pop("title")[()])
    except OSError as error:
        raise ValueError(f"it cannot be read: {error.strerror or 'it is damaged'}") from None
    except Exception:  # numpy, zipfile, zlib and tokenize each raise their own
        raise ValueError(f"it is damaged, or not the {NAME} of a run") from None
    if found.split()[:1] != title.split()[:1]:
        found = ascii(found)[:60]
        raise ValueError(f"it holds the weights of another step, {found}")
    return variables
