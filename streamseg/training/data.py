"""Labelled pictures on disk: pairs found, checked all at once, and read."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from fnmatch import fnmatch
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from streamseg.errors import TrainingError
from streamseg.training.recipe import SplitRecipe
from streamseg.types import U8

IGNORE = 255
_PICTURES = {".png", ".jpg", ".jpeg", ".bmp"}


@dataclass(frozen=True, slots=True)
class Pair:
    """A picture and its label map."""

    image: Path
    label: Path


@dataclass(frozen=True, slots=True)
class Labelling:
    """How label files are read: ids 0…classes-1 are classes, `void` and 255 are ignored."""

    classes: int
    void: tuple[int, ...] = ()


def find_pairs(split: SplitRecipe) -> list[Pair]:
    """All pairs of a split, by name, less the excluded.

    Raises:
        TrainingError: A folder is missing, a picture has no label, or nothing is left.
    """
    for folder in (split.images, split.labels):
        if not folder.is_dir():
            raise TrainingError(f"data: {folder}: no such folder (set STREAMSEG_DATA, or edit the recipe)")
    images = sorted(p for p in split.images.iterdir() if p.suffix.lower() in _PICTURES)
    images = [p for p in images if not any(fnmatch(p.name, pattern) for pattern in split.exclude)]
    pairs = [Pair(p, split.labels / f"{p.stem}.png") for p in images]
    missing = [p.image.name for p in pairs if not p.label.is_file()]
    if missing:
        raise TrainingError(
            f"data: {len(missing)} pictures in {split.images} have no label PNG: {_few(missing)}"
        )
    if not pairs:
        raise TrainingError(f"data: no pictures in {split.images}")
    return pairs


def check_pairs(pairs: Sequence[Pair], labelling: Labelling) -> list[str]:
    """Read every pair once; returns all problems found, one line each (empty: fit for training)."""
    problems: list[str] = []
    seen = np.zeros(256, np.int64)
    for pair in pairs:
        image, label = cv2.imread(str(pair.image)), cv2.imread(str(pair.label), cv2.IMREAD_UNCHANGED)
        problems += _problems(pair, image, label, labelling)
        if label is not None and label.ndim == 2:
            seen += np.bincount(label.ravel(), minlength=256)
    empty = [str(i) for i in range(labelling.classes) if not seen[i]]
    if empty:
        problems.append(f"classes without a single pixel: {', '.join(empty)}")
    return problems


def _problems(pair: Pair, image: U8 | None, label: U8 | None, labelling: Labelling) -> list[str]:
    if image is None or label is None:
        return [f"{pair.image.name if image is None else pair.label.name}: cannot be decoded"]
    if label.ndim != 2:
        return [
            f"{pair.label.name}: a label must be one 8-bit channel of class ids, this has shape {label.shape}"
        ]
    if image.shape[:2] != label.shape:
        return [f"{pair.image.name}: picture of {_size(image)} pixels, label of {_size(label)}"]
    known = {*range(labelling.classes), *labelling.void, IGNORE}
    unknown = sorted(set(np.unique(label).tolist()) - known)
    return [f"{pair.label.name}: unknown label ids {unknown}"] if unknown else []


def read_pair(pair: Pair, labelling: Labelling) -> tuple[U8, U8]:
    """Read one pair: RGB `[H, W, 3]` and label map `[H, W]`, void ids turned into 255.

    Raises:
        TrainingError: One of the files cannot be decoded.
    """
    image, label = cv2.imread(str(pair.image)), cv2.imread(str(pair.label), cv2.IMREAD_UNCHANGED)
    if image is None or label is None:
        raise TrainingError(f"data: {pair.image} or its label cannot be decoded")
    table = np.arange(256, dtype=np.uint8)
    table[list(labelling.void)] = IGNORE
    return cv2.cvtColor(image, cv2.COLOR_BGR2RGB), cv2.LUT(label, table)


def class_shares(pairs: Sequence[Pair], labelling: Labelling) -> NDArray[np.float64]:
    """Share of labelled pixels of each class, `[classes]`, summing to 1."""
    counts = np.zeros(256, np.int64)
    for pair in pairs:
        counts += np.bincount(read_pair(pair, labelling)[1].ravel(), minlength=256)
    known = counts[: labelling.classes].astype(np.float64)
    shares: NDArray[np.float64] = known / max(known.sum(), 1.0)
    return shares


def _size(image: U8) -> str:
    return f"{image.shape[1]}x{image.shape[0]}"


def _few(names: Sequence[str]) -> str:
    return ", ".join(names[:5]) + (", …" if len(names) > 5 else "")
