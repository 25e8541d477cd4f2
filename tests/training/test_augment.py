"""Augmentation: deterministic, and picture and label move together."""

from __future__ import annotations

import numpy as np

from streamseg.training.augment import add_noise, augment, recolour
from streamseg.training.recipe import AugmentRecipe
from tests.training.conftest import SIZE_WH, draw


def test_the_generator_decides_everything() -> None:
    image, label = draw(1)
    first, again, other = (
        augment(image, label, AugmentRecipe(), SIZE_WH, np.random.default_rng(seed)) for seed in (3, 3, 4)
    )
    assert np.array_equal(first[0], again[0])
    assert np.array_equal(first[1], again[1])
    assert not np.array_equal(first[1], other[1])


def test_labels_follow_the_picture() -> None:
    image, label = draw(1)
    recipe = AugmentRecipe(colour=0, noise=0)
    for seed in range(8):
        picture, moved = augment(image, label, recipe, SIZE_WH, np.random.default_rng(seed))
        if (moved == 1).sum() > 50:
            assert picture[moved == 1][:, 0].mean() > 190, "the disc's pixels are still the bright ones"


def test_outside_the_picture_is_ignored() -> None:
    image, label = draw(1)
    recipe = AugmentRecipe(scale=(0.5, 0.5), rotate_deg=0)
    _, moved = augment(image, label, recipe, SIZE_WH, np.random.default_rng(0))
    assert (moved == 255).mean() > 0.6


def test_recolouring_keeps_shape_and_can_be_off() -> None:
    image, _ = draw(1)
    assert recolour(image, 0.0, np.random.default_rng(0)) is image
    changed = recolour(image, 0.4, np.random.default_rng(0))
    assert changed.shape == image.shape
    assert not np.array_equal(changed, image)


def test_noise_has_the_asked_strength() -> None:
    grey = np.full((200, 200, 3), 128, np.uint8)
    noisy = add_noise(grey, 12.0, np.random.default_rng(0)).astype(float)
    assert abs(noisy.std() - 12.0) < 0.5
    assert abs(noisy.mean() - 128) < 0.5
