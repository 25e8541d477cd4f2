from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from streamseg.temporal.reset import FrameContext, ResetLimits, ResetReason, reset_reason
from tests.temporal.conftest import make_frame, scene, view

HERE = view(scene(0), 60, 60)
NEARBY = view(scene(0), 63, 61)
ELSEWHERE = view(scene(9), 60, 60)
LIMITS = ResetLimits(reset_after_s=1.0)
BEFORE = FrameContext.of(make_frame(0, pts_s=10.0), HERE, "a")
NOW = FrameContext.of(make_frame(1, pts_s=10.1), NEARBY, "a")


def test_a_moment_of_a_frame() -> None:
    frame = make_frame(3, pts_s=1.5, mono_s=7.0, size_wh=(320, 240), discontinuity=True)
    assert FrameContext.of(frame, HERE, "me") == FrameContext(
        "me", HERE, (320, 240), 1.5, 7.0, discontinuity=True
    )


def test_the_past_is_kept_in_the_ordinary_run_of_things() -> None:
    assert reset_reason(BEFORE, NOW, LIMITS) is None


@pytest.mark.parametrize(
    ("now", "reason"),
    [
        (replace(NOW, maker="b"), ResetReason.MODEL),
        (replace(NOW, discontinuity=True), ResetReason.RECONNECT),
        (replace(NOW, size_wh=(1280, 720)), ResetReason.SIZE),
        (replace(NOW, luma=np.zeros((90, 120), np.uint8)), ResetReason.SIZE),
        (replace(NOW, pts_s=11.01), ResetReason.GAP),
        (replace(NOW, pts_s=8.9), ResetReason.GAP),
        (replace(NOW, luma=ELSEWHERE), ResetReason.SCENE_CUT),
    ],
)
def test_each_reason_has_its_name(now: FrameContext, reason: ResetReason) -> None:
    assert reset_reason(BEFORE, now, LIMITS) is reason


def test_the_first_frame_has_no_past() -> None:
    assert reset_reason(None, NOW, LIMITS) is ResetReason.START
    assert reset_reason(None, replace(NOW, discontinuity=True), LIMITS) is ResetReason.START


def test_a_discontinuity_before_does_not_count() -> None:
    assert reset_reason(replace(BEFORE, discontinuity=True), NOW, LIMITS) is None


@pytest.mark.parametrize("pts_s", [9.95, 10.0, 11.0])
def test_little_jitter_and_gaps_up_to_the_limit_are_no_gap(pts_s: float) -> None:
    assert reset_reason(BEFORE, replace(NOW, pts_s=pts_s), LIMITS) is None


@pytest.mark.parametrize("without", ["before", "now"])
def test_without_pts_our_own_clock_counts(without: str) -> None:
    before = replace(BEFORE, pts_s=None) if without == "before" else BEFORE
    now = replace(NOW, pts_s=None) if without == "now" else NOW
    assert reset_reason(before, now, LIMITS) is None
    late = replace(now, captured_mono_s=before.captured_mono_s + 1.5)
    assert reset_reason(before, late, LIMITS) is ResetReason.GAP


def test_a_burst_after_a_stall_of_the_network_is_no_gap() -> None:
    assert reset_reason(BEFORE, replace(NOW, captured_mono_s=BEFORE.captured_mono_s + 60), LIMITS) is None


def test_the_limit_on_cuts_can_be_lifted() -> None:
    cut = replace(NOW, luma=ELSEWHERE)
    assert reset_reason(BEFORE, cut, ResetLimits(scene_cut=1.0)) is None
    assert reset_reason(BEFORE, replace(NOW, luma=NEARBY), ResetLimits(scene_cut=0.0)) is None
