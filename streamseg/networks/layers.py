"""Pieces that several decoders are made of."""

from __future__ import annotations

import torch.nn.functional as F  # noqa: N812 the name torch's own documentation uses
from torch import Tensor, nn

from streamseg.networks.depthwise import DepthwiseConv2d


def separable(channels: int) -> nn.Sequential:
    """Depthwise 3×3 and pointwise 1×1, each normalised, then ReLU; keeps `[N, C, h, w]`."""
    return nn.Sequential(
        DepthwiseConv2d(channels, 3),
        nn.BatchNorm2d(channels),
        nn.Conv2d(channels, channels, 1, bias=False),
        nn.BatchNorm2d(channels),
        nn.ReLU(inplace=True),
    )


def lateral(inputs: int, outputs: int) -> nn.Sequential:
    """Pointwise projection of an encoder level to the decoder's width, linear."""
    return nn.Sequential(nn.Conv2d(inputs, outputs, 1, bias=False), nn.BatchNorm2d(outputs))


def convolution(inputs: int, outputs: int, kernel: int = 3, *, rate: int = 1) -> nn.Sequential:
    """Convolution over all channels, normalised, then ReLU; keeps h and w.

    Args:
        inputs: Channels in.
        outputs: Channels out.
        kernel: Odd size, cells.
        rate: Distance between the kernel's taps, cells ("atrous" when above 1).
    """
    pad = rate * (kernel // 2)
    conv = nn.Conv2d(inputs, outputs, kernel, padding=pad, dilation=rate, bias=False)
    return nn.Sequential(conv, nn.BatchNorm2d(outputs), nn.ReLU(inplace=True))


def resized(x: Tensor, like: Tensor) -> Tensor:
    """`x` `[N, C, h, w]`, bilinear, at the height and width of `like`."""
    return F.interpolate(x, size=like.shape[-2:], mode="bilinear", align_corners=False)
