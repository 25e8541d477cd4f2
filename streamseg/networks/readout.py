"""From class scores at stride 4 to the published label map: upsampling, argmax and confidence in the graph.

Bilinear upsampling by a whole factor s gives s² interleaved pictures, each a fixed blend of four
neighbours. Taking the argmax of each small picture and interleaving the *labels* gives the same map as
upsampling all scores first, but never holds them at full size, where reading and writing them costs more
than all the arithmetic.
"""

from __future__ import annotations

import math

import torch
import torch.nn.functional as F  # noqa: N812 the name torch's own documentation uses
from torch import Tensor, nn


class Readout(nn.Module):
    """Upsample scores bilinearly (half-pixel centres); the best class of each pixel, and how likely."""

    def __init__(self, factor: int = 4) -> None:
        """Build the module.

        Args:
            factor: How many times larger the label map is than the scores, in each direction.
        """
        super().__init__()
        self.taps = [_tap(phase, factor) for phase in range(factor)]
        self.factor = factor

    def forward(self, scores: Tensor) -> tuple[Tensor, Tensor]:
        """Read logits or log-probabilities out.

        Args:
            scores: `[N, C, h, w]`.

        Returns:
            Labels `[N, H, W]` uint8 and confidence `[N, H, W]` uint8: the best class's probability, 255 =
            certain. The probability is taken on the small map and upsampled, a sixteenth of the work of a
            softmax over the large one.
        """
        labels = [phase.argmax(1, keepdim=True).float() for phase in self._phases(scores)]
        certain = self._phases(scores.softmax(1).amax(1, keepdim=True) * 255)
        return self._interleave(labels), self._interleave(certain)

    def _phases(self, x: Tensor) -> list[Tensor]:
        """The `factor`² interleaved pictures of the upsampled `x`, row by row."""
        h, w = x.shape[-2:]
        x = F.pad(x, (1, 1, 1, 1), mode="replicate")
        rows = [torch.lerp(x[..., k : k + h, :], x[..., k + 1 : k + 1 + h, :], f) for k, f in self.taps]
        return [
            torch.lerp(r[..., k : k + w], r[..., k + 1 : k + 1 + w], f) for r in rows for k, f in self.taps
        ]

    def _interleave(self, phases: list[Tensor]) -> Tensor:
        rounded = torch.cat(phases, 1) + 0.5  # to uint8 means floor; on labels it changes nothing
        return F.pixel_shuffle(rounded, self.factor)[:, 0].to(torch.uint8)


def _tap(phase: int, factor: int) -> tuple[int, float]:
    """Left neighbour (in the padded map) and the weight of the right one, for one sub-position."""
    source = (phase + 0.5) / factor - 0.5
    left = math.floor(source)
    return left + 1, source - left
