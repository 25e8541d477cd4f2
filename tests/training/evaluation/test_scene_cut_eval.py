"""What memory leaves in the first picture after a cut."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from streamseg.errors import PackageError, TrainingError
from streamseg.inference.backends.registry import load_engine
from streamseg.inference.engine import InferenceEngine
from streamseg.training.data.dataset import Dataset, find_dataset
from streamseg.training.evaluation.scene_cut_eval import measure_cuts, spread
from tests.fakes.packages import Tiny, make_package


@pytest.fixture
def engine(tmp_path: Path) -> Iterator[InferenceEngine]:
    with closing(load_engine(make_package(tmp_path / "engines", Tiny(classes=3)), precision="f32")) as engine:
        yield engine


def test_a_memory_that_is_let_go_leaves_nothing(
    engine: InferenceEngine, pictures: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    data = find_dataset(pictures / "val", clip=True)
    monkeypatch.setattr("streamseg.temporal.reset.dissimilarity", lambda *_: 0.9)
    cut = measure_cuts(engine, data, find_dataset(pictures / "train").pairs)
    assert cut.noticed == 1
    assert cut.convgru == cut.fresh
    assert cut.unaided != cut.fresh, "the tiny stabiliser lets nothing go by itself"


def test_a_cut_nobody_notices_leaves_a_ghost(
    engine: InferenceEngine, pictures: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    data = find_dataset(pictures / "val", clip=True)
    monkeypatch.setattr("streamseg.temporal.reset.dissimilarity", lambda *_: 0.1)
    cut = measure_cuts(engine, data, find_dataset(pictures / "train").pairs)
    assert cut.noticed == 0
    assert cut.convgru == cut.unaided != cut.fresh


def test_cuts_are_spread_over_the_pictures() -> None:
    assert spread(5, 2) == [0, 4]
    assert spread(9, 3) == [0, 4, 8]
    assert spread(2, 16) == [0, 1]
    assert spread(1, 16) == [0]


def test_stills_and_packages_without_memory_are_refused(
    engine: InferenceEngine, pictures: Path, tmp_path: Path
) -> None:
    stills = find_dataset(pictures / "val")
    with pytest.raises(TrainingError, match="consecutive frames"):
        measure_cuts(engine, stills, stills.pairs)
    plain = make_package(tmp_path / "plain", Tiny(classes=3, stabiliser=False))
    with closing(load_engine(plain, precision="f32")) as forgetful, pytest.raises(PackageError):
        measure_cuts(forgetful, Dataset(stills.pairs, clip=True), stills.pairs)
