"""DeepLab decoder: one look at several distances at stride 16, sharpened by the finest level.

Atrous spatial pyramid pooling of Chen et al. 2017 (DeepLabv3), with the rates given there for stride 16, and
the low-level skip of Chen et al. 2018 (v3+). The encoder keeps its stride of 32, for which its weights were
trained; that level is added to the one at stride 16 instead of being computed there with holes.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from streamseg.networks.layers import convolution, lateral, resized, separable

RATES = (6, 12, 18)  # cells of stride 16
DETAIL = 48  # channels of the low-level skip: few, so that it sharpens edges and decides little (v3+)


class DeepLab(nn.Module):
    """Pyramid, skip, and two convolutions at stride 4."""

    title = "DeepLabv3+"

    def __init__(self, channels: Sequence[int], *, width: int = 96) -> None:
        """Build the decoder.

        Args:
            channels: Channels of the encoder's four levels, finest first.
            width: Channels of the pyramid.
        """
        super().__init__()
        self.sixteenth, self.top = lateral(channels[2], width), lateral(channels[3], width)
        self.pyramid = AtrousPyramid(width)
        self.detail = convolution(channels[0], DETAIL, 1)
        self.mix = convolution(width + DETAIL, width, 1)
        self.refine = nn.Sequential(separable(width), separable(width))

    def forward(self, levels: Sequence[Tensor]) -> Tensor:
        """Merge levels `[N, c, h, w]`, finest first, into `[N, width, h0, w0]` at the finest level's size."""
        fine, _, sixteenth, top = levels
        x = self.sixteenth(sixteenth)
        x = self.pyramid(x + resized(self.top(top), x))
        x = self.mix(torch.cat([resized(x, fine), self.detail(fine)], 1))
        refined: Tensor = self.refine(x)
        return refined


class AtrousPyramid(nn.Module):
    """The cell itself, its surroundings at three distances, and the whole map; keeps `[N, C, h, w]`."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        near = convolution(channels, channels, 1)
        far = (convolution(channels, channels, rate=rate) for rate in RATES)
        self.branches = nn.ModuleList([near, *far])
        # Not normalised: a batch of one has a single value a channel here.
        self.context = nn.Sequential(nn.Conv2d(channels, channels, 1), nn.ReLU(inplace=True))
        self.project = convolution((len(RATES) + 2) * channels, channels, 1)

    def forward(self, x: Tensor) -> Tensor:
        """Look around."""
        context = self.context(x.mean((2, 3), keepdim=True)).expand_as(x)
        looks = [branch(x) for branch in self.branches]
        merged: Tensor = self.project(torch.cat([*looks, context], 1))
        return merged
