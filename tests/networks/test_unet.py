"""U-Net: every level reaches the output; the finest one with its full detail."""

from __future__ import annotations

import torch

from streamseg.networks.unet import UNet


def test_every_level_is_heard() -> None:
    torch.manual_seed(0)
    decoder = UNet((3, 4, 5, 6), width=8).eval()
    levels = [torch.randn(1, 3 + k, 16 >> k, 16 >> k, requires_grad=True) for k in range(4)]
    decoder(levels).square().sum().backward()
    assert all(level.grad is not None and level.grad.any() for level in levels)


def test_detail_stays_where_it_is() -> None:
    torch.manual_seed(0)
    decoder = UNet((3, 4), width=8).eval()
    fine, top = torch.randn(1, 3, 16, 16), torch.randn(1, 4, 8, 8)
    touched = fine.clone()
    touched[..., 8, 8] += 1
    changed = (decoder([fine, top]) - decoder([touched, top])).abs().sum((0, 1)).nonzero()
    assert changed.min() >= 6, "two 3×3 convolutions reach two cells"
    assert changed.max() <= 10
