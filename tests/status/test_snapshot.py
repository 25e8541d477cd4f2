"""What is known of a stream of which little is known."""

from __future__ import annotations

import math

from streamseg.status.snapshot import StreamSnapshot
from streamseg.types import StateChange, StreamState


def test_what_nobody_said_is_unknown_not_zero() -> None:
    change = StateChange("gate", StreamState.CONNECTING, 5.0)
    seen = StreamSnapshot(change, 0, 0.0, math.nan, math.nan, math.nan, drops=0, resets=0, failures=0)
    assert math.isnan(seen.flicker)
    assert math.isnan(seen.confidence)
    assert (seen.silent_s, seen.model, seen.required) == (None, None, True)
    assert seen.ages_s.count == 0
