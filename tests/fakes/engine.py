"""An engine without a library: a few lines of NumPy that behave like one (`tests/contracts/test_engine.py`).

Logits are the picture's cells through a fixed random matrix; the stabiliser keeps half of its past, carried
along the flow. Nothing is compiled, nothing runs in another thread, everything is exact and repeatable.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import cv2
import numpy as np

from streamseg.errors import EngineError
from streamseg.inference.engine import EngineInfo, EngineMemory, Masks
from streamseg.inference.packages.manifest import (
    GraphFile,
    Graphs,
    InputSize,
    Manifest,
    ManifestClass,
    MemoryShape,
)
from streamseg.inference.packages.package import Package
from streamseg.inference.readout import read_out, softmax
from streamseg.types import F32, U8

STRIDE = 4
HIDDEN = 2
WHITE = 255  # a picture of nothing else gives NaN logits, as with the tiny packages


def fake_package(
    size_wh: tuple[int, int] = (64, 48), classes: int = 5, *, stabiliser: bool = True
) -> Package:
    """A package that exists in memory only: fit for `FakeEngine`, not for a backend."""
    graph = GraphFile(file="segmenter.onnx", sha256="0" * 64)
    width, height = size_wh[0] // STRIDE, size_wh[1] // STRIDE
    manifest = Manifest(
        schema_version=1,
        name="fake",
        version="1",
        input=InputSize(width=size_wh[0], height=size_wh[1]),
        classes=tuple(ManifestClass(id=i, name=f"class{i}", color=(i, 2 * i, 3 * i)) for i in range(classes)),
        license="CC0-1.0",
        data="none",
        graphs=Graphs(segmenter=graph, stabiliser=graph if stabiliser else None),
        memory=MemoryShape(channels=classes + HIDDEN, width=width, height=height) if stabiliser else None,
    )
    return Package(Path("fake"), manifest)


class FakeEngine:
    """See the module.

    Attributes:
        runs: How many were started.
        fail_with: Raised by every `wait` while it is set.
        poison: The next so many memories hold NaN.
    """

    def __init__(self, package: Package | None = None) -> None:
        self.package = package or fake_package()
        self.info = EngineInfo("fake", "f32", "NumPy", "1", "asked for by a test")
        self.runs = 0
        self.fail_with: EngineError | None = None
        self.poison = 0
        self._closed = False
        classes = len(self.package.manifest.classes)
        self._matrix = np.random.default_rng(classes).normal(0, 3, (3, classes)).astype(np.float32)

    def start(self, image: U8) -> FakeRun:
        self._require_open()
        width, height = self.package.manifest.size_wh
        if image.dtype != np.uint8 or image.ndim != 4 or image.shape[1:] != (height, width, 3):
            raise EngineError(
                f"image is {image.dtype} {list(image.shape)}, must be uint8 [N, {height}, {width}, 3]"
            )
        self.runs += 1
        return FakeRun(self, np.stack([self._logits(picture) for picture in image]))

    def read_out(self, logits: F32) -> Masks:
        self._require_open()
        return read_out(logits, self.package.manifest.size_wh)

    def fresh_memory(self, batch: int = 1) -> EngineMemory:
        return EngineMemory(np.zeros(self.memory_shape(batch), np.float32), batch)

    def memory_is_finite(self, memory: EngineMemory) -> bool:
        return bool(np.isfinite(memory.state).all())

    def join_memories(self, memories: Sequence[EngineMemory]) -> EngineMemory:
        state = np.concatenate([memory.state for memory in memories])
        return EngineMemory(state, len(state))

    def split_memory(self, memory: EngineMemory) -> list[EngineMemory]:
        return [EngineMemory(planes[None], 1) for planes in memory.state]

    def warm_up(self) -> None:
        width, height = self.package.manifest.size_wh
        self.start(np.zeros((1, height, width, 3), np.uint8)).readout()

    def close(self) -> None:
        self._closed = True

    def memory_shape(self, batch: int) -> tuple[int, int, int, int]:
        shape = self.package.manifest.memory
        if shape is None:
            raise EngineError(f"{self.package.manifest.name}: the package has no stabiliser, so no memory")
        return batch, shape.channels, shape.height, shape.width

    def _require_open(self) -> None:
        if self._closed:
            raise EngineError(f"{self.package.manifest.name}: the engine is closed")

    def _logits(self, picture: U8) -> F32:
        width, height = self.package.manifest.size_wh
        cells = cv2.resize(picture, (width // STRIDE, height // STRIDE), interpolation=cv2.INTER_AREA)
        logits: F32 = np.ascontiguousarray((cells.astype(np.float32) / 255 @ self._matrix).transpose(2, 0, 1))
        return np.full_like(logits, np.nan) if picture.min() == WHITE else logits


class FakeRun:
    """A run of a `FakeEngine`."""

    def __init__(self, engine: FakeEngine, logits: F32) -> None:
        self._engine = engine
        self._logits = logits
        self.infer_ms = 0.0

    def wait(self) -> None:
        if self._engine.fail_with is not None:
            raise self._engine.fail_with
        if not np.isfinite(self._logits).all():
            raise EngineError(f"{self._engine.package.manifest.name}: NaN or infinity in the logits")
        self.infer_ms = 1.0

    def logits(self) -> F32:
        self.wait()
        return self._logits

    def readout(self) -> Masks:
        return self._engine.read_out(self.logits())

    def stabilise(self, guide: F32, flow: F32, memory: EngineMemory) -> tuple[Masks, EngineMemory]:
        shape = self._engine.memory_shape(len(self.logits()))
        for name, array, channels in (
            ("guide", guide, 1),
            ("flow", flow, 2),
            ("memory", memory.state, shape[1]),
        ):
            if array.dtype != np.float32 or array.shape != (shape[0], channels, *shape[2:]):
                raise EngineError(f"{name} is {array.dtype} {list(array.shape)}")
        state = self._state(guide, flow, memory.state)
        masks = self._engine.read_out(np.log(np.maximum(state[:, :-HIDDEN], 1e-6)))
        if self._engine.poison > 0:
            self._engine.poison -= 1
            state[:] = np.nan
        return masks, EngineMemory(state, len(state))

    def _state(self, guide: F32, flow: F32, past: F32) -> F32:
        classes = len(self._engine.package.manifest.classes)
        fresh = np.concatenate([softmax(self._logits), np.repeat(guide, HIDDEN, axis=1)], axis=1)
        carried = np.stack([_carry(planes, moved) for planes, moved in zip(past, flow, strict=True)])
        known = carried[:, :classes].sum(axis=1, keepdims=True) > 0.5  # all-zero memory means "no past"
        state: F32 = np.where(known, (fresh + carried) / 2, fresh).astype(np.float32)
        return state


def _carry(planes: F32, flow: F32) -> F32:
    rows, columns = np.mgrid[0 : planes.shape[1], 0 : planes.shape[2]].astype(np.float32)
    x, y = columns + flow[0], rows + flow[1]
    return np.stack([cv2.remap(p, x, y, cv2.INTER_LINEAR, None, cv2.BORDER_REPLICATE) for p in planes])
