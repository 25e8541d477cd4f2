"""Is it ready: every required stream gives masks, or which ones do not and why."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from streamseg.status.snapshot import FRESH_S, StreamSnapshot
from streamseg.types import StreamState


def fresh_for_s(max_fps: float | None) -> float:
    """For how many seconds a mask counts as fresh in a stream of at most `max_fps`; None: no limit."""
    return FRESH_S if max_fps is None else max(FRESH_S, 3 / max_fps)


def gives_masks(seen: StreamSnapshot) -> bool:
    """Whether the stream runs and its newest mask is fresh."""
    fresh = seen.silent_s is not None and seen.silent_s <= seen.fresh_s
    return seen.change.state is StreamState.RUNNING and fresh


def missing(snapshots: Mapping[str, StreamSnapshot]) -> dict[str, str]:
    """The required streams that give no masks, and why, in a few words."""
    return {name: _why(seen) for name, seen in snapshots.items() if seen.required and not gives_masks(seen)}


def readiness(snapshots: Mapping[str, StreamSnapshot]) -> dict[str, Any]:
    """What `/readyz` answers and the page's header shows: `ready`, and in `missing` why, by stream."""
    waiting = missing(snapshots)
    return {"ready": not waiting, "missing": waiting}


def _why(seen: StreamSnapshot) -> str:
    change = seen.change
    if change.state is not StreamState.RUNNING:
        return f"{change.state.value}: {change.message}" if change.message else change.state.value
    if seen.silent_s is None:
        return "running, no mask so far"
    return f"running, no mask for {seen.silent_s:.0f} s"
