"""Pictures without labels are found in folders and videos."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest

from streamseg.errors import TrainingError
from streamseg.training.data.unlabelled import EVERY, Still, find_stills, read_still


@pytest.fixture
def video(tmp_path: Path) -> Path:
    """Thirty frames, each one shade brighter than the one before."""
    path = tmp_path / "clip.avi"
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter.fourcc(*"MJPG"), 25, (64, 48))
    for shade in range(30):
        writer.write(np.full((48, 64, 3), 8 * shade, np.uint8))
    writer.release()
    return path


def test_pictures_of_a_folder_and_some_frames_of_its_videos(pictures: Path, video: Path) -> None:
    (video.parent / "notes.txt").write_text("passed over")
    stills = find_stills([pictures / "val/images", video.parent])
    assert [still.path.name for still in stills[:3]] == ["00.png", "01.png", "02.png"]
    assert stills[3:] == [Still(video, frame) for frame in range(0, 30, EVERY)]


def test_a_frame_is_the_one_asked_for(video: Path) -> None:
    for frame in (0, 12, 24):
        assert read_still(Still(video, frame)).mean() == pytest.approx(8 * frame, abs=3)


def test_a_picture_is_read_as_rgb(tmp_path: Path) -> None:
    cv2.imwrite(str(tmp_path / "red.png"), np.full((4, 6, 3), (0, 0, 255), np.uint8))
    assert read_still(Still(tmp_path / "red.png"))[0, 0].tolist() == [255, 0, 0]


def test_every_nth_frame(video: Path) -> None:
    assert find_stills([video], every=10) == [Still(video, frame) for frame in (0, 10, 20)]


def test_everything_that_cannot_be_used_is_told_at_once(tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    (tmp_path / "in/broken.mp4").write_bytes(b"not a video")
    paths = [tmp_path / "gone", tmp_path / "in", tmp_path / "a.txt"]
    with pytest.raises(TrainingError) as told:
        find_stills(paths, key="--: ")
    assert str(told.value).splitlines() == [
        f"--: {tmp_path / 'gone'}: no such file or folder",
        f"--: {tmp_path / 'in/broken.mp4'}: cannot be decoded",
        f"--: {tmp_path / 'a.txt'}: no such file or folder",
    ]


def test_a_still_reads_as_its_place() -> None:
    assert str(Still(Path("a.png"))) == "a.png"
    assert str(Still(Path("a.mp4"), 12)) == "a.mp4, frame 12"


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [("gone.png", None, "no such file"), ("notes.txt", b"x", "neither a picture nor a video"),
     ("broken.mp4", b"not a video", "cannot be decoded")],
)  # fmt: skip
def test_what_cannot_be_used_is_said(tmp_path: Path, name: str, content: bytes | None, said: str) -> None:
    if content is not None:
        (tmp_path / name).write_bytes(content)
    with pytest.raises(TrainingError, match=said):
        find_stills([tmp_path / name])


def test_nothing_at_all_is_said(tmp_path: Path) -> None:
    with pytest.raises(TrainingError, match=r"data\.unlabelled: no pictures and no videos"):
        find_stills([tmp_path])
    (tmp_path / "broken.png").write_bytes(b"no picture")
    with pytest.raises(TrainingError, match=r"broken\.png: cannot be decoded"):
        read_still(find_stills([tmp_path])[0])
