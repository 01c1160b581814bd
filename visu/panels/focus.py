"""What a person looks at closely: one digit, one cell of the confusion matrix."""

from digits.photo import prepare
from visu.panels.sheet import Sheet


class Focus:
    """The choice that the panels share: mouse and keys set it, each panel reads it.

    image: [28, 28] uint8 of the digit, None before one was chosen; label: the true digit, None
    if it is unknown; index: which test digit it is, None for any other digit; sheet: a Sheet
    to draw on; own: whether the digit is the one drawn on it; training: whether to look at a
    training step instead; cell: (true, computed) of the confusion matrix, None for its most
    frequent mistake.
    """

    def __init__(self):
        self.image = self.label = self.index = None
        self.sheet, self.own, self.training = Sheet(), False, False
        self.cell = None

    def open(self, image, label, index=None):
        """Look at this digit."""
        self.image, self.label, self.index = image, label, index
        self.own = self.training = False

    def draw(self, x, y, lifted):
        """Draw on the sheet, see Sheet.draw, and look at what the network gets of it."""
        if not self.own:
            self.sheet.clear()
        self.sheet.draw(x, y, lifted)
        self.open(prepare(self.sheet.ink / 255), None)
        self.own = True

    def clear_sheet(self):
        """Take a new sheet; nothing is drawn on it yet."""
        self.sheet.clear()
        self.open(None, None)
        self.own = True
