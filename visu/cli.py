"""What the command lines of the scripts at the top share: errors in one line, kinds of values."""

import argparse
from pathlib import Path


class Parser(argparse.ArgumentParser):
    """An ArgumentParser that shows its description as it is, and errors as one line, status 2."""

    def __init__(self, **options):
        super().__init__(formatter_class=argparse.RawDescriptionHelpFormatter, **options)

    def error(self, message):
        self.exit(2, f"{self.prog}: {message}; --help lists the flags\n")


def whole(low, high):
    """An argparse type: whole numbers from low to high."""

    def whole_number(text):
        if not (text.isascii() and text.isdigit() and low <= int(text) <= high):
            raise argparse.ArgumentTypeError(f"'{text}' is not a whole number from {low} to {high}")
        return int(text)

    return whole_number


def label(text):
    """An argparse type: a few words in one line, which fit into a headline and a legend."""
    if len(text) > 40 or not text.isprintable():
        raise argparse.ArgumentTypeError(f"{text!r} is not one line of 40 letters or less")
    return text.strip()


def movie_file(text):
    """An argparse type: the path of a movie that can be written."""
    from visu.movie import why_not  # only where one is wanted

    reason = why_not(Path(text))
    if reason:
        raise argparse.ArgumentTypeError(reason)
    return Path(text)


def picture_file(text):
    """An argparse type: the path of a picture, by its name's end."""
    ends = ".png", ".svg", ".pdf"
    if Path(text).suffix.lower() not in ends:
        raise argparse.ArgumentTypeError(f"{text} does not end in {', '.join(ends)}")
    return Path(text)
