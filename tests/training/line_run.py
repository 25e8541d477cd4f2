"""Trains a small network with a critic in a folder: `FOLDER [STEP SIGNAL [RANK]]`.

At that step the process sends itself the signal; where it says RANK, only the process of that rank does. From
step 100 on it does so while it measures after step - 100. Started by test_fit, and by test_processes under
torchrun.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from streamseg.errors import TrainingError
from streamseg.training.data.loader import Sample, batches
from streamseg.training.data.sampling import ShuffledOrder
from streamseg.training.loop.base import Schedule, TrainingStage
from streamseg.training.loop.distributed import ALONE, Share, new_fabric
from streamseg.training.loop.interruption import TrainingStoppedError, stop_on_signals
from streamseg.training.loop.trainer import Trainer

MEASURING = 100


class Curve(TrainingStage[nn.Sequential]):
    """Learns |x| from shared batches; the critic learns the model's error, so that both are stepped."""

    name, ema_decay, validate_every, seed = "curve", 0.9, 4, 5
    critic: nn.Linear

    def __init__(self, signalled_at: int | None = None, number: int = 0) -> None:
        super().__init__()
        self.signalled_at, self.number = signalled_at, number
        torch.manual_seed(1)
        self.model = nn.Sequential(nn.Linear(1, 8), nn.Tanh(), nn.Linear(8, 1))
        self.critic = nn.Linear(1, 1)
        self.schedule = Schedule(8, 1)

    def parameter_groups(self) -> list[dict[str, Any]]:
        return [{"params": list(self.model.parameters()), "lr": 0.1}]

    def critic_groups(self) -> list[dict[str, Any]]:
        return [{"params": list(self.critic.parameters()), "lr": 0.1}]

    def batches(self, first_step: int, share: Share = ALONE) -> Iterator[Any]:
        def sample(index: int, _: np.random.Generator) -> Sample:
            return (torch.tensor([index / 8 - 1]),)

        return batches(ShuffledOrder(16, 2), sample, batch=8, first_step=first_step, steps=8, share=share)

    def losses(self, batch: Any) -> dict[str, Tensor]:
        x = batch[0]
        if self.step == self.signalled_at:
            os.kill(os.getpid(), self.number)
        with torch.autocast("cpu", enabled=False):  # sums in another order are the only difference left
            return {"mse": (self.model(x) - x.abs() - self.critic(x).detach()).square().mean()}

    def critic_losses(self, batch: Any) -> dict[str, Tensor]:
        with torch.autocast("cpu", enabled=False):
            return {"critic": (self.critic(batch[0]) - 0.1).square().mean()}

    def validate(self, model: nn.Sequential) -> dict[str, float]:
        if self.step + 1 + MEASURING == self.signalled_at:  # the loop counts a step after its losses
            os.kill(os.getpid(), self.number)
        return {"score": -float(model(torch.zeros(1, 1)).abs())}


def main(folder: Path, step: int | None = None, number: int = 0, rank: int | None = None) -> int:
    fabric = new_fabric()
    stage = Curve(step if rank in (None, fabric.global_rank) else None, number)
    every_s = float(os.environ.get("SAVE_EVERY_S", "0"))
    try:
        with stop_on_signals(alone=fabric.world_size == 1) as request:
            Trainer(stage, folder, fabric, save_every_s=every_s, request=request).fit()
    except TrainingStoppedError as error:
        print(error)
        return error.exit_code
    except TrainingError as error:
        print(error)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1]), *map(int, sys.argv[2:])))
