"""What torch draws in a test does not depend on the tests before."""

from __future__ import annotations

import pytest
import torch


@pytest.mark.parametrize("draws", [1, 3])
def test_what_others_drew_does_not_matter(draws: int) -> None:
    assert torch.rand(draws)[0].item() == pytest.approx(0.49625658988952637)
