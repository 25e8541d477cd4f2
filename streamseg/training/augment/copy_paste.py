"""Things of one labelled picture pasted into another (copy-paste augmentation, Ghiasi et al. 2021)."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from streamseg.training.augment.moving_objects import Mover, find_thing, own_path, paste, paste_label
from streamseg.types import U8


def paste_object(
    image: U8, label: U8, other: tuple[U8, U8], classes: Sequence[int], rng: np.random.Generator
) -> tuple[U8, U8]:
    """Paste one thing near the place it had in its own picture, where such things are to be expected.

    Args:
        image: RGB `[H, W, 3]`.
        label: Label map `[H, W]`.
        other: Labelled picture to cut it from, of any size.
        classes: Ids of the classes to take.
        rng: The only source of randomness.

    Returns:
        Picture and label map with the thing in them; as they were where the other picture has none.
    """
    source, source_label = other
    mask = find_thing(source_label, classes, rng)
    if mask is None:
        return image, label
    fit = np.diag([image.shape[1] / source.shape[1], image.shape[0] / source.shape[0], 1.0])
    mover = Mover(source, source_label, mask, own_path(mask, [fit], rng))
    return paste(image, mover, 0), paste_label(label, mover, mover.path[0])
