"""`streamseg label` from pictures to a training set."""

from __future__ import annotations

import io
import json
import os
import signal
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest
import yaml
from rich.console import Console

from streamseg.errors import TrainingError
from streamseg.training.data.dataset import find_dataset
from streamseg.training.labelling import command
from streamseg.training.labelling.folder import LabelFolder
from streamseg.training.labelling.job import LabelOptions
from streamseg.training.loop.interruption import TrainingStoppedError
from streamseg.training.loop.run_lock import run_lock
from tests.training.conftest import recipe_document
from tests.training.test_commands import named_package


@pytest.fixture
def options(pictures: Path) -> LabelOptions:
    engines = [
        str(named_package(pictures / "engines", "ground", "disc", "bar", name=name, seed=seed))
        for seed, name in enumerate(("first", "second"))
    ]
    (pictures / "tiny.yaml").write_text(yaml.safe_dump(recipe_document(pictures)))
    return LabelOptions(
        (pictures / "val/images",),
        tuple(engines),
        pictures / "out",
        recipe=pictures / "tiny.yaml",
        precision="f32",
        every=4,
    )


def run(options: LabelOptions) -> str:
    """What is printed."""
    text = io.StringIO()
    command.label(options, Console(file=text, width=120))
    return text.getvalue()


def label_files(out: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in sorted((out / "labels").iterdir())}


def clip(path: Path, frames: int = 10) -> Path:
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter.fourcc(*"MJPG"), 25, (96, 64))
    rng = np.random.default_rng(0)
    for _ in range(frames):
        writer.write(cv2.resize(rng.integers(0, 200, (8, 12, 3), np.uint8), (96, 64)))
    writer.release()
    return path


def test_pictures_and_clips_become_a_training_set(options: LabelOptions, tmp_path: Path) -> None:
    printed = run(replace(options, paths=(*options.paths, clip(tmp_path / "clip.avi"))))
    found = find_dataset(options.out)
    names = ["00.png", "01.png", "02.png", "clip-000000.jpg", "clip-000004.jpg", "clip-000008.jpg"]
    assert [pair.image.name for pair in found.pairs] == names
    assert found.names == ("ground", "disc", "bar")
    shapes = {found.read(pair, 3)[1].shape for pair in found.pairs}
    assert shapes == {(48, 64), (64, 96)}, "each at its own size"
    written = json.loads((options.out / "labels.json").read_text())
    assert list(written["settings"]["packages"]) == ["first", "second"]
    assert written["computed_on"]["first"].endswith(" f32")
    share = written["coverage"]["share"]
    assert 0 < share < 1
    assert f"6 pictures labelled; {100 * share:.1f} % of the pixels have a label" in printed
    assert "% of labelled" in printed
    assert cv2.imread(str(options.out / "contact-sheet.png")) is not None


def test_the_labels_are_where_both_say_the_same(options: LabelOptions, tmp_path: Path) -> None:
    alone = []
    for number, name in enumerate(options.packages):
        run(replace(options, packages=(name,), out=tmp_path / f"alone{number}"))
        alone.append(cv2.imread(str(tmp_path / f"alone{number}/labels/00.png"), cv2.IMREAD_UNCHANGED))
    run(options)
    both = cv2.imread(str(options.out / "labels/00.png"), cv2.IMREAD_UNCHANGED)
    assert both.tolist() == np.where(alone[0] == alone[1], alone[0], 255).tolist()


def test_a_class_that_nobody_says_is_named(options: LabelOptions, tmp_path: Path) -> None:
    maps = tuple(f"{name}:bar=ignore" for name in ("first", "second"))
    assert "never labelled: bar" in run(replace(options, maps=maps))


@pytest.fixture
def count_writes(monkeypatch: pytest.MonkeyPatch) -> Callable[[Callable[[int], None]], list[str]]:
    """Calls a function with the number of pictures written so far, after each; gives their names."""

    def install(after: Callable[[int], None]) -> list[str]:
        write, written = LabelFolder.write, list[str]()

        def counted(folder: LabelFolder, name: str, image: bytes, labels: np.ndarray) -> None:
            write(folder, name, image, labels)
            written.append(name)
            after(len(written))

        monkeypatch.setattr(LabelFolder, "write", counted)
        return written

    return install


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_it_stops_after_the_picture_in_hand_and_goes_on_from_there(
    options: LabelOptions,
    count_writes: Callable[[Callable[[int], None]], list[str]],
    capfd: pytest.CaptureFixture[str],
    number: int,
    code: int,
) -> None:
    whole = replace(options, out=options.out.with_name("whole"))
    run(whole)
    written = count_writes(lambda count: os.kill(os.getpid(), number) if count == 1 else None)
    with pytest.raises(
        TrainingStoppedError, match="stopped, 1 pictures are labelled; the same command"
    ) as stopped:
        run(options)
    assert stopped.value.exit_code == code
    assert "stopping after the picture in hand" in capfd.readouterr().err
    printed = run(options)
    assert written == ["00", "01", "02"], "each once"
    assert "2 pictures labelled, 1 were before" in printed
    assert label_files(options.out) == label_files(whole.out)
    assert "0 pictures labelled, 3 were before" in run(options)
    assert len(written) == 3


def test_a_run_that_died_goes_on_as_well(
    options: LabelOptions, count_writes: Callable[[Callable[[int], None]], list[str]]
) -> None:
    def die(count: int) -> None:
        if count == 2:
            raise MemoryError

    written = count_writes(die)
    with pytest.raises(MemoryError):
        run(options)
    assert "1 pictures labelled, 2 were before" in run(options)
    assert written == ["00", "01", "02"]


def test_other_rules_are_refused_until_it_begins_anew(options: LabelOptions) -> None:
    run(options)
    other = replace(options, packages=options.packages[:1])
    with pytest.raises(TrainingError, match=r"was labelled otherwise:\n  packages.second: nothing, was 1"):
        run(other)
    before = label_files(options.out)
    printed = run(replace(other, fresh=True))
    assert "--fresh: deleted 3 pictures and labels" in printed
    assert "3 pictures labelled; 100.0 % of the pixels" in printed
    assert label_files(options.out) != before


def test_more_pictures_join_those_that_are_there(options: LabelOptions, pictures: Path) -> None:
    run(options)
    printed = run(replace(options, paths=(pictures / "train/images",)))
    assert "8 pictures labelled, 3 were before" in printed
    assert len(find_dataset(options.out).pairs) == 11


def test_pictures_that_cannot_be_labelled_are_left_out_and_named(options: LabelOptions) -> None:
    (options.paths[0] / "03.png").write_bytes(b"no picture")
    cv2.imwrite(
        str(options.paths[0] / "04.png"), np.full((48, 64, 3), 255, np.uint8)
    )  # NaN to the tiny packages
    with pytest.raises(TrainingError) as told:
        run(options)
    assert "2 pictures could not be labelled and are left out: " in str(told.value)
    assert "03.png: cannot be decoded" in str(told.value)
    assert "04.png: " in str(told.value)
    assert len(find_dataset(options.out).pairs) == 3
    assert (options.out / "contact-sheet.png").exists(), "all others are labelled"


def test_only_pictures_that_cannot_be_read(options: LabelOptions) -> None:
    for path in options.paths[0].iterdir():
        path.write_bytes(b"no picture")
    with pytest.raises(TrainingError, match="3 pictures could not be labelled") as told:
        run(options)
    assert "no pixel" not in str(told.value)


def test_an_empty_agreement_is_an_error(options: LabelOptions) -> None:
    nothing = replace(
        options, maps=tuple(f"{name}:{c}=ignore" for name in ("first", "second") for c in CLASSES)
    )
    with pytest.raises(TrainingError, match="no pixel of 3 pictures has a label: the packages agree nowhere"):
        run(nothing)


CLASSES = ("ground", "disc", "bar")


def test_two_at_work_in_one_folder_are_refused(options: LabelOptions) -> None:
    run(options)
    with (
        run_lock(options.out / "label.lock"),
        pytest.raises(
            TrainingError, match=r"is in use by process .*: wait for it, stop it, or give another --out"
        ),
    ):
        run(options)


def test_somebody_elses_folder_gets_no_lock(options: LabelOptions, pictures: Path) -> None:
    with pytest.raises(TrainingError, match="`streamseg label` did not make it"):
        run(replace(options, out=pictures / "train"))
    assert sorted(path.name for path in (pictures / "train").iterdir()) == ["images", "labels"]


@pytest.mark.parametrize("kind", ["images", "labels"])
def test_a_full_disk_is_one_line_and_the_same_command_goes_on(
    options: LabelOptions, monkeypatch: pytest.MonkeyPatch, kind: str
) -> None:
    write_bytes = Path.write_bytes

    def full(path: Path, content: bytes) -> int:
        if "01" in path.name and path.parent.name == kind:
            raise OSError(28, "No space left on device")
        return write_bytes(path, content)

    with monkeypatch.context() as patch:
        patch.setattr(Path, "write_bytes", full)
        with pytest.raises(
            TrainingError, match=r"01\.png: cannot be written: No space left on device; what is"
        ):
            run(options)
    assert not list(options.out.rglob("*.part"))
    assert len(find_dataset(options.out).pairs) == 1, "what is there can be learnt from meanwhile"
    assert "2 pictures labelled, 1 were before" in run(options)
