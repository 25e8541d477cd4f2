"""What is said of a stream of masks."""

from __future__ import annotations

import math

import pytest

from examples.stream_stats import Seen, Tally, quantile


def ten_a_second(count: int) -> Tally:
    tally = Tally()
    for index in range(count):
        classes = ("road", "car") if index < 5 else ("road",)
        tally.add(Seen(100 + index / 10, 0.020 + index / 1000, 12.0, int(index == 3), index // 4, classes))
    return tally


def test_nothing_seen_is_nothing_and_no_error() -> None:
    assert (Tally().fps, Tally().seconds, Tally().gaps, Tally().drops, Tally().classes) == (0, 0, 0, 0, [])
    assert math.isnan(Tally().infer_ms)
    assert math.isnan(quantile([], 0.5))
    assert "0.0 fps" in Tally().line(1.0)


def test_one_mask_has_no_rate() -> None:
    assert ten_a_second(1).fps == 0


def test_rate_counts_the_intervals_not_the_masks() -> None:
    tally = ten_a_second(11)
    assert tally.seconds == pytest.approx(1.0)
    assert tally.fps == pytest.approx(10.0)


def test_ages_gaps_and_drops() -> None:
    tally = ten_a_second(11)
    assert tally.age_ms(0.5) == pytest.approx(25)
    assert tally.age_ms(0.95) == pytest.approx(29.5)
    assert tally.infer_ms == 12
    assert tally.gaps == 1
    assert tally.drops == 2


def test_the_live_line_is_about_the_last_second() -> None:
    line = ten_a_second(31).line(3.0)
    assert line.startswith("   3 s  10.0 fps")
    assert line.endswith("gaps 1  drops 7  road")
