"""What a student makes of a teacher's scores: Hinton et al. 2015, cell by cell."""

from __future__ import annotations

import torch.nn.functional as F  # noqa: N812 the name torch's own documentation uses
from torch import Tensor


def distillation(logits: Tensor, taught: Tensor, temperature: float = 1.0) -> Tensor:
    """Kullback-Leibler divergence of the student's softened probabilities from the teacher's.

    Times the square of the temperature, so that its gradients keep their size when that is changed.

    Args:
        logits: The student's `[N, C, h, w]`.
        taught: The teacher's, the same shape; resized where its cells are others.
        temperature: Divides both; above 1 the less likely classes count more.

    Returns:
        Mean over the cells; 0 where both agree.
    """
    if taught.shape[-2:] != logits.shape[-2:]:
        taught = F.interpolate(taught, size=logits.shape[-2:], mode="bilinear", align_corners=False)
    ours = F.log_softmax(logits.float() / temperature, 1)
    theirs = F.log_softmax(taught.float() / temperature, 1)
    divergence = F.kl_div(ours, theirs, reduction="none", log_target=True).sum(1)
    return divergence.mean() * temperature**2
