"""What the scripts see of the visualizer: their flags (`parse_args`) and their last line (`run`).

`run` puts the modules of `visu/` together: training in its worker thread, the evaluations in the
history, the window on the main thread, the terminal, and the files in `runs/`.
"""

import ast
import os
import sys
from pathlib import Path

from visu import ctrl_c_while_starting

with ctrl_c_while_starting():
    from visu.show import backend  # before TensorFlow, which imports pyplot

    # isort: split
    from visu import session
    from visu.panels.keys_and_views import HELP, VIEWS
    from visu.record.run_folder import WEIGHTS, read_weights
    from visu.show.terminal import Parser, label, shorten, whole
    from visu.training.keras_network import KerasNetwork
    from visu.training.network import Network, ScriptError

EPILOG = f"""\
keys in the window:
{HELP}

Set MNIST_DIR=FOLDER if the MNIST files are elsewhere, for all scripts
"""


def parse_args(doc, iterations):
    """Return the command line's flags, the same for every script.

    doc: the script's docstring, shown by --help; its first line begins with the title and a colon.
    iterations: how many batches of 100 the script trains for, unless --iterations says otherwise.
    The result has iterations (int), seed (int), data, headless, pause, label, runs (Path), view,
    movie and weights (Path or None) and image (list of Path) as given, but with --image no window,
    and with --weights too no training, and of a folder of weights the file in it; values, what
    that file holds, {name: array} or None; trained, the iterations behind it, or None; script,
    title, and source, the script's bytes; own_iterations; every, the iterations between two
    evaluations. A bad flag ends the script with one line and status 2.
    """
    script, source, flags = _started()
    if doc and doc.startswith("Automatically created module"):  # a cell's __doc__ is IPython's
        doc = ast.get_docstring(ast.parse(source))
    doc = (doc or "").strip()  # none under python -OO
    parser = Parser(prog=script.name, description=doc, epilog=EPILOG)
    _add_flags(parser.add_argument, iterations, script.parent / "runs")
    args = parser.parse_args(flags)
    if args.image:
        args.headless, args.iterations = True, 0 if args.weights else args.iterations
    if args.pause and (args.headless or backend.in_notebook()):
        parser.error("argument --pause: it needs a window, where keys end the pause")
    asks = any(panel.asks for panel in VIEWS[args.view])
    if asks and (args.movie or backend.in_notebook()):
        parser.error("argument --view: this view needs a window, where a digit can be chosen")
    if args.movie:
        from visu.show.movie import why_not  # only where one is wanted

        if problem := why_not(args.movie):
            parser.error(f"argument --movie: {problem}")
    title = doc.partition("\n")[0].partition(":")[0].strip()
    args.script, args.title = script.stem, shorten(title or script.stem, 60)
    args.own_iterations = iterations
    args.values, args.trained = _weights(parser, args) if args.weights else (None, 0)
    args.every = 10 if iterations <= 2000 else 20  # whatever --iterations says
    args.source = source
    return args


def _started():
    """The script's path, its source as bytes, which may be edited while it runs, and its flags.

    Without a file, in a notebook's cell, the source is the cell's, and there are no flags.
    """
    script = Path(sys.argv[0]).resolve()
    if "kernel_launcher" not in script.stem:
        return script, script.read_bytes(), sys.argv[1:]
    cell = sys.modules["__main__"].In[-1]  # what IPython has been given
    return Path("notebook.py").resolve(), cell.encode(), []


def _weights(parser, args):
    """What args.weights holds, see read_weights; where it cannot be used, the script ends."""
    if os.path.isdir(args.weights):  # which raises nothing, unlike Path's
        args.weights /= WEIGHTS
    try:
        return read_weights(args.weights, args.title)
    except ValueError as problem:
        parser.error(f"argument --weights: {args.weights}: {problem}")


def _add_flags(add, iterations, runs):
    """Add all flags; iterations, runs: defaults."""
    length = f"train for N batches of 100, or 0 for none (default {iterations:,})"
    add("--iterations", type=whole(0, 10**7), default=iterations, metavar="N", help=length)
    seed = "seed of initial weights and batch order (default 0)"
    add("--seed", type=whole(0, 10**9), default=0, metavar="K", help=seed)
    data = "mnist; drawn: digits drawn by this program; a folder with other data: four IDX files or"
    data += " mnist.npz; auto: mnist, or drawn if it is not available (default auto)"
    add("--data", default="auto", metavar="DATA", help=data)
    add("--movie", type=Path, metavar="FILE", help="film the run: an .mp4 or a .gif (default none)")
    start = "first view shown, and the one filmed: its key, e.g. g for gradients (default 0)"
    keys = [key for key in VIEWS if len(key) == 1]  # without Esc
    add("--view", type=str.lower, choices=keys, default="0", metavar="KEY", help=start)
    add("--headless", action="store_true", help="train without a window (default with one)")
    paused = "start paused; space resumes, n makes one iteration (default no)"
    add("--pause", action="store_true", help=paused)
    start = "start from the weights of a run: its weights.npz, or the folder that it is in"
    add("--weights", type=Path, metavar="PATH", help=f"{start} (default: the script's own)")
    digits = "read digits from pictures (PNG, JPEG), without a window; with --weights no training"
    add("--image", type=Path, nargs="+", default=[], metavar="FILE", help=digits)
    name = "name of the experiment, for compare_curves.py (default none)"
    add("--label", type=label, default="", metavar="TEXT", help=name)
    where = "folder for the results (default runs/ beside the script)"
    add("--runs", type=Path, default=runs, metavar="FOLDER", help=where)


def run(args, mnist, train_step, evaluate, optimizer, weights, biases):
    """Train, show it live, print the result and save it in a folder of `args.runs`.

    args: from parse_args; mnist: from mnist_data.load;
    train_step(X, Y_): one update from a batch X [100, 28, 28, 1], Y_ [100, 10]; where it changes
    the images first, it may return them, to be shown as the network saw them;
    evaluate(X, Y_): returns probabilities Y [n, 10], cross entropy per 100 digits, accuracy 0..1;
    optimizer: its learning rate is shown; None where train_step does without one; weights, biases:
    lists of tf.Variable, first layer first, to be shown. Whatever else train_step changes (moving
    averages, say) a restart puts back too. Both functions may be plain ones or tf.functions.
    A script that breaks this contract, or whose network args.values do not fit, ends with one line
    and status 2; where one of args.image cannot be read, that is the status in the end. After
    Ctrl-C, SIGTERM or SIGHUP the status is 128 + the signal's number.
    """
    session.run(args, mnist, Network, train_step, evaluate, optimizer, weights, biases)


def fit(args, mnist, model, **others):
    """Like `run`, for a compiled Keras model, trained by its own train_function as in model.fit.

    model: takes images [n, 28, 28, 1], or [n, 28, 28] or [n, 784] where its keras.Input or a first
    call says so, pixels from 0 to 1; returns probabilities [n, 10], or logits where its loss has
    from_logits=True. The loss takes one-hot labels, or whole numbers where it is a sparse one.
    args, mnist: as for `run`; others: what model.fit knows and this does not, said in one line.
    """
    with session.script_errors(args):
        if others:
            raise ScriptError(
                f"fit(args, mnist, model) has no {', '.join(others)}. The flag --iterations says "
                "how long it trains; a learning rate that changes is the optimizer's: "
                "tf.keras.optimizers.schedules"
            )
    session.run(args, mnist, KerasNetwork, model)
