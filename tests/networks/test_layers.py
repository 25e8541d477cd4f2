"""Pieces of decoders: what they keep, and how far they look."""

from __future__ import annotations

import torch

from streamseg.networks.layers import convolution, lateral, resized, separable


def test_sizes_are_kept() -> None:
    x = torch.randn(2, 6, 5, 7)
    assert separable(6)(x).shape == x.shape
    assert lateral(6, 4)(x).shape == (2, 4, 5, 7)
    for kernel, rate in ((1, 1), (3, 1), (3, 2)):
        assert convolution(6, 4, kernel, rate=rate)(x).shape == (2, 4, 5, 7)


def test_a_lateral_is_linear() -> None:
    layer = lateral(3, 4).eval()
    a, b = torch.randn(1, 3, 2, 2), torch.randn(1, 3, 2, 2)
    torch.testing.assert_close(layer(a + b), layer(a) + layer(b))


def test_a_rate_spreads_the_taps() -> None:
    layer = convolution(1, 1, rate=3).eval()
    torch.nn.init.ones_(next(layer.parameters()))
    point = torch.zeros(1, 1, 9, 9)
    point[..., 4, 4] = 1
    rows = layer(point)[0, 0].sum(1).nonzero().flatten()
    assert rows.tolist() == [1, 4, 7]


def test_resizing_takes_the_other_maps_size() -> None:
    ramp = torch.tensor([[0.0, 4.0]]).expand(1, 1, 1, 2)
    out = resized(ramp, torch.zeros(1, 5, 2, 4))
    torch.testing.assert_close(out[0, 0], torch.tensor([0.0, 1.0, 3.0, 4.0]).expand(2, 4))
