"""What the demo leaves behind."""

from __future__ import annotations

import json
from pathlib import Path

import av
import cv2
import numpy as np
import pytest

from examples.pairing import Pair
from examples.report import moments, summary, write_overlay, write_sheet, write_summary
from examples.stream_stats import Seen, Tally
from streamseg.types import ClassInfo, ModelInfo

CLASSES = (ClassInfo(0, "road", (128, 64, 128)), ClassInfo(1, "car", (64, 0, 128)))
MODEL = ModelInfo("camvid-lite0", "1", "ab", "CC0-1.0", CLASSES, "openvino", "bf16", (64, 48))
KEYS = [
    "masks",
    "seconds",
    "fps",
    "age_ms_p50",
    "age_ms_p95",
    "infer_ms_p50",
    "gaps",
    "drops",
    "backend",
    "precision",
    "model",
    "exit_code",
]


def pair(index: int) -> Pair:
    picture = np.full((48, 64, 3), 20 * index, np.uint8)
    labels = np.full((48, 64), index % 2, np.uint8)
    return Pair(1000 + index / 10, labels, cv2.imencode(".jpg", picture)[1].tobytes())


def test_moments_are_spread_over_all_pairs() -> None:
    pairs = [pair(index) for index in range(11)]
    assert [pairs.index(chosen) for chosen in moments(pairs)] == [0, 2, 4, 6, 8, 10]
    assert len(moments(pairs[:3])) == 3


def test_the_overlay_is_a_video_in_real_time(tmp_path: Path) -> None:
    write_overlay(tmp_path / "overlay.mp4", [pair(index) for index in range(6)], CLASSES, fps=10)
    with av.open(str(tmp_path / "overlay.mp4")) as container:
        times_s = [round(float(frame.time), 3) for frame in container.decode(video=0)]
    assert times_s == pytest.approx([0.0, 0.1, 0.2, 0.3, 0.4, 0.5])


def test_the_contact_sheet_is_a_picture(tmp_path: Path) -> None:
    write_sheet(tmp_path / "sheet.png", [pair(index) for index in range(8)], CLASSES)
    sheet = cv2.imread(str(tmp_path / "sheet.png"))
    assert sheet is not None
    assert sheet.shape[1] >= 64 * 4
    bgr = [color[::-1] for color in ((128, 64, 128), (64, 0, 128))]
    assert all((sheet == color).all(axis=-1).any() for color in bgr)


def test_the_summary_has_exactly_the_promised_keys(tmp_path: Path) -> None:
    tally = Tally([Seen(1.0 + index / 10, 0.05, 12.0, 0, 2, ("road",)) for index in range(3)])
    write_summary(tmp_path / "summary.json", summary(tally, MODEL, exit_code=0))
    found = json.loads((tmp_path / "summary.json").read_text())
    assert list(found) == KEYS
    assert (found["masks"], found["seconds"], found["fps"]) == (3, 0.2, 10.0)
    assert (found["backend"], found["precision"], found["model"]) == ("openvino", "bf16", "camvid-lite0")


def test_a_summary_of_nothing_is_json_too() -> None:
    found = summary(Tally(), None, exit_code=1)
    assert json.loads(json.dumps(found, allow_nan=False))["age_ms_p50"] is None
