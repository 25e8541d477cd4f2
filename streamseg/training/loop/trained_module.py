"""One side of a training step: a network, its losses and its optimiser."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import torch
from lightning_fabric import Fabric
from torch import Tensor, nn

from streamseg.training.loop import checkpoint

Losses = Callable[[Any], dict[str, Tensor]]  # of a batch; terms already weighted

MAX_NORM = 5.0  # of a step's gradient


class _Terms(nn.Module):
    """The losses as a module of the network they train, so that Fabric sees all of a step in one call."""

    def __init__(self, network: nn.Module, losses: Losses) -> None:
        super().__init__()
        self.network, self.losses = network, losses

    def forward(self, batch: Callable[[], Any]) -> dict[str, Tensor]:
        return self.losses(batch())


class Learner:
    """A network learning from its losses; several processes see parts of a batch and take the same step."""

    def __init__(
        self, name: str, network: nn.Module, groups: list[dict[str, Any]], losses: Losses, fabric: Fabric
    ) -> None:
        """Move the network to Fabric's device and give it an optimiser.

        Args:
            name: Its place in a checkpoint.
            network: Trained in place.
            groups: Its parameters with their base learning rates, for AdamW.
            losses: Terms to minimise the sum of.
            fabric: Launched.
        """
        self.name, self.network, self.fabric = name, network, fabric
        self.optimiser = torch.optim.AdamW(groups)
        self.base_lr = [group["lr"] for group in self.optimiser.param_groups]
        if fabric.device.type == "cuda" and fabric.world_size > 1:
            network = nn.SyncBatchNorm.convert_sync_batchnorm(network)  # type: ignore[no-untyped-call]
        self._terms, self._stepper = fabric.setup(_Terms(network, losses), self.optimiser)

    def terms(self, batch: Any) -> dict[str, Tensor]:
        """The losses of a batch, ready for `step`."""
        self.network.train()
        # Behind a call: tensors Fabric would round to bfloat16, and motion needs more bits than that.
        terms: dict[str, Tensor] = self._terms(lambda: batch)
        return terms

    def step(self, total: Tensor, factor: float) -> None:
        """One step against the gradient of `total`, at `factor` times the base learning rates."""
        for group, lr in zip(self.optimiser.param_groups, self.base_lr, strict=True):
            group["lr"] = lr * factor
        self.optimiser.zero_grad(set_to_none=True)
        self.fabric.backward(total)
        self.fabric.clip_gradients(self._terms, self._stepper, max_norm=MAX_NORM, error_if_nonfinite=False)
        self._stepper.step()

    def packed(self) -> dict[str, Tensor]:
        """Weights and optimiser state, for a checkpoint."""
        return {
            **checkpoint.pack(self.name, self.network.state_dict()),
            **checkpoint.pack_optimiser(self.optimiser, f"{self.name}_optimiser"),
        }

    def unpack(self, tensors: Mapping[str, Tensor], path: Any) -> None:
        """Put back what `packed` gave.

        Raises:
            TrainingError: It belongs to another network.
        """
        checkpoint.load_model(self.network, tensors, self.name, path)
        checkpoint.unpack_optimiser(self.optimiser, tensors, f"{self.name}_optimiser")
