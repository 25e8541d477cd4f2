"""Trains a small network with a critic in the folder given, to the end or until it is killed at a step.

Started by test_processes under torchrun, and by test_fit.
"""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from streamseg.training.fit import Run
from streamseg.training.loader import Order, Sample, batches
from streamseg.training.processes import ALONE, Share
from streamseg.training.stage import Schedule, Stage


class Curve(Stage[nn.Sequential]):
    """Learns |x| from shared batches; the critic learns the model's error, so that both are stepped."""

    name, ema_decay, validate_every, seed = "curve", 0.9, 4, 5
    critic: nn.Linear

    def __init__(self, killed_at: int | None = None) -> None:
        super().__init__()
        self.killed_at = killed_at
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

        return batches(Order(16, 2), sample, batch=8, first_step=first_step, steps=8, share=share)

    def losses(self, batch: Any) -> dict[str, Tensor]:
        x = batch[0]
        if self.step == self.killed_at:
            os.kill(os.getpid(), signal.SIGKILL)
        with torch.autocast("cpu", enabled=False):  # sums in another order are the only difference left
            return {"mse": (self.model(x) - x.abs() - self.critic(x).detach()).square().mean()}

    def critic_losses(self, batch: Any) -> dict[str, Tensor]:
        with torch.autocast("cpu", enabled=False):
            return {"critic": (self.critic(batch[0]) - 0.1).square().mean()}

    def validate(self, model: nn.Sequential) -> dict[str, float]:
        return {"score": -float(model(torch.zeros(1, 1)).abs())}


if __name__ == "__main__":
    steps = [int(step) for step in sys.argv[2:]]
    Run(Curve(*steps), Path(sys.argv[1]), save_every_s=0).fit()
