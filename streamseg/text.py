"""Text from outside on its way to people: nothing in it may move a cursor, hide, or turn a line around."""

from __future__ import annotations

import unicodedata


def is_printable(char: str) -> bool:
    """Whether a character shows itself, and does nothing else.

    No control or format characters (escape sequences, the direction marks of Unicode's UAX #9), no halves of
    surrogate pairs, no line ends other than none; blanks of any width are fine.
    """
    return char.isprintable() or unicodedata.category(char) == "Zs"


def first_unprintable(text: str) -> str:
    """The first character that is not printable; empty where all are."""
    return "" if text.isprintable() else next((char for char in text if not is_printable(char)), "")


def printable(text: str, keep: str = "") -> str:
    r"""The text with every character that is not printable as its escape, like `\x1b` or `\u202e`.

    Args:
        text: Any text.
        keep: Characters that stay as they are, as the line ends of a text of several lines.
    """
    if text.isprintable():
        return text
    return "".join(c if c in keep or is_printable(c) else _escaped(c) for c in text)


def require_printable(text: str) -> str:
    """The text, if it can be shown to people as it is.

    Raises:
        ValueError: It cannot: it holds a line end, or another character that is not printable.
    """
    if char := first_unprintable(text):
        msg = f"must be text on one line, without the character U+{ord(char):04X}"
        raise ValueError(msg)
    return text


def _escaped(char: str) -> str:
    return char.encode("unicode_escape").decode("ascii")
