"""What makes a daemon ready."""

from __future__ import annotations

from dataclasses import replace

import pytest

from streamseg.status.health import fresh_for_s, gives_masks, missing
from streamseg.status.snapshot import FRESH_S
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
        (StreamState.RUNNING, FRESH_S + 1, "running, no mask for 11 s"),
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


@pytest.mark.parametrize(("max_fps", "fresh_s"), [(None, FRESH_S), (15.0, FRESH_S), (0.05, 60.0)])
def test_a_stream_of_few_frames_is_given_more_time(max_fps: float | None, fresh_s: float) -> None:
    assert fresh_for_s(max_fps) == pytest.approx(fresh_s)
    seen = replace(SEEN, fresh_s=fresh_for_s(max_fps), silent_s=fresh_s - 1)
    assert gives_masks(seen)
    assert not gives_masks(replace(seen, silent_s=fresh_s + 1))
