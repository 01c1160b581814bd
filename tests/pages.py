"""What the pages say about the scripts: their links to lines, and the ladder's changed lines.

    python tests/pages.py      # after an edit of a script: writes both anew

A link to a line is [`code`](../mnist_1.0_softmax.py#L22): the first line below the script's header
that has this code. A row of the README's ladder holds the lines that `git diff` adds and removes
below the header, from the parent that the header names.
"""

import ast
import difflib
import re
from pathlib import Path

TOP = Path(__file__).resolve().parent.parent
SCRIPTS = {path.stem.split("_")[1]: path for path in sorted(TOP.glob("mnist_[0-9]*.py"))}
LINK = re.compile(r"\[`([^`]+)`\]\(\.\./mnist_(\d\.\d)_\w+\.py#L(\d+)\)")
CHANGED = re.compile(r"(?<=\| )\+\d+ −\d+(?= \|)")


def body(step):
    """The lines of a step's script below its header, {number: text}."""
    source = SCRIPTS[step].read_text(encoding="utf-8")
    begin = ast.parse(source).body[0].end_lineno
    return dict(enumerate(source.splitlines()[begin:], begin + 1))


def line_of(code, step):
    """The number of the first line that has this code. Raises LookupError."""
    for number, text in body(step).items():
        if code in text:
            return number
    raise LookupError(f"{SCRIPTS[step].name} has no line with {code}")


def parent(step):
    """The step that a script's header names as its parent, or None."""
    found = re.search(r"^Parent: (\d\.\d)", SCRIPTS[step].read_text(encoding="utf-8"), re.M)
    return found and found[1]


def changed(step):
    """The lines that a step adds to its parent and removes from it, as "+22 −9"."""
    old, new = body(parent(step)).values(), body(step).values()
    signs = [line[0] for line in difflib.ndiff([*old], [*new])]
    return f"+{signs.count('+')} −{signs.count('-')}"


def relinked(text):
    """A page with each link at its line."""
    return LINK.sub(
        lambda link: f"[`{link[1]}`](../{SCRIPTS[link[2]].name}#L{line_of(link[1], link[2])})",
        text,
    )


def recounted(text):
    """The README with the changed lines of each row."""
    rows = re.compile(r"^\| \[(\d\.\d) .*$", re.M)
    return rows.sub(lambda row: CHANGED.sub(lambda _: changed(row[1]), row[0]), text)


def main():
    """Write the pages anew."""
    pages = [(page, relinked) for page in sorted((TOP / "docs").glob("*.md"))]
    for page, write in [*pages, (TOP / "README.md", recounted)]:
        page.write_text(write(page.read_text(encoding="utf-8")), encoding="utf-8")


if __name__ == "__main__":
    main()
