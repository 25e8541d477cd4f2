"""A callback that fails costs itself: not the thread that calls it, not the others, not the log."""

from __future__ import annotations

import logging

import pytest

from streamseg.daemon.events import LOG_INTERVAL_S, CallbackErrors, Event, Events
from streamseg.errors import EngineError
from tests.status.clock import Clock


def fail(*_: object) -> None:
    raise ZeroDivisionError("a bug")


def event() -> tuple[Event[[str]], CallbackErrors]:
    errors = CallbackErrors()
    return Event[[str]]("mask_made", errors), errors


def test_every_callback_is_called_in_order_whatever_one_does() -> None:
    made, errors = event()
    heard: list[str] = []
    made.connect(lambda word: heard.append(f"first {word}"))
    made.connect(fail)
    made.connect(lambda word: heard.append(f"last {word}"))
    made("one")
    assert heard == ["first one", "last one"]
    assert errors.counts() == {"mask_made": 1}


def test_a_receiver_of_its_own_is_told_before_those_that_listen_to_all() -> None:
    made, errors = event()
    heard: list[str] = []
    made.connect(heard.append)
    tell, tell_nobody = made.to(lambda word: heard.append(f"own {word}")), made.to(fail)
    tell("a")
    tell_nobody("b")
    assert heard == ["own a", "a", "b"]
    assert errors.counts() == {"mask_made": 1}


def test_what_ends_the_process_is_no_error_of_a_callback() -> None:
    made, _ = event()

    def leave(_: str) -> None:
        raise SystemExit(3)

    made.connect(leave)
    with pytest.raises(SystemExit):
        made("x")


def test_errors_are_counted_all_and_logged_now_and_then(caplog: pytest.LogCaptureFixture) -> None:
    clock = Clock()
    errors = CallbackErrors(clock)
    for _ in range(50):
        errors.record("mask_made", ZeroDivisionError())
    errors.record("mask_sent", ZeroDivisionError())
    clock.now_s += LOG_INTERVAL_S
    errors.record("mask_made", ZeroDivisionError())
    assert [record.getMessage() for record in caplog.records] == [
        "callback of mask_made failed (0 more since the last line)",
        "callback of mask_sent failed (0 more since the last line)",
        "callback of mask_made failed (49 more since the last line)",
    ]
    assert all(record.exc_info and record.levelno == logging.ERROR for record in caplog.records)
    assert errors.counts() == {"mask_made": 51, "mask_sent": 1}


def test_an_error_for_people_is_not_counted_and_a_bug_is() -> None:
    errors = CallbackErrors()
    said = EngineError("no such device")
    assert errors.explain("loading", said) is said
    assert errors.counts() == {}
    assert str(errors.explain("loading", KeyError("x"))) == "unexpected failure (KeyError); see the log"
    assert errors.counts() == {"loading": 1}


def test_a_query_that_fails_is_answered() -> None:
    events = Events()
    asked = events.query("parts_alive", lambda: {"publisher": True}, dict[str, bool])
    assert asked() == {"publisher": True}
    broken = events.query("stream_counters", lambda: 1 // 0, lambda: -1)
    assert broken() == -1
    assert (events.errors.counts()["parts_alive"], events.errors.counts()["stream_counters"]) == (0, 1)


def test_every_event_is_named_as_it_is_called_and_counted_from_the_start() -> None:
    events = Events()
    names = [event.name for event in events.all()]
    assert names == [name for name, value in vars(events).items() if isinstance(value, Event)]
    assert events.errors.counts() == dict.fromkeys(names, 0)


def test_every_event_is_documented() -> None:
    for event in Events().all():
        assert f"{event.name}" in (Events.__doc__ or ""), event.name
