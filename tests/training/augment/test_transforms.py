"""Augmentation: deterministic, and picture and label move together."""

from __future__ import annotations

import numpy as np
import pytest

from streamseg.training.augment.transforms import add_noise, augment, random_affine, rare_pixel, recolour
from streamseg.training.config.stage_config import AugmentRecipe
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


def test_a_crop_is_a_window_of_the_scaled_picture() -> None:
    image, label = draw(1)
    recipe = AugmentRecipe(scale=(1.0, 1.0), rotate_deg=0, flip=False, colour=0, noise=0, crop=(40, 32))
    found = set()
    for seed in range(12):
        picture, cut = augment(image, label, recipe, SIZE_WH, np.random.default_rng(seed))
        assert picture.shape == (32, 40, 3)
        places = [
            (x, y) for y in range(17) for x in range(25) if (label[y : y + 32, x : x + 40] == cut).all()
        ]
        assert places, "scale 1 is that of the whole picture, not of the crop"
        found.add(places[0])
    assert len(found) > 6, "each seed cuts elsewhere"


def dotted() -> np.ndarray[tuple[int, int], np.dtype[np.uint8]]:
    """160×120: half ground, half ignored, and sixteen pixels of class 7."""
    label = np.zeros((120, 160), np.uint8)
    label[60:] = 255
    label[20:24, 130:134] = 7
    return label


def test_rare_pixels_are_drawn_often_and_ignored_ones_never() -> None:
    label = dotted()
    drawn = [rare_pixel(label, np.random.default_rng(seed)) for seed in range(100)]
    classes = [int(label[place[1], place[0]]) for place in drawn if place is not None]
    assert set(classes) <= {0, 7}
    assert classes.count(7) > 95, "odds of 1/16 against 1/9584"
    assert rare_pixel(np.full((4, 4), 255, np.uint8), np.random.default_rng(0)) is None


def test_crops_with_a_focus_show_it_near_their_middle() -> None:
    recipe, source, size = AugmentRecipe(scale=(2.0, 3.0), rotate_deg=5), (160, 120), (64, 48)
    for seed in range(30):
        rng = np.random.default_rng(seed)
        seen = random_affine(source, size, recipe, rng, focus=(80, 60)) @ (80, 60, 1)
        assert abs(seen[0] - 32) <= 16.01
        assert abs(seen[1] - 24) <= 12.01


def test_a_focus_at_the_edge_keeps_the_crop_inside() -> None:
    recipe = AugmentRecipe(scale=(2.0, 2.0), rotate_deg=0, flip=False)
    matrix = random_affine((160, 120), (64, 48), recipe, np.random.default_rng(0), focus=(0, 0))
    assert matrix @ (0, 0, 1) == pytest.approx([0, 0], abs=1e-4)


def test_rare_crops_show_the_rare_more_often() -> None:
    image, label = np.zeros((120, 160, 3), np.uint8), dotted()
    shares = []
    for share in (0.0, 1.0):
        recipe = AugmentRecipe(scale=(2.0, 2.0), colour=0, noise=0, rare_crops=share)
        crops = [
            augment(image, label, recipe, (64, 48), np.random.default_rng(seed))[1] for seed in range(20)
        ]
        shares.append(sum((crop == 7).any() for crop in crops))
    assert shares[1] >= 19
    assert shares[0] < 10


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
