"""Writes anew what the pages and the list of steps say about the scripts.

    python docs/refresh.py     # after a script was edited

In visu/record/ladder.py: the hash of each step's code. In the README's ladder: the lines that each
step adds to its parent and removes from it. In docs/*.md: links to lines of a script, such as
[`code`](../mnist_1.0_softmax.py#L22), which lead to the first line below its header that has this
code; and the changed lines below `<!-- diff PARENT STEP -->`. Prints which files have changed.
"""

import ast
import difflib
import re
import sys
from pathlib import Path

TOP = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(TOP))

from visu.record.ladder import LADDER, code_hash  # noqa: E402

LINK = re.compile(r"\[`([^`]+)`\]\(\.\./mnist_(\d\.\d)_\w+\.py#L\d+\)")
ROW = re.compile(r"^\| \[(\d\.\d) .*$", re.M)
CHANGED = re.compile(r"(?<=\| )\+\d+ −\d+(?= \|)")
BLOCK = re.compile(r"(<!-- diff (\d\.\d) (\d\.\d) -->\n)```diff\n.*?^```$", re.M | re.S)
STEP = re.compile(r'Step\("(\w[\w.]*)", ([\d_]+), "\w*"\)')


def source(step):
    """The text of a step's script."""
    return (TOP / f"{LADDER[step].script}.py").read_text(encoding="utf-8")


def header_end(step):
    """The number of the last line of the docstring of a step's script."""
    return ast.parse(source(step)).body[0].end_lineno


def body(step):
    """The lines of a step's script below its header."""
    return source(step).splitlines()[header_end(step) :]


def parent(step):
    """The step that a script's header names as its parent, or None."""
    found = re.search(r"^Parent: (\d\.\d)", source(step), re.M)
    return found and found[1]


def changed(step):
    """How many lines a step adds to its parent and removes from it, as "+22 −9"."""
    signs = [line[0] for line in difflib.ndiff(body(parent(step)), body(step))]
    return f"+{signs.count('+')} −{signs.count('-')}"


def difference(old, new):
    """The lines that differ in the scripts of two steps, an empty line between two places."""
    lines = difflib.unified_diff(body(old), body(new), n=0, lineterm="")
    places = "\n".join(list(lines)[2:]).split("\n@@")
    return "\n\n".join("\n".join(without_blank_ends(place.splitlines()[1:])) for place in places)


def without_blank_ends(lines):
    """The lines from the first to the last that adds or removes more than a blank line."""
    told = [k for k, line in enumerate(lines) if line[1:].strip()]
    return lines[told[0] : told[-1] + 1] if told else []


def link(code, step):
    """A link to the first line of a step's script that has this code. Raises StopIteration."""
    number = next(k for k, line in enumerate(body(step), header_end(step) + 1) if code in line)
    return f"[`{code}`](../{LADDER[step].script}.py#L{number})"


def refreshed(text):
    """A text with all that it says about the scripts as they are now."""
    text = LINK.sub(lambda found: link(found[1], found[2]), text)
    text = ROW.sub(lambda row: CHANGED.sub(lambda _: changed(row[1]), row[0]), text)
    return BLOCK.sub(
        lambda block: f"{block[1]}```diff\n{difference(block[2], block[3])}\n```", text
    )


def rehashed(text):
    """The list of steps with the hashes of the scripts as they are now."""

    def step(found):
        code = code_hash((TOP / f"{found[1]}.py").read_bytes())
        return f'Step("{found[1]}", {found[2]}, "{code}")'

    return STEP.sub(step, text)


def stale():
    """{path: fresh text} of each file that does not say what the scripts are now."""
    pages = {path: refreshed for path in [TOP / "README.md", *(TOP / "docs").rglob("*.md")]}
    fresh = pages | {TOP / "visu" / "record" / "ladder.py": rehashed}
    texts = {path: path.read_text(encoding="utf-8") for path in fresh}
    return {path: new for path, text in texts.items() if (new := fresh[path](text)) != text}


def main():
    """Write the stale files anew."""
    for path, text in stale().items():
        path.write_text(text, encoding="utf-8", newline="\n")
        print(path.relative_to(TOP))


if __name__ == "__main__":
    main()
