"""Where a run computes: device, precision and processes, by Lightning Fabric.

One process on the best device there is; under `torchrun` as many as it starts, on as many machines.
"""

from __future__ import annotations

import logging
import os
from dataclasses import dataclass

import torch
from lightning_fabric import Fabric

from streamseg.errors import TrainingError


@dataclass(frozen=True, slots=True)
class Share:
    """Which part of every batch is this process's: its samples at `rank`, `rank + of`, …."""

    rank: int = 0
    of: int = 1

    def size(self, batch: int) -> int:
        """Samples of a batch of `batch` that fall to each process.

        Raises:
            TrainingError: They cannot be shared evenly.
        """
        if batch % self.of:
            raise TrainingError(
                f"a batch of {batch} cannot be shared evenly by {self.of} processes: change the batch in the "
                "recipe, or start another number of processes"
            )
        return batch // self.of


ALONE = Share()


def new_fabric() -> Fabric:
    """Fabric for this process as it was started, launched.

    Convolutions run in bfloat16 under autocast, in float16 with scaled gradients on GPUs that lack it;
    weights, optimiser and losses stay in float32.
    """
    local, nodes = (int(os.environ.get(name, "1")) for name in ("LOCAL_WORLD_SIZE", "GROUP_WORLD_SIZE"))
    logging.getLogger("lightning_fabric").setLevel(logging.WARNING)  # what it takes is said by `train`
    lacks_bf16 = torch.cuda.is_available() and not torch.cuda.is_bf16_supported()
    fabric = Fabric(
        accelerator="auto",
        devices=local,
        num_nodes=nodes,
        strategy="ddp" if local * nodes > 1 else "auto",
        precision="16-mixed" if lacks_bf16 else "bf16-mixed",
    )
    fabric.launch()
    return fabric


def share_of(fabric: Fabric) -> Share:
    """This process's part of the batches."""
    return Share(fabric.global_rank, fabric.world_size)


def described(fabric: Fabric) -> str:
    """What it computes on, e.g. "cpu, bf16-mixed, 2 processes"."""
    processes = f"{fabric.world_size} processes" if fabric.world_size > 1 else "1 process"
    return f"{fabric.device.type}, {fabric.strategy.precision.precision}, {processes}"
