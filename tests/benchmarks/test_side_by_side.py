from __future__ import annotations

import sys
from pathlib import Path

import cv2
import pytest

from benchmarks import side_by_side
from benchmarks.clip import make_clip
from streamseg.errors import StreamsegError
from tests.fakes.packages import make_package


def run(monkeypatch: pytest.MonkeyPatch, *words: str) -> None:
    monkeypatch.setattr(sys, "argv", ["side_by_side", *words])
    side_by_side.main()


def test_a_row_a_clip_and_a_column_a_package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    package, clip = str(make_package(tmp_path).path), make_clip(tmp_path / "made.mp4", frames=5)
    out = tmp_path / "new" / "sheet.png"
    run(monkeypatch, f"{clip}@1", f"{clip}@4", "--models", package, f"{package}/", "--out", str(out))
    sheet = cv2.imread(str(out))
    assert sheet is not None
    assert sheet.shape[1] == 2 * side_by_side.WIDTH
    first, second = sheet[30:, : side_by_side.WIDTH], sheet[30:, side_by_side.WIDTH :]
    height = len(sheet) // 4
    assert (first[:height] == second[:height]).all(), "the same package sees the same"
    assert first[:height].std() > 5, "there is a picture"


@pytest.mark.parametrize(
    ("clip", "said"),
    [("made.mp4@9", "ends before frame 9"), ("made.mp4@x", "the number of a frame"), ("no.mp4", "no.mp4")],
)
def test_mistakes_are_told_in_a_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, clip: str, said: str
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    package = str(make_package(tmp_path).path)
    make_clip(tmp_path / "made.mp4", frames=5)
    with pytest.raises(SystemExit, match=said):
        run(monkeypatch, str(tmp_path / clip), "--models", package, "--out", str(tmp_path / "sheet.png"))


def test_the_sixtieth_frame_unless_another_is_named() -> None:
    assert side_by_side.parse_place("a.mp4") == (Path("a.mp4"), 60)
    assert side_by_side.parse_place("a@b.mp4@7") == (Path("a@b.mp4"), 7)
    with pytest.raises(StreamsegError):
        side_by_side.parse_place("a@b.mp4")
