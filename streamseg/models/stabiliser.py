"""The recurrent stage: a ConvGRU whose memory is carried along with the picture's motion before it is used.

ConvGRU: Ballas et al. 2016; warping the state by optical flow: Nilsson & Sminchisescu 2018 (gated recurrent
    flow propagation). The state holds class log-probabilities, so that "remember" is an average along the
    motion path and the gates learn where to trust it.
"""

from __future__ import annotations

from typing import cast

import torch
import torch.nn.functional as F  # noqa: N812 the name torch's own documentation uses
from torch import Tensor, nn

from streamseg.models.readout import Readout

FLOOR = -12.0  # log-probabilities below are as good as impossible; bounds the memory


class ConvGRUStabiliser(nn.Module):
    """One step of the recurrence; the memory is an argument and a result.

    Memory `[N, M, h, w]`, M = classes + hidden + 2: log-probabilities, hidden state, the frame's guide, and
    ones. All zeros means "no past": the channel of ones says, after warping, how much of each cell has one.
    """

    def __init__(self, classes: int, *, hidden: int = 8, width: int = 32) -> None:
        """Build the network.

        Args:
            classes: Number of classes.
            hidden: Channels of memory beside the log-probabilities.
            width: Channels of the first convolution.
        """
        super().__init__()
        self.classes, self.hidden = classes, hidden
        state = classes + hidden
        self.look = nn.Conv2d(classes + state + 2, width, 3, padding=1)
        self.gates = nn.Conv2d(width, state + hidden, 3, padding=1)
        self.candidate = nn.Conv2d(width + hidden, state, 1)
        self.readout = Readout()
        # Begin as a plain gated average, with more of the new frame than of the old.
        nn.init.constant_(cast("Tensor", self.gates.bias), -1.0)
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
        return *self.readout(memory[:, : self.classes]), memory

    def step(self, logits: Tensor, guide: Tensor, flow: Tensor, memory: Tensor) -> Tensor:
        """The new memory; its first C channels are the steadied log-probabilities."""
        now = logits.log_softmax(1).clamp(min=FLOOR)
        past = warp(memory, flow)
        known = past[:, -1:]
        change = 4 * (guide * known - past[:, -2:-1]).abs() + (1 - known)
        state = past[:, :-2]
        seen = F.relu(
            self.look(
                torch.cat(
                    [now * 0.25, state[:, : self.classes] * 0.25, state[:, self.classes :], change, known], 1
                )
            )
        )
        gates = self.gates(seen).sigmoid()
        keep, reset = gates[:, : self.classes + self.hidden], gates[:, self.classes + self.hidden :]
        fresh = self.candidate(torch.cat([seen, reset * state[:, self.classes :]], 1))
        fresh = torch.cat([now + fresh[:, : self.classes], fresh[:, self.classes :].tanh()], 1)
        # Cells partly without a past hold a partial sum; what is missing comes from the new frame.
        state = keep * state + (1 - keep * known) * fresh
        return torch.cat([state, guide, torch.ones_like(guide)], 1)


def warp(memory: Tensor, flow: Tensor) -> Tensor:
    """Fetch each cell of `[N, M, h, w]` from where `flow` `[N, 2, h, w]` says it was; zeros from outside."""
    h, w = memory.shape[-2:]
    x = torch.linspace(-1, 1, w, device=flow.device) + flow[:, 0] * (2 / (w - 1))
    y = torch.linspace(-1, 1, h, device=flow.device)[:, None] + flow[:, 1] * (2 / (h - 1))
    grid = torch.stack([x, y], 3)
    return F.grid_sample(memory, grid, mode="bilinear", padding_mode="zeros", align_corners=True)
