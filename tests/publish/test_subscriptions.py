"""Who subscribes to what."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from streamseg.publish.subscriptions import Subscriptions

MASK = b"seg/1/gate/mask"
FILTERS = (b"", b"seg/1/", b"seg/1/gate/", MASK, b"seg/1/gate/info", b"pic/1/gate/", b"other", b"x" * 120)


def joined(*peers: int) -> Subscriptions:
    made = Subscriptions()
    for peer in peers:
        made.join(peer)
    return made


@pytest.mark.parametrize("wanted", [b"", b"seg/1/", b"seg/1/gate/", MASK])
def test_a_filter_wants_the_topics_it_begins(wanted: bytes) -> None:
    subscriptions = joined(7)
    assert not subscriptions.want(MASK)
    assert subscriptions.take(b"\x01" + wanted, 7) == wanted
    assert subscriptions.want(MASK)
    assert subscriptions.take(b"\x00" + wanted, 7) is None
    assert not subscriptions.want(MASK)


def test_a_filter_is_wanted_until_the_last_who_asked_for_it_has_gone() -> None:
    subscriptions = joined(7, 8)
    assert [subscriptions.take(b"\x01" + MASK, peer) for peer in (7, 8)] == [MASK, MASK]
    subscriptions.take(b"\x00" + MASK, 7)
    assert subscriptions.want(MASK)
    subscriptions.leave(8)
    assert not subscriptions.want(MASK)


def test_who_subscribes_several_times_unsubscribes_once() -> None:
    subscriptions = joined(7)
    assert [subscriptions.take(b"\x01" + MASK, 7) for _ in range(3)] == [MASK] * 3
    assert subscriptions.count(MASK) == 1
    subscriptions.take(b"\x00" + MASK, 7)
    assert not subscriptions.want(MASK)
    assert subscriptions.cost == 0


def test_nobody_ends_what_another_subscribed_to() -> None:
    subscriptions = joined(7, 8)
    subscriptions.take(b"\x01" + MASK, 7)
    subscriptions.take(b"\x00" + MASK, 8)
    assert subscriptions.count(MASK) == 1
    subscriptions.leave(8)
    assert subscriptions.want(MASK)


def test_subscriptions_that_match_are_counted() -> None:
    subscriptions = joined(1, 2, 3)
    for peer, wanted in ((1, MASK), (2, MASK), (3, b"seg/1/"), (3, b"seg/1/yard/mask")):
        subscriptions.take(b"\x01" + wanted, peer)
    assert subscriptions.count(MASK) == 3
    assert subscriptions.count(b"seg/1/yard/mask") == 2
    subscriptions.take(b"\x00" + MASK, 1)
    assert subscriptions.count(MASK) == 2


def test_of_a_connection_that_is_not_there_nothing_is_taken() -> None:
    subscriptions = Subscriptions()
    assert subscriptions.take(b"\x01" + MASK, 7) is None
    subscriptions.join(7)
    subscriptions.leave(7)
    subscriptions.leave(7)
    assert subscriptions.take(b"\x01" + MASK, 7) is None
    assert not subscriptions.want(MASK)


def test_a_new_connection_begins_with_nothing() -> None:
    subscriptions = joined(7)
    subscriptions.take(b"\x01" + MASK, 7)
    subscriptions.join(7)
    assert not subscriptions.want(MASK)
    assert subscriptions.cost == 0


def test_an_end_without_a_beginning_is_nothing() -> None:
    subscriptions = joined(7)
    assert subscriptions.take(b"\x00" + MASK, 7) is None
    assert not subscriptions.want(MASK)
    assert subscriptions.cost == 0


@pytest.mark.parametrize("message", [b"", b"hello", b"\x02" + MASK])
def test_whatever_else_peers_send_is_ignored(message: bytes) -> None:
    subscriptions = joined(7)
    assert subscriptions.take(message, 7) is None
    assert not subscriptions.want(message[1:])
    assert subscriptions.cost == 0


def test_what_no_topic_can_match_is_charged_and_no_more() -> None:
    subscriptions = joined(7)
    assert subscriptions.take(b"\x01" + b"a" * 100, 7) is None
    assert subscriptions.cost == subscriptions.cost_of(7) > 100
    assert not subscriptions._holders


def test_who_holds_most_costs_most() -> None:
    subscriptions = joined(1, 2, 3)
    assert Subscriptions().costliest() is None
    for number in range(5):
        subscriptions.take(b"\x01seg/1/cam%d/" % number, 2)
    subscriptions.take(b"\x01" + MASK, 3)
    assert subscriptions.costliest() == 2
    assert subscriptions.cost == subscriptions.cost_of(2) + subscriptions.cost_of(3)
    assert subscriptions.cost_of(1) == subscriptions.cost_of(99) == 0


def test_pictures_are_only_for_who_names_them() -> None:
    subscriptions = joined(7)
    subscriptions.take(b"\x01", 7)
    assert subscriptions.want(b"seg/1/gate/mask")
    assert not subscriptions.want(b"pic/1/gate/jpeg")
    subscriptions.take(b"\x01pic/1/gate/", 7)
    assert subscriptions.want(b"pic/1/gate/jpeg")
    assert not subscriptions.want(b"pic/1/yard/jpeg")


Step = tuple[str, int, bytes]
STEPS = st.lists(
    st.tuples(
        st.sampled_from(["join", "leave", "add", "add", "add", "drop"]),
        st.integers(0, 3),
        st.sampled_from(FILTERS),
    ),
    max_size=60,
)


def follow(subscriptions: Subscriptions, steps: Sequence[Step]) -> set[tuple[int, bytes]]:
    """Tell of each step; returns the pairs of peer and filter that libzmq would hold after them."""
    connected: set[int] = set()
    held: set[tuple[int, bytes]] = set()
    for what, peer, wanted in steps:
        if what == "join":
            subscriptions.join(peer)
            held = {pair for pair in held if pair[0] != peer}
            connected.add(peer)
        elif what == "leave":
            subscriptions.leave(peer)
            held = {pair for pair in held if pair[0] != peer}
            connected.discard(peer)
        else:
            subscriptions.take((b"\x01" if what == "add" else b"\x00") + wanted, peer)
            if peer in connected:
                held = held | {(peer, wanted)} if what == "add" else held - {(peer, wanted)}
    return held


@given(steps=STEPS)
def test_whatever_peers_do_it_mirrors_what_is_held_and_comes_back_to_nothing(steps: list[Step]) -> None:
    subscriptions = Subscriptions()
    held = follow(subscriptions, steps)
    for topic in (MASK, b"seg/1/gate/info", b"seg/1/yard/mask"):
        matching = sum(topic.startswith(wanted) for _, wanted in held)
        assert subscriptions.count(topic) == matching
        assert subscriptions.want(topic) == bool(matching)
    named = [wanted for _, wanted in held if wanted.startswith(b"pic/")]
    assert subscriptions.want(b"pic/1/gate/jpeg") == bool(named)
    assert (subscriptions.cost == 0) == (not held)
    for peer in range(4):
        subscriptions.leave(peer)
    assert subscriptions.cost == 0
    assert not subscriptions._holders
    assert not subscriptions._peers
