"""Labels at the logits' resolution: losses of whole areas need no more, and cost a sixteenth there."""

from __future__ import annotations

import torch
import torch.nn.functional as F  # noqa: N812 the name torch's own documentation uses
from torch import Tensor


def subsample(labels: Tensor, size_hw: tuple[int, int]) -> Tensor:
    """The label in the middle of each cell.

    Args:
        labels: `[N, H, W]`.
        size_hw: Rows and columns of cells.

    Returns:
        `[N, h, w]`, same dtype.
    """
    rows, columns = (
        ((torch.arange(cells, device=labels.device) + 0.5) * (pixels / cells)).long()
        for cells, pixels in zip(size_hw, labels.shape[-2:], strict=True)
    )
    return labels[:, rows[:, None], columns]


def labelled(logits: Tensor, labels: Tensor) -> tuple[Tensor, Tensor]:
    """Class probabilities and truth of the labelled cells.

    Args:
        logits: `[N, C, h, w]`.
        labels: `[N, H, W]` uint8 or int64; 255, and what stands for several classes, is ignored.

    Returns:
        Probabilities `[P, C]` float32, and the truth as 0 and 1, `[P, C]` float32; P may be 0.
    """
    cells = subsample(labels, (logits.shape[-2], logits.shape[-1]))
    known = cells < logits.shape[1]
    probabilities = logits.float().softmax(1).permute(0, 2, 3, 1)[known]
    return probabilities, F.one_hot(cells[known].long(), logits.shape[1]).float()
