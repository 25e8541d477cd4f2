"""FCN decoder: the scores of three levels, upsampled and added.

Long et al. 2015 (FCN-8s). Everything here is linear, and so is the classifier behind it: adding maps of
`width` channels and classifying the sum is the paper's sum of score maps. Upsampling is bilinear and fixed.
"""

from __future__ import annotations

from collections.abc import Sequence

from torch import Tensor, nn

from streamseg.networks.layers import lateral, resized


class FCN(nn.Module):
    """Strides 32, 16 and 8; the finest level only gives the size."""

    title = "FCN"

    def __init__(self, channels: Sequence[int], *, width: int = 96) -> None:
        """Build the decoder.

        Args:
            channels: Channels of the encoder's four levels, finest first.
            width: Channels of the score maps.
        """
        super().__init__()
        self.scores = nn.ModuleList(lateral(c, width) for c in channels[1:])

    def forward(self, levels: Sequence[Tensor]) -> Tensor:
        """Merge levels `[N, c, h, w]`, finest first, into `[N, width, h0, w0]` at the finest level's size."""
        eighth, sixteenth, top = (score(level) for score, level in zip(self.scores, levels[1:], strict=True))
        x = sixteenth + resized(top, sixteenth)
        x = eighth + resized(x, eighth)
        return resized(x, levels[0])
