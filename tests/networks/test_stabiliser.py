"""The recurrent stage: warping, no past, and memory that is only ever passed."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from torch import Tensor

from streamseg.networks.stabiliser import ConvGRUStabiliser, warp
from tests.networks.contract import (
    StepGraph,
    check_every_weight_learns,
    check_export,
    check_rows_do_not_mix,
    step_inputs,
)


@pytest.fixture
def stabiliser() -> ConvGRUStabiliser:
    torch.manual_seed(0)
    return ConvGRUStabiliser(3, hidden=2, width=8).eval()


def frame(seed: int) -> tuple[Tensor, Tensor]:
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(1, 3, 6, 8, generator=generator), torch.rand(1, 1, 6, 8, generator=generator)


STILL = torch.zeros(1, 2, 6, 8)


def test_warp_fetches_from_where_the_flow_points() -> None:
    memory = torch.arange(48.0).view(1, 1, 6, 8)
    flow = torch.zeros(1, 2, 6, 8)
    flow[:, 0], flow[:, 1] = 2.0, -1.0
    moved = warp(memory, flow)
    torch.testing.assert_close(moved[..., 1:, :6], memory[..., :5, 2:])
    assert moved[..., 0, :].abs().max() < 1e-4, "nothing comes from above the picture"
    assert moved[..., 6:].abs().max() < 1e-4, "nor from beyond its right edge"


def test_without_a_past_the_flow_does_not_matter(stabiliser: ConvGRUStabiliser) -> None:
    logits, guide = frame(1)
    nothing = torch.zeros(1, stabiliser.memory_channels, 6, 8)
    still = stabiliser(logits, guide, STILL, nothing)
    moving = stabiliser(logits, guide, torch.randn(1, 2, 6, 8), nothing)
    assert all(torch.equal(a, b) for a, b in zip(still, moving, strict=True))


def test_without_a_past_a_new_network_reads_the_frame_out(stabiliser: ConvGRUStabiliser) -> None:
    logits, guide = frame(1)
    labels, _, memory = stabiliser(logits, guide, STILL, torch.zeros(1, stabiliser.memory_channels, 6, 8))
    assert torch.equal(labels, stabiliser.readout(logits)[0])
    assert torch.equal(memory[:, -2:-1], guide)
    assert memory[:, -1].unique().tolist() == [1.0]


def test_the_past_steadies(stabiliser: ConvGRUStabiliser) -> None:
    logits, guide = frame(1)
    noisy = logits + torch.randn(1, 3, 6, 8)
    _, _, memory = stabiliser(logits, guide, STILL, torch.zeros(1, stabiliser.memory_channels, 6, 8))
    _, _, after = stabiliser(noisy, guide, STILL, memory)
    before, now = memory[:, :3], after[:, :3]
    torch.testing.assert_close(now.sum(1), torch.ones(1, 6, 8))
    assert (now - before).norm() < (noisy.softmax(1) - before).norm()


def shown(stabiliser: ConvGRUStabiliser, *frames: tuple[Tensor, Tensor]) -> Tensor:
    """Probabilities `[1, 3, 6, 8]` after these frames of a picture that stands still."""
    memory = torch.zeros(1, stabiliser.memory_channels, 6, 8)
    for logits, guide in frames:
        memory = stabiliser.step(logits, guide, STILL, memory)
    return memory[:, :3]


def scores(best: int, sure: float) -> Tensor:
    logits = torch.zeros(1, 3, 6, 8)
    logits[:, best] = sure
    return logits


def test_a_new_network_believes_a_sure_frame_sooner_than_an_unsure_one(stabiliser: ConvGRUStabiliser) -> None:
    guide = torch.full((1, 1, 6, 8), 0.5)
    past = (scores(0, 3), guide)
    doubtful = shown(stabiliser, past, (scores(1, 0.5), guide))
    certain = shown(stabiliser, past, (scores(1, 9), guide))
    assert doubtful[:, 0].min() > 0.75, "the past is kept"
    assert certain[:, 1].mean() > 4 * doubtful[:, 1].mean()


def test_a_new_network_lets_go_where_the_picture_changed(stabiliser: ConvGRUStabiliser) -> None:
    guide = torch.full((1, 1, 6, 8), 0.2)
    other = guide.clone()
    other[..., :1] = 0.8
    now = shown(stabiliser, (scores(0, 3), guide), (scores(1, 3), other))
    assert (now[..., :1].argmax(1) == 1).all()
    assert now[:, 1, :, :1].min() > 2 * now[:, 1, :, 1:].max()


def test_it_keeps_the_contract(stabiliser: ConvGRUStabiliser, tmp_path: Path) -> None:
    given = step_inputs(stabiliser)
    step = StepGraph(stabiliser)
    memory, scores = step(*given.values())
    check_every_weight_learns(step, memory.square().sum() + scores.square().sum())
    check_rows_do_not_mix(step, *given.values())
    check_export(step, given, tmp_path / "gru.onnx")


def test_every_weight_learns_through_three_frames() -> None:
    torch.manual_seed(0)
    stabiliser = ConvGRUStabiliser(3, hidden=2, width=8)
    memory = torch.zeros(1, stabiliser.memory_channels, 6, 8)
    for seed in (1, 2, 3):
        logits, guide = frame(seed)
        memory = stabiliser.step(logits, guide, STILL, memory)
    check_every_weight_learns(stabiliser, memory.square().sum())


def test_another_scene_is_let_go_even_where_it_looks_alike(stabiliser: ConvGRUStabiliser) -> None:
    """Cells cannot tell: those of the left half are as bright as before and say no less than they did."""
    grey = torch.full((1, 1, 6, 8), 0.5)
    other = grey.clone()
    other[..., 4:] = 1.0
    before, after = scores(0, 2.0), scores(1, 2.0)
    cut = shown(stabiliser, (before, grey), (after, other))
    torch.testing.assert_close(cut, after.softmax(1), atol=0.01, rtol=0)
    moved = grey.clone()
    moved[..., 7:] = 1.0  # a thing passes by: the rest remembers
    kept = shown(stabiliser, (before, grey), (after, moved))
    assert (kept[..., :4] - after.softmax(1)[..., :4]).abs().max() > 0.05
