"""Decoders by the names a recipe uses; what they have in common."""

from __future__ import annotations

from typing import get_args

import pytest
import torch

from streamseg.networks.decoder import DECODERS
from streamseg.training.config.stage_config import SegmentRecipe

SIZES = ((4, 23, 31), (6, 12, 16), (8, 6, 8), (10, 3, 4))


def test_a_recipe_can_name_each_of_them() -> None:
    assert set(get_args(SegmentRecipe.model_fields["architecture"].annotation)) == set(DECODERS)


@pytest.mark.parametrize("name", DECODERS)
def test_the_finest_level_sets_the_size(name: str) -> None:
    levels = [torch.randn(2, *size) for size in SIZES]
    assert DECODERS[name]([c for c, _, _ in SIZES], width=16)(levels).shape == (2, 16, 23, 31)
