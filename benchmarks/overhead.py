"""What an engine costs over the bare call of its runtime, a frame: `python -m benchmarks.overhead`.

The same segmenter, picture and threads, once through `engine.start(…).wait()` and once through the runtime's
own request (`InferRequest`, `InferenceSession.run`), in turns. The engine's share is what it does besides: it
checks the picture, makes fresh outputs, hands over between threads and looks for NaN.
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Callable
from contextlib import closing
from statistics import median

import numpy as np
import onnxruntime as ort
import openvino as ov

from benchmarks.machine import describe
from examples.model_option import add_model_option
from streamseg.inference.backends.openvino_core import core
from streamseg.inference.backends.registry import load_engine
from streamseg.inference.cpu_info import physical_cores
from streamseg.inference.engine import InferenceEngine
from streamseg.inference.packages.manifest import GraphRole
from streamseg.inference.packages.package import Package, open_package
from streamseg.types import U8

WARM_UP = 10
BACKENDS = ("openvino", "onnxruntime")

Work = Callable[[], object]


def bare_openvino(package: Package, image: U8, threads: int) -> Work:
    """An infer request whose input and output lie in arrays of ours, as the engine's do; compiled like it."""
    model = core().read_model(package.path / package.graphs[GraphRole.SEGMENTER].file)
    model.reshape({model.inputs[0]: ov.PartialShape(list(image.shape))})
    options = {
        "PERFORMANCE_HINT": "LATENCY",
        "INFERENCE_PRECISION_HINT": "f32",
        "INFERENCE_NUM_THREADS": threads,
    }
    compiled = core().compile_model(model, "CPU", options)
    request = compiled.create_infer_request()
    request.set_input_tensor(ov.Tensor(image, shared_memory=True))
    outputs = [np.empty(tuple(port.shape), port.element_type.to_dtype()) for port in compiled.outputs]
    for index, array in enumerate(outputs):
        request.set_output_tensor(index, ov.Tensor(array, shared_memory=True))

    def once() -> object:
        request.start_async()
        request.wait()
        return outputs  # which must outlive the request that writes into them

    return once


def bare_onnxruntime(package: Package, image: U8, threads: int) -> Work:
    """A session's run, with the options of the engine's."""
    options = ort.SessionOptions()
    options.intra_op_num_threads, options.inter_op_num_threads = threads, 1
    options.log_severity_level = 3
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    path = package.path / package.graphs[GraphRole.SEGMENTER].file
    session = ort.InferenceSession(path, options, providers=["CPUExecutionProvider"])
    return lambda: session.run(None, {"image": image})


def in_pairs(bare: Work, ours: Work, rounds: int) -> dict[str, float]:
    """Milliseconds: medians of both and of the differences between neighbours; how far the least differ.

    On a quiet machine the last two agree; on a busy one the least of many rounds is disturbed less.
    """
    times: list[tuple[float, float]] = []
    for index in range(WARM_UP + rounds):
        first, second = (bare, ours) if index % 2 else (ours, bare)  # neither always follows the other
        pair = _took_ms(first), _took_ms(second)
        times.append(pair if index % 2 else (pair[1], pair[0]))
    counted = times[WARM_UP:]
    bares_ms, ours_ms = zip(*counted, strict=True)
    return {
        "bare_ms": median(bares_ms),
        "engine_ms": median(ours_ms),
        "overhead_ms": median(other - one for one, other in counted),
        "least_overhead_ms": min(ours_ms) - min(bares_ms),
    }


def _took_ms(work: Work) -> float:
    began_s = time.perf_counter()
    work()
    return (time.perf_counter() - began_s) * 1e3


def measure(package: Package, rounds: int, threads: int) -> dict[str, dict[str, float]]:
    """By backend; see `in_pairs`."""
    width, height = package.manifest.size_wh
    image = np.random.default_rng(0).integers(0, 230, (1, height, width, 3), dtype=np.uint8)
    makers = {"openvino": bare_openvino, "onnxruntime": bare_onnxruntime}
    found = {}
    for backend in BACKENDS:
        with closing(load_engine(package, backend, "f32", threads)) as engine:  # type: ignore[arg-type]
            bare = makers[backend](package, image, threads)
            found[backend] = in_pairs(bare, _through(engine, image), rounds)
    return found


def _through(engine: InferenceEngine, image: U8) -> Work:
    return lambda: engine.start(image).wait()


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    add_model_option(parser)
    parser.add_argument("--rounds", type=int, default=200)
    parser.add_argument("--threads", type=int, default=physical_cores())
    parser.add_argument("--json", action="store_true")
    asked = parser.parse_args()
    found = measure(open_package(asked.model), asked.rounds, asked.threads)
    if asked.json:
        print(json.dumps({"machine": describe(), "rounds": asked.rounds, "backends": found}, indent=1))
        return
    print("| backend | bare ms | engine ms | overhead ms | of the least |\n|---|---|---|---|---|")
    for backend, ms in found.items():
        print(f"| {backend} | {' | '.join(f'{one:.3f}' for one in ms.values())} |")


if __name__ == "__main__":
    main()
