"""What the commands print: whatever a file or a peer says, it does nothing to a terminal."""

from __future__ import annotations

import typer

from streamseg.text import printable


def say(text: str, *, err: bool = False) -> None:
    """Print text, its line ends as they are and whatever else does not show itself as its escape.

    Args:
        text: One line, or several.
        err: On standard error.
    """
    typer.echo(printable(text, keep="\n"), err=err)


def warn_renamed(old: str, new: str) -> None:
    """One line on standard error: a command or an option is used by its former name."""
    from streamseg.config.deprecated import renamed  # noqa: PLC0415 - not before it is needed

    say(f"streamseg: {renamed(old, new)}", err=True)
