"""The plain recurrence: the textbook's formula, on a state carried along the motion."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
import torch.nn.functional as F  # noqa: N812
from torch import Tensor

from streamseg.networks.rnn import RNNStabiliser
from streamseg.networks.stabiliser import warp
from tests.networks.contract import (
    StepGraph,
    check_every_weight_learns,
    check_export,
    check_rows_do_not_mix,
    step_inputs,
)

STILL = torch.zeros(1, 2, 6, 8)


@pytest.fixture
def stabiliser() -> RNNStabiliser:
    torch.manual_seed(0)
    return RNNStabiliser(3, hidden=2)


def saying(best: int, sure: float) -> Tensor:
    logits = torch.zeros(1, 3, 6, 8)
    logits[:, best] = sure
    return logits


def test_the_state_is_the_textbooks(stabiliser: RNNStabiliser) -> None:
    logits, guide, _, memory = step_inputs(stabiliser).values()
    flow = torch.zeros(2, 2, 6, 8)
    flow[:, 0] = 1.0  # everything was one cell to the right
    shifted = F.pad(memory[..., 1:], (0, 1))
    x = torch.cat([logits.softmax(1), guide], 1)
    inner = F.conv2d(x, stabiliser.new.weight, stabiliser.new.bias, padding=1)
    expected = torch.tanh(inner + F.conv2d(shifted, stabiliser.past.weight, padding=1))
    torch.testing.assert_close(stabiliser.step(logits, guide, flow, memory), expected, rtol=1e-4, atol=1e-5)


def test_a_new_network_reads_a_sure_frame_out(stabiliser: RNNStabiliser) -> None:
    nothing, guide = torch.zeros(1, stabiliser.memory_channels, 6, 8), torch.full((1, 1, 6, 8), 0.5)
    labels, confidence, memory = stabiliser(saying(2, 6.0), guide, STILL, nothing)
    assert labels.shape == confidence.shape == (1, 24, 32)
    assert (labels == 2).all()
    assert memory.shape == (1, 5, 6, 8)


def test_a_new_network_remembers_and_lets_go(stabiliser: RNNStabiliser) -> None:
    guide = torch.full((1, 1, 6, 8), 0.5)
    memory = torch.zeros(1, stabiliser.memory_channels, 6, 8)
    for _ in range(3):
        memory = stabiliser.step(saying(0, 6.0), guide, STILL, memory)
    doubtful = stabiliser.step(saying(1, 0.3), guide, STILL, memory)
    certain = stabiliser.step(saying(1, 6.0), guide, STILL, memory)
    assert (stabiliser.scores(doubtful).argmax(1) == 0).all()
    assert (stabiliser.scores(certain).argmax(1) == 1).all()


def test_without_a_past_the_flow_does_not_matter(stabiliser: RNNStabiliser) -> None:
    logits, guide, flow, memory = step_inputs(stabiliser).values()
    nothing = torch.zeros_like(memory)
    assert not warp(nothing, flow).any()
    assert torch.equal(
        stabiliser.step(logits, guide, flow, nothing), stabiliser.step(logits, guide, 0 * flow, nothing)
    )


def test_it_keeps_the_contract(stabiliser: RNNStabiliser, tmp_path: Path) -> None:
    given = step_inputs(stabiliser)
    step = StepGraph(stabiliser)
    check_every_weight_learns(step, step(*given.values())[1].square().sum())
    check_rows_do_not_mix(step, *given.values())
    check_export(step, given, tmp_path / "rnn.onnx")
