"""Writes the diff blocks of walkthrough.md anew, from the scripts.

    python docs/diffs.py

A block follows a line `<!-- diff PARENT STEP -->`, as `<!-- diff 2.0 2.1 -->`. It shows the changed
lines below the docstrings, those of one place together. Prints how many blocks it has changed.
"""

import ast
import difflib
import re
from pathlib import Path

TOP = Path(__file__).resolve().parent.parent
PAGE = TOP / "docs" / "walkthrough.md"
BLOCK = re.compile(
    r"(<!-- diff (\d\.\d) (\d\.\d) -->\n)```diff\n.*?^```$", re.MULTILINE | re.DOTALL
)


def main():
    """Write the page anew where a block is stale."""
    old = PAGE.read_text(encoding="utf-8")
    new = renewed(old)
    PAGE.write_text(new, encoding="utf-8", newline="\n")
    pairs = zip(BLOCK.finditer(old), BLOCK.finditer(new), strict=True)
    print(f"{PAGE.name}: {sum(a[0] != b[0] for a, b in pairs)} blocks changed")


def renewed(page):
    """The page with the blocks that its scripts give now."""
    return BLOCK.sub(
        lambda found: f"{found[1]}```diff\n{difference(*found.group(2, 3))}\n```", page
    )


def difference(parent, step):
    """The lines that differ in the scripts of two steps, an empty line between two places."""
    lines = difflib.unified_diff(body(parent), body(step), n=0, lineterm="")
    places = "\n".join(list(lines)[2:]).split("\n@@")
    changed = [place.splitlines()[1:] for place in places]
    return "\n\n".join("\n".join(without_blank_ends(place)) for place in changed)


def body(step):
    """The lines of a step's script below its docstring."""
    (path,) = TOP.glob(f"mnist_{step}_*.py")
    source = path.read_text(encoding="utf-8")
    return source.splitlines()[ast.parse(source).body[0].end_lineno :]


def without_blank_ends(lines):
    """The lines from the first to the last that adds or removes more than a blank line."""
    told = [k for k, line in enumerate(lines) if line[1:].strip()]
    return lines[told[0] : told[-1] + 1] if told else []


if __name__ == "__main__":
    main()
