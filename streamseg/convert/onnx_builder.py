"""ONNX nodes and constants as they are put together, and the model they become."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from onnx import checker, helper, numpy_helper

from streamseg.errors import PackageError
from streamseg.inference.backends.cpu_engine import one_line

OPSET = 17  # what is built here asks for no more
IR_VERSION = 8


class OnnxBuilder:
    """Collects nodes and constants.

    Args:
        prefix: Begins every name that is made here, so that it is none of the network's.
    """

    def __init__(self, prefix: str) -> None:
        self._prefix = prefix
        self._count = 0
        self.nodes: list[Any] = []
        self.constants: list[Any] = []

    def add(self, operator: str, *inputs: str, output: str = "", **attributes: Any) -> str:
        """A node with one output; returns the output's name."""
        name = output or self._name(operator)
        self.nodes.append(helper.make_node(operator, list(inputs), [name], **attributes))
        return name

    def const(self, value: NDArray[Any]) -> str:
        """A constant; returns its name."""
        name = self._name("const")
        self.constants.append(numpy_helper.from_array(np.asarray(value, order="C"), name))
        return name

    def f32(self, values: float | Sequence[float] | NDArray[Any]) -> str:
        """A constant of float32."""
        return self.const(np.asarray(values, np.float32))

    def i64(self, *values: int) -> str:
        """A constant of int64, one-dimensional."""
        return self.const(np.array(values, np.int64))

    def _name(self, what: str) -> str:
        self._count += 1
        return f"{self._prefix}{what.lower()}{self._count}"


def checked(model: Any) -> Any:
    """The model, if it is a sound one. Raises PackageError."""
    try:
        checker.check_model(model)
    except (checker.ValidationError, ValueError) as error:
        raise PackageError(f"{model.graph.name}: no sound ONNX graph: {one_line(error)}") from error
    return model
