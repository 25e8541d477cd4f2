"""Labels drawn in colours: the table of their colours, and a label map read through it."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from streamseg.errors import TrainingError
from streamseg.types import U8

Color = tuple[int, int, int]  # r g b, 0…255
Packed = NDArray[np.int32]  # r·65536 + g·256 + b


MOST_PROBLEMS = 10  # that are told of one table


def read_color_table(path: Path) -> dict[Color, int]:
    """Read `id r g b name` lines; empty ones and those that begin with # are passed over.

    Several colours may share an id: all that is to be ignored can go to 255.

    Raises:
        TrainingError: The file cannot be read, a line is none of that kind, or a colour has two ids; every
            such line is named.
    """
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise TrainingError(f"data.colors: {path}: cannot be read ({error})") from error
    table: dict[Color, int] = {}
    problems = []
    for number, line in enumerate(lines, 1):
        if line.strip() and not line.lstrip().startswith("#"):
            problems += [f"{path}:{number}: {fault}" for fault in _enter(line, table)]
    if len(problems) > MOST_PROBLEMS:
        problems[MOST_PROBLEMS:] = [f"and {len(problems) - MOST_PROBLEMS:,} more like these"]
    if problems or not table:
        raise TrainingError("\n".join(problems) or f"data.colors: {path}: no line `id r g b name` in it")
    return table


def _enter(line: str, table: dict[Color, int]) -> list[str]:
    """Put one line into the table; returns what is wrong with it."""
    words = line.split()
    try:
        index, r, g, b = (int(word) for word in words[:4])
    except ValueError:
        return [f"expected `id r g b name`, found `{line.strip()}`"]
    if any(not 0 <= value <= 255 for value in (index, r, g, b)):
        return [f"id and colour must be 0…255, found `{line.strip()}`"]
    if table.setdefault((r, g, b), index) != index:
        return [f"colour {r} {g} {b} has the id {table[r, g, b]} already"]
    return []


def pack(image: U8) -> Packed:
    """Colours `[H, W, 3]`, RGB, as one number a pixel, `[H, W]`."""
    wide = image.astype(np.int32)
    packed: Packed = (wide[..., 0] << 16) | (wide[..., 1] << 8) | wide[..., 2]
    return packed


def unpack(packed: int) -> str:
    """`r g b` of one such number."""
    return f"{packed >> 16} {packed >> 8 & 255} {packed & 255}"


def ids_of(packed: Packed, table: Mapping[Color, int]) -> tuple[U8, NDArray[np.bool_]]:
    """Ids `[H, W]` of packed colours, and where the colour is in the table (elsewhere the id is 0)."""
    colors = np.array(list(table), np.int32).reshape(-1, 3)
    keys = (colors[:, 0] << 16) | (colors[:, 1] << 8) | colors[:, 2]
    order = np.argsort(keys)
    ids = np.array(list(table.values()), np.uint8)[order]
    places = np.searchsorted(keys[order], packed).clip(max=len(keys) - 1)
    known = keys[order][places] == packed
    return np.where(known, ids[places], np.uint8(0)), known
