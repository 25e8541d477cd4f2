"""What peers can do to the publishing socket: libzmq itself, and a peer that makes its own rules."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
import zmq

from streamseg.publish import peers as peers_module
from streamseg.publish.peers import HEARD_AT_ONCE, Peers
from streamseg.publish.sockets import INBOUND_BYTES, close_xpub, open_xpub
from streamseg.publish.subscriptions import Subscriptions
from tests.publish.zmtp import RawPeer
from tests.waiting import wait_for

MASK = b"seg/1/gate/mask"
MOST = 4


class Rig:
    """A bound socket and what is known of its peers."""

    def __init__(self, context: zmq.Context[zmq.Socket[bytes]], address: str) -> None:
        self.xpub, self.monitor, addresses = open_xpub(context, [address], insecure=False, hwm=4)
        self.address = addresses[0]
        self.subscriptions = Subscriptions()
        self.peers = Peers(self.xpub, self.monitor, addresses, self.subscriptions, MOST)

    def until(self, condition: Callable[[], bool], what: str) -> list[bytes]:
        """Hear peers until the condition holds; returns what was newly subscribed to."""
        heard: list[bytes] = []

        def holds() -> bool:
            heard.extend(self.peers.hear())
            return condition()

        wait_for(holds, what=what)
        return heard

    def count(self, wanted: int) -> None:
        """Hear peers until so many subscribe to the mask."""
        self.until(lambda: self.subscriptions.count(MASK) == wanted, f"{wanted} subscriptions")


@pytest.fixture(params=["tcp://127.0.0.1:0", "ipc"])
def rig(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Rig]:
    context: zmq.Context[zmq.Socket[bytes]] = zmq.Context()
    made = Rig(context, f"ipc://{tmp_path}/masks" if request.param == "ipc" else request.param)
    yield made
    made.peers.close()
    close_xpub(made.xpub, made.monitor, linger_ms=0)
    context.term()


@pytest.fixture
def connect(rig: Rig) -> Iterator[Callable[[int], zmq.Socket[bytes]]]:
    with ExitStack() as stack:
        context: zmq.Context[zmq.Socket[bytes]] = zmq.Context()
        stack.callback(context.term)

        def make(kind: int) -> zmq.Socket[bytes]:
            made = context.socket(kind)
            made.connect(rig.address)
            stack.callback(made.close, 0)
            return made

        yield make


def test_three_subscriptions_and_one_end_of_them(
    rig: Rig, connect: Callable[[int], zmq.Socket[bytes]]
) -> None:
    subscriber = connect(zmq.SUB)
    for _ in range(3):
        subscriber.subscribe(MASK)
    rig.count(1)
    for _ in range(3):  # of these libzmq sends the last only
        subscriber.unsubscribe(MASK)
    rig.count(0)


def test_who_subscribes_twice_and_leaves_leaves_nothing(
    rig: Rig, connect: Callable[[int], zmq.Socket[bytes]]
) -> None:
    leaving, staying = connect(zmq.XSUB), connect(zmq.XSUB)
    for _ in range(2):
        leaving.send(b"\x01" + MASK)
    staying.send(b"\x01" + MASK)
    rig.count(2)
    leaving.close(0)
    rig.count(1)
    staying.close(0)
    rig.count(0)
    rig.until(lambda: not rig.subscriptions.cost, "an end of all filters")


def test_an_end_of_what_was_never_begun_ends_nothing_of_others(rig: Rig) -> None:
    with RawPeer(rig.address).greet() as one, RawPeer(rig.address).greet() as other:
        one.subscribe(MASK)
        rig.count(1)
        other.unsubscribe(MASK)
        other.subscribe(b"seg/1/")
        rig.count(2)  # heard after the end
        assert rig.xpub.send_multipart([MASK, b"", b""]) is None


def test_whoever_subscribes_to_too_much_is_disconnected_and_nobody_else(
    rig: Rig, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(peers_module, "PEER_COST", 2000)
    with RawPeer(rig.address).greet() as modest, RawPeer(rig.address).greet() as greedy:
        modest.subscribe(MASK)
        rig.count(1)
        with caplog.at_level(logging.WARNING):
            greedy.subscribe(*(b"seg/1/x%d/" % number for number in range(300)))
            rig.until(greedy.is_closed, "an end of the connection")
        rig.until(lambda: len(rig.peers) == 1, "libzmq's word of it")
        assert rig.subscriptions.cost < 100
        assert not modest.is_closed()
        assert caplog.text.count("more filters than are allowed") == 1
        rig.count(1)


def test_all_together_are_bounded_and_the_greediest_goes(rig: Rig, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(peers_module, "ALL_COST", 3000)
    with RawPeer(rig.address).greet() as modest, RawPeer(rig.address).greet() as greedy:
        greedy.subscribe(*(b"seg/1/x%03d/" % number for number in range(100)))
        rig.until(lambda: rig.subscriptions.cost == 1900, "a hundred filters")
        modest.subscribe(*(b"seg/1/y%03d/" % number for number in range(70)))
        rig.until(greedy.is_closed, "an end of the connection")
        rig.until(lambda: rig.subscriptions.cost == 70 * 19, "the rest of the filters")
        assert not modest.is_closed()


def test_a_long_message_ends_the_connection_it_came_by(rig: Rig) -> None:
    with RawPeer(rig.address).greet() as longest, RawPeer(rig.address).greet() as longer:
        longest.subscribe(b"x" * (INBOUND_BYTES - 1))
        rig.until(lambda: rig.subscriptions.cost > 0, "a filter of the longest")
        longer.subscribe(b"x" * INBOUND_BYTES)
        rig.until(longer.is_closed, "an end of the connection")
        assert not longest.is_closed()


def test_a_message_without_an_end_holds_up_nobody(rig: Rig) -> None:
    with RawPeer(rig.address).greet() as endless, RawPeer(rig.address).greet() as plain:
        endless.send(*[b"part"] * 3 * HEARD_AT_ONCE, more=True)
        plain.subscribe(MASK)
        rig.count(1)


def test_a_flood_is_taken_in_bit_by_bit(rig: Rig) -> None:
    with RawPeer(rig.address).greet() as peer:
        peer.subscribe(*[MASK] * 4 * HEARD_AT_ONCE)
        turns: list[int] = []

        def all_heard() -> bool:
            turns.append(len(rig.peers.hear()))
            return sum(turns) == 4 * HEARD_AT_ONCE

        wait_for(all_heard, what="all subscriptions")
        assert max(turns) <= HEARD_AT_ONCE


def test_no_more_peers_than_are_allowed(rig: Rig, caplog: pytest.LogCaptureFixture) -> None:
    with ExitStack() as stack:
        first = [stack.enter_context(RawPeer(rig.address).greet()) for _ in range(MOST)]
        rig.until(lambda: len(rig.peers) == MOST, "all that are allowed")
        more = [stack.enter_context(RawPeer(rig.address)) for _ in range(3)]
        with caplog.at_level(logging.WARNING):
            rig.until(lambda: all(peer.is_closed() for peer in more), "an end of all others")
        assert caplog.text.count("4 are connected") == 1
        assert not any(peer.is_closed() for peer in first)
        first.pop().close()
        rig.until(lambda: len(rig.peers) == MOST - 1, "room")
        late = stack.enter_context(RawPeer(rig.address).greet())
        late.subscribe(MASK)
        rig.count(1)
