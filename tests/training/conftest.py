"""A data set small enough to train on in a test: a bright disc and a dark bar on grey, three classes."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
import torch

from streamseg.training.config.recipe import Recipe, parse_recipe

SIZE_WH = (64, 48)


def draw(seed: int) -> tuple[np.ndarray[Any, Any], np.ndarray[Any, Any]]:
    """A picture and its labels: 0 ground, 1 disc, 2 bar; a void corner (id 9)."""
    rng = np.random.default_rng(seed)
    image = rng.normal(110, 6, (SIZE_WH[1], SIZE_WH[0], 3))
    label = np.zeros((SIZE_WH[1], SIZE_WH[0]), np.uint8)
    x, y = int(rng.integers(14, 50)), int(rng.integers(14, 34))
    cv2.circle(image, (x, y), 9, (230, 220, 60), -1)
    cv2.circle(label, (x, y), 9, 1, -1)
    bar = int(rng.integers(0, 56))
    image[:, bar : bar + 6], label[:, bar : bar + 6] = (20, 30, 90), 2
    label[:4, :4] = 9
    return np.clip(image, 0, 255).astype(np.uint8), label


@pytest.fixture(autouse=True)
def one_thread() -> Iterator[None]:
    """Networks this small are slower on more, above all beside what else the machine does."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture
def pictures(tmp_path: Path) -> Path:
    """`train/` and `val/`, each with `images/` and `labels/`."""
    for split, count in (("train", 8), ("val", 3)):
        for kind in ("images", "labels"):
            (tmp_path / split / kind).mkdir(parents=True)
        for index in range(count):
            image, label = draw(100 * count + index)
            cv2.imwrite(str(tmp_path / split / "images" / f"{index:02}.png"), image)
            cv2.imwrite(str(tmp_path / split / "labels" / f"{index:02}.png"), label)
    return tmp_path


def recipe_document(pictures: Path) -> dict[str, Any]:
    """A recipe as YAML would give it."""
    return {
        "name": "tiny",
        "version": "0.1",
        "size": list(SIZE_WH),
        "classes": [
            {"name": "ground", "color": [90, 90, 90]},
            {"name": "disc", "color": [230, 220, 60]},
            {"name": "bar", "color": [20, 30, 90]},
        ],
        "data": {
            "statement": "drawn by a test",
            "license": "CC0-1.0",
            "void": [9],
            "val_is_clip": True,
            "train": {"images": str(pictures / "train/images"), "labels": str(pictures / "train/labels")},
            "val": {"images": str(pictures / "val/images"), "labels": str(pictures / "val/labels")},
        },
        "segment": {"encoder": "vgg", "epochs": 2, "batch": 2, "width": 16, "validate_every": 1},
        "stabilise": {"steps": 2, "clips": 2, "frames": 3, "width": 8, "hidden": 2},
    }


@pytest.fixture
def recipe(pictures: Path) -> Recipe:
    """The recipe of the drawn pictures."""
    return parse_recipe(recipe_document(pictures), "test")


COARSE = {"name": "coarse", "label_names": ["ground", "thing"], "label_map": {"thing": ["disc", "bar"]}}


@pytest.fixture
def coarse(pictures: Path) -> Path:
    """A second set of the same kind of pictures, with labels 0 ground and 1 thing; 9 is void."""
    for kind in ("images", "labels"):
        (pictures / "coarse" / kind).mkdir(parents=True)
    for index in range(4):
        image, label = draw(50 + index)
        label[label == 2] = 1
        cv2.imwrite(str(pictures / "coarse/images" / f"{index:02}.png"), image)
        cv2.imwrite(str(pictures / "coarse/labels" / f"{index:02}.png"), label)
    return pictures


def mixed_document(pictures: Path, **second: Any) -> dict[str, Any]:
    """A recipe of the fine set, three pictures for one of the coarse."""
    raw = recipe_document(pictures)
    folders = {"images": str(pictures / "coarse/images"), "labels": str(pictures / "coarse/labels")}
    first = {**raw["data"]["train"], "name": "fine", "weight": 3}
    raw["data"]["train"] = [first, {**folders, **COARSE, **second}]
    raw["data"]["val_sets"] = [{**folders, **COARSE}]
    return raw


@pytest.fixture
def mixed(coarse: Path) -> Recipe:
    """The recipe of both sets."""
    return parse_recipe(mixed_document(coarse), "test")


def with_encoder(recipe: Recipe, encoder: str) -> Recipe:
    """The same recipe; networks with a large encoder make slow tests."""
    return recipe.model_copy(update={"segment": recipe.segment.model_copy(update={"encoder": encoder})})
