"""What is recorded of a network's own integers (`Int8`), once its package was tried on every CPU backend.

The graph with the integers is the network as it was made; what float makes of it is a reading. Neither a
backend's kernels nor its rewriting of quantised graphs are above suspicion, so each backend's labels are held
against ONNX Runtime's, whose integer kernels round as LiteRT's.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import closing
from pathlib import Path
from typing import cast

import numpy as np

from streamseg.inference.backend import BackendName, Precision
from streamseg.inference.backends.registry import cpu_backends, load_engine
from streamseg.inference.packages.manifest import GraphFile, Int8
from streamseg.inference.packages.package import INT8, Package
from streamseg.types import U8

REFERENCE = "onnxruntime"
ALLOWED = 2.0  # points of agreement that a backend may lose against float, as for calibrated graphs


def unjudged(segmenter: GraphFile, frames: int) -> Int8:
    """A record of a graph that nothing is known of yet.

    Args:
        segmenter: The graph, whose weights have all 8 bits.
        frames: Pictures that it will be tried on.
    """
    return Int8(
        segmenter=segmenter, measure="source", loss=0.0, allowed=ALLOWED, frames=frames, weight_bits=8
    )


def judged(package: Package, pictures: Sequence[U8], cache: Path) -> Int8:
    """The record of a package's int8, with what it costs: float's agreement less the worst backend's.

    Args:
        package: With `unjudged`.
        pictures: `[H, W, 3]` each, of the network's size.
        cache: Where compiled graphs go.

    Raises:
        EngineError, PackageError: A backend does not run it.
    """
    record = package.manifest.int8
    assert record is not None  # noqa: S101 - its caller has just written it
    reference = _labels(package, REFERENCE, INT8, pictures, cache)
    exact = _share(reference, _labels(package, REFERENCE, "f32", pictures, cache))
    others = [report.name for report in cpu_backends() if report.name != REFERENCE]
    shares = [_share(reference, _labels(package, name, INT8, pictures, cache)) for name in others]
    return record.model_copy(update={"loss": round(100 * (exact - min(shares, default=1.0)), 2)})


def _labels(package: Package, backend: str, precision: str, pictures: Sequence[U8], cache: Path) -> list[U8]:
    chosen, asked = cast("BackendName", backend), cast("Precision", precision)
    with closing(load_engine(package, chosen, asked, cache_dir=cache)) as engine:
        return [engine.start(picture[None]).readout().labels[0] for picture in pictures]


def _share(one: Sequence[U8], other: Sequence[U8]) -> float:
    """Of the pixels with the same label, 0…1."""
    return float(np.mean([np.mean(a == b) for a, b in zip(one, other, strict=True)]))
