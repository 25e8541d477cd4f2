"""How long wrong tokens wait."""

from __future__ import annotations

import pytest

from streamseg.status.web.login_rate_limit import (
    FIRST_DELAY_S,
    FORGET_AFTER_S,
    LOG_EVERY_S,
    LONGEST_DELAY_S,
    MAX_NETWORKS,
    LoginThrottle,
)
from tests.status.clock import Clock


def test_each_waits_longer_up_to_a_limit() -> None:
    throttle = LoginThrottle(Clock())
    delays_s = [throttle.failed("10.0.0.7") for _ in range(2000)]
    assert delays_s[:3] == [FIRST_DELAY_S, 2 * FIRST_DELAY_S, 4 * FIRST_DELAY_S]
    assert delays_s[-1] == LONGEST_DELAY_S
    assert delays_s == sorted(delays_s)


def test_others_do_not_wait_for_it() -> None:
    throttle = LoginThrottle(Clock())
    for _ in range(20):
        throttle.failed("10.0.0.7")
    assert throttle.failed("10.0.0.8") == FIRST_DELAY_S


def test_another_address_of_the_same_ipv6_network_is_no_other() -> None:
    throttle = LoginThrottle(Clock())
    throttle.failed("2001:db8::1")
    assert throttle.failed("2001:db8::ffff") == 2 * FIRST_DELAY_S


def test_after_a_while_it_is_forgotten() -> None:
    clock = Clock()
    throttle = LoginThrottle(clock)
    for _ in range(20):
        throttle.failed("10.0.0.7")
    clock.now_s += FORGET_AFTER_S + 1
    assert throttle.failed("10.0.0.7") == FIRST_DELAY_S


def test_what_is_remembered_is_bounded() -> None:
    throttle = LoginThrottle(Clock())
    throttle.failed("last")
    for number in range(MAX_NETWORKS + 10):
        throttle.failed(str(number))
    assert len(throttle._failures) == MAX_NETWORKS
    assert throttle.failed("last") == FIRST_DELAY_S


def test_a_flood_is_a_line_now_and_then(caplog: pytest.LogCaptureFixture) -> None:
    clock = Clock()
    throttle = LoginThrottle(clock)
    for _ in range(1000):
        throttle.failed("10.0.0.7")
    clock.now_s += LOG_EVERY_S
    throttle.failed("10.0.0.8")
    first, second = [record.getMessage() for record in caplog.records]
    assert first == "status: wrong token from 10.0.0.7, number 1 from there"
    assert second.startswith("status: wrong token from 10.0.0.8, number 1 from there; 999 more wrong tokens")
