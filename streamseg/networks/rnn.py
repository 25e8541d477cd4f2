"""The plain recurrence, to measure what the gates of the ConvGRU are worth.

Elman 1990: h' = tanh(W x + U h + b), with convolutions for W and U (as Shi et al. 2015 did for the LSTM) and
the state carried along the motion like the ConvGRU's.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from streamseg.networks.stabiliser import Stabiliser, warp

# Before training the first C channels of the state average the frame's probabilities with the past, and the
# scores are those channels, sharpened: both cells start as something that works.
NEW, PAST, SHARP = 1.0, 0.5, 8.0
NOISE = 0.01


class RNNStabiliser(Stabiliser):
    """One tanh layer; M = classes + hidden, all of it state.

    What is outside the last picture is warped in as zeros, which is what the state is before the first frame.
    """

    def __init__(self, classes: int, *, hidden: int = 8) -> None:
        """Build the network.

        Args:
            classes: Number of classes.
            hidden: Channels of state beyond one for each class.
        """
        super().__init__(classes)
        self.state = classes + hidden
        self.new = nn.Conv2d(classes + 1, self.state, 3, padding=1)  # W and b; x: probabilities and guide
        self.past = nn.Conv2d(self.state, self.state, 3, padding=1, bias=False)  # U
        self.out = nn.Conv2d(self.state, classes, 1)
        for layer, start in ((self.new, NEW), (self.past, PAST), (self.out, SHARP)):
            _pass_classes_through(layer, classes, start)

    @property
    def memory_channels(self) -> int:
        """M."""
        return self.state

    def step(self, logits: Tensor, guide: Tensor, flow: Tensor, memory: Tensor) -> Tensor:
        """The new state, each value in -1…1."""
        x = torch.cat([logits.softmax(1), guide], 1)
        return torch.tanh(self.new(x) + self.past(warp(memory, flow)))

    def scores(self, memory: Tensor) -> Tensor:
        """Logits `[N, C, h, w]` of a memory just made."""
        scores: Tensor = self.out(memory)
        return scores


@torch.no_grad()
def _pass_classes_through(layer: nn.Conv2d, classes: int, strength: float) -> None:
    """Noise everywhere and `strength` from each class to itself, at the kernel's centre."""
    nn.init.normal_(layer.weight, std=NOISE)
    if layer.bias is not None:
        nn.init.zeros_(layer.bias)
    centre = layer.kernel_size[0] // 2
    layer.weight[:classes, :classes, centre, centre] += strength * torch.eye(classes)
