"""The folder of labels: names, what is done, what is ours, and nothing half written."""

from __future__ import annotations

import json
from pathlib import Path

import cv2
import numpy as np
import pytest

from streamseg.errors import TrainingError
from streamseg.training.data.dataset import find_dataset
from streamseg.training.data.unlabelled import Still
from streamseg.training.labelling.folder import LabelFolder, discard, image_bytes, write_file
from streamseg.training.labelling.record import LabelSettings, TeacherRecord
from streamseg.types import U8
from tests.training.conftest import draw

SETTINGS = LabelSettings(
    classes=["ground", "disc", "bar"],
    packages={
        "a": TeacherRecord(version="1", sha256="0", license="CC0-1.0", map={"x": ["disc"]}, min_confidence=0)
    },
    agree="all",
    trust={},
    require={},
)


def picture(folder: Path, name: str = "one.png", seed: int = 1) -> tuple[Still, U8]:
    folder.mkdir(parents=True, exist_ok=True)
    image = draw(seed)[0]
    cv2.imwrite(str(folder / name), image)
    return Still(folder / name), cv2.cvtColor(image, cv2.COLOR_BGR2RGB).astype(np.uint8)


def labels(disc: int = 5) -> U8:
    made = np.full((48, 64), 255, np.uint8)
    made.ravel()[:20] = 0
    made.ravel()[20 : 20 + disc] = 1
    return made


def fill(path: Path, stills: dict[str, tuple[Still, U8]], count: int | None = None) -> LabelFolder:
    folder = LabelFolder(path, SETTINGS)
    planned = folder.plan([still for still, _ in stills.values()])
    images = dict(stills.values())
    for name, still in list(planned.items())[:count]:
        folder.write(name, image_bytes(still, images[still]), labels())
    return folder


def test_what_is_written_is_a_data_set(tmp_path: Path) -> None:
    still, image = picture(tmp_path / "in", "one.JPG")
    folder = fill(tmp_path / "out", {"": (still, image), "frame": (Still(tmp_path / "clip.avi", 12), image)})
    folder.save()
    found = find_dataset(tmp_path / "out")
    assert found.names == ("ground", "disc", "bar")
    assert [pair.image.name for pair in found.pairs] == ["clip-000012.jpg", "one.JPG"]
    frame, truth = found.read(found.pairs[0], 3)
    assert truth.tolist() == labels().tolist()
    assert np.abs(frame.astype(int) - image.astype(int)).mean() < 10, "a frame is kept as JPEG"
    assert (tmp_path / "out/images/one.JPG").read_bytes() == still.path.read_bytes()
    written = json.loads((tmp_path / "out/labels.json").read_text())
    assert written["settings"]["packages"]["a"]["sha256"] == "0"
    assert written["pictures"]["one"]["source"] == str(still.path)
    assert written["pictures"]["one"]["classes"] == {"ground": 20, "disc": 5}
    assert written["coverage"]["classes"]["disc"] == {"pixels": 10, "share": 0.001628, "pictures": 2}
    assert written["coverage"]["classes"]["bar"]["pictures"] == 0


def test_pictures_of_the_same_name_are_kept_apart_also_later(tmp_path: Path) -> None:
    stills = {name: picture(tmp_path / name) for name in "ab"}
    fill(tmp_path / "out", stills)
    third = {"c": picture(tmp_path / "c", "one.jpg"), "clip": (Still(tmp_path / "one.avi", 3), labels())}
    planned = LabelFolder(tmp_path / "out", SETTINGS).plan(
        [still for still, _ in [*third.values(), stills["b"]]]
    )
    assert list(planned) == ["one-3", "one-000003"]


def test_the_same_file_named_twice_is_one_picture(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    still, _ = picture(tmp_path / "in")
    monkeypatch.chdir(tmp_path)
    planned = LabelFolder(tmp_path / "out", SETTINGS).plan([still, Still(Path("in/one.png"))])
    assert list(planned) == ["one"]


def test_it_goes_on_where_it_stopped_although_nothing_was_written_down(tmp_path: Path) -> None:
    stills = {str(n): picture(tmp_path / "in", f"{n}.png", n) for n in range(3)}
    fill(tmp_path / "out", stills, count=2)  # and no save(): killed
    folder = LabelFolder(tmp_path / "out", SETTINGS)
    assert list(folder.plan([still for still, _ in stills.values()])) == ["2"]
    coverage = folder.coverage()
    assert (coverage.pictures, coverage.by_class) == (2, {"ground": 40, "disc": 10, "bar": 0})
    assert coverage.never == ["bar"]


@pytest.mark.parametrize("harm", ["image gone", "label gone", "label cut"])
def test_a_picture_that_is_not_whole_is_done_again(tmp_path: Path, harm: str) -> None:
    stills = {"": picture(tmp_path / "in")}
    fill(tmp_path / "out", stills)
    match harm:
        case "image gone":
            (tmp_path / "out/images/one.png").unlink()
        case "label gone":
            (tmp_path / "out/labels/one.png").unlink()
        case _:
            (tmp_path / "out/labels/one.png").write_bytes(b"\x89PNG")
    assert list(LabelFolder(tmp_path / "out", SETTINGS).plan([stills[""][0]])) == ["one"]


def test_somebody_elses_folder_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("mine")
    for path in (tmp_path, tmp_path / "notes.txt"):
        with pytest.raises(TrainingError, match="`streamseg label` did not make it: give another --out"):
            LabelFolder(path, SETTINGS)
        with pytest.raises(TrainingError, match="did not make it"):
            discard(path)
    assert (tmp_path / "notes.txt").read_text() == "mine"


def test_only_what_was_made_is_deleted(tmp_path: Path) -> None:
    folder = fill(tmp_path / "out", {"": picture(tmp_path / "in")})
    folder.save()
    (tmp_path / "out/images/mine.png").write_text("")
    assert discard(tmp_path / "out") == f"--fresh: deleted 1 pictures and labels in {tmp_path / 'out'}"
    left = sorted(str(path.relative_to(tmp_path)) for path in tmp_path.rglob("*"))
    assert left == ["in", "in/one.png", "out", "out/images", "out/images/mine.png"]
    assert discard(tmp_path / "nothing") == ""


def test_a_file_that_cannot_be_written_is_one_line_and_leaves_nothing(tmp_path: Path) -> None:
    (tmp_path / "full").mkdir()
    with pytest.raises(
        TrainingError, match="full: cannot be written: Is a directory; what is labelled stays"
    ):
        write_file(tmp_path / "full", b"x")
    assert list(tmp_path.iterdir()) == [tmp_path / "full"]
    (tmp_path / "file").write_text("")
    with pytest.raises(TrainingError, match=r"cannot be written: (Not a directory|File exists)"):
        LabelFolder(tmp_path / "file/out", SETTINGS).plan([picture(tmp_path / "in")[0]])
