from __future__ import annotations

import json
import sys
import time
from pathlib import Path

import cv2
import numpy as np
import pytest

from benchmarks import latency
from benchmarks.clip import make_clip
from streamseg.training.evaluation.metrics import Motion
from streamseg.types import U8
from tests.fakes.packages import make_package


def figures(
    package: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], *more: str
) -> list[dict[str, object]]:
    monkeypatch.setattr(sys, "argv", ["frames", str(package), "--rounds", "3", *more])
    latency.main()
    machine, *rows = map(json.loads, capsys.readouterr().out.splitlines())
    assert machine["cores"] > 0
    return list(rows)


def test_each_batch_has_its_figures(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    path = make_package(tmp_path).path
    asked = ["--backend", "onnxruntime", "--batches", "1", "2"]
    one, two = figures(path, monkeypatch, capsys, *asked)
    assert (one["backend"], one["precision"], one["batch"], two["batch"]) == ("onnxruntime", "f32", 1, 2)
    for row in (one, two):
        assert float(str(row["readout_ms"])) > 0
        assert float(str(row["stabilise_ms"])) > 0


def test_the_median_leaves_the_warm_up_out(monkeypatch: pytest.MonkeyPatch) -> None:
    now, calls = [0.0], [0]

    def once() -> None:
        calls[0] += 1
        now[0] += 5.0 if calls[0] <= latency.WARM_UP else 0.002

    monkeypatch.setattr(time, "perf_counter", lambda: now[0])
    assert latency.median_ms(once, 5) == pytest.approx(2.0)


def test_a_clip_without_labels_has_time_flicker_and_a_sheet(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    path, clip = make_package(tmp_path).path, make_clip(tmp_path / "made.mp4", frames=9)
    asked = [
        "--backend",
        "onnxruntime",
        "--clip",
        str(clip),
        "--frames",
        "6",
        "--sheets",
        str(tmp_path / "out"),
    ]
    rows = figures(path, monkeypatch, capsys, *asked)
    assert [(row["clip"], row["temporal"], row["frames"]) for row in rows] == [
        ("made.mp4", mode, 6) for mode in ("none", "ema", "convgru")
    ]
    for row in rows:
        assert float(str(row["ms"])) > 0
        assert 0 <= float(str(row["flicker"])) <= 1
    sheets = sorted(file.name for file in (tmp_path / "out").iterdir())
    assert sheets == [f"tiny-made-{mode}.png" for mode in ("convgru", "ema", "none")]
    assert cv2.imread(str(tmp_path / "out" / sheets[0])).shape[1] == 4 * 64


def flicker_of(motion: Motion, labels: list[U8]) -> float:
    measured = latency.Flicker()
    for index, picture in enumerate(labels):
        measured.add(motion if index else None, picture)
    return measured.share


def test_flicker_is_the_share_of_believed_pixels_that_change() -> None:
    still = Motion(np.zeros((4, 6, 2), np.float32), np.ones((4, 6), bool))
    still.consistent[0] = False  # what happens there does not count
    labels: list[U8] = [np.zeros((4, 6), np.uint8) for _ in range(3)]
    labels[1][:2] = 1
    assert flicker_of(still, labels) == pytest.approx(12 / 36)
    right = Motion(np.full((4, 6, 2), (-1.0, 0.0), np.float32), np.ones((4, 6), bool))
    before, now = np.zeros((4, 6), np.uint8), np.zeros((4, 6), np.uint8)
    before[:, 2], now[:, 3] = 1, 1  # moved along with the picture
    assert flicker_of(right, [before, now]) == 0
    assert np.isnan(flicker_of(right, [before]))


@pytest.mark.parametrize(("content", "said"), [(None, "cannot be read"), (b"no clip", "cannot be read")])
def test_a_clip_that_cannot_be_read_is_told_in_a_line(
    content: bytes | None,
    said: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    path, clip = make_package(tmp_path).path, tmp_path / "clip.avi"
    if content is not None:
        clip.write_bytes(content)
    monkeypatch.setattr(sys, "argv", ["frames", str(path), "--backend", "onnxruntime", "--clip", str(clip)])
    with pytest.raises(SystemExit, match=f"{clip.name}: {said}"):
        latency.main()
