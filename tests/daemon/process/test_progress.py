"""When the start is through, and whether the daemon gets on."""

from __future__ import annotations

import pytest

from streamseg.daemon.process.progress import PATIENCE_S, Progress, Pulse, readiness
from streamseg.types import StreamState

RUNNING = Progress(StreamState.RUNNING)
CONNECTING = Progress(StreamState.CONNECTING)
BACKOFF = Progress(StreamState.BACKOFF)
FAILED = Progress(StreamState.FAILED)
MADE = Progress(StreamState.RUNNING, handled=1, masks=1)
IN_VAIN = Progress(StreamState.RUNNING, handled=5)


@pytest.mark.parametrize(
    ("seen", "waited_s", "came_to"),
    [
        ([MADE, BACKOFF], 0.1, "ready"),
        ([RUNNING, BACKOFF], 29.0, None),
        ([IN_VAIN], 29.0, None),
        ([CONNECTING], 29.0, None),
        ([BACKOFF, FAILED], 0.1, "degraded: no source gives frames"),
        ([RUNNING, CONNECTING], 30.0, "degraded: no mask within 30 s"),
    ],
)
def test_the_start_is_through_with_a_mask_or_without_hope(
    seen: list[Progress], waited_s: float, came_to: str | None
) -> None:
    assert readiness(seen, waited_s, 30.0) == came_to


def at_work(handled: int, *, waiting: bool = True, served: bool = True) -> Progress:
    return Progress(StreamState.RUNNING, served, handled, waiting)


def beats(*looks: dict[str, Progress]) -> list[bool]:
    """Looks, five seconds apart."""
    pulse = Pulse()
    return [pulse.beats(look, 5.0 * number) for number, look in enumerate(looks)]


def test_who_gets_on_lives() -> None:
    assert beats(*({"gate": at_work(number)} for number in range(6))) == [True] * 6


def test_who_has_nothing_to_do_lives() -> None:
    assert beats(*({"gate": at_work(7, waiting=False)} for _ in range(6))) == [True] * 6


def test_a_frame_that_waits_in_vain_is_the_end_of_patience() -> None:
    pulse, stuck = Pulse(), {"gate": at_work(7)}
    assert pulse.beats(stuck, 100.0)
    since_s = 103.0  # owed since the second look: the first knows no before
    assert pulse.beats(stuck, since_s)
    assert pulse.beats(stuck, since_s + PATIENCE_S - 0.01)
    assert not pulse.beats(stuck, since_s + PATIENCE_S)
    assert not pulse.beats(stuck, since_s + 10 * PATIENCE_S)
    assert pulse.beats({"gate": at_work(8)}, since_s + 11 * PATIENCE_S)


def test_one_that_gets_on_is_enough() -> None:
    looks = [{"gate": at_work(7), "yard": at_work(number)} for number in range(6)]
    assert beats(*looks) == [True] * 6


@pytest.mark.parametrize("state", [state for state in StreamState if state is not StreamState.RUNNING])
def test_who_waits_and_says_so_owes_nothing(state: StreamState) -> None:
    looks = [{"gate": Progress(state, handled=7, waiting=True)} for _ in range(6)]
    assert beats(*looks) == [True] * 6


def test_without_its_engine_a_stream_owes_nothing() -> None:
    assert beats(*({"gate": at_work(0, served=False)} for _ in range(6))) == [True] * 6


def test_who_waited_is_given_time_again() -> None:
    looks = [{"gate": at_work(7)}] * 3 + [{"gate": BACKOFF}] + [{"gate": at_work(7)}] * 2
    assert beats(*looks) == [True] * 6
