"""A place is measured by a network that never saw it."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from benchmarks.cross_validation import measured, pictures_of, table, together, without
from streamseg.errors import TrainingError
from streamseg.training.config.recipe import Recipe
from streamseg.training.data.labels import find_pairs
from streamseg.training.evaluation.metrics import Confusion
from tests.training.conftest import one_thread, pictures, recipe  # noqa: F401  fixtures

PLACE = ["00*", "01*"]


def test_the_place_is_left_out_of_training(recipe: Recipe) -> None:  # noqa: F811  the fixture
    held_out = {pair.image.name for pair in pictures_of(recipe, PLACE).pairs}
    seen = {pair.image.name for pair in find_pairs(without(recipe, PLACE).data.train[0])}
    assert held_out == {"00.png", "01.png"}
    assert seen == {f"{index:02}.png" for index in range(2, 8)}


def test_every_labelled_pixel_of_the_place_is_measured(recipe: Recipe, tmp_path: Path) -> None:  # noqa: F811
    found = measured(recipe, PLACE, tmp_path / "runs")
    place = pictures_of(recipe, PLACE)
    labels = [place.read(pair, 3)[1] for pair in place.pairs]
    assert found.counts.sum() == sum(int((label < 3).sum()) for label in labels)
    assert (tmp_path / "runs/tiny-without-0001/segment/checkpoint.safetensors").exists()


def test_places_count_together(recipe: Recipe) -> None:  # noqa: F811  the fixture
    truth = np.array([[0, 0, 1, 2]], np.uint8)
    right, wrong = Confusion(3), Confusion(3)
    right.add(truth, truth)
    wrong.add(truth, np.zeros_like(truth))
    assert together([right, wrong]).iou == pytest.approx([4 / 6, 1 / 2, 1 / 2])
    shown = table(recipe, {"here": right, "there": wrong})
    assert [next(iter(column.cells)) for column in shown.columns] == ["mIoU %", "100.0", "16.7", "55.6"]


def test_a_place_without_pictures_is_told(recipe: Recipe) -> None:  # noqa: F811  the fixture
    with pytest.raises(TrainingError, match=r"no training picture fits nowhere\*"):
        pictures_of(recipe, ["nowhere*"])


def test_networks_that_know_the_place_are_refused(recipe: Recipe) -> None:  # noqa: F811  the fixture
    with pytest.raises(TrainingError, match="have seen the place"):
        without(recipe.model_copy(update={"start": Path("engines/camvid-lite0")}), PLACE)
