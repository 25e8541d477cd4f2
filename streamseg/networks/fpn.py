"""FPN decoder: feature maps of four strides in, one map at stride 4 out.

Lin et al. 2017 (Feature Pyramid Networks), with depthwise separable convolutions (Howard et al. 2017) and the
global average of the top level added to it (ParseNet, Liu et al. 2015), which gives every cell the whole
picture as context.
"""

from __future__ import annotations

from collections.abc import Sequence

from torch import Tensor, nn

from streamseg.networks.layers import lateral, resized, separable


class FPN(nn.Module):
    """Top-down pyramid with one separable block a level and two at the finest."""

    title = "FPN"

    def __init__(self, channels: Sequence[int], *, width: int = 96) -> None:
        """Build the decoder.

        Args:
            channels: Channels of the encoder's levels, finest first.
            width: Channels of the pyramid.
        """
        super().__init__()
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
            x = self.smooth[index](self.laterals[index](level) + resized(x, level))
        refined: Tensor = self.refine(x)
        return refined
