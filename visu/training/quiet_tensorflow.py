"""Imports TensorFlow without its start-up noise, and names the device that trains.

To be imported before anything else that imports TensorFlow or Keras.
"""

import os
import sys
import tempfile
from contextlib import contextmanager

STARTING = "Starting TensorFlow …"
KERAS = 3, 11  # before it map_coordinates blanks a whole batch for one place outside of its image


@contextmanager
def quiet_stderr():
    """Withhold what is written to file descriptor 2, also by C++; print it if the block raises."""
    try:
        stderr, withheld = os.dup(2), tempfile.TemporaryFile()  # noqa: SIM115
    except OSError:  # nowhere to keep it, or nothing to withhold
        yield
        return
    with withheld:
        os.dup2(withheld.fileno(), 2)
        try:
            yield
        except BaseException:
            withheld.seek(0)
            os.write(stderr, withheld.read())
            raise
        finally:
            os.dup2(stderr, 2)
            os.close(stderr)


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


def why_unusable():
    """None, or why the scripts cannot train here, as a line for a person."""
    keras = tf.keras.__version__
    if tuple(map(int, keras.split(".")[:2])) < KERAS:
        return f"Keras {keras} is too old for these scripts: pip install -r requirements.txt"
    problem = check_device("GPU:0") if tf.config.list_physical_devices("GPU") else None
    if problem:
        cpu = "To train on the CPU, set CUDA_VISIBLE_DEVICES=-1."
        return f"{device()} cannot be used: {problem}. {cpu}"
    return None


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
    # whatever keras.json in a person's home says
    tf.keras.config.set_image_data_format("channels_last")
    tf.keras.config.set_floatx("float32")
    _problem = why_unusable()

if sys.stderr and sys.stderr.isatty():
    print(" " * len(STARTING), end="\r", file=sys.stderr, flush=True)
if _problem:
    print(_problem, file=sys.stderr)
    sys.exit(2)
