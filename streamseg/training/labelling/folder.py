"""The folder that `streamseg label` fills: a training set, and a record of how it was made.

    images/  labels/  classes.txt  labels.json  contact-sheet.png  label.lock

A picture is done once it is there with its label. Both files are replaced atomically, the picture last, so
the files themselves say where to go on; `labels.json` is written when a run begins and when it ends.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from streamseg.errors import TrainingError
from streamseg.fileio import replace_file
from streamseg.training.data.label_space import NAMES_FILE
from streamseg.training.data.unlabelled import Still
from streamseg.training.labelling.record import (
    RECORD_NAME,
    Coverage,
    FolderRecord,
    LabelSettings,
    PictureRecord,
    differences,
    read_record,
)
from streamseg.types import U8

SHEET_NAME = "contact-sheet.png"
_IMAGES, _LABELS = "images", "labels"
_JPEG_QUALITY = 95  # of frames


class LabelFolder:
    """The folder of one run.

    Args:
        path: Where; it need not be there.
        settings: What its labels are made by.

    Attributes:
        record: What is in it.

    Raises:
        TrainingError: What is there was made by other settings, or not by `streamseg label` at all.
    """

    def __init__(self, path: Path, settings: LabelSettings) -> None:
        self.path = path
        self.record = read_record(path) or FolderRecord(settings=settings)
        if changed := differences(self.record.settings, settings):
            raise TrainingError(
                f"{path} was labelled otherwise:\n  " + "\n  ".join(changed) + "\n"
                "put it back, give another --out, or delete what is there with --fresh"
            )

    def plan(self, stills: Sequence[Still]) -> dict[str, Still]:
        """Give every picture a name of its own, keep those that have one, and write that down.

        Returns:
            What is to be labelled, by name; without what is done.

        Raises:
            TrainingError: The folder cannot be written.
        """
        names = {(one.source, one.frame): name for name, one in self.record.pictures.items()}
        planned: dict[str, Still] = {}
        for still in stills:
            key = (str(still.path.absolute()), still.frame)
            if key not in names:
                names[key] = self._new_name(still)
                image = f"{names[key]}{still.path.suffix if still.frame is None else '.jpg'}"
                record = PictureRecord(image=image, source=key[0], frame=still.frame)
                self.record.pictures[names[key]] = record
            planned[names[key]] = still
        _make_folder(self.path)
        self.save()  # first: without it, the next run would not know the folder
        for folder in (self.path / _IMAGES, self.path / _LABELS):
            _make_folder(folder)
        write_file(self.path / NAMES_FILE, "".join(f"{c}\n" for c in self.record.settings.classes).encode())
        return {name: still for name, still in planned.items() if not self._is_done(name)}

    def _new_name(self, still: Still) -> str:
        stem = still.path.stem if still.frame is None else f"{still.path.stem}-{still.frame:06}"
        name, number = stem, 2
        while name in self.record.pictures:
            name, number = f"{stem}-{number}", number + 1
        return name

    def _is_done(self, name: str) -> bool:
        one = self.record.pictures[name]
        if not (self.path / _IMAGES / one.image).is_file() or not self._label(name).is_file():
            self.record.pictures[name] = one.model_copy(update={"pixels": 0, "classes": {}})
            return False
        if one.pixels == 0:  # labelled by a run that was killed
            labels = cv2.imread(str(self._label(name)), cv2.IMREAD_UNCHANGED)
            if labels is not None and labels.ndim == 2:
                self._count(name, labels.astype(np.uint8))
        return self.record.pictures[name].pixels > 0

    def write(self, name: str, image: bytes, labels: U8) -> None:
        """Put a labelled picture into the folder.

        Args:
            name: As planned.
            image: Content of its file (`image_bytes`).
            labels: Class ids and 255, `[H, W]`.

        Raises:
            TrainingError: The folder cannot be written.
        """
        write_file(self._label(name), cv2.imencode(".png", labels)[1].tobytes())
        # last: a data set may have labels without pictures, and no pictures without labels
        write_file(self.path / _IMAGES / self.record.pictures[name].image, image)
        self._count(name, labels)

    def _count(self, name: str, labels: U8) -> None:
        counts = np.bincount(labels.ravel(), minlength=256)
        classes = {
            c: int(n) for c, n in zip(self.record.settings.classes, counts.tolist(), strict=False) if n
        }
        update = {"pixels": labels.size, "classes": classes}
        self.record.pictures[name] = self.record.pictures[name].model_copy(update=update)

    def save(self, computed_on: dict[str, str] | None = None) -> None:
        """Write the record. Raises TrainingError where it cannot be written."""
        update: dict[str, Any] = {"coverage": self.coverage().as_json()}
        if computed_on is not None:
            update["computed_on"] = computed_on
        self.record = self.record.model_copy(update=update)
        write_file(self.path / RECORD_NAME, self.record.model_dump_json(indent=1, exclude_none=True).encode())

    def coverage(self) -> Coverage:
        """Of all pictures that are labelled, those of earlier runs too."""
        done = [one for one in self.record.pictures.values() if one.pixels]
        pixels, pictures = Counter[str](), Counter[str]()
        for one in done:
            pixels.update(one.classes)
            pictures.update(one.classes.keys())
        names = self.record.settings.classes
        return Coverage(
            len(done),
            sum(one.pixels for one in done),
            {c: pixels[c] for c in names},
            {c: pictures[c] for c in names},
        )

    def labelled_pictures(self) -> Iterator[tuple[str, Path, Path]]:
        """Name, image and label of every picture that is labelled."""
        for name, one in self.record.pictures.items():
            if one.pixels:
                yield name, self.path / _IMAGES / one.image, self._label(name)

    def _label(self, name: str) -> Path:
        return self.path / _LABELS / f"{name}.png"


def discard(path: Path) -> str:
    """Delete what `streamseg label` made in a folder, and nothing else; says what, empty: there was nothing.

    Raises:
        TrainingError: The folder is not one of its own, or cannot be written.
    """
    record = read_record(path)
    if record is None:
        return ""
    files = [path / _IMAGES / one.image for one in record.pictures.values()]
    files += [path / _LABELS / f"{name}.png" for name in record.pictures]
    try:
        # the record goes last: as long as it is there, the same can be asked for again
        for file in [*files, path / NAMES_FILE, path / SHEET_NAME, path / RECORD_NAME]:
            file.unlink(missing_ok=True)
            _part(file).unlink(missing_ok=True)
    except OSError as error:
        raise TrainingError(f"{error.filename}: cannot be deleted: {error.strerror}") from error
    for folder in (path / _IMAGES, path / _LABELS):
        with suppress(OSError):  # somebody else's files are in it
            folder.rmdir()
    return f"--fresh: deleted {len(record.pictures):,} pictures and labels in {path}"


def write_file(path: Path, content: bytes) -> None:
    """Replace a file atomically.

    Raises:
        TrainingError: It cannot be written; what was there before still is.
    """
    try:
        replace_file(path, content, _part(path))
    except OSError as error:
        raise TrainingError(
            f"{path}: cannot be written: {error.strerror}; what is labelled stays: the same command goes on"
        ) from error


def _part(path: Path) -> Path:
    return path.with_name(f".{path.name}.part")  # a suffix that no data set reads


def _make_folder(path: Path) -> None:
    try:
        path.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise TrainingError(f"{path}: cannot be written: {error.strerror}") from error


def image_bytes(still: Still, image: U8) -> bytes:
    """What goes into `images/`: a picture file as it is, a frame of a video as JPEG.

    Args:
        still: Where the picture came from.
        image: The same, decoded, RGB `[H, W, 3]`.

    Raises:
        OSError: The file cannot be read.
    """
    if still.frame is None:
        return still.path.read_bytes()
    bgr = cv2.cvtColor(image, cv2.COLOR_RGB2BGR)
    encoded: bytes = cv2.imencode(".jpg", bgr, [cv2.IMWRITE_JPEG_QUALITY, _JPEG_QUALITY])[1].tobytes()
    return encoded
