from __future__ import annotations

from typing import Any

import pytest

from streamseg.errors import EngineError
from streamseg.inference.backends.openvino_graph import OpenVinoPending


class Request:
    """An inference request that fails."""

    def wait(self) -> None:
        raise RuntimeError("Exception from deep within\nthe kernel gave up")


def test_a_failing_inference_is_an_engine_error_and_its_request_comes_back() -> None:
    idle: list[Any] = []
    pending = OpenVinoPending(Request(), [], {}, idle)
    with pytest.raises(EngineError, match="OpenVINO failed: the kernel gave up"):
        pending.result()
    assert len(idle) == 1
