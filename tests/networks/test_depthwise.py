"""Depthwise convolution: TensorFlow's padding, and gradients under autocast."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
import torch.nn.functional as F  # noqa: N812

from streamseg.networks.depthwise import DepthwiseConv2d
from tests.networks.contract import check_export


@pytest.mark.parametrize("size", [7, 8])
@pytest.mark.parametrize("stride", [1, 2])
def test_output_is_the_size_divided_by_the_stride_rounded_up(size: int, stride: int) -> None:
    out = DepthwiseConv2d(4, 5, stride=stride)(torch.zeros(1, 4, size, size))
    assert out.shape[-1] == -(-size // stride)


def test_the_odd_pixel_of_padding_goes_right_and_below() -> None:
    layer = DepthwiseConv2d(1, 3, stride=2)
    x = torch.randn(1, 1, 8, 8)
    expected = F.conv2d(F.pad(x, (0, 1, 0, 1)), layer.weight, stride=2)
    torch.testing.assert_close(layer(x), expected)


@pytest.mark.parametrize(("kernel", "size"), [(3, 7), (5, 8)])
def test_exported_equals_eager_at_odd_sizes_too(kernel: int, size: int, tmp_path: Path) -> None:
    layer = DepthwiseConv2d(4, kernel, stride=2).eval()
    check_export(layer, {"x": torch.randn(2, 4, size, size + 1)}, tmp_path / "layer.onnx")


@pytest.mark.parametrize("stride", [1, 2])
def test_mixed_precision_gradients_are_those_of_float32(stride: int) -> None:
    torch.manual_seed(0)
    layer = DepthwiseConv2d(8, 3, stride=stride).train()
    x = torch.randn(2, 8, 12, 12)
    gradients = []
    for autocast in (False, True):
        source = x.clone().requires_grad_()
        with torch.autocast("cpu", torch.bfloat16, enabled=autocast):
            out = layer(source)
        gradients.append(torch.autograd.grad(out.float().square().sum(), (source, layer.weight)))
    for exact, mixed in zip(*gradients, strict=True):
        assert (exact - mixed).norm() < 0.02 * exact.norm()
