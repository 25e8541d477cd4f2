"""TFLite networks of one operator, computed by us and by OpenVINO's own reader of the format."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
import onnxruntime
from numpy.typing import NDArray

from streamseg.convert.tflite.operators import read_tflite
from streamseg.inference.backends.openvino_core import core
from tests.fakes.tflite import Network

RANDOM = np.random.default_rng(0)
Build: TypeAlias = Callable[[Network], tuple[int, int]]  # puts operators into it; its picture and its answer


def weights(*shape: int) -> NDArray[np.float32]:
    return RANDOM.normal(0, 0.5, shape).astype(np.float32)


def written(build: Build, folder: Path) -> tuple[Path, tuple[int, ...]]:
    """The file, and the shape of its picture."""
    net = Network()
    source, result = build(net)
    path = folder / "network.tflite"
    path.write_bytes(net.finish([source], [result]))
    return path, tuple(net._tensors[source][0])


def ours(path: Path, picture: NDArray[Any]) -> NDArray[Any]:
    session = onnxruntime.InferenceSession(
        read_tflite(path).SerializeToString(), providers=["CPUExecutionProvider"]
    )
    result: NDArray[Any] = session.run(None, {session.get_inputs()[0].name: picture})[0]
    return result


def assert_agrees(build: Build, folder: Path) -> None:
    """Both compute the same."""
    path, shape = written(build, folder)
    picture = RANDOM.normal(0, 2, shape).astype(np.float32)
    theirs = core().compile_model(path, "CPU", {"INFERENCE_PRECISION_HINT": "f32"})([picture])[0]
    result = ours(path, picture)
    assert result.shape == theirs.shape
    np.testing.assert_allclose(result, theirs, rtol=1e-4, atol=1e-5)
