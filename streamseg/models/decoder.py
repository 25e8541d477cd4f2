"""FPN decoder: feature maps of four strides in, one map at stride 4 out.

Lin et al. 2017 (Feature Pyramid Networks), with depthwise separable convolutions (Howard et al. 2017) and the
global average of the top level added to it (ParseNet, Liu et al. 2015), which gives every cell the whole
picture as context.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch.nn.functional as F  # noqa: N812 the name torch's own documentation uses
from torch import Tensor, nn

from streamseg.models.depthwise import DepthwiseConv2d


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
    """Pointwise projection of an encoder level to the pyramid's width."""
    return nn.Sequential(nn.Conv2d(inputs, outputs, 1, bias=False), nn.BatchNorm2d(outputs))


class FPN(nn.Module):
    """Top-down pyramid with one separable block a level and two at the finest."""

    def __init__(self, channels: Sequence[int], *, width: int = 96) -> None:
        """Build the decoder.

        Args:
            channels: Channels of the encoder's levels, finest first.
            width: Channels of the pyramid.
        """
        super().__init__()
        self.width = width
        self.laterals = nn.ModuleList(lateral(c, width) for c in channels)
        self.context = nn.Conv2d(channels[-1], width, 1)
        self.smooth = nn.ModuleList(separable(width) for _ in channels)
        self.refine = separable(width)

    def forward(self, levels: Sequence[Tensor]) -> Tensor:
        """Merge levels `[N, c, h, w]`, finest first, into `[N, width, h0, w0]` at the finest level's size."""
        top = levels[-1]
        context = self.context(top.mean((2, 3), keepdim=True))
        x = self.smooth[-1](self.laterals[-1](top) + context)
        for index in range(len(levels) - 2, -1, -1):
            level = levels[index]
            x = F.interpolate(x, size=level.shape[-2:], mode="bilinear", align_corners=False)
            x = self.smooth[index](self.laterals[index](level) + x)
        refined: Tensor = self.refine(x)
        return refined
