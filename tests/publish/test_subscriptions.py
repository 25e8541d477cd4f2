"""Who listens to what."""

from __future__ import annotations

import pytest

from streamseg.publish.subscriptions import MOST_FILTERS, Subscriptions

MASK = b"seg/1/gate/mask"


@pytest.mark.parametrize("wanted", [b"", b"seg/1/", b"seg/1/gate/", MASK])
def test_a_filter_wants_the_topics_it_begins(wanted: bytes) -> None:
    subscriptions = Subscriptions()
    assert not subscriptions.want(MASK)
    assert subscriptions.take(b"\x01" + wanted) == wanted
    assert subscriptions.want(MASK)
    assert subscriptions.take(b"\x00" + wanted) is None
    assert not subscriptions.want(MASK)


def test_a_filter_is_wanted_until_the_last_who_asked_for_it_has_gone() -> None:
    subscriptions = Subscriptions()
    assert [subscriptions.take(b"\x01" + MASK) for _ in range(2)] == [MASK, MASK]
    subscriptions.take(b"\x00" + MASK)
    assert subscriptions.want(MASK)
    subscriptions.take(b"\x00" + MASK)
    assert not subscriptions.want(MASK)


def test_subscriptions_that_match_are_counted() -> None:
    subscriptions = Subscriptions()
    for wanted in (MASK, MASK, b"seg/1/", b"seg/1/yard/mask"):
        subscriptions.take(b"\x01" + wanted)
    assert subscriptions.count(MASK) == 3
    assert subscriptions.count(b"seg/1/yard/mask") == 2
    subscriptions.take(b"\x00" + MASK)
    assert subscriptions.count(MASK) == 2


def test_an_end_without_a_beginning_is_nothing() -> None:
    subscriptions = Subscriptions()
    assert subscriptions.take(b"\x00" + MASK) is None
    assert not subscriptions.want(MASK)


@pytest.mark.parametrize("message", [b"", b"hello", b"\x02" + MASK, b"\x01" + b"a" * 1000])
def test_whatever_else_peers_send_is_ignored(message: bytes) -> None:
    subscriptions = Subscriptions()
    assert subscriptions.take(message) is None
    assert not subscriptions.want(message[1:])


def test_filters_without_end_cost_no_memory_and_lose_no_mask() -> None:
    subscriptions = Subscriptions()
    for i in range(MOST_FILTERS + 1):
        subscriptions.take(b"\x01seg/1/x%d/" % i)
    assert len(subscriptions._filters) == MOST_FILTERS
    assert subscriptions.want(MASK)


def test_pictures_are_only_for_who_names_them() -> None:
    subscriptions = Subscriptions()
    subscriptions.take(b"\x01")
    assert subscriptions.want(b"seg/1/gate/mask")
    assert not subscriptions.want(b"pic/1/gate/jpeg")
    subscriptions.take(b"\x01pic/1/gate/")
    assert subscriptions.want(b"pic/1/gate/jpeg")
    assert not subscriptions.want(b"pic/1/yard/jpeg")
