"""The readout equals upsampling all scores and taking the argmax, which it never does."""

from __future__ import annotations

import torch
import torch.nn.functional as F  # noqa: N812
from hypothesis import given, settings
from hypothesis import strategies as st

from streamseg.networks.readout import Readout


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 2**31), st.integers(1, 9), st.integers(2, 9), st.sampled_from([2, 3, 4]))
def test_labels_equal_resize_and_argmax(seed: int, h: int, w: int, factor: int) -> None:
    scores = torch.randn(2, 5, h, w, generator=torch.Generator().manual_seed(seed))
    labels, confidence = Readout(factor)(scores)
    full = F.interpolate(scores, scale_factor=factor, mode="bilinear", align_corners=False)
    best = full.topk(2, dim=1).values
    clear = (best[:, 0] - best[:, 1]) > 1e-5  # where rounding cannot turn the order
    assert labels.dtype is confidence.dtype is torch.uint8
    assert torch.equal(labels[clear], full.argmax(1).to(torch.uint8)[clear])


def test_confidence_is_the_best_probability() -> None:
    scores = torch.zeros(1, 4, 3, 3)
    assert Readout()(scores)[1].unique().tolist() == [64]  # a quarter of 255, rounded
    scores[:, 2] = 50.0
    labels, confidence = Readout()(scores)
    assert labels.unique().tolist() == [2]
    assert confidence.unique().tolist() == [255]
