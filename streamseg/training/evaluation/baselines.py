"""What deep networks replaced: clustering, a linear machine and a forest on hand-made features of cells.

Colour and texture of 8×8-pixel cells, as in the segmentation of street scenes before 2012 (Shotton et al.,
"TextonBoost", 2006; Brostow et al., "Segmentation and Recognition Using Structure from Motion Point Clouds",
2008). Needs the `baselines` extra.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import Any, Protocol, Self

import cv2
import numpy as np
from numpy.typing import NDArray
from sklearn.cluster import MiniBatchKMeans
from sklearn.ensemble import RandomForestClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import LinearSVC

from streamseg.errors import TrainingError
from streamseg.inference.engine import Masks
from streamseg.training.config.recipe import Recipe
from streamseg.training.data.dataset import Dataset, Shot, shots
from streamseg.training.data.train_pictures import TrainPictures
from streamseg.training.evaluation.evaluator import Measures, measure
from streamseg.types import F32, U8

CELL = 8  # pixels a side
ORIENTATIONS = 8
NEIGHBOURS = 5  # cells a side that give a cell its context
CELLS = 50_000  # to learn from; what a forest of 40 trees takes in within a minute


class Classifier(Protocol):
    """What scikit-learn calls a classifier."""

    def fit(self, x: F32, y: U8) -> Any:
        """Learn the classes `y` `[N]` of the features `x` `[N, F]`."""

    def predict(self, x: F32) -> NDArray[Any]:
        """Classes `[N]` of features `[N, F]`."""


class MajorityKMeans:
    """Clusters found without labels, each named after the class most of its cells have (Lloyd 1982)."""

    def __init__(self, clusters: int, seed: int) -> None:
        self._clusters = clusters
        self._seed = seed

    def fit(self, x: F32, y: U8) -> Self:
        """See `Classifier.fit`; with fewer cells than clusters, each cell is one."""
        means = MiniBatchKMeans(min(self._clusters, len(x)), random_state=self._seed, n_init=3)
        self._finder = make_pipeline(StandardScaler(), means).fit(x)
        found = self._finder.predict(x)
        votes = np.zeros((self._clusters, 256), np.int64)
        np.add.at(votes, (found, y), 1)
        self._names = votes.argmax(1).astype(np.uint8)
        return self

    def predict(self, x: F32) -> NDArray[Any]:
        """See `Classifier.predict`."""
        named: U8 = self._names[self._finder.predict(x)]
        return named


def classifiers(seed: int) -> dict[str, Classifier]:
    """The three, untrained, by name."""
    svm = LinearSVC(C=0.1, dual=False, tol=1e-3, random_state=seed)
    forest = RandomForestClassifier(40, max_depth=20, min_samples_leaf=3, n_jobs=-1, random_state=seed)
    return {
        "k-means": MajorityKMeans(128, seed),
        "linear SVM": make_pipeline(StandardScaler(), svm),
        "random forest": forest,
    }


def measure_baselines(recipe: Recipe, data: Dataset) -> dict[str, Measures]:
    """Train the three on the recipe's train split and measure them like a package.

    Args:
        recipe: Gives train split, classes, size and seed.
        data: The pictures to measure on.

    Returns:
        Measures by name; for a clip also `truth`.

    Raises:
        TrainingError: The train split is not there, or has no labelled cells.
    """
    cells = learn_from(recipe)
    names = [c.name for c in recipe.classes]
    players = {
        name: CellPlayer(one.fit(cells.features, cells.labels), recipe.size)
        for name, one in classifiers(recipe.seed).items()
    }
    return measure(shots(data, len(names)), players, names, clip=data.clip)


@dataclass(frozen=True, slots=True)
class Cells:
    """Labelled cells: `features` `[N, F]` float32, `labels` `[N]` uint8."""

    features: F32
    labels: U8


def learn_from(recipe: Recipe, limit: int = CELLS) -> Cells:
    """Labelled cells of the train split, the same number of each picture, drawn by the recipe's seed.

    Raises:
        TrainingError: The train split is not there, or has no labelled cells.
    """
    train, rng = TrainPictures(recipe), np.random.default_rng(recipe.seed)
    each = max(limit // len(train), 1)
    drawn = [_draw(train, index, recipe.size, each, rng) for index in range(len(train))]
    labels = np.concatenate([cells.labels for cells in drawn])
    if len(np.unique(labels)) < 2:
        folders = ", ".join(str(one.labels) for one in recipe.data.train)
        raise TrainingError(f"baselines: fewer than two classes are labelled in {folders}")
    return Cells(np.concatenate([cells.features for cells in drawn]), labels)


def _draw(
    train: TrainPictures, index: int, size_wh: tuple[int, int], count: int, rng: np.random.Generator
) -> Cells:
    image, truth = train.read(index)
    truth = cv2.resize(truth, size_wh, interpolation=cv2.INTER_NEAREST)
    labels = label_cells(truth, train.space.classes)  # what may be several classes teaches these none
    known = np.flatnonzero(labels != 255)
    chosen = rng.permutation(known)[:count]
    features = describe(cv2.resize(image, size_wh, interpolation=cv2.INTER_AREA))
    return Cells(features[chosen], labels[chosen])


def label_cells(truth: U8, classes: int) -> U8:
    """The class that fills at least half of each cell, else 255: `[H, W]` to `[H/8 · W/8]`."""
    shares = _by_cell(np.stack([(truth == c).astype(np.float32) for c in range(classes)], axis=2))
    labels: U8 = np.where(shares.max(1) >= 0.5, shares.argmax(1), 255).astype(np.uint8)
    return labels


def describe(image: U8) -> F32:
    """Features of every cell of an RGB picture `[H, W, 3]`, row by row: `[H/8 · W/8, 30]`.

    Mean and spread of Lab colour (6), strength of gradients by orientation (8), the means of both around the
    cell (3 + 8 + 3), and the cell's place (2), 0…1.
    """
    lab = cv2.cvtColor(image.astype(np.float32) / 255, cv2.COLOR_RGB2LAB)
    texture = _oriented_gradients(lab[..., 0])
    mean, square, strokes = (_grid(plane) for plane in (lab, lab * lab, texture))
    spread = np.sqrt(np.maximum(square - mean * mean, 0))
    around = [cv2.blur(plane, (NEIGHBOURS, NEIGHBOURS)) for plane in (mean, spread, strokes)]
    rows, columns = mean.shape[:2]
    place = np.stack(np.meshgrid(np.linspace(0, 1, columns), np.linspace(0, 1, rows)), axis=2)
    features = np.concatenate([mean, spread, strokes, *around, place], axis=2, dtype=np.float32)
    return features.reshape(rows * columns, -1)


def _oriented_gradients(luma: F32) -> F32:
    """Gradient magnitude sorted into unsigned orientations `[H, W, 8]` (Dalal and Triggs 2005)."""
    across, down = cv2.Sobel(luma, cv2.CV_32F, 1, 0), cv2.Sobel(luma, cv2.CV_32F, 0, 1)
    strength, angle = cv2.cartToPolar(across, down)
    place = (angle * (ORIENTATIONS / np.pi)).astype(np.int32) % ORIENTATIONS
    sorted_in: F32 = strength[..., None] * (place[..., None] == np.arange(ORIENTATIONS))
    return sorted_in.astype(np.float32)


def _grid(planes: F32) -> F32:
    """Means of the cells, `[H, W, C]` to `[H/8, W/8, C]`."""
    height, width = planes.shape[:2]
    means: F32 = cv2.resize(planes, (width // CELL, height // CELL), interpolation=cv2.INTER_AREA)
    return means


def _by_cell(planes: F32) -> F32:
    return _grid(planes).reshape(-1, planes.shape[2])


class CellPlayer:
    """A trained classifier as a `Player`: the labels of its cells, without a confidence."""

    def __init__(self, classifier: Classifier, size_wh: tuple[int, int]) -> None:
        self._classifier = classifier
        self._size_wh = size_wh

    def __call__(self, shot: Shot) -> tuple[Masks, float]:
        """See `Player`; features are part of the time, scaling the picture is not."""
        width, height = self._size_wh
        image = cv2.resize(shot.image, self._size_wh, interpolation=cv2.INTER_AREA)
        begin = time.perf_counter()
        labels = self._classifier.predict(describe(image)).astype(np.uint8)
        cells = labels.reshape(height // CELL, width // CELL)
        full = cv2.resize(cells, self._size_wh, interpolation=cv2.INTER_NEAREST)
        return Masks(full[None], None), (time.perf_counter() - begin) * 1e3
