"""Discriminators: is this map of classes one that a person drew, or one that a network guessed?

Luc et al. 2016 judge a map together with its picture; Hung et al. 2018 made the judge fully convolutional,
with a verdict for each cell. The temporal one judges two neighbouring maps: do they change as things move?
Small, so that they learn on a CPU beside the network they judge; used in training only.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F  # noqa: N812 the name torch's own documentation uses
from torch import Tensor, nn

from streamseg.networks.layers import resized

WIDTHS = (32, 64, 128, 128)  # channels after each halving
LEAK = 0.2


class Judge(nn.Module):
    """Strided convolutions and a verdict for each cell; no normalisation, which would mix the rows."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        layers: list[nn.Module] = []
        for inputs, outputs in zip((channels, *WIDTHS), WIDTHS, strict=False):
            layers += [_halving(inputs, outputs), nn.LeakyReLU(LEAK, inplace=True)]
        self.layers = nn.Sequential(*layers, nn.Conv2d(WIDTHS[-1], 1, 3, padding=1))

    def forward(self, x: Tensor) -> Tensor:
        """Logits `[N, 1, h, w]` of `[N, channels, h, w]`: above 0 means "drawn by a person"."""
        return resized(self.layers(x), x)


def _halving(inputs: int, outputs: int) -> nn.Conv2d:
    """Strided convolution that keeps the signal's strength (He et al. 2015): nothing is normalised here."""
    conv = nn.Conv2d(inputs, outputs, 3, stride=2, padding=1)
    nn.init.kaiming_normal_(conv.weight, a=LEAK)
    return conv


class SpatialDiscriminator(nn.Module):
    """Judges a map of classes together with the picture it is of."""

    def __init__(self, classes: int) -> None:
        super().__init__()
        self.judge = Judge(3 + classes)

    def forward(self, image: Tensor, probabilities: Tensor) -> Tensor:
        """Judge maps.

        Args:
            image: RGB 0…1, `[N, 3, H, W]` of any size; averaged down to the map's.
            probabilities: `[N, C, h, w]`; of labels, one-hot.

        Returns:
            Logits `[N, 1, h, w]`: above 0 means "drawn by a person".
        """
        h, w = probabilities.shape[-2:]
        small = F.adaptive_avg_pool2d(image, (h, w))
        verdict: Tensor = self.judge(torch.cat([small, probabilities], 1))
        return verdict


class TemporalDiscriminator(nn.Module):
    """Judges two consecutive maps, the earlier one carried along the motion to where the later one is."""

    def __init__(self, classes: int) -> None:
        super().__init__()
        self.judge = Judge(2 * classes + 1)

    def forward(self, now: Tensor, before: Tensor, known: Tensor) -> Tensor:
        """Judge pairs.

        Args:
            now: Probabilities `[N, C, h, w]`; of labels, one-hot.
            before: Those of the frame before, warped, `[N, C, h, w]`.
            known: 1 where `before` says anything, else 0, `[N, 1, h, w]`; there it is not looked at.

        Returns:
            Logits `[N, 1, h, w]`: above 0 means "drawn by a person".
        """
        verdict: Tensor = self.judge(torch.cat([now, before * known, known], 1))
        return verdict
