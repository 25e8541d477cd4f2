"""The recurrent stage: a ConvGRU whose memory is carried along with the picture's motion before it is used.

ConvGRU: Ballas et al. 2016; warping the state by optical flow: Nilsson & Sminchisescu 2018 (gated recurrent
    flow propagation). The state holds class probabilities, so that "remember" is an average along the
    motion path and the gates learn where to trust it.
"""

from __future__ import annotations

from typing import cast

import torch
import torch.nn.functional as F  # noqa: N812 the name torch's own documentation uses
from torch import Tensor, nn

from streamseg.models.readout import Readout

KEEP_BIAS = 0.4  # sigmoid of it, 0.6, is the share of the past at the start of training
LEAST = 1e-6  # probabilities below it are as good as impossible


class ConvGRUStabiliser(nn.Module):
    """One step of the recurrence; the memory is an argument and a result.

    Memory `[N, M, h, w]`, M = classes + hidden + 2: probabilities, hidden state, the frame's guide, and
    ones. All zeros means "no past": the channel of ones says, after warping, how much of each cell has one.
    """

    def __init__(self, classes: int, *, hidden: int = 8, width: int = 32) -> None:
        """Build the network.

        Args:
            classes: Number of classes.
            hidden: Channels of memory beside the probabilities.
            width: Channels of the first convolution.
        """
        super().__init__()
        self.classes, self.hidden = classes, hidden
        state = classes + hidden
        self.look = nn.Conv2d(classes + state + 2, width, 3, padding=1)
        self.gates = nn.Conv2d(width, state + hidden, 3, padding=1)
        self.candidate = nn.Conv2d(width + hidden, state, 1)
        self.readout = Readout()
        # Begin as a plain average along the motion path, over the last few frames; learn where not to.
        nn.init.constant_(cast("Tensor", self.gates.bias), KEEP_BIAS)
        nn.init.zeros_(self.candidate.weight)
        nn.init.zeros_(cast("Tensor", self.candidate.bias))

    @property
    def memory_channels(self) -> int:
        """M."""
        return self.classes + self.hidden + 2

    def forward(
        self, logits: Tensor, guide: Tensor, flow: Tensor, memory: Tensor
    ) -> tuple[Tensor, Tensor, Tensor]:
        """One frame.

        Args:
            logits: `[N, C, h, w]`.
            guide: Luma 0…1, `[N, 1, h, w]`.
            flow: dx, dy in cells, `[N, 2, h, w]`: where each cell of this frame was in the last one.
            memory: `[N, M, h, w]`.

        Returns:
            Labels `[N, H, W]` uint8, confidence `[N, H, W]` uint8, and the new memory.
        """
        memory = self.step(logits, guide, flow, memory)
        return *self.readout(self.scores(memory)), memory

    def step(self, logits: Tensor, guide: Tensor, flow: Tensor, memory: Tensor) -> Tensor:
        """The new memory; its first C channels are the steadied probabilities."""
        now = logits.softmax(1)
        past = warp(memory, flow)
        before, hidden = past[:, : self.classes], past[:, self.classes : -2]
        known = past[:, -1:]
        change = 4 * (guide * known - past[:, -2:-1]).abs() + (1 - known)
        seen = F.relu(self.look(torch.cat([now, before, hidden, change, known], 1)))
        gates = self.gates(seen).sigmoid()
        keep, reset = gates[:, : self.classes + self.hidden], gates[:, self.classes + self.hidden :]
        fresh = self.candidate(torch.cat([seen, reset * hidden], 1))
        refined = (logits + fresh[:, : self.classes]).softmax(1)
        fresh = torch.cat([refined, fresh[:, self.classes :].tanh()], 1)
        # Cells partly without a past hold a partial sum; what is missing comes from the new frame.
        state = keep * past[:, :-2] + (1 - keep * known) * fresh
        probabilities, hidden = state[:, : self.classes], state[:, self.classes :]
        probabilities = probabilities / probabilities.sum(1, keepdim=True)
        return torch.cat([probabilities, hidden, guide, torch.ones_like(guide)], 1)

    def scores(self, memory: Tensor) -> Tensor:
        """Log-probabilities `[N, C, h, w]` of a memory just made."""
        return memory[:, : self.classes].clamp(min=LEAST).log()


def warp(memory: Tensor, flow: Tensor) -> Tensor:
    """Fetch each cell of `[N, M, h, w]` from where `flow` `[N, 2, h, w]` says it was; zeros from outside."""
    h, w = memory.shape[-2:]
    x = torch.linspace(-1, 1, w, device=flow.device) + flow[:, 0] * (2 / (w - 1))
    y = torch.linspace(-1, 1, h, device=flow.device)[:, None] + flow[:, 1] * (2 / (h - 1))
    grid = torch.stack([x, y], 3)
    return F.grid_sample(memory, grid, mode="bilinear", padding_mode="zeros", align_corners=True)
