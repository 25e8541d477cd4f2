"""A backend's labels against ONNX Runtime's on the CPU: `python -m benchmarks.gpu.masks BACKEND PRECISION`.

Prints one JSON object: the least and the mean share of equal labels over the frames, single and steadied, the
largest difference between logits, and milliseconds a frame. Exits 1 where a share is below `--equal`.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
import time
from contextlib import closing
from pathlib import Path
from typing import Any, cast

import numpy as np

from benchmarks.clip import make_clip, pictures
from examples.model_option import add_model_option
from streamseg.inference.backend import BackendName, Precision
from streamseg.inference.backends.registry import load_engine
from streamseg.inference.engine import InferenceEngine, memory_shape
from streamseg.inference.packages.package import Package, open_package
from streamseg.types import F32, U8

_MOTION_CELLS = 1.0  # standard deviation of the made flow


def main() -> None:
    """Compares from the command line."""
    asked = _asked()
    package = open_package(asked.model)
    backend, precision = cast("BackendName", asked.backend), cast("Precision", asked.precision)
    began_s = time.perf_counter()
    with closing(load_engine(package, backend, precision, cuda_graphs=asked.cuda_graphs)) as engine:
        engine.warm_up()
        loaded_s = time.perf_counter() - began_s
        with closing(load_engine(package, "onnxruntime", "f32")) as reference:
            found = compare(engine, reference, frames(package, asked.frames))
        info = engine.info
    told = {key: getattr(info, key) for key in ("backend", "version", "precision", "device")}
    told |= {"package": asked.model, "cuda_graphs": asked.cuda_graphs}
    print(json.dumps({**told, "load_s": round(loaded_s, 2), **found}))
    least = min(found["equal_single_least"], found["equal_steadied_least"])
    if least < asked.equal:
        sys.exit(f"{asked.backend}: {least:.6f} of the labels are equal, {asked.equal} are wanted")


def frames(package: Package, count: int) -> list[U8]:
    """The first frames of the made clip, `[1, H, W, 3]` each."""
    with tempfile.TemporaryDirectory() as folder:
        clip = make_clip(Path(folder) / "clip.mp4", count)
        return [image[None] for image, _ in pictures(clip, count, package.manifest.size_wh)]


def compare(engine: InferenceEngine, reference: InferenceEngine, images: list[U8]) -> dict[str, Any]:
    """Runs both over the same pictures, guides and flows, each with a memory of its own."""
    single, steadied, far, ms = [], [], [], []
    memories = [engine.fresh_memory(), reference.fresh_memory()]
    for index, image in enumerate(images):
        guide, flow = _motion(engine.package, index)
        labels = []
        for which, one in enumerate((engine, reference)):
            began_s = time.perf_counter()
            masks, memories[which] = one.start(image).stabilise(guide, flow, memories[which])
            ms.append((time.perf_counter() - began_s) * 1e3)
            run = one.start(image)
            labels.append((run.readout().labels.copy(), masks.labels.copy(), run.logits().copy()))
        ours, theirs = labels
        single.append(float((ours[0] == theirs[0]).mean()))
        steadied.append(float((ours[1] == theirs[1]).mean()))
        far.append(float(np.abs(ours[2] - theirs[2]).max()))
    return {
        "frames": len(images),
        **_shares("single", single),
        **_shares("steadied", steadied),
        "logits_max_difference": round(max(far), 6),
        "classes": len(np.unique(theirs[0])),
        "ms_median": round(float(np.median(ms[::2])), 3),
    }


def _shares(name: str, shares: list[float]) -> dict[str, float]:
    return {
        f"equal_{name}_least": round(min(shares), 6),
        f"equal_{name}_mean": round(float(np.mean(shares)), 6),
    }


def _motion(package: Package, seed: int) -> tuple[F32, F32]:
    random = np.random.default_rng(seed)
    plane = memory_shape(package, 1)[2:]
    guide = random.random((1, 1, *plane), dtype=np.float32)
    flow = random.normal(0, _MOTION_CELLS, (1, 2, *plane)).astype(np.float32)
    return guide, flow


def _asked() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("backend")
    parser.add_argument("precision")
    add_model_option(parser, "--package")
    parser.add_argument("--frames", type=int, default=20)
    parser.add_argument("--equal", type=float, default=0.99, help="least share of equal labels")
    parser.add_argument("--cuda-graphs", action="store_true")
    return parser.parse_args()


if __name__ == "__main__":
    main()
