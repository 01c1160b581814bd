"""MNIST from the network: its checksums, the mirrors, how long each of them is waited for.

keras.utils.get_file would not do: it has no limit for the whole, waits in silence for a name server
or for headers that drip, reads a body to its end however long it is, and stops at the first fault.
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

# SHA-256 and number of the raw bytes, and about how many the .gz has (copies differ).
SHA256 = {
    "train-images-idx3-ubyte": "ba891046e6505d7aadcbbe25680a0738ad16aec93bde7f9b65e87a2fc25776db",
    "train-labels-idx1-ubyte": "65a50cbbf4e906d70832878ad85ccda5333a97f0f4c3dd2ef09a8a9eef7101c5",
    "t10k-images-idx3-ubyte": "0fa7898d509279e482958e8ce81c8e77db3f2f8254e26661ceb7762c4d494ce7",
    "t10k-labels-idx1-ubyte": "ff7bcfd416de33731a308c3f266cc351222c34898ecbeaf847f06e48f7ec33f2",
}
SIZE = dict(zip(NAMES, (47_040_016, 60_008, 7_840_016, 10_008), strict=True))
GZ_SIZE = dict(zip(NAMES, (9_912_422, 28_881, 1_648_877, 4_542), strict=True))
MIRRORS = (
    "https://ossci-datasets.s3.amazonaws.com/mnist/",
    "https://storage.googleapis.com/cvdf-datasets/mnist/",
    "https://azureopendatastorage.blob.core.windows.net/mnist/",
    "https://github.com/fgnt/mnist/raw/master/",
)
LIMIT = 10  # seconds for a mirror that does not deliver
TICK = 0.1  # seconds between two looks at the clock
CHUNK = 2**16  # bytes


def checked(name, array):
    """Returns the uint8 array of MNIST's file `name` if it is MNIST's to the byte; else DataError.

    The hash is that of the raw IDX file, as those of the .gz differ between copies.
    """
    digest = hashlib.sha256(idx.header(array))
    digest.update(array)
    if digest.hexdigest() != SHA256[name]:
        raise DataError(f"{name} is not MNIST's, its SHA-256 differs")
    return array


def complete(folder, total):
    """Returns MNIST's four arrays out of our own cache, a folder; what it lacks is downloaded.

    Whatever is wrong with a mirror, the next one is tried, for `total` seconds in all. A file that
    has come is kept at once: another run goes on from there. Raises DataError if one is missing.
    """
    cache.sweep(folder)
    arrays = read_cache(folder)
    missing, problems = [name for name in NAMES if name not in arrays], []
    for name, content, array in deliver(missing, total) if missing else ():
        arrays[name] = array
        try:
            cache.keep(folder / f"{name}.gz", content)
        except OSError as error:
            problems.append(error)
    if problems:
        cache.say_not_kept("MNIST", folder, problems[0])
    if len(arrays) < len(NAMES):
        raise DataError(no_data_message(folder))
    return [arrays[name] for name in NAMES]


def read_cache(folder):
    """Returns the arrays of our own cache that are right (name -> uint8), deletes other files."""
    arrays = {}
    for name in NAMES:
        for path in idx.idx_paths(folder, name):
            try:
                arrays[name] = checked(name, idx.read_idx(path))
            except DataError:
                print(f"{path} is damaged and will be fetched anew", file=sys.stderr)
                with contextlib.suppress(OSError):
                    path.unlink()
    return arrays


def deliver(missing, total):
    """Yields (name, bytes of the .gz, array, checked) of each missing file that a mirror gives."""
    missing = list(missing)
    size = sum(GZ_SIZE[name] for name in missing)
    say(f"Fetching MNIST ({size / 1e6:.1f} MB), for {total} seconds at most:\n")
    bar = Bar("kB")
    end = time.monotonic() + total
    for k, mirror in enumerate(MIRRORS):
        left = end - time.monotonic()
        if left <= 0:
            say("  no time is left for other mirrors\n")
            return
        limit = min(LIMIT, left / (len(MIRRORS) - k))
        pace = Pace(sum(GZ_SIZE[name] for name in missing), limit, end, bar)
        say(f"  {mirror} ...")
        try:
            for name in list(missing):
                content = fetch(f"{mirror}{name}.gz", SIZE[name], pace)
                array = checked(name, idx.from_idx(content, name, SIZE[name]))
                missing.remove(name)
                yield name, content, array
            bar.end()
            say(" done\n")
            return
        except Exception as error:
            bar.end()
            say(f" {why(error)}\n")


def say(text):
    """Writes a piece of a line to stderr at once."""
    print(text, end="", file=sys.stderr, flush=True)


def why(error):
    """Returns in a few words what an exception says."""
    error = error.reason if type(error) is URLError else error
    words = getattr(error, "strerror", None) or str(error) or type(error).__name__
    return words.splitlines()[0]


def no_data_message(folder):
    """Returns what to tell a person who has no MNIST, and whom no mirror has given it."""
    names = "\n".join(f"  {name}.gz" for name in NAMES)
    return (
        f"MNIST is not on this machine, and no mirror gives it. Put these four files\n{names}\n"
        f"from {' or '.join(MIRRORS[:2])} into\n  {folder}\n"
        "or into any other folder, and say so to the script: --data FOLDER"
    )


class Pace:
    """The patience with one mirror: whether its bytes come so fast that all will be there in time.

    missing: bytes that are wanted; limit: seconds after which, at any moment, those of the last
    `limit` seconds must show such a pace; end: when all must be there, on time.monotonic's clock.
    """

    def __init__(self, missing, limit, end, progress):
        self._missing, self._limit, self._end, self._progress = missing, limit, end, progress
        self._marks = deque([(time.monotonic(), 0)])  # (time, bytes until then)

    def take(self, size):
        """Counts `size` more bytes, perhaps 0. Raises DataError if the mirror is to be left."""
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
    """Returns the body of a web page. Raises whatever goes wrong, and what Pace raises.

    size: of its content when unpacked; a gzip file is never much longer than that.
    """
    body = bytearray()
    with contextlib.closing(stream(url)) as chunks:
        for chunk in chunks:
            pace.take(len(chunk))
            body += chunk
            if len(body) > size + CHUNK:
                raise DataError(f"sends more than {len(body):,} bytes, wanted are {size:,} at most")
    if body.lstrip()[:1] == b"<":
        raise DataError("sends a web page instead: does this network want a login in a browser?")
    return bytes(body)


def stream(url):
    """Yields the body of a web page in chunks, and b"" each TICK that passes without one.

    A thread of its own waits for name server, connection, TLS, redirects, headers and body, as none
    of them has a limit that holds for the whole; whoever closes the generator leaves it behind.
    """
    chunks, left = queue.SimpleQueue(), threading.Event()
    threading.Thread(target=_send, args=(url, chunks, left), daemon=True).start()
    try:
        while True:
            try:
                chunk = chunks.get(timeout=TICK)
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
    """In the thread: puts the body's chunks, then None, or the exception that ends it."""
    try:
        with urlopen(url, timeout=2 * LIMIT, context=certificates()) as response:
            while not left.is_set():
                chunk = response.read1(CHUNK)
                chunks.put(chunk or None)
                if not chunk:
                    return
    except Exception as error:
        chunks.put(error)


@functools.cache
def certificates():
    """Returns an SSL context that trusts the system's certificates and, if installed, certifi's.

    Python from python.org on a Mac has none of its own; certifi comes with TensorFlow.
    """
    context = ssl.create_default_context()
    with contextlib.suppress(ImportError):
        import certifi

        context.load_verify_locations(certifi.where())
    return context
