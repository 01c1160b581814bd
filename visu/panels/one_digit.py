"""The panel of one digit, from pixels to probabilities; the selection, and the sheet to draw on."""

import numpy as np
from matplotlib import rcParams
from matplotlib.patches import Rectangle
from PIL import Image, ImageDraw

from digits.photo import prepare
from visu.panels.answer import Answer
from visu.panels.layers import GAP, HEADING, LEFT, LINE, Grid, Layers, picture
from visu.panels.one_number import OneNumber, product_of
from visu.panels.panel import PAUSED, STEPPING, Panel
from visu.panels.pictures import SIDE, misread_first

SHEET = 280  # height and width of the sheet, in pixels
PEN = 22  # pixels: about as wide as MNIST's strokes, for a digit that fills most of the sheet
RIGHT = 268  # width of the answer's column, in pixels of a figure of 1344 x 756
KEYS = "← →  test digits, misread ones first  ·  click a number: how it is made"
DROPOUT_KEY = "  ·  d  a training step, with dropout"
BACK = "d  back to the test digits"
STEP = "each n is one training step"  # and how to make one, whatever the run does
WHEN_PAUSED, WHEN_RUNNING = f"press n:\n{STEP}", f"press space, then n:\n{STEP}"
WHEN_ENDED = f"the run has ended:\npress r, then space to pause it;\nthen {STEP}"
NEVER = "nothing is trained here:\nthere are no training steps"


class Selection:
    """What is selected, shared by the panels: one digit, and a cell of the confusion matrix.

    image: [28, 28] uint8 of the digit, None before one was selected or drawn; label: the true
    digit, None if it is unknown; index: which test digit it is, None for any other digit; sheet:
    the drawing [SHEET, SHEET] of a digit drawn by hand, a Pillow image, 255 = ink, None for any
    other digit; training: whether to show a training step instead; number: the number of a layer
    that is explained, (layer, row, column, feature map or neuron), each from 0, None for none;
    cell: (true, predicted), None for that of the most frequent mistake.
    """

    def __init__(self):
        self.open()
        self.number = self.cell = None

    def open(self, image=None, label=None, index=None, sheet=None):
        """Select this digit."""
        self.image, self.label, self.index, self.sheet = image, label, index, sheet
        self.training = False

    def draw(self, start, end):
        """Draw a straight line on the sheet, and select what the network gets of it.

        start, end: (x, y), 0..1 from the left and from the top; a dot where start is None.
        """
        sheet = self.sheet or new_sheet()
        drawing = ImageDraw.Draw(sheet)
        places = [(SHEET * x, SHEET * y) for x, y in filter(None, (start, end))]
        drawing.line(places, fill=255, width=PEN)
        drawing.ellipse([x + d for d in (-PEN / 2, PEN / 2) for x in places[-1]], fill=255)
        self.open(prepare(np.asarray(sheet) / 255), sheet=sheet)


def new_sheet():
    """A sheet without ink, see Selection."""
    return Image.new("L", (SHEET, SHEET))


class OneDigit(Panel):
    """The digit and a sheet to draw one; the outputs of each layer; ten bars."""

    margins = 24, 24, 44, 14
    asks = True

    def __init__(self, axes, run):
        super().__init__(axes)
        unit = rcParams["font.size"] / 12
        self.width, self.height = axes.bbox.width / unit, axes.bbox.height / unit
        axes.set(xlim=(0, self.width), ylim=(self.height, 0))
        axes.set_axis_off()
        self.test = None  # the newest Answers for all test digits
        self.drops = False  # whether a training step is known to drop neurons
        self.down, self.last = False, None  # whether the pen is, and where on the sheet it was last
        self.digit = DigitAndSheet(axes, self.height)
        right = self.width - RIGHT
        self.layers = Layers(axes, LEFT + GAP, right - GAP, self.height)
        self.number = OneNumber(axes, right - GAP, self.height)
        self.answer = Answer(axes, right, self.width, self.height)
        middle = (LEFT + right) / 2
        self.message = axes.text(middle, self.height / 2, "", ha="center", va="center", color="0.3")
        self.message.set_size(1.4 * rcParams["font.size"])
        self.keys = axes.text(self.width, -12, "", ha="right", va="bottom", color="0.4")
        parts = self.digit, self.layers, self.number, self.answer
        self.artists = [artist for part in parts for artist in part.artists] + [self.message]

    def update(self, history):
        selection, last = self.selection, history.last
        self.test = history.test_answers
        if selection.image is None and not (selection.sheet or selection.training) and self.test:
            self.turn(1)
        image, look = selection.image, None
        if selection.training:
            look = last and last.look
        elif self.ask and image is not None:
            look = self.ask(image, selection.label)
        words = self.without_layers(look, history)
        seen = look, image, selection.sheet, selection.training, words, selection.number
        if not self.is_new(*seen):
            return False
        self.drops = look.drops if look else self.drops
        self.title.set_text(title(look, selection))
        keys = KEYS + DROPOUT_KEY * bool(self.drops and history.run.iterations)
        self.keys.set_text(BACK if selection.training else keys)
        number = selection.number if product_of(look, selection.number) else None
        self.digit.show(look, selection, number is None)
        self.layers.show(look, self.number.top - GAP / 2 if number else self.height)
        self.number.show(look, number, [self.digit.grid, *self.layers.grids])
        self.answer.show(look, selection, history.run)
        self.message.set_text(words)
        return True

    def without_layers(self, look, history):
        """The words in place of layers where there are none to show."""
        if look and look.layers:
            return ""
        if look and history.run.layers > 1:
            return "no hidden layer was\nfound in evaluate"
        if look:
            return "no hidden layer:\neach probability is predicted\nfrom all pixels at once"
        if self.selection.training:
            return self.how_to_step(history)
        if self.selection.sheet and self.selection.image is None:
            return "draw a digit on the sheet"
        return "the network is being copied …"

    def how_to_step(self, history):
        """How a training step is made, in words."""
        if history.completed:
            return WHEN_ENDED if history.run.iterations else NEVER
        return WHEN_PAUSED if self.going_on.startswith((PAUSED, STEPPING)) else WHEN_RUNNING

    def turn(self, by):
        """Go so many digits on among the test digits, misread ones first: from others, to these."""
        order, index = misread_first(self.test), self.selection.index
        place = 0 if index is None else (np.argmax(order == index) + by) % len(order)
        chosen = int(order[place])
        self.selection.open(self.test.images[chosen], int(self.test.labels[chosen]), chosen)

    def key(self, key):
        turns = {"left": -1, "right": 1}
        if key == "d":
            self.selection.training = not self.selection.training
        elif key in turns and self.test:
            self.turn(turns[key])
        elif key == "backspace":
            self.selection.open(sheet=new_sheet())
            self.selection.number = None  # the sheet is in its place
        else:
            return None
        return ()

    def mouse(self, action, event):
        """Draw on the sheet; open or close a number of a layer."""
        here = self.digit.place(event.xdata, event.ydata)
        if action == "press":
            self.down, self.last = here is not None, None
            if not self.down:
                return self.open_number(self.layers.at(event.xdata, event.ydata))
        elif action == "release" or event.button is None:
            was_down, self.down = self.down, False
            return () if was_down else None
        start, self.last = self.last, here
        if not self.down or here is None:
            return None
        self.selection.draw(start, here)
        return self.digit.draw(self.selection.sheet)

    def open_number(self, number):
        """Show how this number is made, see Selection; close it where it is open, or None."""
        before, selection = self.selection.number, self.selection
        selection.number = None if number == before else number
        return () if number or before else None


def title(look, selection):
    """The title of the panel."""
    if not selection.training:
        return "One digit, from pixels to probabilities"
    if not look:
        return "A digit of the batch, as a training step sees it"
    said = ": dropout on" if look.drops else ""
    return f"A digit of the batch, as training step {look.iteration + 1:,} saw it{said}"


class DigitAndSheet:
    """The picture that the network gets, and below it the sheet to draw on."""

    def __init__(self, axes, height):
        self.side = min((height - HEADING - 2 * LINE) / 2, LEFT)
        self.grid = Grid(0, HEADING, self.side / SIDE, SIDE, SIDE, 0, 1, 1)
        self.top = height - self.side
        self.heading = axes.text(0, LINE, "", va="top", linespacing=1.25)
        self.image, self.paper = (
            picture(axes, (0, self.side, y + self.side, y), (0, 255), "gray_r")
            for y in (HEADING, self.top)
        )
        self.paper.set_interpolation("antialiased")
        middle = self.side / 2, self.top + self.side / 2
        self.hint = axes.text(*middle, "", ha="center", va="center", color="0.4")
        self.hint.set_size(1.2 * rcParams["font.size"])
        self.label = axes.text(0, self.top - 5, "", va="bottom")
        axes.text(0, 0, "Input X", va="top", weight="bold")
        self.artists = [self.heading, self.image, self.paper, self.hint, self.label]
        for y in (HEADING, self.top):
            frame = Rectangle((0, y), self.side, self.side, fill=False, edgecolor="0.3")
            self.artists.append(axes.add_patch(frame))
            frame.set_clip_on(False)
        self.sheet = self.paper, self.hint, self.label, frame

    def show(self, look, selection, open_sheet):
        """Draw the Look's digit, or where there is none yet the selected one; open_sheet: whether
        the sheet is there.
        """
        sheet = selection.sheet
        for artist in self.sheet:
            artist.set_visible(open_sheet)
        image, label = (look.image, look.label) if look else (selection.image, selection.label)
        blank = selection.training and not look or image is None
        self.image.set_data(np.zeros((SIDE, SIDE)) if blank else image)
        self.draw(sheet or new_sheet())
        said = f"{SIDE}×{SIDE} pixels"
        if sheet and not selection.training:
            said = "your digit,\nas the network gets it"
        elif label is not None and not blank:
            said = f"true: {label},\n{said}"
        self.heading.set_text(said)
        self.hint.set_text("" if sheet and selection.image is not None else "draw a digit here")
        self.label.set_text("Backspace: a new sheet" if sheet else "")

    def draw(self, sheet):
        """Draw the sheet; returns its picture."""
        self.paper.set_data(np.asarray(sheet))
        return self.paper

    def place(self, x, y):
        """A place on the sheet, 0..1 from the left and the top, or None."""
        here = x is not None and 0 <= x <= self.side and 0 <= y - self.top <= self.side
        if not (here and self.paper.get_visible()):
            return None
        return x / self.side, (y - self.top) / self.side
