"""DeepLab: the pyramid's reach, and the skip's detail."""

from __future__ import annotations

import torch

from streamseg.networks.deeplab import AtrousPyramid, DeepLab


def test_the_pyramid_looks_at_its_rates() -> None:
    torch.manual_seed(0)
    pyramid = AtrousPyramid(2).eval()
    torch.nn.init.zeros_(next(pyramid.context.parameters()))  # or the whole map would be seen
    x = torch.rand(1, 2, 41, 41, requires_grad=True)
    for branch in pyramid.branches:
        torch.nn.init.ones_(next(branch.parameters()))
    torch.nn.init.ones_(next(pyramid.project.parameters()))
    pyramid(x)[0, :, 20, 20].sum().backward()
    assert x.grad is not None
    rows = x.grad.abs().sum((0, 1, 3)).nonzero().flatten() - 20
    assert rows.tolist() == [-18, -12, -6, 0, 6, 12, 18]


def test_one_picture_can_be_learnt_from() -> None:
    pyramid = AtrousPyramid(4).train()
    assert pyramid(torch.randn(1, 4, 3, 3)).isfinite().all()


def test_the_finest_level_sharpens() -> None:
    torch.manual_seed(0)
    decoder = DeepLab((3, 4, 5, 6), width=8).eval()
    levels = [torch.randn(1, 3 + k, 16 >> k, 16 >> k) for k in range(4)]
    touched = [levels[0].clone(), *levels[1:]]
    touched[0][..., 8, 8] += 1
    changed = (decoder(levels) - decoder(touched)).abs().sum((0, 1)).nonzero()
    assert len(changed)
    assert changed.min() >= 6
    assert changed.max() <= 10


def test_the_second_level_has_no_part() -> None:
    decoder = DeepLab((3, 4, 5, 6), width=8).eval()
    levels = [torch.randn(1, 3 + k, 16 >> k, 16 >> k) for k in range(4)]
    other = [levels[0], torch.randn(1, 4, 8, 8), *levels[2:]]
    assert torch.equal(decoder(levels), decoder(other))
