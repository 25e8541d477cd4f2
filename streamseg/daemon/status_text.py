"""What streams do and what became of them, as lines for a log or a user."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping

from streamseg.errors import EXIT_CONFIG, EngineError, SourceError, SourceFault, StreamsegError
from streamseg.redact import redact_credentials
from streamseg.status.snapshot import StreamSnapshot
from streamseg.types import StateChange, StreamState

_NAMED = 3  # streams of a state that are named; of more only the number


def state(change: StateChange) -> str:
    """A change of state: `backoff: rtsp://***@gate/live: connection refused…; next try in 0.5 s`."""
    told = f": {change.message}" if change.message else ""
    retry = "" if change.retry_in_s is None else f"; next try in {change.retry_in_s:.1f} s"
    return f"{change.state.value}{told}{retry}"


def work(seen: StreamSnapshot) -> str:
    """What a stream has done so far."""
    if not seen.masks:
        return (
            f"{seen.change.state.value}, no mask so far, {seen.drops} frames dropped, {seen.failures} failed"
        )
    return (
        f"{seen.change.state.value}, {seen.masks} masks, {seen.fps:.1f}/s, "
        f"age p50 {seen.age_ms_p50:.0f} ms p95 {seen.age_ms_p95:.0f} ms, "
        f"{seen.drops} frames dropped, {seen.failures} failed, memory let go {seen.resets} times"
    )


def overview(snapshots: Mapping[str, StreamSnapshot], notes: Iterable[str] = ()) -> str:
    """All streams in a line: `3 streams: 2 running, 1 backoff (gate); 41.3 masks/s`, and more to know."""
    states = Counter(seen.change.state for seen in snapshots.values())
    told = [_of_state(state, snapshots) for state in StreamState if states[state]]
    rate = sum(seen.fps for seen in snapshots.values())
    many = "1 stream" if len(snapshots) == 1 else f"{len(snapshots)} streams"
    return "; ".join([f"{many}: {', '.join(told)}", f"{rate:.1f} masks/s", *notes])


def _of_state(state: StreamState, snapshots: Mapping[str, StreamSnapshot]) -> str:
    names = [name for name, seen in snapshots.items() if seen.change.state is state]
    named = state is not StreamState.RUNNING and len(names) <= _NAMED
    return f"{len(names)} {state.value}" + (f" ({', '.join(names)})" if named else "")


def first_line(error: Exception) -> str:
    """What went wrong, in a line; the kind of error where it says nothing."""
    text = redact_credentials(str(error)).splitlines()
    return text[0] if text else type(error).__name__


def failure(change: StateChange) -> StreamsegError:
    """The error that a stream which failed for good stands for.

    A source that cannot be had, or is no video, is a matter of configuration.
    """
    message = f"{change.stream}: {change.message}"
    if change.reason not in set(SourceFault):
        return EngineError(message)
    error = SourceError(SourceFault(change.reason), message)
    error.exit_code = EXIT_CONFIG
    return error
