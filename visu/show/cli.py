"""What the command lines of the scripts at the top share: errors in one line, kinds of values."""

import argparse

from visu.show.terminal import prepare_streams


class Parser(argparse.ArgumentParser):
    """An ArgumentParser that does not wrap its description; an error is one line, status 2."""

    def __init__(self, description, prog=None, epilog=None):
        if "%(prog)" in description:  # argparse would fill it in, and stumble over any other %
            description = description.replace("%", "%%")
        formatter = argparse.RawDescriptionHelpFormatter
        super().__init__(prog, description=description, epilog=epilog, formatter_class=formatter)

    def parse_args(self, *args, **kwargs):
        prepare_streams()
        return super().parse_args(*args, **kwargs)

    def error(self, message):
        self.exit(2, f"{self.prog}: {message}; --help lists the flags\n")


def shorten(text, most):
    """`text`, cut to at most `most` characters; a text that was cut ends with …"""
    return text if len(text) <= most else f"{text[: most - 1]}…"


def whole(low, high):
    """An argparse type: whole numbers from low to high, as 10000 or 10,000."""

    def whole_number(text):
        digits = text.replace(",", "").replace("_", "")
        known = digits.isascii() and digits.isdigit() and len(digits) <= 20
        if not (known and low <= int(digits) <= high):
            shown = shorten(text, 20)
            raise argparse.ArgumentTypeError(
                f"'{shown}' is not a whole number from {low:,} to {high:,}"
            )
        return int(digits)

    return whole_number


def label(text):
    """An argparse type: a few words in one line, which fit into a headline and a legend."""
    if len(text) > 40 or not text.isprintable():
        raise argparse.ArgumentTypeError(
            f"{shorten(text, 60)!r} is not one line of at most 40 characters"
        )
    return text.strip()
