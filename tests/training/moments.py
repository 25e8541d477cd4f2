"""Moments as an evaluation would show them, made by hand."""

from __future__ import annotations

import numpy as np

from streamseg.training.data.dataset import Shot
from streamseg.training.evaluation.evaluator import Moment
from streamseg.training.evaluation.metrics import Motion
from streamseg.types import U8, ClassInfo

CLASSES = tuple(ClassInfo(i, name, (60 * i, 90, 200)) for i, name in enumerate(("ground", "disc", "bar")))
STILL = Motion(np.zeros((8, 10, 2), np.float32), np.ones((8, 10), np.bool_))


def labels(pixels: int, of: int = 1) -> U8:
    """Ground `[8, 10]` with the first `pixels` of another class."""
    flat: U8 = np.zeros(80, np.uint8)
    flat[:pixels] = of
    return flat.reshape(8, 10)


def moment(index: int, none: U8, convgru: U8 | None = None, truth: U8 | None = None) -> Moment:
    """A grey picture `[8, 10]`, still since the moment before; `truth` is all ground unless said."""
    picture: U8 = np.full((8, 10, 3), 100, np.uint8)
    seen = {"none": none} if convgru is None else {"none": none, "convgru": convgru}
    shot = Shot(index, index / 15, picture, picture, labels(0) if truth is None else truth)
    return Moment(shot, seen, STILL if index else None)
