"""Hand-made features and the three methods that learn from them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from streamseg.errors import TrainingError
from streamseg.training.config.recipe import Recipe
from streamseg.training.data.dataset import Dataset, Shot
from streamseg.training.data.labels import find_pairs
from streamseg.training.evaluation import baselines
from streamseg.training.evaluation.baselines import describe, label_cells, learn_from, measure_baselines
from streamseg.types import F32, U8


def test_a_cell_has_the_class_that_fills_half_of_it() -> None:
    truth = np.zeros((8, 32), np.uint8)
    truth[:, 8:13] = 1  # five of eight columns
    truth[:, 16:19], truth[:, 19:24] = 1, 255  # three of eight, the others unknown
    truth[:, 24:] = 255
    assert label_cells(truth, 2).tolist() == [0, 1, 255, 255]


def test_features_say_colour_texture_and_place() -> None:
    image = np.zeros((16, 24, 3), np.uint8)
    image[:8] = 255
    image[8:, ::4] = 255  # upright strokes
    features = describe(image)
    assert features.shape == (6, 30)
    assert features.dtype == np.float32
    assert features[0, 0] == pytest.approx(100, abs=0.1), "L of white"
    assert features[0, 3] == pytest.approx(0, abs=0.1), "and it does not vary"
    assert features[4, 3] > 30, "unlike strokes"
    strokes = features[4, 6:14]
    assert strokes.argmax() == 0, "whose gradient runs across"
    assert features[:, -2:].tolist() == [[0, 0], [0.5, 0], [1, 0], [0, 1], [0.5, 1], [1, 1]]


def test_cells_are_drawn_from_every_picture_and_the_same_each_time(recipe: Recipe) -> None:
    cells = learn_from(recipe, limit=64)
    assert cells.features.shape == (64, 30)
    assert set(cells.labels) <= {0, 1, 2}
    assert np.array_equal(cells.features, learn_from(recipe, limit=64).features)
    other = recipe.model_copy(update={"seed": 1})
    assert not np.array_equal(cells.features, learn_from(other, limit=64).features)


def test_all_three_find_what_colour_tells_apart(recipe: Recipe) -> None:
    data = Dataset(find_pairs(recipe.data.val), clip=True)
    results = measure_baselines(recipe, data)
    assert list(results) == ["k-means", "linear SVM", "random forest", "truth"]
    for name in ("k-means", "linear SVM", "random forest"):
        # discs and bars at 8 pixels: all ground would be 0.27 and less
        assert results[name].miou > 0.5, name
        assert results[name].frame_ms > 0
        assert np.isnan(results[name].calibration_error)


def test_predictions_are_blocks_of_the_recipes_size(recipe: Recipe) -> None:
    class LeftIsOne:
        def fit(self, x: F32, y: U8) -> None:
            raise AssertionError

        def predict(self, x: F32) -> U8:
            left: U8 = (x[:, -2] < 0.5).astype(np.uint8)
            return left

    image = np.zeros((96, 128, 3), np.uint8)
    player = baselines.CellPlayer(LeftIsOne(), recipe.size)
    masks, took_ms = player(Shot(0, 0.0, image, image, image[..., 0]))
    assert masks.labels.shape == (1, 48, 64)
    assert masks.confidence is None
    assert masks.labels[0, :, :32].all()
    assert not masks.labels[0, :, 32:].any()
    assert took_ms > 0


def test_labels_of_one_class_teach_nothing(recipe: Recipe, pictures: Path) -> None:
    void = recipe.data.model_copy(update={"void": [1, 2, 9]})
    with pytest.raises(TrainingError, match="fewer than two classes"):
        learn_from(recipe.model_copy(update={"data": void}))
