"""The labelled pictures a recipe learns from, of all its data sets; no torch."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from streamseg.training.config.recipe import Recipe
from streamseg.training.config.recipe_data import TrainSet
from streamseg.training.data.label_space import LabelSpace, label_space
from streamseg.training.data.labels import (
    Labelling,
    Pair,
    class_shares,
    find_pairs,
    read_label,
    read_pair,
    training_labelling,
)
from streamseg.training.data.sampling import Order, ShuffledOrder, WeightedOrder
from streamseg.types import U8


@dataclass(frozen=True, slots=True)
class _Set:
    recipe: TrainSet
    pairs: list[Pair]
    labelling: Labelling


class TrainPictures:
    """Pictures of several sets under one index, read as ids of one label space.

    Attributes:
        space: What the ids in the labels stand for.
    """

    def __init__(self, recipe: Recipe, sets: Sequence[str] = ()) -> None:
        """Find the pictures.

        Args:
            recipe: The run.
            sets: Names of the data sets to take; none: all of them. `space` is that of all sets.

        Raises:
            TrainingError: A folder is missing, a picture has no label, or a label stands for nothing.
        """
        self.space: LabelSpace = label_space(recipe)
        self._sets = [
            _Set(one, find_pairs(one), training_labelling(recipe, one, self.space))
            for one in recipe.data.train
            if not sets or one.name in sets
        ]
        self._all = [(pair, one.labelling) for one in self._sets for pair in one.pairs]

    def __len__(self) -> int:
        return len(self._all)

    def picture(self, index: int) -> Path:
        """File of a picture."""
        return self._all[index][0].image

    def read(self, index: int) -> tuple[U8, U8]:
        """RGB `[H, W, 3]` and labels `[H, W]`, ids of `space` and 255. Raises TrainingError: undecodable."""
        return read_pair(*self._all[index])

    def label(self, index: int) -> U8:
        """Labels `[H, W]` alone. Raises TrainingError: undecodable."""
        pair, labelling = self._all[index]
        return read_label(pair.label, labelling)

    def order(self, seed: int) -> Order:
        """In which order the pictures are learnt from."""
        if len(self._sets) == 1:
            return ShuffledOrder(len(self), seed)
        sizes = [len(one.pairs) for one in self._sets]
        return WeightedOrder(sizes, [one.recipe.weight for one in self._sets], seed)

    def shares(self) -> NDArray[np.float64]:
        """Share of each id among the labelled pixels that are drawn, `[ids]`, summing to 1."""
        weights = np.array([one.recipe.weight for one in self._sets], np.float64)
        each = np.stack([class_shares(one.pairs, one.labelling) for one in self._sets])
        shares: NDArray[np.float64] = weights @ each / weights.sum()
        return shares
