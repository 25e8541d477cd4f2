"""Counting what a daemon delivers."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from benchmarks.clip import make_clip
from benchmarks.end_to_end import STREAM, BenchError, config, count, run
from examples.stream_stats import Seen
from streamseg.config import load


def masks() -> Iterator[Seen]:
    for index in range(100):
        yield Seen(index / 10, 0.02, 10.0, 0, 0, ())


def test_only_masks_between_the_two_times_count() -> None:
    tally = count(masks(), from_s=1.0, seconds=2.0)
    assert (tally.seen[0].at_mono_s, tally.seen[-1].at_mono_s) == (1.0, 2.9)
    assert tally.fps == pytest.approx(10.0)


def test_the_daemon_under_measure_has_the_settings_of_any_other(tmp_path: Path) -> None:
    path = tmp_path / "bench.yaml"
    path.write_text(json.dumps(config("tcp://127.0.0.1:5599", tmp_path, pace=False, model="camvid-lite0")))
    read = load(path, {})
    assert read.engines["default"].threads == 0
    assert read.streams[STREAM].source.loop
    assert not read.streams[STREAM].source.pace


def test_a_daemon_without_masks_is_quoted(tmp_path: Path) -> None:
    clip = make_clip(tmp_path / "made.mp4", frames=2)
    with pytest.raises(BenchError, match="nonesuch"):
        run(clip, pace=True, model="nonesuch", warm_up_s=0, seconds=0)
