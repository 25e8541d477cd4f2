"""Milliseconds a frame of a package on a backend: `python -m benchmarks.frames --backend tensorrt_rtx`.

One JSON object a batch size: the segmenter with its readout (a picture in, labels and confidence out), and
with the stabiliser behind it (guide and flow in too, the memory kept), medians of `--rounds`. The picture is
noise, which costs an engine what any other does; no video, no flow, no daemon.
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Callable
from contextlib import closing
from typing import cast

import numpy as np

from benchmarks.machine import describe
from streamseg.inference.backend import BackendName, Precision
from streamseg.inference.engine import InferenceEngine, memory_shape
from streamseg.inference.package import open_package
from streamseg.inference.select import load_engine

WARM_UP = 20


def measure(engine: InferenceEngine, batch: int, rounds: int) -> dict[str, float]:
    """Milliseconds a frame: single pictures, and with the stabiliser where the package has one."""
    random = np.random.default_rng(0)
    width, height = engine.package.manifest.size_wh
    images = random.integers(0, 256, (batch, height, width, 3)).astype(np.uint8)
    found = {"readout_ms": median_ms(lambda: engine.start(images).readout(), rounds) / batch}
    if engine.package.manifest.memory is None:
        return found
    plane = memory_shape(engine.package, batch)[2:]
    guide, flow = (random.random((batch, count, *plane), dtype=np.float32) for count in (1, 2))
    memory = engine.fresh_memory(batch)

    def step() -> None:
        nonlocal memory
        _, memory = engine.start(images).stabilise(guide, flow, memory)

    return {**found, "stabilise_ms": median_ms(step, rounds) / batch}


def median_ms(once: Callable[[], object], rounds: int) -> float:
    """Median of `rounds` calls, after some that do not count."""
    times = []
    for index in range(WARM_UP + rounds):
        began_s = time.perf_counter()
        once()
        if index >= WARM_UP:
            times.append((time.perf_counter() - began_s) * 1e3)
    return float(np.median(times))


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("package", nargs="?", default="camvid-lite0")
    parser.add_argument("--backend", default="auto")
    parser.add_argument("--precision", default="auto")
    parser.add_argument("--batches", type=int, nargs="+", default=[1])
    parser.add_argument("--rounds", type=int, default=200)
    parser.add_argument("--cuda-graphs", action="store_true")
    asked = parser.parse_args()
    print(json.dumps(describe()))
    backend, precision = cast("BackendName", asked.backend), cast("Precision", asked.precision)
    options = {"max_batch": max(asked.batches), "cuda_graphs": asked.cuda_graphs}
    with closing(load_engine(open_package(asked.package), backend, precision, **options)) as engine:
        told = {key: getattr(engine.info, key) for key in ("backend", "version", "precision", "device")}
        for batch in asked.batches:
            found = {name: round(ms, 3) for name, ms in measure(engine, batch, asked.rounds).items()}
            print(json.dumps({**told, "cuda_graphs": asked.cuda_graphs, "batch": batch, **found}))


if __name__ == "__main__":
    main()
