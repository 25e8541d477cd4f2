from __future__ import annotations

import threading
from pathlib import Path

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from streamseg.errors import SourceError, SourceFault, TrainingError
from streamseg.quantise.frames import Evenly, evenly, gather
from streamseg.types import U8
from tests.capture.conftest import write_clip
from tests.capture.servers import closed_port, http_server, sends_jpegs

SIZE_WH = (32, 16)


class Told:
    """What was told of, and how many there were at the end."""

    def __init__(self) -> None:
        self.counts: dict[str, int] = {}

    def __call__(self, source: str, number: int) -> None:
        self.counts[source] = number


def shades(pictures: list[U8]) -> list[int]:
    return [round(float(picture.mean())) for picture in pictures]


def folder_of(path: Path, count: int) -> Path:
    path.mkdir()
    for index in range(count):
        cv2.imwrite(str(path / f"{index:03}.png"), np.full((20, 40, 3), 10 * index, np.uint8))
    (path / "notes.txt").write_text("no picture")
    return path


@given(total=st.integers(1, 500), count=st.integers(1, 40))
def test_any_number_is_thinned_evenly(total: int, count: int) -> None:
    thinner = Evenly(count)
    for index in range(total):
        thinner.add(np.full((1, 1, 3), index % 256, np.uint8) if thinner.wants else None)
        assert len(thinner._kept) < 2 * count
    pictures = thinner.pictures()
    assert min(total, count) >= len(pictures) >= min(total, count) - 1
    if total <= 256 and len(pictures) > 2:
        gaps = np.diff(shades(pictures))
        assert gaps.max() <= 2 * gaps.min(), "none is far from the next"


@given(total=st.integers(1, 1000), count=st.integers(2, 100))
def test_indices_are_spread_with_the_ends_among_them(total: int, count: int) -> None:
    indices = evenly(total, count)
    assert len(indices) == min(total, count)
    assert (indices[0], indices[-1]) == (0, total - 1)


def test_a_clip_is_taken_from_evenly(tmp_path: Path) -> None:
    clip, told = write_clip(tmp_path / "clip.mp4", frames=12), Told()
    pictures = gather([str(clip)], 8, SIZE_WH, 1.0, told)
    assert {picture.shape for picture in pictures} == {(16, 32, 3)}
    assert len(pictures) == 8
    assert shades(pictures)[0] < 5
    assert shades(pictures)[-1] > 210
    assert told.counts == {str(clip): 12}


def test_a_folder_is_taken_from_evenly(tmp_path: Path) -> None:
    pictures = gather([str(folder_of(tmp_path / "photos", 20))], 10, SIZE_WH, 1.0, Told())
    assert [picture.shape for picture in pictures] == [(16, 32, 3)] * 10
    assert shades(pictures) == sorted(shades(pictures))
    assert (shades(pictures)[0], shades(pictures)[-1]) == (0, 190)


def test_several_sources_give_about_as_many_each(tmp_path: Path) -> None:
    few, many = folder_of(tmp_path / "few", 3), folder_of(tmp_path / "many", 20)
    told = Told()
    assert len(gather([str(few), str(many)], 10, SIZE_WH, 1.0, told)) == 10
    assert told.counts == {str(few): 3, str(many): 7}


def test_of_more_sources_than_pictures_only_the_first_are_asked(tmp_path: Path) -> None:
    folders = [str(folder_of(tmp_path / str(number), 2)) for number in range(10)]
    told = Told()
    assert len(gather(folders, 9, SIZE_WH, 1.0, told)) == 9
    assert told.counts == dict.fromkeys(folders[:9], 1)


def jpegs(count: int) -> list[bytes]:
    shots = (np.full((48, 64, 3), 10 * n, np.uint8) for n in range(count))
    return [cv2.imencode(".jpg", shot)[1].tobytes() for shot in shots]


def test_a_live_source_gives_the_first_and_is_left(tmp_path: Path) -> None:
    over = threading.Event()
    with http_server(sends_jpegs(jpegs(20), then=over)) as url:
        pictures = gather([f"{url}/video.mjpg"], 9, SIZE_WH, 1e-6, Told())
        over.set()
    assert len(pictures) == 9


def test_a_live_source_that_breaks_off_gives_what_there_was() -> None:
    with http_server(sends_jpegs(jpegs(12))) as url:
        pictures = gather([f"{url}/video.mjpg"], 300, SIZE_WH, 1e-6, Told())
    assert 8 <= len(pictures) <= 12


def test_a_source_that_cannot_be_reached_is_told_at_once() -> None:
    with closed_port() as port, pytest.raises(SourceError, match="refused") as caught:
        gather([f"http://me:secret@127.0.0.1:{port}/video.mjpg"], 9, SIZE_WH, 1.0, Told())
    assert caught.value.reason is SourceFault.REFUSED
    assert "secret" not in str(caught.value)


@pytest.mark.parametrize(
    ("source", "reason"),
    [("missing.mp4", SourceFault.NOT_FOUND), ("gopher://host/x", SourceFault.UNSUPPORTED)],
)
def test_what_is_no_source_is_told(source: str, reason: SourceFault) -> None:
    with pytest.raises(SourceError) as caught:
        gather([source], 9, SIZE_WH, 1.0, Told())
    assert caught.value.reason is reason


def test_a_folder_without_pictures_is_told(tmp_path: Path) -> None:
    with pytest.raises(TrainingError, match=r"no pictures there \(\.bmp, "):
        gather([str(folder_of(tmp_path / "photos", 0))], 9, SIZE_WH, 1.0, Told())


def test_too_few_pictures_are_told(tmp_path: Path) -> None:
    with pytest.raises(TrainingError, match="photos: 3 pictures; calibrating takes at least 8"):
        gather([str(folder_of(tmp_path / "photos", 3))], 9, SIZE_WH, 1.0, Told())
