"""Pictures without labels: files, and frames of videos."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import cv2

from streamseg.errors import TrainingError
from streamseg.training.data.labels import PICTURES
from streamseg.types import U8

VIDEOS = {".mp4", ".mkv", ".mov", ".avi", ".webm", ".m4v", ".ts"}
EVERY = 12  # frames of a video between two that are taken: neighbours show the same


@dataclass(frozen=True, slots=True)
class Still:
    """A picture file, or a frame of a video."""

    path: Path
    frame: int | None = None

    def __str__(self) -> str:
        return f"{self.path}" if self.frame is None else f"{self.path}, frame {self.frame}"


def find_stills(paths: Sequence[Path], every: int = EVERY, key: str = "data.unlabelled: ") -> list[Still]:
    """Every picture and every n-th frame of every video in folders, or named themselves, in order.

    Args:
        paths: Files and folders.
        every: Frames of a video from one that is taken to the next.
        key: What the paths are called in errors.

    Raises:
        TrainingError: A path does not exist, is of neither kind or cannot be opened (a line each), or there
            is nothing.
    """
    problems: list[str] = []
    stills: list[Still] = []
    for path in paths:
        try:
            files = sorted(path.iterdir()) if path.is_dir() else [path]
        except OSError as error:
            problems.append(f"{path}: cannot be read: {error.strerror}")
            continue
        for file in files:
            try:
                stills += _stills_of(file, every, named=file == path)
            except TrainingError as error:
                problems.append(str(error))
    if not stills and not problems:
        problems = [f"no pictures and no videos in {', '.join(map(str, paths))}"]
    if problems:
        raise TrainingError("\n".join(f"{key}{problem}" for problem in problems))
    return stills


def _stills_of(file: Path, every: int, *, named: bool) -> list[Still]:
    """Those of one file; other files in a folder are passed over, but not those that are named."""
    if not file.exists():
        raise TrainingError(f"{file}: no such file or folder")
    if file.suffix.lower() in PICTURES:
        return [Still(file)]
    if file.suffix.lower() in VIDEOS:
        return [Still(file, frame) for frame in range(0, _frames(file), every)]
    if named:
        raise TrainingError(f"{file}: neither a picture nor a video by its name")
    return []


def _frames(file: Path) -> int:
    video = cv2.VideoCapture(str(file))
    frames = int(video.get(cv2.CAP_PROP_FRAME_COUNT))
    video.release()
    if frames < 1:
        raise TrainingError(f"{file}: cannot be decoded")
    return frames


def read_still(still: Still) -> U8:
    """RGB `[H, W, 3]`.

    Raises:
        TrainingError: It cannot be decoded.
    """
    image = cv2.imread(str(still.path)) if still.frame is None else _frame(still.path, still.frame)
    if image is None:
        raise TrainingError(f"{still}: cannot be decoded")
    rgb: U8 = cv2.cvtColor(image, cv2.COLOR_BGR2RGB)
    return rgb


def _frame(path: Path, number: int) -> U8 | None:
    video = cv2.VideoCapture(str(path))
    video.set(cv2.CAP_PROP_POS_FRAMES, number)
    read, image = video.read()
    video.release()
    return image if read else None
