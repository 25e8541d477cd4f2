"""Engines label pictures of any size, each at its own."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from streamseg.errors import TrainingError
from streamseg.inference.engine import InferenceEngine, Masks
from streamseg.training.evaluation.evaluator import resize_mask
from streamseg.training.labelling.agreement import AgreementRules
from streamseg.training.labelling.class_maps import Teacher
from streamseg.training.labelling.pseudo_labels import PictureLabeller
from streamseg.types import U8
from tests.fakes.engine import FakeEngine, fake_package

PATCHES: U8 = np.random.default_rng(0).integers(0, 230, (6, 10, 3), np.uint8)
IMAGE: U8 = np.kron(PATCHES, np.ones((15, 15, 1), np.uint8))


def engine(width: int, height: int) -> FakeEngine:
    return FakeEngine(fake_package((width, height)))


def teacher(one: InferenceEngine, min_confidence: float = 0.0) -> Teacher:
    classes = range(len(one.package.manifest.classes))
    return Teacher("t", one.package, tuple(frozenset({c}) for c in classes), min_confidence)


def masks(one: FakeEngine) -> Masks:
    size = one.package.manifest.size_wh
    return one.start(cv2.resize(IMAGE, size, interpolation=cv2.INTER_AREA)[None]).readout()


def test_one_package_alone_labels_every_pixel_as_evaluate_would() -> None:
    one = engine(64, 48)
    labels = PictureLabeller([teacher(one)], [one], AgreementRules()).label(IMAGE)
    assert labels.tolist() == resize_mask(masks(one).labels[0], (90, 150)).tolist()
    assert len(np.unique(labels)) > 1


def test_packages_of_other_sizes_are_compared_at_the_pictures_own() -> None:
    small, large = engine(64, 48), engine(128, 64)
    labels = PictureLabeller([teacher(small), teacher(large)], [small, large], AgreementRules()).label(IMAGE)
    first, second = (resize_mask(masks(one).labels[0], (90, 150)) for one in (small, large))
    assert labels.tolist() == np.where(first == second, first, 255).tolist()
    assert 0 < (labels == 255).mean() < 0.9


def test_a_minimum_confidence_leaves_out_what_is_below() -> None:
    one = engine(64, 48)
    found = masks(one)
    assert found.confidence is not None
    middle = float(np.median(found.confidence)) / 255
    labels = PictureLabeller([teacher(one, middle)], [one], AgreementRules()).label(IMAGE)
    sure = resize_mask(found.confidence[0], (90, 150)) >= round(255 * middle)
    assert ((labels != 255) == sure).all()
    assert 0.1 < sure.mean() < 0.9


def test_a_package_without_confidence_cannot_be_held_to_one(monkeypatch: pytest.MonkeyPatch) -> None:
    one = engine(64, 48)
    found = Masks(masks(one).labels, None)
    monkeypatch.setattr("tests.fakes.engine.FakeRun.readout", lambda _: found)
    with pytest.raises(TrainingError, match="t: the package gives no confidence"):
        PictureLabeller([teacher(one, 0.5)], [one], AgreementRules())
    assert (PictureLabeller([teacher(one)], [one], AgreementRules()).label(IMAGE) != 255).all()
