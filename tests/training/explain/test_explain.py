"""What an explanation holds, from pictures to maps."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from streamseg.errors import PackageError, TrainingError
from streamseg.inference.backends.registry import load_engine
from streamseg.inference.packages.manifest import GraphRole
from streamseg.inference.packages.package import Package
from streamseg.training.explain.explain import MOST, Explanation, entropy, explain
from streamseg.types import U8
from tests.fakes.packages import Tiny, make_package, readout, write_manifest

PICTURE: U8 = np.random.default_rng(3).integers(0, 200, (48, 64, 3)).astype(np.uint8)


@pytest.fixture
def package(tmp_path: Path) -> Package:
    return make_package(tmp_path, Tiny(classes=9, discriminator=True))


def test_the_labels_are_the_packages_own(package: Package) -> None:
    found = explain(package, PICTURE)
    engine = load_engine(package, "onnxruntime")
    masks = engine.start(PICTURE[None]).readout()
    engine.close()
    np.testing.assert_array_equal(found.labels, masks.labels[0])
    assert masks.confidence is not None
    np.testing.assert_allclose(found.confidence, masks.confidence[0] / 255, atol=0.005)


def test_every_map_is_a_share_at_the_label_maps_size(package: Package) -> None:
    found = explain(package, PICTURE)
    assert found.realness is not None
    for cells in (found.confidence, found.entropy, found.realness, *found.evidence.values()):
        assert cells.shape == (48, 64)
        assert cells.dtype == np.float32
        assert 0 <= cells.min() <= cells.max() <= 1 + 1e-6
    np.testing.assert_allclose(found.realness, found.confidence, atol=1e-5)  # what the tiny judge says


def test_evidence_is_for_the_largest_classes_or_the_one_asked_for(package: Package) -> None:
    found = explain(package, PICTURE)
    assert len(found.evidence) == min(MOST, len(found.shares())) > 1
    asked = list(found.evidence)[-1]
    alone = explain(package, PICTURE, asked)
    assert list(alone.evidence) == [asked]
    np.testing.assert_allclose(alone.evidence[asked], found.evidence[asked], atol=1e-5)


def test_a_class_that_is_not_predicted_is_told(package: Package) -> None:
    absent = (set(range(9)) - set(explain(package, PICTURE).shares())).pop()
    with pytest.raises(
        TrainingError, match=f"--class: nothing is predicted as 'class{absent}' here, only: class"
    ):
        explain(package, PICTURE, absent)


def test_without_a_discriminator_there_is_no_realness(tmp_path: Path) -> None:
    assert explain(make_package(tmp_path), PICTURE).realness is None


def test_a_discriminator_that_is_none_is_told(package: Package) -> None:
    import onnx

    tiny = Tiny(classes=9)
    onnx.save(readout(tiny), package.path / "discriminator.onnx")
    wrong = write_manifest(package.path, tiny, "tiny", list(GraphRole))
    with pytest.raises(PackageError, match="discriminator graph: output 'realness'"):
        explain(wrong, PICTURE)


def test_entropy_by_hand() -> None:
    alike, certain = [0.0, 0.0, 0.0, 0.0], [100.0, 0.0, 0.0, 0.0]
    even_two = [50.0, 50.0, 0.0, 0.0]  # ln 2 / ln 4
    logits = np.array([alike, certain, even_two], np.float32).T[:, None]
    np.testing.assert_allclose(entropy(logits), [[1.0, 0.0, 0.5]], atol=1e-5)
    assert entropy(np.ones((1, 2, 2), np.float32)).max() == 0


def test_shares_are_the_largest_first() -> None:
    labels: U8 = np.array([[2, 2, 0, 2]], np.uint8)
    blank = np.zeros((1, 4), np.float32)
    found = Explanation(np.zeros((1, 4, 3), np.uint8), labels, (), blank, blank, {}, "", None)
    assert list(found.shares().items()) == [(2, 0.75), (0, 0.25)]
