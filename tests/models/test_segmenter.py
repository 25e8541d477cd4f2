"""The per-frame network: shapes, gradients, odd sizes, clips."""

from __future__ import annotations

import pytest
import torch

from streamseg.models.segmenter import Segmenter


@pytest.fixture(scope="module")
def model() -> Segmenter:
    torch.manual_seed(0)
    return Segmenter(3, width=16, pretrained=False).eval()


@pytest.mark.parametrize(("height", "width"), [(64, 96), (50, 70), (33, 65)])
def test_logits_are_at_stride_four_rounded_up(model: Segmenter, height: int, width: int) -> None:
    logits = model(torch.zeros(2, 3, height, width, dtype=torch.uint8))
    assert logits.shape == (2, 3, -(-height // 4), -(-width // 4))
    assert logits.dtype is torch.float32


def test_a_clip_gives_what_its_frames_give(model: Segmenter) -> None:
    clip = torch.randint(0, 256, (2, 3, 3, 48, 64), dtype=torch.uint8)
    with torch.inference_mode():
        together, alone = model(clip), torch.stack([model(frames) for frames in clip])
    torch.testing.assert_close(together, alone, rtol=1e-4, atol=1e-4)


def test_every_weight_learns() -> None:
    model = Segmenter(3, width=16, pretrained=False).train()
    model(torch.randint(0, 256, (2, 3, 64, 64), dtype=torch.uint8)).square().sum().backward()
    assert [name for name, p in model.named_parameters() if p.grad is None] == []


def test_pretrained_encoders_start_alike() -> None:
    starts = [Segmenter(3, width=16, pretrained=True).encoder.state_dict() for _ in range(2)]
    assert all(torch.equal(starts[0][name], starts[1][name]) for name in starts[0])
