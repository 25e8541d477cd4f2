"""Checkpoints: whole or not at all, and never another network's."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from torch import nn

from streamseg.errors import TrainingError
from streamseg.training.loop import checkpoint


def test_tensors_and_counters_come_back(tmp_path: Path) -> None:
    path = tmp_path / "run/checkpoint.safetensors"
    checkpoint.save(path, {"a.b": torch.arange(3)}, {"step": 7, "history": [{"x": 1.5}]})
    tensors, counters = checkpoint.load(path)
    assert tensors["a.b"].tolist() == [0, 1, 2]
    assert counters == {"step": 7, "history": [{"x": 1.5}]}
    assert list(path.parent.iterdir()) == [path]


def test_a_failed_write_leaves_the_last_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "c.safetensors"
    checkpoint.save(path, {"a": torch.zeros(1)}, {"step": 1})

    def full(*_: object, **__: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(checkpoint, "save_file", full)
    with pytest.raises(TrainingError, match=r"No space left.*last good one is kept"):
        checkpoint.save(path, {"a": torch.ones(1)}, {"step": 2})
    assert checkpoint.load(path)[1] == {"step": 1}


@pytest.mark.parametrize("content", [b"", b"not a checkpoint at all", b"\x08\0\0\0\0\0\0\0{}"])
def test_damaged_file_is_an_error_that_names_it(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "c.safetensors"
    path.write_bytes(content)
    if content.endswith(b"{}"):
        path.write_bytes(content[:-1])
    with pytest.raises(TrainingError, match="cannot read"):
        checkpoint.load(path)


def test_optimiser_state_comes_back() -> None:
    def fresh() -> tuple[nn.Linear, torch.optim.AdamW]:
        torch.manual_seed(0)
        model = nn.Linear(2, 2)
        return model, torch.optim.AdamW(model.parameters(), lr=0.1)

    def step(model: nn.Linear, optimiser: torch.optim.AdamW) -> None:
        optimiser.zero_grad()
        model(torch.ones(1, 2)).sum().backward()
        optimiser.step()

    model, optimiser = fresh()
    step(model, optimiser)
    copy, resumed = fresh()
    copy.load_state_dict(model.state_dict())
    saved = {name: tensor.clone() for name, tensor in checkpoint.pack_optimiser(optimiser, "o").items()}
    checkpoint.unpack_optimiser(resumed, saved, "o")
    step(model, optimiser)
    step(copy, resumed)
    assert torch.equal(model.weight, copy.weight)


def test_weights_of_another_network_are_refused() -> None:
    tensors = checkpoint.pack("model", nn.Linear(2, 2).state_dict())
    with pytest.raises(TrainingError, match="made by another recipe"):
        checkpoint.load_model(nn.Linear(3, 2), tensors, "model", Path("c"))
