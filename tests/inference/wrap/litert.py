"""TFLite networks as LiteRT itself computes them: skipped with a reason where it is not installed."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray


class LiteRt:
    """A network in LiteRT's interpreter, on one thread."""

    def __init__(self, path: Path) -> None:
        reason = "ai-edge-litert is not installed: pip install 'streamseg[litert]'"
        library = pytest.importorskip("ai_edge_litert.interpreter", reason=reason)
        self._interpreter = library.Interpreter(str(path), num_threads=1)
        self._interpreter.allocate_tensors()

    def __call__(self, picture: NDArray[Any]) -> NDArray[Any]:
        """The first output as it is stored, of one picture in bytes 0…255; int8 takes them less 128."""
        source = self._interpreter.get_input_details()[0]
        if source["dtype"] == np.int8:
            picture = (picture.astype(np.int16) - 128).astype(np.int8)
        self._interpreter.set_tensor(source["index"], picture.astype(source["dtype"]))
        self._interpreter.invoke()
        stored: NDArray[Any] = self._interpreter.get_tensor(
            self._interpreter.get_output_details()[0]["index"]
        )
        return stored
