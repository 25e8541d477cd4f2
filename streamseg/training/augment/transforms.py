"""Random changes of training pictures, in OpenCV, from an explicit random generator.

One affine warp does scale, rotation, flip and crop, so a picture is resampled once.
"""

from __future__ import annotations

import cv2
import numpy as np

from streamseg.training.config.recipe_data import IGNORE
from streamseg.training.config.stage_config import AugmentRecipe
from streamseg.types import F32, U8


def augment(
    image: U8, label: U8, recipe: AugmentRecipe, size_wh: tuple[int, int], rng: np.random.Generator
) -> tuple[U8, U8]:
    """Warp and recolour one pair.

    Args:
        image: RGB `[H, W, 3]`.
        label: Label map `[H, W]`.
        recipe: Ranges of the changes.
        size_wh: Width and height of the network's picture, pixels, to which a scale of 1 fits the picture.
        rng: The only source of randomness.

    Returns:
        RGB `[h, w, 3]` and label map `[h, w]` of the recipe's crop, or of `size_wh` where it has none; pixels
        from outside the picture are 255 (ignored).
    """
    crop_wh = recipe.crop or size_wh
    focus = rare_pixel(label, rng) if recipe.rare_crops and rng.random() < recipe.rare_crops else None
    matrix = random_affine(image.shape[1::-1], size_wh, recipe, rng, focus)
    picture = cv2.warpAffine(
        image, matrix, crop_wh, flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REFLECT_101
    )
    labels = cv2.warpAffine(label, matrix, crop_wh, flags=cv2.INTER_NEAREST, borderValue=IGNORE)
    return degrade(recolour(picture, recipe.colour, rng), recipe.noise, rng), labels


def rare_pixel(label: U8, rng: np.random.Generator) -> tuple[int, int] | None:
    """A pixel (x, y) of one of the picture's classes, drawn by 1 / their pixels; None: nothing labelled."""
    pixels = np.bincount(label.ravel(), minlength=IGNORE + 1)[:IGNORE]
    present = np.flatnonzero(pixels)
    if not len(present):
        return None
    odds = 1 / pixels[present]
    places = np.flatnonzero(label == rng.choice(present, p=odds / odds.sum()))
    y, x = divmod(int(rng.choice(places)), label.shape[1])
    return x, y


def random_affine(
    source_wh: tuple[int, int],
    size_wh: tuple[int, int],
    recipe: AugmentRecipe,
    rng: np.random.Generator,
    focus: tuple[int, int] | None = None,
) -> F32:
    """A 2×3 matrix from source to target pixels: log-uniform scale, rotation, flip, random crop.

    A scale of 1 fits the source into `size_wh`; the target has the size of the recipe's crop, or `size_wh`.
    With a `focus` (x, y in the source) the crop's centre lies within a quarter of its size from it, as far as
    the picture's edges let it.
    """
    low, high, crop = *np.log(recipe.scale), np.asarray(recipe.crop or size_wh)
    fit = max(size_wh[0] / source_wh[0], size_wh[1] / source_wh[1])
    scale = fit * float(np.exp(rng.uniform(low, high)))
    angle = np.deg2rad(rng.uniform(-recipe.rotate_deg, recipe.rotate_deg))
    flip = -1.0 if recipe.flip and rng.random() < 0.5 else 1.0
    linear = scale * np.array([[np.cos(angle) * flip, -np.sin(angle)], [np.sin(angle) * flip, np.cos(angle)]])
    # The crop may slide until the picture's edge reaches the frame's edge, or the frame's edge the picture's.
    slack = np.abs(np.asarray(source_wh) * scale - crop) / 2
    slide = rng.uniform(-slack, slack)
    middle = np.asarray(source_wh) / 2
    if focus is not None:
        near = rng.uniform(-0.25, 0.25, 2) * crop
        slide = np.clip(near - linear @ (np.asarray(focus) - middle), -slack, slack)
    offset = crop / 2 + slide - linear @ middle
    return np.column_stack([linear, offset]).astype(np.float32)


def recolour(image: U8, strength: float, rng: np.random.Generator) -> U8:
    """Change brightness, contrast, gamma, saturation and white balance by up to ± `strength`."""
    if not strength:
        return image
    contrast, gamma, saturation = np.exp(rng.uniform(-strength, strength, 3))
    shift = rng.uniform(-strength, strength) * 80
    ramp = (np.arange(256) / 255.0) ** gamma * 255
    curve = np.clip((ramp - 128) * contrast + 128 + shift, 0, 255)
    balance = np.exp(rng.uniform(-strength, strength, 3) * 0.3)
    tables = np.clip(curve[:, None] * balance, 0, 255).astype(np.uint8)
    toned = cv2.LUT(image, np.ascontiguousarray(tables[None]))
    grey = cv2.cvtColor(cv2.cvtColor(toned, cv2.COLOR_RGB2GRAY), cv2.COLOR_GRAY2RGB)
    mixed: U8 = cv2.addWeighted(toned, float(saturation), grey, float(1 - saturation), 0)
    return mixed


def degrade(image: U8, share: float, rng: np.random.Generator) -> U8:
    """With probability `share` add sensor noise (σ up to 25) or blur (σ up to 1.5 pixels)."""
    draw = rng.random()
    if draw >= share:
        return image
    if draw < share / 2:
        return add_noise(image, float(rng.uniform(2, 25)), rng)
    blurred: U8 = cv2.GaussianBlur(image, (0, 0), float(rng.uniform(0.3, 1.5)))
    return blurred


def add_noise(image: U8, sigma: float, rng: np.random.Generator) -> U8:
    """Add Gaussian sensor noise of standard deviation `sigma` (0…255 scale), clipped."""
    noise = np.empty(image.shape, np.int16)
    cv2.setRNGSeed(int(rng.integers(2**31)))
    cv2.randn(noise.reshape(len(noise), -1), 0, sigma)  # as one channel: a scalar σ fills only the first
    noisy: U8 = cv2.add(image, noise, dtype=cv2.CV_8U)
    return noisy
