"""From a package in float to one that also runs in int8, end to end."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import cv2
import pytest

from streamseg.errors import TrainingError
from streamseg.inference.backends.registry import load_engine
from streamseg.inference.packages.package import Package, open_package
from streamseg.quantise.calibrate import calibrate
from streamseg.training.data.dataset import find_dataset
from streamseg.types import U8
from tests.fakes.int8 import make_uneven


class Steps:
    """What was begun, and how many parts of it are done."""

    def __init__(self) -> None:
        self.done: dict[str, int] = {}

    def __call__(self, what: str, parts: int) -> Callable[[], None]:
        self.done[what] = 0

        def advance() -> None:
            self.done[what] += 1
            assert not parts or self.done[what] <= parts

        return advance


def test_a_package_that_quantises_well(package: Package, pictures: list[U8], tmp_path: Path) -> None:
    steps = Steps()
    done = calibrate(package, pictures, tmp_path / "out", steps)
    made, record = open_package(tmp_path / "out"), done.package.manifest.int8
    assert record is not None
    assert (record.measure, record.float_layers, record.frames) == ("agreement", (), 16)
    assert 0 <= record.loss <= record.allowed == 2.0
    assert made.allows_int8
    assert steps.done["measuring ranges"] == 16, "a fifth judges"
    assert steps.done["judging int8"] == 1
    assert {row.precision for row in done.rows} >= {"f32", "int8"}
    for backend in ("openvino", "onnxruntime"):
        with closing(load_engine(made, backend, "int8", 1, tmp_path / "cache")) as engine:
            engine.warm_up()
            assert engine.info.precision == "int8"


def test_a_layer_that_quantises_badly_stays_in_float(
    package: Package, pictures: list[U8], tmp_path: Path
) -> None:
    uneven, steps = make_uneven(package), Steps()
    record = calibrate(uneven, pictures, tmp_path / "out", steps).package.manifest.int8
    assert record is not None
    assert len(record.float_layers) == 1
    assert record.loss <= 2.0
    assert steps.done["finding the layers that quantise worst"] == 2
    allowed = calibrate(uneven, pictures, tmp_path / "all", Steps(), allowed=100.0).package.manifest.int8
    assert allowed is not None
    assert allowed.float_layers == ()
    assert allowed.loss > 2.0, "that layer is what it cost"


def test_what_cannot_be_had_leaves_nothing_behind(
    package: Package, pictures: list[U8], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("streamseg.quantise.accuracy.AccuracyMetric.loss", lambda *_: 9.0)
    with pytest.raises(TrainingError, match=r"tiny: costs more than 0\.5 points even with one layer in int8"):
        calibrate(package, pictures, tmp_path / "out", Steps(), allowed=0.5)
    assert not (tmp_path / "out").exists()


def test_labelled_pictures_judge_by_miou(package: Package, pictures: list[U8], tmp_path: Path) -> None:
    for folder in ("images", "labels"):
        (tmp_path / folder).mkdir()
    with closing(load_engine(package, "onnxruntime", "f32", 1, tmp_path / "cache")) as engine:
        for index, picture in enumerate(pictures[:4]):
            cv2.imwrite(str(tmp_path / f"images/{index}.png"), picture[..., ::-1])
            labels: Any = engine.start(picture[None]).readout().labels[0]
            cv2.imwrite(str(tmp_path / f"labels/{index}.png"), labels)
    steps = Steps()
    data = find_dataset(tmp_path)
    done = calibrate(package, pictures, tmp_path / "out", steps, data=data, allowed=20.0)
    record = done.package.manifest.int8
    assert record is not None
    assert (record.measure, record.frames) == ("miou", 20)
    assert steps.done["measuring ranges"] == 20, "all of them: others judge"
    assert done.rows[0].score.miou > 0.999
    rows = [row for row in done.rows if row.precision == "int8"]
    # Compiled twice, a backend may decide ties either way, and of four small pictures each pixel counts.
    assert 100 * (done.rows[0].score.miou - rows[0].score.miou) == pytest.approx(record.loss, abs=0.5)
