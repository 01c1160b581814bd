from visu.panels.style import drawable  # noqa: F401
from visu.show.terminal import printable  # noqa: F401
