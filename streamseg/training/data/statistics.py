"""What the label files of a data set hold: pixels of each id, and what cannot be read."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from streamseg.training.config.recipe_data import SplitRecipe
from streamseg.training.data.label_file import decode_label, read_palette
from streamseg.training.data.labels import Labelling, Pair, label_fault, pictures
from streamseg.training.data.palette import Packed, ids_of, pack, unpack
from streamseg.types import U8

MANY_COLORS = 16  # unknown in one label file: no table will have forgotten that many


@dataclass(slots=True)
class DatasetStatistics:
    """What the pairs of one split hold.

    Attributes:
        pictures: How many there are, with a label or not.
        pixels: Labelled pixels of each class, `[256]`.
        strange: What is unknown (`label id 7`, `colour 1 2 3`) → label file → its pixels.
        ids: That stand in the files.
        problems: The rest of what is wrong, one line each.
    """

    pictures: int = 0
    pixels: NDArray[np.int64] = field(default_factory=lambda: np.zeros(256, np.int64))
    strange: dict[str, dict[str, int]] = field(default_factory=lambda: defaultdict(dict))
    ids: set[int] = field(default_factory=set)
    problems: list[str] = field(default_factory=list)


def collect_statistics(split: SplitRecipe, labelling: Labelling) -> DatasetStatistics:
    """Read every pair whose files are there."""
    pairs = pictures(split) if split.images.is_dir() else []
    census = DatasetStatistics(len(pairs))
    for pair in pairs:
        if pair.label.is_file():
            census.problems += _look(pair, labelling, census)
    return census


def _look(pair: Pair, labelling: Labelling, census: DatasetStatistics) -> list[str]:
    """Count one pair; returns what is wrong with its files."""
    image = cv2.imread(str(pair.image))
    label: Any = decode_label(pair.label, by_index=not labelling.color_table)
    if image is None or label is None:
        broken = [path for path, read in ((pair.image, image), (pair.label, label)) if read is None]
        return [f"{path}: cannot be decoded" for path in broken]
    fault = label_fault(label, labelling) or _grey_fault(label, labelling)
    fault_of_palette = palette_fault(pair.label, labelling)
    problems = [f"{pair.label}: {one}" for one in (fault, fault_of_palette) if one is not None]
    if image.shape[:2] != label.shape[:2]:
        problems.append(f"{pair.image}: picture of {_size(image)} pixels, label of {_size(label)}")
    if fault is None:
        _count(pair.label.name, label, labelling, census)
    return problems


def _grey_fault(label: U8, labelling: Labelling) -> str | None:
    """That ids were saved as a grey picture of three channels; None where these are colours."""
    if label.ndim == 2 or not (label == label[..., :1]).all():
        return None
    known = ids_of(pack(label), labelling.colors)[1]
    return None if known.any() else "three channels that are all the same: save one alone, as 8-bit grey"


def _count(name: str, label: U8, labelling: Labelling, census: DatasetStatistics) -> None:
    ids = label
    if label.ndim == 3:
        packed = pack(label[..., ::-1])
        every, known = ids_of(packed, labelling.colors)
        ids = every[known]
        for what, pixels in _unknown_colors(packed[~known]):
            census.strange[what][name] = pixels
    counts = np.bincount(ids.ravel(), minlength=256)
    census.ids.update(np.flatnonzero(counts).tolist())
    for unknown in sorted(set(np.flatnonzero(counts).tolist()) - labelling.known):
        census.strange[f"label id {unknown}"][name] = int(counts[unknown])
        counts[unknown] = 0
    np.add.at(census.pixels, labelling.table(), counts)


def _unknown_colors(packed: Packed) -> list[tuple[str, int]]:
    colors, counts = np.unique(packed, return_counts=True)
    if len(colors) > MANY_COLORS:
        return [(f"colours, more than {MANY_COLORS} (a photograph, or JPEG's?),", len(packed))]
    return [(f"colour {unpack(int(c))}", int(n)) for c, n in zip(colors, counts, strict=True)]


def palette_fault(path: Path, labelling: Labelling) -> str | None:
    """That a palette shows an index in the colour of another class; None where it does not."""
    found = None if labelling.color_table else read_palette(path)
    if found is None:
        return None
    indices, palette = found
    for index in np.unique(indices).tolist():
        meant = labelling.colors.get(tuple(palette[index].tolist()))
        if meant is not None and meant != int(labelling.table()[index]):
            return (
                f"its palette shows index {index} in the colour of class {meant}; indices are what counts: "
                "say which is which with data.remap, or name a table of colours (data.colors)"
            )
    return None


def _size(image: NDArray[np.generic]) -> str:
    return f"{image.shape[1]}x{image.shape[0]}"
