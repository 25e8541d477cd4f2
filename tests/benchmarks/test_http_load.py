"""Measuring health checks under load."""

from __future__ import annotations

import pytest

from benchmarks.http_load import KINDS, health_ms, measure, serving


@pytest.mark.parametrize("kind", KINDS)
def test_every_check_is_answered(kind: str) -> None:
    with serving() as address:
        assert len(health_ms(address, kind, peers=3, rounds=2)) == 2


def test_all_kinds_are_measured() -> None:
    found = measure(peers=1, rounds=1)
    assert {f"{kind}_ms" for kind in KINDS} <= set(found)
