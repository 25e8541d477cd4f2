"""U-Net decoder: upsample, put the encoder's level beside it, convolve twice; down to the finest.

Ronneberger et al. 2015, with batch normalisation, padded convolutions (no cropping), bilinear upsampling in
place of up-convolutions and the same width at every level.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from streamseg.networks.layers import convolution, resized


class UNet(nn.Module):
    """The expanding path; the encoder is the contracting one."""

    title = "U-Net"

    def __init__(self, channels: Sequence[int], *, width: int = 96) -> None:
        """Build the decoder.

        Args:
            channels: Channels of the encoder's levels, finest first.
            width: Channels of the expanding path.
        """
        super().__init__()
        self.top = convolution(channels[-1], width, 1)
        self.merge = nn.ModuleList(
            nn.Sequential(convolution(width + c, width), convolution(width, width)) for c in channels[:-1]
        )

    def forward(self, levels: Sequence[Tensor]) -> Tensor:
        """Merge levels `[N, c, h, w]`, finest first, into `[N, width, h0, w0]` at the finest level's size."""
        x: Tensor = self.top(levels[-1])
        for merge, level in zip(reversed(self.merge), reversed(levels[:-1]), strict=True):
            x = merge(torch.cat([level, resized(x, level)], 1))
        return x
