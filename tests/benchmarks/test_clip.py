"""What is measured on."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from benchmarks.clip import camvid_clip, make_clip, moving_scene, pictures


def test_the_made_clip_is_what_the_benchmark_promises(tmp_path: Path) -> None:
    frames = pictures(make_clip(tmp_path / "made.mp4", frames=5), 10, (480, 360))
    assert len(frames) == 5
    assert {rgb.shape for rgb, _ in frames} == {(360, 480, 3)}
    assert {luma.shape for _, luma in frames} == {(90, 120)}


def test_the_made_scene_moves() -> None:
    assert np.any(moving_scene(0) != moving_scene(1))


def test_data_elsewhere_is_found_and_absent_data_is_not(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("STREAMSEG_DATA", str(tmp_path))
    assert camvid_clip() is None
    clip = tmp_path / "camvid" / "val-0016E5-15fps.mp4"
    clip.parent.mkdir()
    clip.touch()
    assert camvid_clip() == clip
