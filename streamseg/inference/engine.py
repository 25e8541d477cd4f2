"""What an engine is: a package compiled for a backend on this machine, whatever the backend.

    run = engine.start(image)                          # the CNN runs in the backend's threads
    ...                                                # Python is free: compute the flow
    masks, memory = run.stabilise(guide, flow, memory) # waits for the CNN first

An engine keeps no state of a stream: its memory goes in and comes out. One thread uses an engine at a time.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol, TypeVar

import numpy as np

from streamseg.errors import EngineError
from streamseg.inference.packages.manifest import GraphRole
from streamseg.inference.packages.package import Package
from streamseg.types import F32, U8, ModelInfo

_Graph = TypeVar("_Graph")  # whatever a backend makes of a graph


@dataclass(frozen=True, slots=True)
class EngineInfo:
    """Which backend took the package, and why.

    Attributes:
        backend: `openvino`, `onnxruntime`, `tensorrt`, `tensorrt_rtx`.
        precision: What the segmenter computes in: `f32`, `bf16`, `f16` or `int8`.
        device: The processor, as its maker names it.
        version: Version of the backend's library.
        why: Half a sentence for the log: why this backend and this precision.
        times_ms: What the segmenter took by precision, where that decided; milliseconds.
    """

    backend: str
    precision: str
    device: str
    version: str
    why: str
    times_ms: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Masks:
    """Label maps of a batch.

    Attributes:
        labels: `[N, H, W]` uint8, one class id a pixel.
        confidence: `[N, H, W]` uint8, 255 = certain; None where the package gives none.
    """

    labels: U8
    confidence: U8 | None


@dataclass(frozen=True, slots=True)
class EngineMemory:
    """What the stabiliser keeps of one stream; opaque to callers, immutable, never shared with a later run.

    Attributes:
        state: The backend's own form of `[N, M, h', w']` float32.
        batch: N.
    """

    state: Any
    batch: int


class Run(Protocol):
    """One picture (or batch) on its way through the segmenter. What it hands out is never overwritten."""

    def wait(self) -> None:
        """Returns once the segmenter is done; at once when called again.

        Raises:
            EngineError: The backend failed, or the logits hold NaN or infinity.
        """

    @property
    def infer_ms(self) -> float:
        """Milliseconds from `start` until `wait` saw the segmenter done; 0 before that."""

    def logits(self) -> F32:
        """Waits, then gives the logits `[N, C, h, w]`, before softmax, at the network's stride."""

    def readout(self) -> Masks:
        """Waits, then gives label map and confidence `[N, H, W]` of this picture alone."""

    def stabilise(self, guide: F32, flow: F32, memory: EngineMemory) -> tuple[Masks, EngineMemory]:
        """Waits, then runs the stabiliser on the logits.

        Args:
            guide: Luma of this frame `[N, 1, h', w']`, 0…1.
            flow: `[N, 2, h', w']`, dx and dy in memory cells: where each cell of this frame was in the last.
            memory: What the last run of the same stream gave, or `fresh_memory()`. Left untouched.

        Returns:
            The steadied masks and the memory for the stream's next frame.

        Raises:
            EngineError: The package has no stabiliser, the memory is another engine's, or the backend failed.
        """


class InferenceEngine(Protocol):
    """A package compiled for a backend on this machine."""

    @property
    def package(self) -> Package:
        """The package it was made from."""

    @property
    def info(self) -> EngineInfo:
        """Backend, precision, device and the reasons."""

    def start(self, image: U8) -> Run:
        """Starts the segmenter on `image` `[N, H, W, 3]` uint8 RGB and returns at once.

        The image may be read in place: it must not change before the run's `wait` returns.

        Raises:
            EngineError: Wrong shape or type, closed engine, or the backend refused.
        """

    def read_out(self, logits: F32) -> Masks:
        """Label maps and confidence of logits `[N, C, h, w]` from wherever (an average, say); waits.

        Raises:
            EngineError: The backend failed.
        """

    def fresh_memory(self, batch: int = 1) -> EngineMemory:
        """Memory that means "no past": all zero. Raises EngineError where the package has no stabiliser."""

    def memory_is_finite(self, memory: EngineMemory) -> bool:
        """Whether the memory is free of NaN and infinity."""

    def join_memories(self, memories: Sequence[EngineMemory]) -> EngineMemory:
        """The memories of several streams as one, for a batch of their frames; each is left untouched."""

    def split_memory(self, memory: EngineMemory) -> list[EngineMemory]:
        """The memory of a batch as those of its streams, in order."""

    def warm_up(self) -> None:
        """Runs every graph once, so that the first real frame is as fast as the others.

        Raises:
            EngineError: A graph does not run, or gives something else than its manifest says.
        """

    def close(self) -> None:
        """Frees the backend, however broken it is; idempotent, never raises. A later `start` raises."""


def model_info(engine: InferenceEngine) -> ModelInfo:
    """What subscribers are told about the model (WIRE.md, kind = info)."""
    manifest = engine.package.manifest
    return ModelInfo(
        name=manifest.name,
        version=manifest.version,
        sha256=engine.package.sha256_in(engine.info.precision),
        license=manifest.license,
        classes=manifest.class_infos(),
        backend=engine.info.backend,
        precision=engine.info.precision,
        mask_wh=manifest.size_wh,
    )


def memory_shape(package: Package, batch: int) -> tuple[int, int, int, int]:
    """`(N, M, h', w')`. Raises EngineError where the package has no stabiliser."""
    shape = package.manifest.memory
    if shape is None:
        raise EngineError(f"{package.manifest.name}: the package has no stabiliser, so no memory")
    return batch, shape.channels, shape.height, shape.width


def graph_of(package: Package, graphs: Mapping[GraphRole, _Graph], role: GraphRole) -> _Graph:
    """The loaded graph of a role. Raises EngineError where there is none, or there are none any more."""
    if not graphs:
        raise EngineError(f"{package.manifest.name}: the engine is closed")
    if role not in graphs:
        raise EngineError(f"{package.manifest.name}: the package has no {role}")
    return graphs[role]


def run_once(engine: InferenceEngine, batch: int, *, stabilise: bool) -> None:
    """Run every graph of an engine on black pictures; with the stabiliser where it has one loaded."""
    width, height = engine.package.manifest.size_wh
    run = engine.start(np.zeros((batch, height, width, 3), np.uint8))
    run.readout()
    if stabilise:
        plane = memory_shape(engine.package, batch)[2:]
        guide, flow = (np.zeros((batch, count, *plane), np.float32) for count in (1, 2))
        run.stabilise(guide, flow, engine.fresh_memory(batch))
