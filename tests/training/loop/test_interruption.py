"""Signals as requests to stop."""

from __future__ import annotations

import signal
import threading

import pytest

from streamseg.training.loop.interruption import StopRequest, TrainingStoppedError, stop_on_signals
from tests.waiting import time_limit


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_is_a_request(number: signal.Signals, capfd: pytest.CaptureFixture[str]) -> None:
    before = [signal.getsignal(one) for one in (signal.SIGINT, signal.SIGTERM)]
    with stop_on_signals(alone=True) as request:
        assert request.number == 0
        signal.raise_signal(number)
        assert (request.number, request.name) == (number, number.name)
    assert [signal.getsignal(one) for one in (signal.SIGINT, signal.SIGTERM)] == before
    assert "stopping after the step in hand" in capfd.readouterr().err
    with stop_on_signals(alone=True, unit="picture"):
        signal.raise_signal(number)
    assert "stopping after the picture in hand" in capfd.readouterr().err


def test_a_second_interrupt_ends_it_at_once_but_not_where_torchrun_sends_it() -> None:
    with stop_on_signals(alone=True):
        signal.raise_signal(signal.SIGINT)
        with pytest.raises(KeyboardInterrupt):
            signal.raise_signal(signal.SIGINT)
    with stop_on_signals(alone=False) as request:
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGINT):
            signal.raise_signal(number)
    assert request.number == signal.SIGINT


def test_beside_the_main_thread_nothing_is_taken() -> None:
    found: list[StopRequest] = []
    handler = signal.getsignal(signal.SIGTERM)

    def other() -> None:
        with stop_on_signals(alone=True) as request:
            assert signal.getsignal(signal.SIGTERM) is handler
            found.append(request)

    thread = threading.Thread(target=other)
    thread.start()
    thread.join(time_limit(60))
    assert found[0].number == 0


def test_the_exit_code_is_the_shells() -> None:
    assert TrainingStoppedError("", signal.SIGINT).exit_code == 130
    assert TrainingStoppedError("", signal.SIGTERM).exit_code == 143
