"""The shared words: what other programs see of them is pinned here."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from streamseg.types import (
    ClassInfo,
    Clock,
    Frame,
    ModelInfo,
    Picture,
    PixelLayout,
    Segmentation,
    StateChange,
    StreamState,
    TemporalMode,
    precision_name,
)


def frame() -> Frame:
    planes = (np.zeros((4, 6), np.uint8),)
    picture = Picture(PixelLayout.GRAY, planes, size_wh=(6, 4))
    return Frame("gate", 0, None, 1.0, 2.0, Clock.HOST, picture)


def test_the_words_on_the_wire_are_those_of_the_protocol() -> None:
    assert [state.value for state in StreamState] == [
        "connecting",
        "running",
        "stalled",
        "backoff",
        "ended",
        "failed",
    ]
    assert {clock.value for clock in Clock} == {"rtcp", "host", "file"}
    assert {mode.value for mode in TemporalMode} == {"convgru", "ema", "none"}


def test_a_picture_is_studio_range_bt601_unless_it_says_otherwise() -> None:
    picture = frame().picture
    assert not picture.full_range
    assert not picture.bt709


def test_a_frame_carries_on_from_the_last_unless_it_says_otherwise() -> None:
    assert not frame().discontinuity


def test_a_segmentation_without_measures_has_an_empty_table_of_its_own() -> None:
    labels = np.zeros((4, 6), np.uint8)
    rgb = np.zeros((4, 6, 3), np.uint8)
    made = [Segmentation(frame(), labels, None, rgb, TemporalMode.NONE, reset=True) for _ in range(2)]
    assert made[0].ms == {}
    assert made[0].ms is not made[1].ms


@pytest.mark.parametrize("word", [Frame, Picture, Segmentation, StateChange, ClassInfo, ModelInfo])
def test_shared_data_is_frozen_and_slotted(word: type) -> None:
    assert dataclasses.fields(word)
    assert "__slots__" in vars(word)
    assert vars(word)["__dataclass_params__"].frozen


def test_others_names_of_a_precision_become_ours() -> None:
    assert [precision_name(text) for text in ("fp32", "fp16", "bf16", "f32", "x")] == [
        "f32", "f16", "bf16", "f32", "x",
    ]  # fmt: skip
