"""The VGG encoder: strides, channels, and how little there is of it."""

from __future__ import annotations

import torch

from streamseg.networks.vgg import VGG


def test_levels_have_strides_four_to_thirty_two_rounded_up() -> None:
    levels = VGG().eval()(torch.zeros(1, 3, 50, 96))
    assert [tuple(level.shape[1:]) for level in levels] == [
        (32, 13, 24),
        (64, 7, 12),
        (128, 4, 6),
        (128, 2, 3),
    ]


def test_it_has_the_eight_convolutions_of_vgg_11() -> None:
    kernels = [p for p in VGG().parameters() if p.dim() == 4]
    assert [k.shape[0] for k in kernels] == [16, 32, 64, 64, 128, 128, 128, 128]
    assert {tuple(k.shape[2:]) for k in kernels} == {(3, 3)}


def test_a_cell_sees_its_surroundings_and_no_more() -> None:
    torch.manual_seed(0)
    picture = torch.rand(1, 3, 128, 128, requires_grad=True)
    VGG().eval()(picture)[0][0, :, 16, 16].sum().backward()
    assert picture.grad is not None
    seen = picture.grad.abs().sum((0, 1)).nonzero()
    # Cell 16 pools pixels 64…67; the convolutions add a ring of one cell of their own stride, 1 px and 2 px.
    assert set(seen[:, 0].tolist()) == set(range(64 - 3, 68 + 3))
