from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import cv2
import numpy as np
import pytest

from streamseg.errors import TrainingError
from streamseg.inference.backends.registry import load_engine
from streamseg.inference.engine import InferenceEngine
from streamseg.inference.packages.package import Package
from streamseg.quantise.accuracy import Score, by_agreement, by_labels
from streamseg.training.data.dataset import find_dataset
from streamseg.types import U8
from tests.fakes.int8 import add_int8


@pytest.fixture
def exact(package: Package, tmp_path: Path) -> Iterator[InferenceEngine]:
    with closing(load_engine(package, "onnxruntime", "f32", 1, tmp_path)) as engine:
        yield engine


def labels_of(engine: InferenceEngine, picture: U8) -> U8:
    labels: U8 = engine.start(picture[None]).readout().labels[0]
    return labels


def test_without_labels_the_loss_is_what_does_not_agree(
    package: Package, exact: InferenceEngine, pictures: list[U8], tmp_path: Path
) -> None:
    judge = by_agreement(pictures, 5)
    assert judge.refer(exact).agreement == 1.0
    with closing(load_engine(add_int8(package), "onnxruntime", "int8", 1, tmp_path)) as coarse:
        score = judge.score(coarse)
        pairs = [(labels_of(exact, p), labels_of(coarse, p)) for p in pictures]
    assert score.agreement == pytest.approx(np.mean([(a == b).mean() for a, b in pairs]))
    assert np.isnan(score.miou)
    assert judge.loss(score) == pytest.approx(100 * (1 - score.agreement))
    assert judge.measure == "agreement"


def test_with_labels_it_is_miou(exact: InferenceEngine, pictures: list[U8], tmp_path: Path) -> None:
    (tmp_path / "images").mkdir()
    (tmp_path / "labels").mkdir()
    for index, picture in enumerate(pictures[:3]):
        cv2.imwrite(str(tmp_path / f"images/{index}.png"), picture[..., ::-1])
        larger = labels_of(exact, picture).repeat(2, axis=0).repeat(2, axis=1)
        cv2.imwrite(str(tmp_path / f"labels/{index}.png"), larger)
    judge = by_labels(find_dataset(tmp_path), [f"class{i}" for i in range(5)])
    assert judge.refer(exact) == Score(1.0, 1.0), "the labels are its own, at twice the size"
    assert judge.measure == "miou"
    assert judge.loss(Score(0.97, 1.0)) == pytest.approx(3.0)
    assert judge.loss(Score(1.01, 0.5)) == pytest.approx(-1.0)


def test_a_reference_is_taken_anew(exact: InferenceEngine, pictures: list[U8]) -> None:
    judge = by_agreement(pictures[:2], 5)
    judge.refer(exact)
    judge.refer(exact)
    assert judge.score(exact).agreement == 1.0


def test_labels_of_other_classes_are_refused_and_those_in_another_order_are_not(
    exact: InferenceEngine, pictures: list[U8], tmp_path: Path
) -> None:
    (tmp_path / "images").mkdir()
    (tmp_path / "labels").mkdir()
    cv2.imwrite(str(tmp_path / "images/0.png"), pictures[0][..., ::-1])
    cv2.imwrite(str(tmp_path / "labels/0.png"), 4 - labels_of(exact, pictures[0]))
    names = [f"class{i}" for i in range(5)]
    (tmp_path / "classes.txt").write_text("\n".join(names[::-1]))
    assert by_labels(find_dataset(tmp_path), names).refer(exact) == Score(1.0, 1.0)
    (tmp_path / "classes.txt").write_text("\n".join(["other", *names[1:]]))
    with pytest.raises(TrainingError, match="of the package only: class0; of the pictures only: other"):
        by_labels(find_dataset(tmp_path), names)
