"""Meters: rates and quantiles over sliding windows."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from streamseg.concurrency.meters import LEAST_S, Quantiles, RateMeter


class Clock:
    """A clock that stands until it is moved."""

    def __init__(self) -> None:
        self.now_s = 100.0

    def __call__(self) -> float:
        return self.now_s


def test_a_steady_rate_is_measured_from_the_first_second_on() -> None:
    clock = Clock()
    meter = RateMeter(5.0, clock)
    rates = []
    for _ in range(100):
        clock.now_s += 0.125
        meter.tick()
        rates.append(meter.per_s)
    assert rates == pytest.approx([8.0] * 100)


def test_silence_brings_the_rate_to_zero() -> None:
    clock = Clock()
    meter = RateMeter(2.0, clock)
    assert meter.per_s == 0.0
    clock.now_s += 1.0
    meter.tick(30)
    assert meter.per_s == 30.0
    clock.now_s += 2.0
    assert meter.per_s == 0.0


def test_two_events_in_a_moment_are_no_rate() -> None:
    clock = Clock()
    meter = RateMeter(3.0, clock)
    meter.tick()
    clock.now_s += 60e-6
    meter.tick()
    assert meter.per_s == 0.0
    clock.now_s += LEAST_S
    assert meter.per_s == pytest.approx(2 / LEAST_S, rel=1e-3)


def test_a_flood_of_events_takes_no_more_memory_than_a_few() -> None:
    clock = Clock()
    meter = RateMeter(2.0, clock)
    for _ in range(100_000):
        clock.now_s += 1e-4
        meter.tick()
    assert len(meter._ticks) <= 300
    assert meter.per_s == pytest.approx(10_000, rel=0.01)


@given(values=st.lists(st.floats(-1e6, 1e6), min_size=1), q=st.floats(0, 1), window=st.integers(1, 20))
def test_a_quantile_is_one_of_the_last_values(values: list[float], q: float, window: int) -> None:
    quantiles = Quantiles(window)
    for value in values:
        quantiles.add(value)
    kept = values[-window:]
    assert len(quantiles) == len(kept)
    assert quantiles.quantile(q) in kept
    assert quantiles.quantile(0.0) == min(kept)
    assert quantiles.quantile(1.0) == max(kept)


@given(values=st.lists(st.floats(0, 1e3), min_size=1, max_size=50), q=st.floats(0, 0.99))
def test_it_agrees_with_numpy_to_one_rank(values: list[float], q: float) -> None:
    quantiles = Quantiles(len(values))
    for value in values:
        quantiles.add(value)
    low = float(np.quantile(values, q, method="lower"))
    above = [value for value in sorted(values) if value > low]
    assert low <= quantiles.quantile(q) <= (above[0] if above else low)


def test_nothing_has_no_quantile() -> None:
    assert math.isnan(Quantiles(3).quantile(0.5))
