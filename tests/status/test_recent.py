"""What is kept for a moment."""

from __future__ import annotations

from streamseg.status.recent import KEEP_S, Recent
from tests.status.clock import Clock


def test_it_is_made_anew_once_it_is_old() -> None:
    made = iter([b"1", b"2", b"3"])
    clock = Clock()
    recent = Recent(lambda: next(made), clock=clock)
    assert [recent() for _ in range(100)] == [b"1"] * 100
    clock.now_s += KEEP_S
    assert [recent(), recent()] == [b"2"] * 2
