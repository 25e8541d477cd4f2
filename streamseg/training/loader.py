"""Batches from worker processes.

Order and augmentation depend on (seed, position) alone, so a resumed run sees what it would have seen.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
from torch import Tensor
from torch.utils.data import DataLoader, Dataset, Sampler

Sample = tuple[Tensor, ...]
MakeSample = Callable[[int, np.random.Generator], Sample]


@dataclass(frozen=True, slots=True)
class Order:
    """Which picture comes at which position: a new permutation each epoch."""

    items: int
    seed: int

    def item(self, position: int) -> int:
        """Index of the picture at `position` (counts on through the epochs)."""
        epoch, place = divmod(position, self.items)
        return int(np.random.default_rng([self.seed, epoch]).permutation(self.items)[place])

    def generator(self, position: int) -> np.random.Generator:
        """The random generator of the sample at `position`."""
        return np.random.default_rng([self.seed, 1, position])


class _Positions(Sampler[int]):
    def __init__(self, start: int, stop: int) -> None:
        self._range = range(start, stop)

    def __iter__(self) -> Iterator[int]:
        return iter(self._range)

    def __len__(self) -> int:
        return len(self._range)


class _Samples(Dataset[Sample]):
    def __init__(self, order: Order, make: MakeSample) -> None:
        self._order, self._make = order, make

    def __getitem__(self, position: int) -> Sample:
        return self._make(self._order.item(position), self._order.generator(position))


def batches(
    order: Order, make: MakeSample, *, batch: int, first_step: int, steps: int, workers: int = 1
) -> Iterator[Any]:
    """Yield the batches of steps `first_step` … `steps - 1`, each a list of stacked tensors.

    Args:
        order: Which picture at which position.
        make: Makes one sample from a picture's index and a random generator; runs in a worker process.
        batch: Samples a batch.
        first_step: Where to begin (a resumed run).
        steps: Where to end.
        workers: Worker processes; 0 makes samples in this one.
    """
    loader = DataLoader(
        _Samples(order, make),
        batch_size=batch,
        sampler=_Positions(first_step * batch, steps * batch),
        num_workers=workers,
        worker_init_fn=_single_threaded,
        prefetch_factor=4 if workers else None,
    )
    return iter(loader)


def _single_threaded(_: int) -> None:
    cv2.setNumThreads(0)
