"""Clips filmed from stills: the motion they claim is the motion they show."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from streamseg.training.augment.camera_motion import cells
from streamseg.training.augment.synthetic_clips import Clip, film
from streamseg.training.config.stage_config import StabiliseRecipe
from streamseg.types import U8

SIZE_WH = (160, 120)


def still(rng: np.random.Generator) -> tuple[U8, U8]:
    texture = rng.integers(0, 256, (24, 32, 3)).astype(np.uint8)
    label = rng.integers(0, 3, (6, 8)).astype(np.uint8)
    image: U8 = cv2.resize(texture, (240, 180), interpolation=cv2.INTER_CUBIC)
    labels: U8 = cv2.resize(label, (240, 180), interpolation=cv2.INTER_NEAREST)
    return image, labels


def clip(seed: int, **settings: float) -> Clip:
    return film(still, StabiliseRecipe(frames=4, **settings), SIZE_WH, np.random.default_rng(seed))  # type: ignore[arg-type]


def test_shapes() -> None:
    made = clip(0)
    w, h = cells(SIZE_WH)
    assert made.images.shape == (4, 120, 160, 3)
    assert made.labels.shape == (4, 60, 80)
    assert made.guides.shape == (4, 1, h, w)
    assert made.flows.shape == made.truth.shape == (4, 2, h, w)
    assert made.known.shape == (4, 1, h, w)
    assert made.joined.tolist()[0] is False
    assert 0 <= made.guides.min() <= made.guides.max() <= 1


def test_the_generator_decides_everything() -> None:
    assert np.array_equal(clip(5).images, clip(5).images)
    assert not np.array_equal(clip(5).images, clip(6).images)


@pytest.mark.parametrize("seed", range(6))
def test_the_true_flow_carries_labels_from_frame_to_frame(seed: int) -> None:
    made = clip(seed, cuts=0.0)
    size = made.labels.shape[2], made.labels.shape[1]
    y, x = np.mgrid[: size[1], : size[0]].astype(np.float32)
    for t in range(1, 4):
        flow = cv2.resize(made.truth[t].transpose(1, 2, 0) * 2, size)  # cells to half-size pixels
        warped = cv2.remap(
            made.labels[t - 1], x + flow[..., 0], y + flow[..., 1], cv2.INTER_NEAREST, borderValue=255
        )
        known = (warped != 255) & (made.labels[t] != 255)
        assert (warped == made.labels[t])[known].mean() > 0.95


@pytest.mark.parametrize("seed", range(12))
def test_things_that_move_carry_their_labels_too(seed: int) -> None:
    """Where `known` says so, the flow leads to the same class; elsewhere something was hidden."""
    settings = StabiliseRecipe(frames=4, cuts=0.0)
    made = film(still, settings, SIZE_WH, np.random.default_rng(seed), moving=[0, 1])
    wh = made.labels.shape[2], made.labels.shape[1]
    y, x = np.mgrid[: wh[1], : wh[0]].astype(np.float32)
    for t in range(1, 4):
        flow = cv2.resize(made.truth[t].transpose(1, 2, 0) * 2, wh, interpolation=cv2.INTER_NEAREST)
        known = cv2.resize(made.known[t, 0].astype(np.uint8), wh, interpolation=cv2.INTER_NEAREST) > 0
        before = made.labels[t - 1]
        warped = cv2.remap(before, x + flow[..., 0], y + flow[..., 1], cv2.INTER_NEAREST, borderValue=255)
        both = known & (warped != 255) & (made.labels[t] != 255)
        assert (warped == made.labels[t])[both].mean() > 0.9


def test_what_moves_hides_and_lays_bare() -> None:
    settings = StabiliseRecipe(frames=4, cuts=0.0)
    clips = [film(still, settings, SIZE_WH, np.random.default_rng(s), moving=[0, 1]) for s in range(8)]
    assert any(not c.known[1:, 0, 2:-2, 2:-2].all() for c in clips)
    assert all(c.known[0].all() for c in clips)


def test_measured_flow_errs_but_not_wildly() -> None:
    errors = [
        np.abs(c.flows - c.truth)[1:].mean()
        for c in (clip(s, cuts=0.0, flow_noise_cells=0.5) for s in range(8))
    ]
    assert 0 < float(np.median(errors)) < 1.0


def test_a_cut_starts_another_picture() -> None:
    made = clip(3, cuts=1.0)
    starts = [t for t in range(4) if not made.joined[t]]
    assert len(starts) == 2
    assert np.abs(made.truth[starts[1]]).max() < 1e-9
