"""What a person looks at closely: one digit, one cell of the confusion matrix."""


class Focus:
    """The choice that the panels share: mouse and keys set it, each panel reads it.

    image: [28, 28] uint8 of the digit, None before one was chosen; label: the true digit, None
    where nobody knows it; cell: (true, computed) of the confusion matrix, None for its most
    frequent mistake.
    """

    def __init__(self):
        self.image = self.label = None
        self.cell = None

    def open(self, image, label):
        """Look at this digit."""
        self.image, self.label = image, label
