"""The engine alone: every graph of the package back to back on pictures that are ready in memory.

A program of its own (`python -m benchmarks.engine_only CLIP`), so that nothing else of a benchmark shares the
process; prints one JSON object.
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import cv2
import numpy as np

from benchmarks.clip import pictures
from examples.model_option import add_model_option
from streamseg.inference.backends.registry import load_engine
from streamseg.inference.engine import InferenceEngine
from streamseg.inference.packages.package import open_package
from streamseg.temporal.optical_flow import OpticalFlow, luma_size
from streamseg.types import F32, U8

WARM_UP = 20


class Bench:
    """An engine with its inputs ready.

    Attributes:
        images: Pictures `[1, H, W, 3]` uint8.
        lumas: Their luma `[H/4, W/4]` uint8.
        inputs: Guide `[1, 1, h, w]` and flow `[1, 2, h, w]` float32 of each, for the stabiliser.
    """

    def __init__(self, engine: InferenceEngine, frames: list[tuple[U8, U8]]) -> None:
        manifest = engine.package.manifest
        self.engine = engine
        shape = manifest.memory
        self.steady = shape is not None
        self.motion = OpticalFlow((shape.width, shape.height) if shape else luma_size(manifest.size_wh))
        self.images = [rgb[None] for rgb, _ in frames]
        self.lumas = [luma for _, luma in frames]
        self.inputs = list(self._inputs())

    def _inputs(self) -> Iterator[tuple[F32, F32]]:
        for before, now in zip([self.lumas[0], *self.lumas], self.lumas, strict=False):
            yield self.motion.guide(now), self.motion.flow(now, before)

    def all_graphs(self, rounds: int) -> float:
        """Inferences a second of segmenter and stabiliser (or readout), memory carried on."""
        memory = self.engine.fresh_memory() if self.steady else None
        started_s = time.perf_counter()
        for index in range(rounds):
            run = self.engine.start(self.images[index % len(self.images)])
            if memory is None:
                run.readout()
            else:
                _, memory = run.stabilise(*self.inputs[index % len(self.inputs)], memory)
        return rounds / (time.perf_counter() - started_s)

    def segmenter_ms(self, rounds: int) -> float:
        """Median of the segmenter alone."""
        return median_ms(lambda i: self.engine.start(self.images[i % len(self.images)]).wait(), rounds)

    def stabiliser_ms(self, rounds: int) -> float:
        """Median of the stabiliser with its readout alone, on logits that are ready."""
        run = self.engine.start(self.images[0])
        run.wait()
        memory = self.engine.fresh_memory()
        return median_ms(lambda i: run.stabilise(*self.inputs[i % len(self.inputs)], memory), rounds)

    def flow_ms(self, rounds: int) -> float:
        """Median of the motion alone."""
        motion, lumas = self.motion, self.lumas
        return median_ms(lambda i: motion.flow(lumas[(i + 1) % len(lumas)], lumas[i % len(lumas)]), rounds)


def median_ms(work: Callable[[int], object], rounds: int) -> float:
    """Median duration of `work(index)`, after a warm-up that is not counted."""
    taken: list[float] = []
    for index in range(WARM_UP + rounds):
        started_s = time.perf_counter()
        work(index)
        taken.append(time.perf_counter() - started_s)
    return float(np.median(taken[WARM_UP:])) * 1e3


def measure(package: str, clip: Path, rounds: int) -> dict[str, object]:
    """Everything about the engine alone, with the settings a daemon takes by default."""
    cv2.setNumThreads(1)  # as the daemon does
    engine = load_engine(open_package(package))
    engine.warm_up()
    bench = Bench(engine, pictures(clip, 60, engine.package.manifest.size_wh))
    bench.all_graphs(WARM_UP)
    found: dict[str, object] = {
        "model": f"{engine.package.manifest.name} {engine.package.manifest.version}",
        "backend": f"{engine.info.backend} {engine.info.version}",
        "precision": engine.info.precision,
        "raw_per_s": bench.all_graphs(rounds),
        "segmenter_ms": bench.segmenter_ms(rounds),
        "flow_ms": bench.flow_ms(rounds),
    }
    if bench.steady:
        found["stabiliser_ms"] = bench.stabiliser_ms(rounds)
    engine.close()
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("clip", type=Path)
    add_model_option(parser)
    parser.add_argument("--rounds", type=int, default=300)
    asked = parser.parse_args()
    print(json.dumps(measure(asked.model, asked.clip, asked.rounds)))


if __name__ == "__main__":
    main()
