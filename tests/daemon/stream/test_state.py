"""A stream's state: the capture's word, the engine's absence and the daemon's verdict, in any order."""

from __future__ import annotations

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from streamseg.daemon.stream.state import FINAL, Lifecycle
from streamseg.errors import StreamFault
from streamseg.types import StateChange, StreamState


def change(state: StreamState, reason: str = "", since_s: float = 0.0) -> StateChange:
    return StateChange("gate", state, since_s, reason)


class Told:
    """A life, and what was told of it."""

    def __init__(self) -> None:
        self.changes: list[StateChange] = []
        self.life = Lifecycle("gate", self.changes.append, lambda: 5.0)

    @property
    def states(self) -> list[str]:
        return [f"{c.state} {c.reason}".strip() for c in self.changes]


def test_what_the_capture_says_is_told_once() -> None:
    told = Told()
    for since_s, state in enumerate([StreamState.CONNECTING, StreamState.RUNNING, StreamState.RUNNING]):
        told.life.heard(told.life.run, change(state, since_s=float(since_s)))
    assert told.states == ["connecting", "running"]


def test_a_running_stream_without_an_engine_is_stalled() -> None:
    told = Told()
    told.life.heard(0, change(StreamState.RUNNING))
    told.life.hold("the engine failed")
    told.life.heard(0, change(StreamState.BACKOFF, "refused"))
    told.life.heard(0, change(StreamState.RUNNING))
    told.life.release()
    assert told.states[1:] == ["running", "stalled engine", "backoff refused", "stalled engine", "running"]


def test_a_verdict_stands_until_the_stream_begins_anew() -> None:
    told = Told()
    told.life.fail(StreamFault.MEMORY, "no room")
    told.life.heard(0, change(StreamState.BACKOFF, "refused"))
    told.life.wait(StreamFault.CRASH, "late news", 1.0)
    assert told.states == ["connecting", "failed memory"]
    assert told.life.over
    assert told.life.begin() == 1
    assert told.life.state.state is StreamState.CONNECTING
    told.life.heard(0, change(StreamState.FAILED, "eof"))  # the capture of before
    assert told.states == ["connecting", "failed memory", "connecting"]


def test_what_has_ended_cannot_fail_any_more_but_be_taken_out() -> None:
    told = Told()
    told.life.heard(0, change(StreamState.ENDED, "eof"))
    told.life.fail(StreamFault.MEMORY, "no room")
    told.life.remove()
    assert told.states == ["connecting", "ended eof", "ended removed"]


def test_a_restart_is_announced() -> None:
    told = Told()
    told.life.wait(StreamFault.CRASH, "a bug", 4.0)
    assert told.life.judged
    assert not told.life.over
    _, waits = told.changes
    assert (waits.state, waits.reason, waits.retry_in_s) == (StreamState.BACKOFF, "crash", 4.0)


class Model:
    """What the module's first lines say, in so many words."""

    def __init__(self) -> None:
        self.source, self.held = StreamState.CONNECTING, False
        self.verdict: StreamState | None = None

    @property
    def state(self) -> StreamState:
        stalled = self.held and self.source is StreamState.RUNNING
        return self.verdict or (StreamState.STALLED if stalled else self.source)

    def judge(self, verdict: StreamState) -> None:
        if self.state not in FINAL:
            self.verdict = verdict


def happen(event: str | tuple[int, StreamState], life: Lifecycle, model: Model) -> None:
    """The event happens to both."""
    match event:
        case (ago, state):
            life.heard(life.run - ago, change(state))
            model.source = model.source if ago else state
        case "hold" | "release":
            life.hold("no engine") if event == "hold" else life.release()
            model.held = event == "hold"
        case "fail":
            life.fail(StreamFault.MEMORY, "no room")
            model.judge(StreamState.FAILED)
        case "wait":
            life.wait(StreamFault.CRASH, "a bug", 1.0)
            model.judge(StreamState.BACKOFF)
        case "remove":
            life.remove()
            model.verdict = StreamState.ENDED
        case _:
            life.begin()
            model.source, model.verdict = StreamState.CONNECTING, None


EVENTS = st.one_of(
    st.tuples(
        st.integers(0, 1), st.sampled_from(StreamState)
    ),  # said by the capture of now, or the one before
    st.sampled_from(["hold", "release", "fail", "wait", "remove", "begin"]),
)


@given(st.lists(EVENTS, max_size=40))
def test_in_any_order(events: list[str | tuple[int, StreamState]]) -> None:
    told, model = Told(), Model()
    life = told.life
    for event in events:
        over, seen = life.over, len(told.changes)
        happen(event, life, model)
        assert life.state.state is model.state
        assert life.over is (model.state in FINAL)
        assert told.changes[-1].state is model.state  # the world knows
        if over and event in {"hold", "release", "fail", "wait"}:
            assert len(told.changes) == seen  # what is final, the daemon does not touch
    pairs = pairwise(told.changes)
    assert all((a.state, a.reason, a.message) != (b.state, b.reason, b.message) for a, b in pairs)
