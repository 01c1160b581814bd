"""Downloads MNIST: its checksums, its mirrors, and how long each of them may take.

keras.utils.get_file is not enough: it sets no limit to the whole download, waits silently for a
name server or for slow headers, reads a body of any length, and stops at the first fault.
"""

import contextlib
import functools
import hashlib
import queue
import ssl
import sys
import threading
import time
from collections import deque
from urllib.error import URLError
from urllib.request import urlopen

from digits import cache, idx
from digits.bar import Bar
from digits.idx import NAMES, DataError

# SHA-256 and size in bytes of the raw files, and about the size of the .gz (copies differ).
SHA256 = {
    "train-images-idx3-ubyte": "ba891046e6505d7aadcbbe25680a0738ad16aec93bde7f9b65e87a2fc25776db",
    "train-labels-idx1-ubyte": "65a50cbbf4e906d70832878ad85ccda5333a97f0f4c3dd2ef09a8a9eef7101c5",
    "t10k-images-idx3-ubyte": "0fa7898d509279e482958e8ce81c8e77db3f2f8254e26661ceb7762c4d494ce7",
    "t10k-labels-idx1-ubyte": "ff7bcfd416de33731a308c3f266cc351222c34898ecbeaf847f06e48f7ec33f2",
}
RAW_BYTES = dict(zip(NAMES, (47_040_016, 60_008, 7_840_016, 10_008), strict=True))
GZ_BYTES = dict(zip(NAMES, (9_912_422, 28_881, 1_648_877, 4_542), strict=True))
MIRRORS = (
    "https://ossci-datasets.s3.amazonaws.com/mnist/",
    "https://storage.googleapis.com/cvdf-datasets/mnist/",
    "https://azureopendatastorage.blob.core.windows.net/mnist/",
    "https://github.com/fgnt/mnist/raw/master/",
)
LIMIT_SECONDS = 10  # seconds for a mirror that does not answer or is too slow
LOOK_SECONDS = 0.1  # seconds between two looks at the clock
CHUNK_BYTES = 2**16  # bytes


def checked(name, array):
    """Returns the uint8 array if it is that of MNIST's file `name`, to the byte; else DataError.

    The checksum is that of the raw IDX file, as those of the .gz differ between copies.
    """
    digest = hashlib.sha256(idx.header(array))
    digest.update(array)
    if digest.hexdigest() != SHA256[name]:
        raise DataError(f"{name} is not MNIST's, its SHA-256 differs: it is another data set")
    return array


def complete(folder, total):
    """Returns MNIST's four arrays from our own cache, a folder, and downloads what is missing.

    If a mirror fails, the next one is tried, for `total` seconds in all. Each file is saved when it
    has arrived, so another run needs only the others. Raises DataError if one is still missing.
    """
    cache.sweep(folder)
    arrays = read_cache(folder)
    missing, problems = [name for name in NAMES if name not in arrays], []
    for name, content, array in deliver(missing, total) if missing else ():
        arrays[name] = array
        try:
            cache.save(folder, name, content)
        except OSError as error:
            problems.append(error)
    if problems:
        cache.say_not_saved("MNIST", folder, problems[0])
    if len(arrays) < len(NAMES):
        raise DataError(no_data_message(folder))
    return [arrays[name] for name in NAMES]


def read_cache(folder):
    """Returns the arrays of MNIST in our own cache: name -> uint8, checked.

    Prints what is wrong with the files of the others, which stay as they are.
    """
    arrays = {}
    for name in NAMES:
        problems = []
        for path in idx.idx_paths(folder, name):
            try:
                arrays[name] = checked(name, idx.read_idx(path))
                break
            except DataError as error:
                problems.append(f"{folder}: {error}. {fate(error)}")
        if name not in arrays:
            print(*problems, sep="\n", end="\n" if problems else "", file=sys.stderr)
    return arrays


def fate(error):
    """Returns what happens to a file of our own cache that this DataError is about."""
    if isinstance(error, idx.DamagedError):
        return "A new copy is needed; this file is not deleted"
    return "It is left as it is; MNIST is not saved in its place"


def deliver(missing, total):
    """Yields (name, bytes of the .gz, array, checked) of each missing file that a mirror gives."""
    missing = list(missing)
    size = sum(GZ_BYTES[name] for name in missing)
    say(f"Downloading MNIST ({size / 1e6:.1f} MB), for {total} seconds at most:\n")
    bar = Bar("\n")
    end = time.monotonic() + total
    for k, mirror in enumerate(MIRRORS):
        left = end - time.monotonic()
        if left <= 0:
            say("  no time is left for the other mirrors\n")
            return
        limit = min(LIMIT_SECONDS, left / (len(MIRRORS) - k))
        pace = Pace(sum(GZ_BYTES[name] for name in missing), limit, end, bar)
        say(f"  {mirror} ...")
        try:
            for name in list(missing):
                content = fetch(f"{mirror}{name}.gz", RAW_BYTES[name], pace)
                array = checked(name, idx.from_idx(content, name, RAW_BYTES[name]))
                missing.remove(name)
                yield name, content, array
            bar.end()
            say(" done\n")
            return
        except MemoryError:
            raise
        except Exception as error:
            bar.end()
            say(f" {why(error)}\n")


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


class Pace:
    """Decides whether one mirror is fast enough to deliver all its bytes in time.

    missing: bytes to download; limit: seconds over which the pace is measured, at any moment that
    of the last `limit` seconds; end: when all must have arrived, on the clock of time.monotonic;
    progress(kB, total kB): called with every chunk.
    """

    def __init__(self, missing, limit, end, progress):
        self._missing, self._limit, self._end, self._progress = missing, limit, end, progress
        self._marks = deque([(time.monotonic(), 0)])  # (time, bytes until then)

    def take(self, size):
        """Counts `size` more bytes, 0 or more. Raises DataError if the mirror is too slow."""
        now, got = time.monotonic(), self._marks[-1][1] + size
        self._marks.append((now, got))
        while self._marks[1][0] <= now - self._limit:
            self._marks.popleft()
        if size:
            self._progress(got // 1000, max(self._missing // 1000, 1))
        began, before = self._marks[0]
        passed, new = now - began, got - before
        still_to_come = max(self._missing - got, 1)
        if passed >= self._limit and still_to_come * passed > new * (self._end - now):
            what = f"too slow, {new / passed / 1000:,.1f} kB a second" if new else "silent"
            raise DataError(f"{what} for {passed:.0f} seconds")


def fetch(url, size, pace):
    """Returns the bytes at a URL. Raises any exception of the download, and DataError by Pace.

    size: in bytes, of the content when unpacked; a gzip file is never much longer than that.
    """
    body = bytearray()
    with contextlib.closing(stream(url)) as chunks:
        for chunk in chunks:
            pace.take(len(chunk))
            body += chunk
            if len(body) > size + CHUNK_BYTES:
                raise DataError(f"sends more than {size:,} bytes, which is too many")
    if body.lstrip()[:1] == b"<":
        raise DataError("sends a web page instead; does this network require a login?")
    return bytes(body)


def stream(url):
    """Yields the bytes at a URL in chunks, and b"" after each LOOK_SECONDS without one.

    A thread of its own waits for name server, connection, TLS, redirects, headers and body, as no
    timeout covers all of them. When the generator is closed, the thread ends with its next chunk.
    """
    chunks, left = queue.SimpleQueue(), threading.Event()
    threading.Thread(target=_send, args=(url, chunks, left), daemon=True).start()
    try:
        while True:
            try:
                chunk = chunks.get(timeout=LOOK_SECONDS)
            except queue.Empty:
                chunk = b""
            if chunk is None:
                return
            if isinstance(chunk, Exception):
                raise chunk
            yield chunk
    finally:
        left.set()


def _send(url, chunks, left):
    """Runs in the thread: puts the chunks, then None, or the exception that ended them."""
    try:
        with urlopen(url, timeout=2 * LIMIT_SECONDS, context=certificates()) as response:
            while not left.is_set():
                chunk = response.read1(CHUNK_BYTES)
                chunks.put(chunk or None)
                if not chunk:
                    return
    except Exception as error:
        chunks.put(error)


@functools.cache
def certificates():
    """Returns an SSL context that trusts the system's certificates and, if installed, certifi's.

    Python from python.org has none of its own on macOS; certifi is installed with TensorFlow.
    """
    context = ssl.create_default_context()
    with contextlib.suppress(ImportError):
        import certifi

        context.load_verify_locations(certifi.where())
    return context
