"""Encoders by the names a recipe uses."""

from __future__ import annotations

from typing import get_args

import pytest
import torch

from streamseg.networks.encoder import ENCODERS, new_encoder
from streamseg.training.config.stage_config import SegmentRecipe


def test_a_recipe_can_name_each_of_them() -> None:
    assert set(get_args(SegmentRecipe.model_fields["encoder"].annotation)) == set(ENCODERS)


@pytest.mark.parametrize("name", ENCODERS)
def test_channels_are_those_of_the_maps(name: str) -> None:
    encoder = new_encoder(name, pretrained=False).eval()
    with torch.inference_mode():
        levels = encoder(torch.zeros(1, 3, 33, 47))
    assert tuple(level.shape[1] for level in levels) == encoder.channels
    assert [tuple(level.shape[2:]) for level in levels] == [(9, 12), (5, 6), (3, 3), (2, 2)]


def test_vgg_needs_no_weights() -> None:
    torch.manual_seed(0)
    asked = new_encoder("vgg", pretrained=True)
    torch.manual_seed(0)
    learnt_from_nothing = new_encoder("vgg", pretrained=False)
    for a, b in zip(asked.parameters(), learnt_from_nothing.parameters(), strict=True):
        assert torch.equal(a, b)
