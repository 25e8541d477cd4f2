"""Videos in real time, read back with the same library."""

from __future__ import annotations

from pathlib import Path

import av
import numpy as np
import pytest

from examples import video_writer
from examples.video_writer import MPEG4, write_movie
from streamseg.types import U8


def grey(level: int, size_wh: tuple[int, int] = (64, 48)) -> U8:
    return np.full((size_wh[1], size_wh[0], 3), level, np.uint8)


def times_s(path: Path) -> list[float]:
    with av.open(str(path)) as container:
        return [round(float(frame.time), 3) for frame in container.decode(video=0)]


@pytest.mark.parametrize("codec", [None, MPEG4])
def test_every_picture_keeps_its_time(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, codec: tuple[str, dict[str, str]] | None
) -> None:
    if codec:
        monkeypatch.setattr(video_writer, "_codec", lambda: codec)
    path = tmp_path / "overlay.mp4"
    arrived = [(100.0, grey(0)), (100.1, grey(80)), (100.5, grey(160)), (102.0, grey(240))]
    assert write_movie(path, arrived, (64, 48), fps=10) == 4
    assert times_s(path) == [0.0, 0.1, 0.5, 2.0]


def test_time_never_stands_still(tmp_path: Path) -> None:
    path = tmp_path / "overlay.mp4"
    write_movie(path, [(5.0, grey(0)), (5.0, grey(80)), (4.9, grey(160))], (64, 48), fps=10)
    assert times_s(path) == [0.0, 0.001, 0.002]


def test_an_odd_last_row_and_column_are_left_out(tmp_path: Path) -> None:
    path = tmp_path / "overlay.mp4"
    assert write_movie(path, [(0.0, grey(9, (65, 49)))], (65, 49), fps=10) == 1
    with av.open(str(path)) as container:
        assert container.streams.video[0].width == 64
