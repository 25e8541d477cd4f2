"""Batches, made ahead on threads of their own.

Order and augmentation depend on (seed, position) alone, so a resumed run sees what it would have seen.
"""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from itertools import islice

import numpy as np
import torch
from torch import Tensor

from streamseg.training.data.sampling import Order
from streamseg.training.loop.distributed import ALONE, Share, local_processes

Sample = tuple[Tensor, ...]
MakeSample = Callable[[int, np.random.Generator], Sample]

AHEAD = 2  # batches made before they are asked for


def batches(
    order: Order,
    make: MakeSample,
    *,
    batch: int,
    first_step: int,
    steps: int,
    share: Share = ALONE,
    workers: int | None = None,
) -> Iterator[list[Tensor]]:
    """Yield the batches of steps `first_step` … `steps - 1`, each a list of stacked tensors.

    Threads, not processes: nearly all of a sample's time is spent in OpenCV, which lets others run meanwhile,
    and a process that has loaded an inference library must not be forked.

    Args:
        order: Which picture at which position.
        make: Makes one sample from a picture's index and a random generator; runs on a thread of its own.
        batch: Samples a batch, of all processes together.
        first_step: Where to begin (a resumed run).
        steps: Where to end.
        share: Which of a batch's samples to make.
        workers: Threads that make samples, ahead of their use; None: as many as leave the networks alone.

    Raises:
        TrainingError: A batch cannot be shared evenly.
    """
    own = share.size(batch)
    positions = iter(range(first_step * batch + share.rank, steps * batch, share.of))
    pool = ThreadPoolExecutor(workers or _idle_cores(), "samples")

    def ask(count: int) -> list[Future[Sample]]:
        return [pool.submit(make, order.item(p), order.generator(p)) for p in islice(positions, count)]

    try:
        pending = deque(ask(AHEAD * own))
        while pending:
            pending += ask(own)
            samples = [pending.popleft().result() for _ in range(own)]
            yield [torch.stack(parts) for parts in zip(*samples, strict=True)]
    finally:
        pool.shutdown(cancel_futures=True)


def _idle_cores() -> int:
    """Cores the networks leave over, 1 to 8."""
    if not torch.cuda.is_available():
        return 1
    return max(1, min(8, len(os.sched_getaffinity(0)) // local_processes() - 1))
