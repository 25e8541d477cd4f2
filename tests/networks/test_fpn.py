"""The pyramid merges levels of any sizes and number at the finest one's."""

from __future__ import annotations

import torch

from streamseg.networks.fpn import FPN


def test_the_finest_level_sets_the_size() -> None:
    levels = [torch.randn(2, c, h, w) for c, h, w in ((4, 23, 31), (6, 12, 16), (8, 6, 8))]
    assert FPN((4, 6, 8), width=16)(levels).shape == (2, 16, 23, 31)


def test_the_top_level_reaches_every_cell() -> None:
    decoder = FPN((4, 6), width=8).eval()
    fine, top = torch.randn(1, 4, 8, 8), torch.randn(1, 6, 4, 4, requires_grad=True)
    decoder([fine, top])[0, :, 0, 0].sum().backward()
    assert top.grad is not None
    assert top.grad[..., -1, -1].abs().sum() > 0, "the global average carries far corners over"
