"""The steps of the ladder: the one list of them, and how an edited script is told from its step."""

import ast
import hashlib
import io
import tokenize
from typing import NamedTuple

LAYOUT = {tokenize.COMMENT, tokenize.NL, tokenize.NEWLINE, tokenize.ENCODING, tokenize.ENDMARKER}
BLOCKS = {tokenize.INDENT: "{", tokenize.DEDENT: "}"}  # in place of white space


class Step(NamedTuple):
    """script: the file's name without .py; iterations: its own; code: its code_hash."""

    script: str
    iterations: int
    code: str


LADDER = {  # `python docs/refresh.py` writes the hashes
    "1.0": Step("mnist_1.0_softmax", 2_000, "d151bae1730897d1"),
    "2.0": Step("mnist_2.0_five_layers_sigmoid", 10_000, "1917e151ed7b7d0f"),
    "2.1": Step("mnist_2.1_five_layers_relu_lrdecay", 10_000, "b050e86e087b91b4"),
    "2.2": Step("mnist_2.2_five_layers_relu_lrdecay_dropout", 10_000, "9392aebdc70873ec"),
    "3.0": Step("mnist_3.0_convolutional", 10_000, "36f75a0b53ee0271"),
    "3.1": Step("mnist_3.1_convolutional_bigger_dropout", 10_000, "4d6574edfdaf38b0"),
    "4.0": Step("mnist_4.0_batchnorm", 10_000, "b1168d47249f1db2"),
    "4.1": Step("mnist_4.1_augmentation", 14_000, "3b8cd070d668367e"),
    "4.2": Step("mnist_4.2_global_average", 14_000, "93ee784eb9ff2647"),
    "5.0": Step("mnist_5.0_keras", 10_000, "08895878de95dfc0"),
}


def code_hash(source):
    """What the code of a script is told by: 16 hexadecimal digits, the same in each Python.

    source: bytes, which Python can parse. The docstring, comments and layout do not count.
    """
    body = ast.parse(source).body
    docstring = body and isinstance(body[0], ast.Expr) and isinstance(body[0].value, ast.Constant)
    begin = body[0].end_lineno if docstring else 0
    parts = [
        BLOCKS.get(token.type, token.string)
        for token in tokenize.tokenize(io.BytesIO(source).readline)
        if token.type not in LAYOUT and token.start[0] > begin
    ]
    return hashlib.sha256("".join(parts).encode()).hexdigest()[:16]
