"""What makes a daemon ready."""

from __future__ import annotations

from dataclasses import replace

import pytest

from streamseg.status.health import SILENCE_S, gives_masks, missing
from streamseg.types import StateChange, StreamState
from tests.status.boards import make_board

SEEN = make_board().snapshot("gate")


def test_a_running_stream_with_a_fresh_mask_is_ready() -> None:
    assert gives_masks(SEEN)
    assert missing({"gate": SEEN}) == {}


@pytest.mark.parametrize(
    ("state", "silent_s", "why"),
    [
        (StreamState.RUNNING, None, "running, no mask so far"),
        (StreamState.RUNNING, SILENCE_S + 1, "running, no mask for 11 s"),
        (StreamState.BACKOFF, 0.1, "backoff: no answer"),
        (StreamState.ENDED, 0.1, "ended: no answer"),
    ],
)
def test_what_keeps_it_from_being_ready_is_named(
    state: StreamState, silent_s: float | None, why: str
) -> None:
    message = "" if state is StreamState.RUNNING else "no answer"
    seen = replace(SEEN, change=StateChange("gate", state, 1.0, "", message), silent_s=silent_s)
    assert missing({"gate": seen, "yard": SEEN}) == {"gate": why}
    assert missing({"gate": replace(seen, required=False)}) == {}


def test_a_state_without_a_message() -> None:
    seen = replace(SEEN, change=StateChange("gate", StreamState.CONNECTING, 1.0))
    assert missing({"gate": seen}) == {"gate": "connecting"}
