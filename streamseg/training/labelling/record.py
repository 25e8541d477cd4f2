"""What `streamseg label` writes down of a folder it fills, in `labels.json`: how, from what, and how much."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, Field, ValidationError

from streamseg.errors import TrainingError
from streamseg.training.config.stage_config import StrictModel

RECORD_NAME = "labels.json"
LOCK_NAME = "label.lock"
_OF_A_BEGINNING = {LOCK_NAME, f".{RECORD_NAME}.part"}  # all there is before there is a record


def _plain_name(name: str) -> str:
    if Path(name).name != name or name in {"", ".", ".."} or "\0" in name:
        msg = "must be the name of a file"
        raise ValueError(msg)
    return name


_FileName = Annotated[str, AfterValidator(_plain_name)]


class PictureRecord(StrictModel):
    """One picture of the folder: its file in `images/`, where it came from, and its labels.

    Attributes:
        image: Name of the file.
        source: Absolute path of the picture or video.
        frame: Number of the frame of a video.
        pixels: How many it has; 0: it is not labelled yet.
        classes: Labelled pixels by class name.
    """

    image: _FileName
    source: str
    frame: int | None = None
    pixels: int = 0
    classes: dict[str, int] = Field(default={})


class TeacherRecord(StrictModel):
    """A package that labelled, and what its classes stood for."""

    version: str
    sha256: str
    license: str
    map: dict[str, list[str]]
    min_confidence: float


class LabelSettings(StrictModel):
    """What labels depend on besides the pictures."""

    classes: list[str]
    packages: dict[str, TeacherRecord]
    agree: Literal["all"] | int
    trust: dict[str, list[str]]
    require: dict[str, int]


class FolderRecord(StrictModel):
    """The content of `labels.json`.

    Attributes:
        format: Version of this layout.
        settings: What all labels of the folder were made by.
        computed_on: Backend and precision of each package in the last run.
        coverage: Of the labelled pictures; see `Coverage.as_json`.
        pictures: By the stem that image and label share.
    """

    format: Literal[1] = 1
    settings: LabelSettings
    computed_on: dict[str, str] = Field(default={})
    coverage: dict[str, Any] = Field(default={})
    pictures: dict[_FileName, PictureRecord] = Field(default={})


@dataclass(frozen=True, slots=True)
class Coverage:
    """How much of the pictures is labelled.

    Attributes:
        pictures: How many there are.
        pixels: Of all of them.
        by_class: Labelled pixels by class name; every class is there.
        pictures_by_class: How many pictures have pixels of it.
    """

    pictures: int
    pixels: int
    by_class: dict[str, int]
    pictures_by_class: dict[str, int]

    @property
    def labelled(self) -> int:
        """Pixels that have a label."""
        return sum(self.by_class.values())

    @property
    def share(self) -> float:
        """The same as a share, 0…1."""
        return self.labelled / max(self.pixels, 1)

    @property
    def never(self) -> list[str]:
        """Classes that no pixel has."""
        return [name for name, pixels in self.by_class.items() if not pixels]

    def as_json(self) -> dict[str, Any]:
        """Plain data."""
        classes = {
            name: {
                "pixels": pixels,
                "share": round(pixels / max(self.pixels, 1), 6),
                "pictures": self.pictures_by_class[name],
            }
            for name, pixels in self.by_class.items()
        }
        head = {"pictures": self.pictures, "pixels": self.pixels, "labelled": self.labelled}
        return {**head, "share": round(self.share, 6), "classes": classes}


def read_record(path: Path) -> FolderRecord | None:
    """The record of a folder; None where there is nothing yet.

    Raises:
        TrainingError: There is something else, or the record cannot be read.
    """
    file = path / RECORD_NAME
    try:
        if not path.exists() or {one.name for one in path.iterdir()} <= _OF_A_BEGINNING:
            return None
        return FolderRecord.model_validate_json(file.read_bytes())
    except (FileNotFoundError, NotADirectoryError) as error:
        raise TrainingError(
            f"{path} is there, and `streamseg label` did not make it: give another --out"
        ) from error
    except OSError as error:
        raise TrainingError(f"{error.filename}: cannot be read: {error.strerror}") from error
    except ValidationError as error:
        raise TrainingError(
            f"{file} is not what `streamseg label` wrote: give another --out, or delete the folder"
        ) from error


def differences(before: LabelSettings, now: LabelSettings) -> list[str]:
    """What is other than it was, a line each."""
    shared = before.packages.keys() & now.packages.keys()
    was, is_now = (dict(_flat(_without_details(one, shared))) for one in (before, now))
    keys = [key for key in dict.fromkeys([*is_now, *was]) if was.get(key) != is_now.get(key)]
    return [f"{key}: {_written(is_now.get(key))}, was {_written(was.get(key))}" for key in keys]


def _without_details(settings: LabelSettings, shared: Collection[str]) -> dict[str, Any]:
    """Plain data; of packages that are not in `shared` the version alone."""
    plain = settings.model_dump(mode="json")
    packages = {name: one if name in shared else one["version"] for name, one in plain["packages"].items()}
    return {**plain, "packages": packages}


def _flat(value: dict[str, Any], prefix: str = "") -> Iterator[tuple[str, Any]]:
    for key, one in value.items():
        if isinstance(one, dict):
            yield from _flat(one, f"{prefix}{key}.")
        else:
            yield f"{prefix}{key}", one


def _written(value: object) -> str:
    if isinstance(value, list):
        return ", ".join(map(str, value)) or "ignored"
    return "nothing" if value is None else str(value)
