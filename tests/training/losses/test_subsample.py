"""Labels at the logits' resolution."""

from __future__ import annotations

import pytest
import torch

from streamseg.training.losses import dice, lovasz, mse
from streamseg.training.losses.subsample import labelled, subsample


def test_each_cell_takes_the_label_in_its_middle() -> None:
    labels = torch.arange(64, dtype=torch.uint8).reshape(1, 8, 8)
    assert subsample(labels, (2, 2)).tolist() == [[[18, 22], [50, 54]]]  # rows and columns 2 and 6
    assert torch.equal(subsample(labels, (8, 8)), labels)


def test_sizes_need_not_divide() -> None:
    labels = torch.arange(35, dtype=torch.uint8).reshape(1, 5, 7)
    assert subsample(labels, (2, 3)).tolist() == [[[8, 10, 12], [22, 24, 26]]]  # rows 1, 3; columns 1, 3, 5


def test_only_labelled_cells_are_kept() -> None:
    logits = torch.tensor([[[[0.0, 5.0]], [[0.0, 1.0]]]])
    probabilities, truth = labelled(logits, torch.tensor([[[1, 255]]], dtype=torch.uint8))
    assert probabilities.tolist() == [pytest.approx([0.5, 0.5])]
    assert truth.tolist() == [[0.0, 1.0]]


def test_other_losses_learn_nothing_from_a_set() -> None:
    logits = torch.randn(1, 3, 2, 2)
    labels = torch.full((1, 2, 2), 3, dtype=torch.uint8)
    assert [float(loss(logits, labels)) for loss in (dice, lovasz, mse)] == [0, 0, 0]
