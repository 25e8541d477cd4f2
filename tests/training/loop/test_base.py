"""What the loop is told of a stage."""

from __future__ import annotations

import pytest

from streamseg.training.loop.base import Schedule


def test_schedule_warms_up_and_decays_to_nothing() -> None:
    schedule = Schedule(100, 10)
    factors = [schedule.factor(step) for step in range(100)]
    assert factors[0] == pytest.approx(0.1)
    assert factors[9] == max(factors)
    assert factors[10:] == sorted(factors[10:], reverse=True)
    assert factors[-1] < 0.02
