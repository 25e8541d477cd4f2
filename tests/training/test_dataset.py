"""Where labelled pictures are found, and how they are shown."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import yaml

from streamseg.errors import TrainingError
from streamseg.training.dataset import Dataset, find_dataset, shots
from tests.training.conftest import recipe_document


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
