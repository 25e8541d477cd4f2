"""What a training stage must know; the loop (`fit.Run`) knows the rest."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Generic

from torch import Tensor, nn

from streamseg.training.loop.distributed import ALONE, Share
from streamseg.training.loop.ema import M


@dataclass(frozen=True, slots=True)
class Schedule:
    """Linear warm-up, then the polynomial decay of DeepLab (Chen et al. 2017)."""

    steps: int
    warmup: int
    power: float = 0.9

    def factor(self, step: int) -> float:
        """What the base learning rates are multiplied by at `step`."""
        decay: float = (1 - step / self.steps) ** self.power
        return min(1.0, (step + 1) / max(self.warmup, 1)) * decay


class TrainingStage(ABC, Generic[M]):
    """A network to train, its data, its losses and its measures; a critic that learns beside it, or none.

    Attributes:
        name: Of the stage, its folder and its progress bar.
        model: The network.
        critic: Judges what the model makes and learns in the same step, from `critic_losses`; or None.
        schedule: Steps and learning rates.
        ema_decay: Of the moving average of the model's weights.
        validate_every: Steps between two measurements.
        seed: Of everything random.
        step: Steps done; set by the loop.
        noted: Figures of the last step that are no losses, for the log.
    """

    name: str
    model: M
    critic: nn.Module | None = None
    schedule: Schedule
    ema_decay: float
    validate_every: int
    seed: int
    step: int = 0

    def __init__(self) -> None:
        self.noted: dict[str, Tensor] = {}

    @abstractmethod
    def parameter_groups(self) -> list[dict[str, Any]]:
        """Parameters of the model with their base learning rates, for AdamW."""

    @abstractmethod
    def batches(self, first_step: int, share: Share = ALONE) -> Iterator[Any]:
        """A process's share of the batches from `first_step` on, the same whether the run was resumed or not.

        Raises:
            TrainingError: A batch cannot be shared by as many processes.
        """

    @abstractmethod
    def losses(self, batch: Any) -> dict[str, Tensor]:
        """Terms of the model's loss, already weighted; their sum is minimised."""

    @abstractmethod
    def validate(self, model: M) -> dict[str, float]:
        """Measures of the averaged model; `score` decides which weights are kept as best."""

    def critic_groups(self) -> list[dict[str, Any]]:
        """Parameters of the critic with their base learning rates."""
        return []

    def critic_losses(self, batch: Any) -> dict[str, Tensor]:
        """Terms of the critic's loss; called after `losses` of the same batch."""
        raise NotImplementedError

    def remark(self) -> str | None:
        """What whoever watches the run should know after a measurement, in words."""
        return None
