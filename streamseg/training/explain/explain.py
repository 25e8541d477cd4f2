"""Why a package says what it says of one picture: its doubt, evidence for classes, how real the mask looks.

Works on any package that keeps to the contract; needs `onnx`, no torch.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from streamseg.errors import TrainingError
from streamseg.inference.backend import Settings
from streamseg.inference.backends import ort
from streamseg.inference.cpu_info import physical_cores
from streamseg.inference.packages.contract import check_graph
from streamseg.inference.packages.manifest import GraphRole
from streamseg.inference.packages.package import Package
from streamseg.inference.readout import softmax
from streamseg.training.explain.class_activation import gather
from streamseg.training.explain.graph_split import IMAGE, LOGITS
from streamseg.types import F32, U8, ClassInfo

MOST = 6  # classes that evidence is gathered for


@dataclass(frozen=True, slots=True)
class Explanation:
    """What a package says of a picture, and why; maps are `[H, W]` float32, 0…1, at the label map's size.

    Attributes:
        image: The picture as the network saw it, RGB `[H, W, 3]` uint8.
        labels: The label map `[H, W]` uint8.
        classes: The package's classes.
        confidence: Largest softmax probability.
        entropy: Of the softmax, over ln C: 0 certain, 1 all classes alike.
        evidence: By class id, the most frequent first: where the class's score comes from; the strongest
            cell is 1, and all is 0 where nothing speaks for it.
        source: The tensor that evidence was gathered at, with its shape, for people.
        realness: 1 where the mask looks drawn by a person; None without a discriminator.
    """

    image: U8
    labels: U8
    classes: tuple[ClassInfo, ...]
    confidence: F32
    entropy: F32
    evidence: Mapping[int, F32]
    source: str
    realness: F32 | None

    def shares(self) -> dict[int, float]:
        """Share of the picture by class id, of the classes that are in it; the largest first."""
        counts = np.bincount(self.labels.ravel())
        return {label: float(counts[label] / self.labels.size) for label in _by_count(counts)}


def explain(package: Package, image: U8, wanted: int | None = None) -> Explanation:
    """Explain what a package says of a picture.

    Args:
        package: Any that keeps to the contract.
        image: RGB `[H, W, 3]` uint8 at the package's size.
        wanted: Id of the one class to gather evidence for; None: the most frequent, at most `MOST`.

    Raises:
        PackageError: A graph cannot be read or breaks the contract.
        EngineError: A graph fails.
        TrainingError: `wanted` is not in the prediction, or there is no map to gather evidence at.
    """
    settings = Settings("f32", physical_cores(), None)
    with closing(ort.load(package, settings)) as engine:
        logits = engine.start(image[None]).logits()
        labels = engine.read_out(logits).labels[0]
    size_wh, classes = package.manifest.size_wh, package.manifest.class_infos()
    strongest = logits[0].argmax(axis=0)
    ids = _chosen(strongest, wanted, classes)
    path = package.path / package.manifest.graphs.segmenter.file
    evidence, source = gather(path, settings, image, {label: strongest == label for label in ids})
    return Explanation(
        image,
        labels,
        classes,
        confidence=_enlarged(softmax(logits)[0].max(axis=0), size_wh),
        entropy=_enlarged(entropy(logits[0]), size_wh),
        evidence={label: _enlarged(cells, size_wh) for label, cells in zip(ids, evidence, strict=True)},
        source=source,
        realness=_realness(package, settings, image, logits),
    )


def entropy(logits: F32) -> F32:
    """Entropy of the softmax over `[C, h, w]`, divided by ln C: `[h, w]`, 0…1; 0 where C is 1."""
    chances = softmax(logits[None])[0]
    nats = -(chances * np.log(np.maximum(chances, np.finfo(np.float32).tiny))).sum(axis=0)
    shares: F32 = np.clip(nats / math.log(max(len(logits), 2)), 0, 1).astype(np.float32)
    return shares


def _by_count(counts: NDArray[np.intp]) -> list[int]:
    """The ids that were counted at all, the most frequent first."""
    return [int(label) for label in np.argsort(-counts, kind="stable") if counts[label]]


def _chosen(strongest: NDArray[np.intp], wanted: int | None, classes: Sequence[ClassInfo]) -> list[int]:
    """The classes to gather evidence for, of those in `[h, w]`."""
    present = _by_count(np.bincount(strongest.ravel()))
    if wanted is None:
        return present[:MOST]
    if wanted in present:
        return [wanted]
    seen = ", ".join(classes[label].name for label in present)
    raise TrainingError(f"--class: nothing is predicted as {classes[wanted].name!r} here, only: {seen}")


def _realness(package: Package, settings: Settings, image: U8, logits: F32) -> F32 | None:
    path = package.graph(GraphRole.DISCRIMINATOR)
    if path is None:
        return None
    with ort.opened(path, path, settings) as graph:
        check_graph(path, GraphRole.DISCRIMINATOR, package.manifest, graph.spec)
        verdict = graph.start({IMAGE: image[None], LOGITS: logits}).result()["realness"]
    return _enlarged(verdict[0, 0], package.manifest.size_wh)


def _enlarged(cells: F32, size_wh: tuple[int, int]) -> F32:
    enlarged: F32 = cv2.resize(cells, size_wh, interpolation=cv2.INTER_LINEAR)
    return enlarged
