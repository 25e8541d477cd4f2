"""One side of a training step."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from lightning_fabric import Fabric
from torch import Tensor, nn

from streamseg.errors import TrainingError
from streamseg.training.loop.trained_module import Learner


def learner(name: str = "model", precision: str = "bf16-mixed") -> Learner:
    torch.manual_seed(0)
    network = nn.Linear(3, 1)

    def losses(batch: Tensor) -> dict[str, Tensor]:
        assert batch.dtype == torch.float32, "not rounded on its way"
        return {"square": network(batch).float().square().mean()}

    groups = [{"params": list(network.parameters()), "lr": 0.5}]
    fabric = Fabric(accelerator="cpu", devices=1, precision=precision)  # type: ignore[arg-type]
    return Learner(name, network, groups, losses, fabric)


def test_a_step_goes_down_at_a_share_of_the_rate() -> None:
    one, batch = learner(), torch.ones(4, 3)
    before = one.terms(batch)["square"]
    one.step(before, 0.1)
    assert one.optimiser.param_groups[0]["lr"] == pytest.approx(0.05)
    assert one.terms(batch)["square"] < before


def test_multiplications_are_rounded_and_sums_are_not() -> None:
    batch = torch.full((1, 3), 1.001)
    rounded, exact = (learner(precision=p).terms(batch)["square"].item() for p in ("bf16-mixed", "32-true"))
    assert rounded != exact
    assert rounded == pytest.approx(exact, rel=0.05)


def test_weights_and_optimiser_come_back(tmp_path: Path) -> None:
    one, batch = learner("critic"), torch.ones(4, 3)
    one.step(one.terms(batch)["square"], 1.0)
    kept = {name: tensor.clone() for name, tensor in one.packed().items()}
    assert {name.split(".")[0] for name in kept} == {"critic", "critic_optimiser"}
    other = learner("critic")
    other.unpack(kept, tmp_path)
    for side in (one, other):
        side.step(side.terms(batch)["square"], 1.0)
    assert torch.equal(one.network.weight, other.network.weight)  # type: ignore[arg-type]
    with pytest.raises(TrainingError, match="another recipe"):
        learner("model").unpack(kept, tmp_path)
