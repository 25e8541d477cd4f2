"""Where a run computes: device, precision and processes, by Lightning Fabric.

One process on the best device there is; under `torchrun` as many as it starts, on as many machines.
"""

from __future__ import annotations

import atexit
import logging
import os
from dataclasses import dataclass
from typing import Literal

import torch
import torch.distributed
from lightning_fabric import Fabric

from streamseg.errors import TrainingError
from streamseg.training.loop.amp import has_bf16


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


def local_processes() -> int:
    """How many processes of the run `torchrun` started on this machine; 1 without it."""
    return int(os.environ.get("LOCAL_WORLD_SIZE", "1"))


def new_fabric() -> Fabric:
    """Fabric for this process as it was started, launched.

    Convolutions run in bfloat16 under autocast, in float16 with scaled gradients on GPUs that lack it, and in
    float32 on CPUs that do; weights, optimiser and losses always stay in float32.
    """
    local, nodes = local_processes(), int(os.environ.get("GROUP_WORLD_SIZE", "1"))
    logging.getLogger("lightning_fabric").setLevel(logging.WARNING)  # what it takes is said by `train`
    fabric = Fabric(
        accelerator="auto",
        devices=local,
        num_nodes=nodes,
        strategy="ddp" if local * nodes > 1 else "auto",
        precision=_precision(),
    )
    fabric.launch()
    if fabric.world_size > 1:
        atexit.register(_leave_group)
    return fabric


def _leave_group() -> None:
    """End the group's threads: one still at work as the interpreter ends would abort a run that went well."""
    if torch.distributed.is_initialized():
        torch.distributed.destroy_process_group()


def _precision() -> Literal["bf16-mixed", "16-mixed", "32-true"]:
    device = "cuda" if torch.cuda.is_available() else "cpu"
    if has_bf16(device):
        return "bf16-mixed"
    return "16-mixed" if device == "cuda" else "32-true"


def share_of(fabric: Fabric) -> Share:
    """This process's part of the batches."""
    return Share(fabric.global_rank, fabric.world_size)


def described(fabric: Fabric) -> str:
    """What it computes on, e.g. "cpu, bf16-mixed, 2 processes"."""
    processes = f"{fabric.world_size} processes" if fabric.world_size > 1 else "1 process"
    return f"{fabric.device.type}, {fabric.strategy.precision.precision}, {processes}"
