"""Former names that are still accepted, and the one line that a user gets for each."""

from __future__ import annotations

from streamseg.config.yaml_source import Location

REMOVED_IN = "0.2"
"""The release without the former names."""
ENGINE_KEYS = {"package": "model"}
"""Former keys of an engine's section, and what each is called now."""


def renamed(old: str, new: str) -> str:
    """`--engine is now called --model; the old name will be removed in streamseg 0.2`.

    Args:
        old: The former name, as the user wrote it.
        new: The name to write instead.
    """
    return f"{old} is now called {new}; the old name will be removed in streamseg {REMOVED_IN}"


def is_former_key(where: Location) -> bool:
    """Whether a key of an engine's section, at `where` in what a user wrote, has another name now."""
    depth = engine_depth(where)
    return bool(depth) and len(where) == depth + 1 and where[depth] in ENGINE_KEYS


def engine_depth(where: Location) -> int:
    """How many leading parts of `where` name an engine's section; 0: it lies in none."""
    depths: dict[Location, int] = {("engine",): 1, ("engines",): 2}
    return depths.get(where[:1], 0)
