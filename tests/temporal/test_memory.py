from __future__ import annotations

from dataclasses import FrozenInstanceError

import numpy as np
import pytest

from streamseg.temporal.memory import Memory
from streamseg.temporal.reset import FrameContext
from tests.temporal.conftest import make_frame


def test_memory_is_a_value() -> None:
    memory = Memory(None, FrameContext.of(make_frame(), np.zeros((2, 2), np.uint8), "a"), None)
    with pytest.raises(FrozenInstanceError):
        memory.state = 1  # type: ignore[misc]
