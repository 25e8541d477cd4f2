"""The recurrent stage: a ConvGRU whose memory is carried along with the picture's motion before it is used.

ConvGRU: Ballas et al. 2016; warping the state by optical flow: Nilsson & Sminchisescu 2018 (gated recurrent
    flow propagation). The state holds class probabilities, so that "remember" is an average along the
    motion path and the gates learn where to trust it. Their candidate is what the segmenter says, as it is:
    a correction learnt beside the gates knew the training pictures by heart and cost val a point of mIoU.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import cast

import torch
import torch.nn.functional as F  # noqa: N812 the name torch's own documentation uses
from torch import Tensor, nn

from streamseg.networks.readout import Readout

KEEP = 3.5  # sigmoid of it, 0.97, is the share of the past, before training, where nothing speaks against it
DOUBT = (4.0, 3.0, 4.0)  # what is taken from it for each unit of change, surprise and gain: see `_evidence`
# A change of the whole picture beyond CALM is another scene, which the gates, looking at cells, cannot tell:
# the mean change is below 0.1 in a drive, sensor noise included, and above 0.4 at a cut, motion compensated.
CALM, SCENE = 0.3, 40.0
LEAST = 1e-6  # probabilities below it are as good as impossible


class Stabiliser(nn.Module, ABC):
    """One step of a recurrence; the memory `[N, M, h, w]` is an argument and a result.

    All zeros means "no past".
    """

    def __init__(self, classes: int) -> None:
        super().__init__()
        self.classes = classes
        self.readout = Readout()

    @property
    @abstractmethod
    def memory_channels(self) -> int:
        """M."""

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

    @abstractmethod
    def step(self, logits: Tensor, guide: Tensor, flow: Tensor, memory: Tensor) -> Tensor:
        """The new memory; arguments as of `forward`."""

    @abstractmethod
    def scores(self, memory: Tensor) -> Tensor:
        """Logits or log-probabilities `[N, C, h, w]` of a memory just made."""


class ConvGRUStabiliser(Stabiliser):
    """Gates between the past and the frame.

    M = classes + hidden + 2: probabilities, hidden state, the frame's guide, and ones, which say, after
    warping, how much of each cell has a past.
    """

    def __init__(self, classes: int, *, hidden: int = 8, width: int = 32) -> None:
        """Build the network.

        Args:
            classes: Number of classes.
            hidden: Channels of memory beside the probabilities.
            width: Channels of the first convolution.
        """
        super().__init__(classes)
        self.hidden = hidden
        state = classes + hidden
        self.look = nn.Conv2d(classes + state + len(DOUBT) + 1, width, 3, padding=1)
        self.gates = nn.Conv2d(width, state + hidden, 3, padding=1)
        self.candidate = nn.Conv2d(width + hidden, hidden, 1)
        self.doubt = nn.Conv2d(len(DOUBT), state, 1, bias=False)
        # Begin as an average along the motion path that lets go where the evidence is against the past: this
        # alone steadies well, and what is learnt starts from there.
        self.doubt.weight.data[:] = torch.tensor(DOUBT).view(1, -1, 1, 1)
        nn.init.constant_(cast("Tensor", self.gates.bias), KEEP)
        nn.init.normal_(self.gates.weight, std=0.01)

    @property
    def memory_channels(self) -> int:
        """M."""
        return self.classes + self.hidden + 2

    def step(self, logits: Tensor, guide: Tensor, flow: Tensor, memory: Tensor) -> Tensor:
        """The new memory; its first C channels are the steadied probabilities."""
        now = logits.softmax(1)
        past = warp(memory, flow)
        before, hidden = past[:, : self.classes], past[:, self.classes : -2]
        known = past[:, -1:]
        evidence = _evidence(now, before, guide * known - past[:, -2:-1])
        seen = F.relu(self.look(torch.cat([now, before, hidden, evidence, known], 1)))
        keep, reset = self.gates(seen).split([self.classes + self.hidden, self.hidden], 1)
        doubt = self.doubt(evidence) + SCENE * _other_scene(evidence[:, :1], known)
        keep, reset = (keep - doubt).sigmoid(), reset.sigmoid()
        fresh = torch.cat([now, self.candidate(torch.cat([seen, reset * hidden], 1)).tanh()], 1)
        # Cells partly without a past hold a partial sum; what is missing comes from the new frame.
        state = keep * past[:, :-2] + (1 - keep * known) * fresh
        probabilities, hidden = state[:, : self.classes], state[:, self.classes :]
        probabilities = probabilities / probabilities.sum(1, keepdim=True)
        return torch.cat([probabilities, hidden, guide, torch.ones_like(guide)], 1)

    def scores(self, memory: Tensor) -> Tensor:
        """Log-probabilities `[N, C, h, w]` of a memory just made."""
        return memory[:, : self.classes].clamp(min=LEAST).log()


def _evidence(now: Tensor, before: Tensor, difference: Tensor) -> Tensor:
    """What speaks against the past: `[N, 3, h, w]`.

    Change: the picture is not what it was. Surprise: the frame says something else (total variation between
    the two, 0…1) and is sure of it. Gain: the frame is surer than the past was.
    """
    sure, was_sure = now.amax(1, keepdim=True), before.amax(1, keepdim=True)
    surprise = sure * (now - before).abs().sum(1, keepdim=True) / 2
    return torch.cat([4 * difference.abs(), surprise, (sure - was_sure).relu()], 1)


def _other_scene(change: Tensor, known: Tensor) -> Tensor:
    """How far the mean change of the cells with a past is beyond `CALM`, `[N, 1, 1, 1]`."""
    mean = change.mean((2, 3), keepdim=True) / known.mean((2, 3), keepdim=True).clamp(min=LEAST)
    return F.relu(mean - CALM)


def warp(memory: Tensor, flow: Tensor) -> Tensor:
    """Fetch each cell of `[N, M, h, w]` from where `flow` `[N, 2, h, w]` says it was; zeros from outside."""
    h, w = memory.shape[-2:]
    x = torch.linspace(-1, 1, w, device=flow.device) + flow[:, 0] * (2 / (w - 1))
    y = torch.linspace(-1, 1, h, device=flow.device)[:, None] + flow[:, 1] * (2 / (h - 1))
    grid = torch.stack([x, y], 3)
    return F.grid_sample(memory, grid, mode="bilinear", padding_mode="zeros", align_corners=True)
