"""Pictures without labels: files, and frames of videos."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import cv2

from streamseg.errors import TrainingError
from streamseg.training.data import PICTURES
from streamseg.types import U8

VIDEOS = {".mp4", ".mkv", ".mov", ".avi", ".webm", ".m4v", ".ts"}
EVERY = 12  # frames of a video between two that are taken: neighbours show the same


@dataclass(frozen=True, slots=True)
class Still:
    """A picture file, or a frame of a video."""

    path: Path
    frame: int | None = None


def find_stills(paths: Sequence[Path]) -> list[Still]:
    """Every picture and every `EVERY`-th frame of every video in folders, or named themselves, in order.

    Raises:
        TrainingError: A path does not exist, is of neither kind or cannot be opened, or there is nothing.
    """
    files = [file for path in paths for file in (sorted(path.iterdir()) if path.is_dir() else [path])]
    stills = [still for file in files for still in _stills_of(file, named=file in paths)]
    if not stills:
        raise TrainingError(f"data.unlabelled: no pictures and no videos in {', '.join(map(str, paths))}")
    return stills


def _stills_of(file: Path, *, named: bool) -> list[Still]:
    """Those of one file; other files in a folder are passed over, but not those a recipe names."""
    if not file.exists():
        raise TrainingError(f"data.unlabelled: {file}: no such file or folder")
    if file.suffix.lower() in PICTURES:
        return [Still(file)]
    if file.suffix.lower() in VIDEOS:
        return [Still(file, frame) for frame in range(0, _frames(file), EVERY)]
    if named:
        raise TrainingError(f"data.unlabelled: {file}: neither a picture nor a video by its name")
    return []


def _frames(file: Path) -> int:
    video = cv2.VideoCapture(str(file))
    frames = int(video.get(cv2.CAP_PROP_FRAME_COUNT))
    video.release()
    if frames < 1:
        raise TrainingError(f"data.unlabelled: {file}: cannot be decoded")
    return frames


def read_still(still: Still) -> U8:
    """RGB `[H, W, 3]`.

    Raises:
        TrainingError: It cannot be decoded.
    """
    image = cv2.imread(str(still.path)) if still.frame is None else _frame(still.path, still.frame)
    if image is None:
        place = "" if still.frame is None else f", frame {still.frame}"
        raise TrainingError(f"{still.path}{place}: cannot be decoded")
    rgb: U8 = cv2.cvtColor(image, cv2.COLOR_BGR2RGB)
    return rgb


def _frame(path: Path, number: int) -> U8 | None:
    video = cv2.VideoCapture(str(path))
    video.set(cv2.CAP_PROP_POS_FRAMES, number)
    read, image = video.read()
    video.release()
    return image if read else None
