"""Where labelled pictures are found, and how they are shown."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import yaml

from streamseg.errors import TrainingError
from streamseg.training.config.recipe import parse_recipe
from streamseg.training.data.dataset import Dataset, find_dataset, shots, val_datasets
from tests.training.conftest import mixed_document, recipe_document


def test_folders_are_recognised(pictures: Path) -> None:
    found = find_dataset(pictures / "val")
    assert len(found.pairs) == 3
    assert not found.clip
    assert find_dataset(pictures / "val", clip=True).clip


def test_a_recipe_means_its_val_split(pictures: Path, tmp_path: Path) -> None:
    recipe = tmp_path / "tiny.yaml"
    recipe.write_text(yaml.safe_dump(recipe_document(pictures)))
    found = find_dataset(recipe)
    assert (found.pairs, found.clip) == (find_dataset(pictures / "val").pairs, True)
    assert not find_dataset(recipe, clip=False).clip


def test_camvid_names_mean_a_clip(pictures: Path) -> None:
    (pictures / "val/images").rename(pictures / "camvid_images")
    (pictures / "val/labels").rename(pictures / "valannot")
    (pictures / "val").rmdir()
    (pictures / "camvid_images").rename(pictures / "val")
    assert find_dataset(pictures).clip


def test_anything_else_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(TrainingError, match="expected a recipe, or a folder"):
        find_dataset(tmp_path)


def test_shots_come_in_time_and_ignore_ids_beyond_the_classes(pictures: Path) -> None:
    pairs = find_dataset(pictures / "val").pairs
    taken = list(shots(Dataset(pairs, clip=True, fps=10.0), classes=2))
    assert [(s.index, s.time_s) for s in taken] == [(0, 0.0), (1, 0.1), (2, 0.2)]
    assert set(np.unique(taken[0].truth)) == {0, 1, 255}, "neither the bar (2) nor the void corner (9)"
    assert taken[0].image is taken[0].scene


def test_truth_is_read_as_the_recipe_says(pictures: Path, tmp_path: Path) -> None:
    document = recipe_document(pictures)
    document["data"] |= {"remap": {0: 0, 1: 2, 2: 1}}
    path = tmp_path / "recipe.yaml"
    path.write_text(yaml.safe_dump(document))
    plain, remapped = find_dataset(pictures / "val"), find_dataset(path)
    before, after = plain.read(plain.pairs[0], 3)[1], remapped.read(remapped.pairs[0], 3)[1]
    assert np.array_equal(after, np.array([0, 2, 1, *[255] * 253])[before])
    assert not (remapped.read(remapped.pairs[0], 2)[1] == 2).any(), "no class of a smaller model: ignored"


def test_a_class_counts_as_the_true_one_of_its_labels(coarse: Path) -> None:
    """A cyclist is right where the label says living and where it says vehicles."""
    raw = mixed_document(coarse)
    raw["data"]["val_sets"] = [
        {**raw["data"]["val_sets"][0], "label_map": {"ground": ["ground", "disc"], "thing": ["disc", "bar"]}}
    ]
    data = val_datasets(parse_recipe(raw, "test"))["coarse"].matched(["ground", "disc", "bar"])
    assert data.map is not None
    truth = np.array([[0, 1, 0, 1, 0, 1, 255]], np.uint8)
    said = np.array([[1, 1, 0, 0, 2, 2, 1]], np.uint8)
    assert data.map.measured(said, truth).tolist() == [[0, 1, 0, 0, 1, 1, 0]]


def test_a_package_of_other_classes_is_measured_in_the_sets_labels(coarse: Path, tmp_path: Path) -> None:
    raw = mixed_document(coarse)
    raw["data"]["val"] = {**raw["data"]["val_sets"][0]}
    raw["data"] |= {"val_is_clip": False, "val_sets": []}
    recipe = tmp_path / "recipe.yaml"
    recipe.write_text(yaml.safe_dump(raw))
    data = find_dataset(recipe)
    assert data.matched(["ground", "bar"]).classes(["ground", "bar"]) == ("ground", "thing")
    mapped = data.matched(["floor", "bar"], [("floor", "ground")])
    assert mapped.map is not None
    assert mapped.map.of_package[:2].tolist() == [0, 1]
    with pytest.raises(TrainingError, match=r"of the package only: dog; of the pictures only: ground"):
        data.matched(["dog", "bar"])
