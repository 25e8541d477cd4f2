"""Discriminators: verdicts for each cell, small, and able to tell drawn maps from guessed ones."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from torch import Tensor
from torch.nn.functional import binary_cross_entropy_with_logits, one_hot

from streamseg.networks.discriminator import SpatialDiscriminator, TemporalDiscriminator
from tests.networks.contract import check_every_weight_learns, check_export, check_rows_do_not_mix

Discriminator = SpatialDiscriminator | TemporalDiscriminator
KINDS = (SpatialDiscriminator, TemporalDiscriminator)


def inputs(kind: type[Discriminator], rows: int = 2, h: int = 13, w: int = 18) -> dict[str, Tensor]:
    torch.manual_seed(0)
    maps = torch.randn(rows, 3, h, w).softmax(1)
    if kind is SpatialDiscriminator:
        return {"image": torch.rand(rows, 3, 4 * h, 4 * w), "probabilities": maps}
    return {"now": maps, "before": maps.flip(0), "known": (torch.rand(rows, 1, h, w) > 0.3).float()}


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(("h", "w"), [(1, 2), (13, 18)])
def test_every_cell_has_a_verdict(kind: type[Discriminator], h: int, w: int) -> None:
    assert kind(3)(*inputs(kind, 2, h, w).values()).shape == (2, 1, h, w)


@pytest.mark.parametrize("kind", KINDS)
def test_it_keeps_the_contract(kind: type[Discriminator]) -> None:
    discriminator, given = kind(3), inputs(kind)
    check_every_weight_learns(discriminator, discriminator(*given.values()).square().sum())
    check_rows_do_not_mix(discriminator, *given.values())


@pytest.mark.parametrize("kind", KINDS)
def test_it_is_small(kind: type[Discriminator]) -> None:
    assert sum(p.numel() for p in kind(100).parameters()) < 500_000


def test_exported_equals_eager(tmp_path: Path) -> None:
    check_export(TemporalDiscriminator(3), inputs(TemporalDiscriminator), tmp_path / "temporal.onnx")


def test_the_picture_is_averaged_down_to_the_map() -> None:
    discriminator, given = SpatialDiscriminator(3), inputs(SpatialDiscriminator)
    small = given["image"].view(2, 3, 13, 4, 18, 4).mean((3, 5))
    torch.testing.assert_close(
        discriminator(**given), discriminator(small, given["probabilities"]), rtol=1e-4, atol=1e-5
    )


def test_what_is_not_known_is_not_looked_at() -> None:
    discriminator, given = TemporalDiscriminator(3), inputs(TemporalDiscriminator)
    other = torch.where(given["known"] > 0, given["before"], torch.rand_like(given["before"]))
    torch.testing.assert_close(discriminator(**given), discriminator(**given | {"before": other}))


def test_a_few_steps_tell_drawn_maps_from_guessed_ones() -> None:
    torch.manual_seed(0)
    discriminator = TemporalDiscriminator(3)
    weights = list(discriminator.parameters())
    labels = torch.zeros(2, 16, 16, dtype=torch.long)
    labels[:, 4:9, 5:11] = 1
    drawn = one_hot(labels, 3).permute(0, 3, 1, 2).float()
    guessed, known = (4 * drawn + torch.randn_like(drawn)).softmax(1), torch.ones(2, 1, 16, 16)
    for _ in range(20):
        real, fake = discriminator(drawn, drawn, known), discriminator(guessed, guessed.flip(0), known)
        loss = binary_cross_entropy_with_logits(torch.cat([real, -fake]), torch.ones(4, 1, 16, 16))
        for weight, slope in zip(weights, torch.autograd.grad(loss, weights), strict=True):
            weight.data -= 1e-3 * slope.sign()
    apart = discriminator(drawn, drawn, known).mean() - discriminator(guessed, guessed.flip(0), known).mean()
    assert apart > 0.5
