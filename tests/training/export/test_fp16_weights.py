from __future__ import annotations

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from streamseg.training.export.fp16_weights import shrink_weights


def model_of(**weights: np.ndarray) -> onnx.ModelProto:
    graph = helper.make_graph([], "weights", [], [])
    graph.initializer.extend(numpy_helper.from_array(array, name) for name, array in weights.items())
    return helper.make_model(graph)


def kinds(model: onnx.ModelProto) -> dict[str, int]:
    return {tensor.name: tensor.data_type for tensor in model.graph.initializer}


def test_large_weights_are_stored_by_half_behind_a_cast() -> None:
    large = np.linspace(-1, 1, 300, dtype=np.float32)
    model = model_of(large=large, small=large[:255], whole=np.arange(300))
    shrink_weights(model)
    assert kinds(model) == {
        "large_f16": TensorProto.FLOAT16, "small": TensorProto.FLOAT, "whole": TensorProto.INT64,
    }  # fmt: skip
    (cast,) = model.graph.node
    assert (cast.op_type, cast.input[0], cast.output[0]) == ("Cast", "large_f16", "large")
    stored = next(numpy_helper.to_array(t) for t in model.graph.initializer if t.name == "large_f16")
    np.testing.assert_allclose(stored, large, atol=1e-3)


def test_only_what_is_named() -> None:
    large = np.zeros(300, np.float32)
    model = model_of(weight=large, scale=large)
    shrink_weights(model, {"weight", "another"})
    assert set(kinds(model)) == {"weight_f16", "scale"}
