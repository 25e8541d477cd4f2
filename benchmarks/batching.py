"""Whether batches pay here: frames of some streams one after the other, and together.

`python -m benchmarks.batching [CLIP] [--backend onnxruntime] [--precision f32] [--sizes 2 4]` prints one JSON
object a size: segmenter, motion and stabiliser. Both ways take turns, so that other work falls on both.
"""

from __future__ import annotations

import argparse
import json
import tempfile
import time
from collections.abc import Callable, Sequence
from contextlib import closing
from pathlib import Path
from typing import cast

import cv2
import numpy as np

from benchmarks.clip import camvid_clip, make_clip, pictures
from examples.model_option import add_model_option
from streamseg.inference.backend import BackendName, Precision
from streamseg.inference.backends.registry import load_engine
from streamseg.inference.engine import InferenceEngine, Masks
from streamseg.inference.packages.package import open_package
from streamseg.temporal.batch import Part, step_batch
from streamseg.temporal.memory import Memory
from streamseg.temporal.stage import make_stage
from streamseg.types import U8, Clock, Frame, Picture, PixelLayout, TemporalMode

WARM_UP = 2
FPS = 15.0


class Streams:
    """Some streams that play the same clip, each from a frame of its own on."""

    def __init__(self, engine: InferenceEngine, frames: Sequence[tuple[U8, U8]], count: int) -> None:
        steady = engine.package.manifest.graphs.stabiliser is not None
        self._engine, self._frames, self._count = engine, frames, count
        self._stage = make_stage(TemporalMode.CONVGRU if steady else TemporalMode.NONE, engine)
        self._memories: list[Memory | None] = [None] * count

    def alone(self, seq: int) -> list[Masks]:
        """A frame of each, one after the other."""
        masks = []
        for index in range(self._count):
            rgb, part = self._rgb(index, seq), self._part(index, seq)
            run = self._engine.start(rgb[None])
            made, self._memories[index] = self._stage.step(run, part.frame, part.luma, part.memory)
            masks.append(made)
        return masks

    def together(self, seq: int) -> list[Masks]:
        """A frame of each, as one batch."""
        run = self._engine.start(np.stack([self._rgb(index, seq) for index in range(self._count)]))
        parts = [self._part(index, seq) for index in range(self._count)]
        steps = step_batch(self._engine, run, parts)
        self._memories = [memory for _, memory in steps]
        return [masks for masks, _ in steps]

    def _at(self, index: int, seq: int) -> tuple[U8, U8]:
        return self._frames[(seq + 7 * index) % len(self._frames)]

    def _rgb(self, index: int, seq: int) -> U8:
        return self._at(index, seq)[0]

    def _part(self, index: int, seq: int) -> Part:
        luma = self._at(index, seq)[1]
        picture = Picture(PixelLayout.GRAY, (luma,), (luma.shape[1], luma.shape[0]))
        frame = Frame(f"s{index}", seq, seq / FPS, seq / FPS, seq / FPS, Clock.FILE, picture)
        return Part(self._stage, frame, luma, self._memories[index])


def measure(
    engine: InferenceEngine, frames: Sequence[tuple[U8, U8]], size: int, rounds: int
) -> dict[str, object]:
    """Milliseconds a frame each way, medians, and how far the masks agree."""
    alone, together = Streams(engine, frames, size), Streams(engine, frames, size)
    times_ms: dict[str, list[float]] = {"alone_ms": [], "together_ms": []}
    agree: list[float] = []
    for seq in range(WARM_UP + rounds):
        ways = (("alone_ms", alone.alone), ("together_ms", together.together))
        made = {name: _timed(way, seq, times_ms[name]) for name, way in ways}
        pairs = zip(made["alone_ms"], made["together_ms"], strict=True)
        agree += [float((one.labels == other.labels).mean()) for one, other in pairs]
    found: dict[str, object] = {"size": size}
    found |= {name: float(np.median(times[WARM_UP:])) / size for name, times in times_ms.items()}
    return {**found, "labels_agree": float(np.mean(agree)), "least_agree": min(agree)}


def _timed(way: Callable[[int], list[Masks]], seq: int, times_ms: list[float]) -> list[Masks]:
    began_s = time.perf_counter()
    made = way(seq)
    times_ms.append((time.perf_counter() - began_s) * 1e3)
    return made


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("clip", type=Path, nargs="?", default=camvid_clip())
    add_model_option(parser)
    parser.add_argument("--backend", default="auto")
    parser.add_argument("--precision", default="auto")
    parser.add_argument("--sizes", type=int, nargs="+", default=[2, 4])
    parser.add_argument("--rounds", type=int, default=30)
    asked = parser.parse_args()
    cv2.setNumThreads(1)  # as the daemon does
    package = open_package(asked.model)
    backend, precision = cast("BackendName", asked.backend), cast("Precision", asked.precision)
    with (
        tempfile.TemporaryDirectory() as folder,
        closing(load_engine(package, backend, precision, max_batch=max(asked.sizes))) as engine,
    ):
        engine.warm_up()
        clip = asked.clip or make_clip(Path(folder) / "made.mp4")
        frames = pictures(clip, 60, package.manifest.size_wh)
        for size in asked.sizes:
            found = measure(engine, frames, size, asked.rounds)
            print(json.dumps({"backend": engine.info.backend, "precision": engine.info.precision, **found}))


if __name__ == "__main__":
    main()
