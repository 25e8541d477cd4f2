"""Lines about streams."""

from __future__ import annotations

import math
from dataclasses import replace

import pytest

from streamseg.daemon import status_text
from streamseg.errors import EXIT_CONFIG, EXIT_UNEXPECTED, EngineError, SourceError, SourceFault, StreamFault
from streamseg.status.snapshot import StreamSnapshot
from streamseg.types import StateChange, StreamState


def change(
    state: StreamState, reason: str = "", message: str = "", retry: float | None = None
) -> StateChange:
    return StateChange("gate", state, 5.0, reason, message, retry)


def snapshot(masks: int) -> StreamSnapshot:
    age = 12.4 if masks else math.nan
    running = change(StreamState.RUNNING)
    return StreamSnapshot(running, masks, 14.96, age, age + 3, 7.0, drops=2, resets=1, failures=4)


@pytest.mark.parametrize(
    ("told", "line"),
    [
        (change(StreamState.RUNNING), "running"),
        (change(StreamState.ENDED, "eof", "a.mp4: it came to its end"), "ended: a.mp4: it came to its end"),
        (change(StreamState.BACKOFF, "refused", "no", 0.53), "backoff: no; next try in 0.5 s"),
    ],
)
def test_a_state_in_a_line(told: StateChange, line: str) -> None:
    assert status_text.state(told) == line


def test_work_in_a_line() -> None:
    line = status_text.work(snapshot(9))
    assert line.startswith("running, 9 masks, 15.0/s, age p50 12 ms p95 15 ms")
    assert "2 frames dropped, 4 failed" in line


def test_no_work_is_no_nan() -> None:
    assert status_text.work(snapshot(0)) == "running, no mask so far, 2 frames dropped, 4 failed"


@pytest.mark.parametrize("fault", SourceFault)
def test_a_source_that_failed_for_good_is_a_matter_of_configuration(fault: SourceFault) -> None:
    error = status_text.failure(change(StreamState.FAILED, fault.value, "a.mp4: no"))
    assert isinstance(error, SourceError)
    assert (error.reason, error.exit_code, str(error)) == (fault, EXIT_CONFIG, "gate: a.mp4: no")
    assert SourceError(fault, "").exit_code == EXIT_UNEXPECTED


@pytest.mark.parametrize("reason", [*StreamFault, ""])
def test_other_failures_are_unexpected(reason: str) -> None:
    error = status_text.failure(change(StreamState.FAILED, reason, "25 frames in a row failed"))
    assert isinstance(error, EngineError)
    assert error.exit_code == EXIT_UNEXPECTED


def test_all_streams_in_a_line() -> None:
    states = [StreamState.RUNNING] * 2 + [StreamState.BACKOFF] + [StreamState.FAILED] * 4
    seen = {f"cam{n}": replace(snapshot(1), change=change(state), fps=10.0) for n, state in enumerate(states)}
    line = status_text.overview(seen, ["engine main: mending"])
    assert status_text.overview({"gate": snapshot(1)}) == "1 stream: 1 running; 15.0 masks/s"
    assert line == "7 streams: 2 running, 1 backoff (cam2), 4 failed; 70.0 masks/s; engine main: mending"


@pytest.mark.parametrize(
    ("error", "line"),
    [
        (ValueError("no such shape\nwhere: there"), "no such shape"),
        (ZeroDivisionError(), "ZeroDivisionError"),
        (OSError("rtsp://u:secret@h/x is gone"), "rtsp://***@h/x is gone"),
    ],
)
def test_an_error_in_a_line(error: Exception, line: str) -> None:
    assert status_text.first_line(error) == line
