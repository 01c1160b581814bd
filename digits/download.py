"""Downloads MNIST: its checksums, its mirrors, and how long each of them may take.

keras.utils.get_file is not enough: it sets no limit to a download, and stops at the first fault.
"""

import contextlib
import hashlib
import queue
import ssl
import sys
import threading
import time
from urllib.error import URLError
from urllib.request import urlopen

from digits import files
from digits.files import NAMES, DataError

# SHA-256 of the raw files, as copies of the .gz differ, and about the size of the .gz in bytes.
SHA256 = {
    "train-images-idx3-ubyte": "ba891046e6505d7aadcbbe25680a0738ad16aec93bde7f9b65e87a2fc25776db",
    "train-labels-idx1-ubyte": "65a50cbbf4e906d70832878ad85ccda5333a97f0f4c3dd2ef09a8a9eef7101c5",
    "t10k-images-idx3-ubyte": "0fa7898d509279e482958e8ce81c8e77db3f2f8254e26661ceb7762c4d494ce7",
    "t10k-labels-idx1-ubyte": "ff7bcfd416de33731a308c3f266cc351222c34898ecbeaf847f06e48f7ec33f2",
}
GZ_BYTES = dict(zip(NAMES, (9_912_422, 28_881, 1_648_877, 4_542), strict=True))
MIRRORS = (
    "https://ossci-datasets.s3.amazonaws.com/mnist/",
    "https://storage.googleapis.com/cvdf-datasets/mnist/",
    "https://azureopendatastorage.blob.core.windows.net/mnist/",
    "https://github.com/fgnt/mnist/raw/master/",
)
SILENT_SECONDS = 6  # for a mirror that sends nothing
CHUNK_BYTES = 2**16


def checked(name, array):
    """Returns the array if it is that of MNIST's file `name`, to the byte; else DataError."""
    if hashlib.sha256(files.to_idx(array)).hexdigest() != SHA256[name]:
        raise DataError(f"{name} is not MNIST's, its SHA-256 differs: it is another data set")
    return array


def complete(folder, total):
    """Returns MNIST's four arrays from our own cache, a folder, and downloads what is missing.

    If a mirror fails, the next one is tried, for `total` seconds in all: each has half of those
    that are left. A file is saved when it has arrived, so another run needs only the others. Raises
    DataError if one is still missing.
    """
    arrays, problems, end = cached(folder), [], time.monotonic() + total
    missing = [name for name in NAMES if name not in arrays]
    if missing:
        size = sum(GZ_BYTES[name] for name in missing)
        say(f"Downloading MNIST ({size / 1e6:.1f} MB), for {total} seconds at most:\n")
    for mirror in MIRRORS if missing else ():
        say(f"  {mirror} ...")
        try:
            for name, content in deliver(mirror, missing, (end - time.monotonic()) / 2):
                arrays[name] = checked(name, files.from_idx(content, name))
                try:
                    files.save(folder, name, content)
                except OSError as error:
                    problems.append(error)
            say(" done\n")
            break
        except Exception as error:
            say(f" {why(error)}\n")
        missing = [name for name in NAMES if name not in arrays]
    if problems:
        print(files.not_saved("MNIST", folder, problems[0]), file=sys.stderr)
    if len(arrays) < len(NAMES):
        raise DataError(no_data_message(folder))
    return [arrays[name] for name in NAMES]


def cached(folder):
    """Returns the arrays of MNIST in our own cache: name -> uint8, checked."""
    arrays = {}
    for name in NAMES:
        for path in files.idx_paths(folder, name):
            with contextlib.suppress(DataError):
                arrays[name] = checked(name, files.read_idx(path))
    return arrays


def deliver(mirror, names, seconds):
    """Yields (name, bytes of its .gz) of files of a mirror, with a progress bar.

    Raises any exception of the download, and DataError if it takes more than these seconds. No
    timeout covers name server, connection, headers and body: a thread waits for them. It ends with
    the next chunk after it has been left.
    """
    answers, left, bar = queue.SimpleQueue(), threading.Event(), Bar("\n")
    args = mirror, names, answers, left, bar
    threading.Thread(target=fetch, args=args, daemon=True).start()
    end = time.monotonic() + seconds
    try:
        for name in names:
            answer = answers.get(timeout=max(end - time.monotonic(), 0))
            if isinstance(answer, Exception):
                raise answer
            yield name, answer
    except queue.Empty:
        raise DataError(f"not complete after {seconds:.1f} seconds") from None
    finally:
        left.set()
        bar.end()


def fetch(mirror, names, answers, left, bar):
    """Puts the bytes of each of these files of a mirror into a queue, or what went wrong.

    left: an Event that ends it; bar(bytes until now, bytes in all) is called after each chunk.
    """
    received, size = 0, sum(GZ_BYTES[name] for name in names)
    try:
        trusted = certificates()
        for name in names:
            content, url = bytearray(), f"{mirror}{name}.gz"
            with urlopen(url, timeout=SILENT_SECONDS, context=trusted) as response:
                while not left.is_set() and (chunk := response.read1(CHUNK_BYTES)):
                    content += chunk
                    received += len(chunk)
                    bar(received, size)
            if content.lstrip()[:1] == b"<":
                raise DataError("sends a web page instead; does this network require a login?")
            answers.put(bytes(content))
    except Exception as error:
        answers.put(error)


def say(text):
    """Prints part of a line on stderr."""
    print(text, end="", file=sys.stderr, flush=True)


def why(error):
    """Returns the reason of an exception in a few words."""
    error = error.reason if type(error) is URLError else error
    words = getattr(error, "strerror", None) or str(error) or type(error).__name__
    return words.splitlines()[0]


def no_data_message(folder):
    """Returns what to do where MNIST is neither on this machine nor on any mirror."""
    names = "\n".join(f"  {name}.gz" for name in NAMES)
    return (
        f"MNIST is not on this machine, and no mirror delivered it. Put these four files\n{names}\n"
        f"from {' or '.join(MIRRORS[:2])} into\n  {folder}\n"
        "or into any other folder, and run the script with --data FOLDER"
    )


def certificates():
    """Returns an SSL context that trusts the system's certificates and, if installed, certifi's.

    Python from python.org has none of its own on macOS; certifi is installed with TensorFlow.
    """
    context = ssl.create_default_context()
    with contextlib.suppress(ImportError):
        import certifi

        context.load_verify_locations(certifi.where())
    return context


class Bar:
    """A progress bar on a terminal, called as bar(done, total, text); the text stands behind it.

    It is drawn over itself on one line of stderr; `end` ends that line. Another call after `end`
    starts another bar. start: printed before a bar, "\\n" if the line before it is open.
    """

    def __init__(self, start=""):
        self._start = start
        self._line = ""  # the line on the screen

    def __call__(self, done, total, text=""):
        if not (sys.stderr and sys.stderr.isatty()):
            return
        share = min(done / total, 1)
        line = f"  [{'#' * int(40 * share):.<40}] {int(100 * share):3} %{text}"
        if line != self._line:
            start, width = "\r" if self._line else self._start, len(self._line)  # over the last one
            print(f"{start}{line:<{width}}", end="", file=sys.stderr, flush=True)
            self._line = line

    def end(self):
        """Ends the line of the bar, if there is one."""
        if self._line:
            print(file=sys.stderr, flush=True)
            self._line = ""
