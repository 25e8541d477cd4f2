"""Bad pictures, the same every time."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import count, islice

import av
import numpy as np
import pytest

from streamseg.errors import TrainingError
from streamseg.training.data.dataset import Shot
from streamseg.training.evaluation.corruptions import H264Line, Stress, stressed, stresses
from streamseg.types import U8


def shots(level: int = 128, frames: int = 6, size: tuple[int, int] = (48, 64)) -> Iterator[Shot]:
    image = np.full((*size, 3), level, np.uint8)
    truth = np.zeros(size, np.uint8)
    return (Shot(i, i / 15, image, image, truth) for i in range(frames))


def texture(seed: int, size: tuple[int, int] = (96, 128)) -> U8:
    return np.random.default_rng(seed).integers(0, 256, (*size, 3), dtype=np.uint8)


@pytest.mark.parametrize("stress", list(Stress))
def test_the_same_stress_gives_the_same_pictures(stress: Stress) -> None:
    first, again = ([s.image for s in stressed(shots(), stress, clip=True)] for _ in range(2))
    assert np.array_equal(first, again)


def test_noise_has_the_strength_it_says_and_differs_by_frame_and_seed() -> None:
    a, b = islice(stressed(shots(), Stress.NOISE, clip=True), 2)
    assert np.std(a.image) == pytest.approx(25, rel=0.05)
    assert np.mean(a.image) == pytest.approx(128, abs=1)
    assert not np.array_equal(a.image, b.image)
    other = next(stressed(shots(), Stress.NOISE, clip=True, seed=1))
    assert not np.array_equal(a.image, other.image)


def test_noise_depends_on_the_place_in_the_clip_not_on_what_was_read_before() -> None:
    whole = list(stressed(shots(), Stress.NOISE, clip=True))
    later = next(stressed(islice(shots(), 4, None), Stress.NOISE, clip=True))
    assert np.array_equal(whole[4].image, later.image)


def test_darkness() -> None:
    dark = next(stressed(shots(200), Stress.DARK, clip=True)).image
    assert np.mean(dark) == pytest.approx(70, abs=1)
    assert np.std(dark) == pytest.approx(10, rel=0.1)


def test_every_third_frame_is_lost_and_the_others_keep_their_times() -> None:
    kept = list(stressed(shots(), Stress.LOST, clip=True))
    assert [s.index for s in kept] == [0, 1, 3, 4]
    assert kept[2].time_s == pytest.approx(3 / 15)


def test_stills_cannot_lose_frames() -> None:
    assert Stress.LOST in stresses(clip=True)
    assert stresses(clip=False) == [Stress.NOISE, Stress.DARK, Stress.H264]


@pytest.mark.parametrize("stress", list(Stress))
def test_nothing_is_read_ahead_and_scene_and_truth_stay(stress: Stress) -> None:
    read: list[int] = []

    def endless() -> Iterator[Shot]:
        for i in count():
            read.append(i)
            yield Shot(i, i / 15, texture(i), texture(i), texture(i)[..., 0])

    shown = list(islice(stressed(endless(), stress, clip=True), 2))
    assert read == [0, 1]
    assert [np.array_equal(s.scene, texture(s.index)) for s in shown] == [True, True]
    assert np.array_equal(shown[1].truth, texture(1)[..., 0])


def test_h264_keeps_calm_pictures_and_not_busy_ones() -> None:
    calm = list(stressed(shots(), Stress.H264, clip=True))[-1]
    assert np.abs(calm.image.astype(int) - 128).max() <= 3
    line = H264Line((96, 128, 3), fps=15)
    arrived = [line.send(texture(i)) for i in range(4)]
    error = np.abs(arrived[-1].astype(int) - texture(3)).mean()
    assert error > 20, "a picture of noise does not pass 100 kbit/s"


def test_h264_takes_odd_sizes() -> None:
    assert H264Line((47, 63, 3), fps=15).send(texture(1, (47, 63))).shape == (47, 63, 3)


def test_every_still_is_a_stream_of_its_own() -> None:
    p, q = texture(1), texture(2)
    two = [Shot(i, 0.0, x, x, x[..., 0]) for i, x in enumerate((p, q))]
    alone = next(stressed(iter(two[1:]), Stress.H264, clip=False)).image
    after = list(stressed(iter(two), Stress.H264, clip=False))[1].image
    in_a_clip = list(stressed(iter(two), Stress.H264, clip=True))[1].image
    assert np.array_equal(alone, after)
    assert not np.array_equal(alone, in_a_clip)


def test_a_clip_that_changes_its_size_starts_a_new_stream() -> None:
    two = [next(shots(size=(48, 64))), next(shots(size=(32, 40)))]
    assert [s.image.shape for s in stressed(iter(two), Stress.H264, clip=True)] == [(48, 64, 3), (32, 40, 3)]


def test_no_encoder_is_one_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    def none(name: str, mode: str) -> None:
        raise ValueError(name, mode)

    monkeypatch.setattr(av.CodecContext, "create", none)
    with pytest.raises(TrainingError, match="libx264"):
        H264Line((48, 64, 3), fps=15)
