"""The states of an engine are explained where they are named."""

from __future__ import annotations

from streamseg.daemon.engine import state
from streamseg.daemon.engine.state import EngineState


def test_every_state_has_its_line() -> None:
    lines = (state.__doc__ or "").splitlines()
    explained = [line.split()[0] for line in lines[2:] if line]
    assert explained == [state.value for state in EngineState]
