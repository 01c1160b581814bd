"""Imports TensorFlow without its start-up noise, and names the device that trains.

To be imported before anything else that imports TensorFlow or Keras.
"""

import os
import subprocess
import sys
from contextlib import contextmanager, suppress

STARTING = "Starting TensorFlow …"

# Collects standard error and prints it when the writer is gone without a final zero byte.
_WATCHER = """
import os, signal, sys
signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the process that it watches
text = b""
while not text.endswith(bytes(1)):
    more = os.read(0, 65536)
    if not more:
        sys.stderr.buffer.write(text)
        break
    text += more
"""


@contextmanager
def quiet_stderr():
    """Withhold what is written to file descriptor 2, also by C++.

    It is printed after all if the block raises, or if the process dies in it: another process
    collects it.
    """
    try:
        stderr = os.dup(2)
    except OSError:  # it is closed: nothing to withhold
        yield
        return
    command = [sys.executable, "-I", "-S", "-c", _WATCHER]
    watcher = subprocess.Popen(command, stdin=subprocess.PIPE, bufsize=0)
    os.dup2(watcher.stdin.fileno(), 2)
    try:
        yield
        with suppress(OSError):
            watcher.stdin.write(bytes(1))
    finally:
        os.dup2(stderr, 2)
        os.close(stderr)
        watcher.stdin.close()
        watcher.wait()


def check_device(name):
    """None, or why the first operation on a device such as "GPU:0" fails, as text."""
    try:
        with tf.device(name):
            tf.reduce_sum(tf.ones([2, 2])).numpy()
    except Exception as error:  # of the runtime, the driver or the compiler
        return str(error).splitlines()[0]


def device():
    """The device that trains, for people: the GPU's own name, or "CPU"."""
    for gpu in tf.config.list_physical_devices("GPU"):
        return tf.config.experimental.get_device_details(gpu).get("device_name", "GPU")
    return "CPU"


os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")  # these count from the import on
os.environ.setdefault("TF_ENABLE_ONEDNN_OPTS", "1")  # convolutions: the default of some CPUs
os.environ.setdefault("TF_FORCE_GPU_ALLOW_GROWTH", "true")  # else one script takes all the memory
os.environ["KERAS_BACKEND"] = "tensorflow"  # another one would not run these scripts

if sys.stderr and sys.stderr.isatty():  # it takes seconds
    print(STARTING, end="\r", file=sys.stderr, flush=True)
with quiet_stderr():
    import tensorflow as tf

    with tf.device("CPU:0"):  # before 2.21 XLA announces its first use
        tf.function(lambda: tf.zeros([]), jit_compile=True)()
    _problem = check_device("GPU:0") if tf.config.list_physical_devices("GPU") else None

# Each restart makes new tf.functions, which TensorFlow may take for one that is always traced anew.
tf.get_logger().addFilter(lambda record: "tf.function retracing" not in record.getMessage())

if sys.stderr and sys.stderr.isatty():
    print(" " * len(STARTING), end="\r", file=sys.stderr, flush=True)
if _problem:
    print(
        f"{device()} cannot be used: {_problem}. To train on the CPU, set CUDA_VISIBLE_DEVICES=-1.",
        file=sys.stderr,
    )
    sys.exit(2)
