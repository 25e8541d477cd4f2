"""Which picture comes when: an order of one data set, and of several by their weights; no torch."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np


class Order(Protocol):
    """Which picture comes at which position of a run; the same whether the run was resumed or not."""

    def item(self, position: int) -> int:
        """Index of the picture at `position`, which counts on through the epochs."""

    def generator(self, position: int) -> np.random.Generator:
        """The random generator of the sample at `position`."""


@dataclass(frozen=True, slots=True)
class ShuffledOrder:
    """All pictures of one set, in a new permutation each epoch."""

    items: int
    seed: int

    def item(self, position: int) -> int:
        """See `Order`."""
        epoch, place = divmod(position, self.items)
        return int(np.random.default_rng([self.seed, epoch]).permutation(self.items)[place])

    def generator(self, position: int) -> np.random.Generator:
        """See `Order`."""
        return np.random.default_rng([self.seed, 1, position])


@dataclass(frozen=True, slots=True)
class WeightedOrder:
    """Pictures of several sets, each set in a `ShuffledOrder` of its own.

    Of every `sum(weights)` pictures in a row exactly `weights[i]` are of set `i`, in a random order.

    Attributes:
        sizes: Pictures of each set; an index counts through all sets.
        weights: Of each set.
        seed: Of everything random.
    """

    sizes: Sequence[int]
    weights: Sequence[int]
    seed: int

    def item(self, position: int) -> int:
        """See `Order`."""
        block, place = divmod(position, sum(self.weights))
        sets = np.repeat(np.arange(len(self.sizes)), self.weights)
        drawn = np.random.default_rng([self.seed, 2, block]).permutation(sets)
        chosen = int(drawn[place])
        before = block * self.weights[chosen] + int(np.count_nonzero(drawn[:place] == chosen))
        own = ShuffledOrder(self.sizes[chosen], self.seed + chosen)
        return sum(self.sizes[:chosen]) + own.item(before)

    def generator(self, position: int) -> np.random.Generator:
        """See `Order`."""
        return np.random.default_rng([self.seed, 1, position])
