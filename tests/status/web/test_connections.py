"""Which connections are kept, and who gives way."""

from __future__ import annotations

from dataclasses import dataclass, field

import pytest

from streamseg.status.web.connections import ConnectionLimits, ConnectionState, ConnectionTable, Peer
from tests.status.clock import Clock

LIMITS = ConnectionLimits(total=6, per_network=4)


@dataclass
class Wire:
    """A connection as asyncio would have it."""

    closing: bool = False
    waiting_bytes: int = 0
    aborted: bool = False

    def is_closing(self) -> bool:
        return self.closing or self.aborted

    def get_write_buffer_size(self) -> int:
        return 0 if self.aborted else self.waiting_bytes

    def abort(self) -> None:
        self.aborted = True


@dataclass
class Rig:
    """A table, and the wires put into it."""

    clock: Clock = field(default_factory=Clock)
    ports: int = 0

    def __post_init__(self) -> None:
        self.table = ConnectionTable(LIMITS, self.clock)

    def accept(
        self, host: str = "127.0.0.1", state: ConnectionState = ConnectionState.SILENT
    ) -> tuple[Peer, Wire]:
        self.ports += 1
        peer, wire = (host, self.ports), Wire()
        self.table.add(peer, wire)
        self.table.set_state(peer, state)
        self.clock.now_s += 0.001
        return peer, wire

    def wait(self, seconds: float) -> None:
        self.clock.now_s += seconds
        self.table.close_overdue()


def aborted(*wires: Wire) -> list[bool]:
    return [wire.aborted for wire in wires]


def test_one_address_takes_from_itself_the_oldest_first() -> None:
    rig = Rig()
    wires = [rig.accept()[1] for _ in range(LIMITS.per_network + 2)]
    assert aborted(*wires) == [True, True, False, False, False, False]
    assert len(rig.table) == LIMITS.per_network


def test_addresses_of_one_ipv6_network_are_one() -> None:
    rig = Rig()
    wires = [rig.accept(f"2001:db8::{number}")[1] for number in range(LIMITS.per_network + 1)]
    assert wires[0].aborted
    assert not rig.accept("2001:db8:1::1")[1].aborted


def test_many_addresses_take_the_oldest_of_all() -> None:
    rig = Rig()
    wires = [rig.accept(f"10.0.0.{number}")[1] for number in range(LIMITS.total + 1)]
    assert aborted(*wires) == [True] + [False] * LIMITS.total


@pytest.mark.parametrize(
    ("first", "then"),
    [
        (ConnectionState.CLOSING, ConnectionState.SILENT),
        (ConnectionState.SILENT, ConnectionState.IDLE),
        (ConnectionState.IDLE, ConnectionState.REQUEST),
    ],
)
def test_who_waits_for_less_gives_way_first(first: ConnectionState, then: ConnectionState) -> None:
    rig = Rig()
    later = [rig.accept(state=then)[1] for _ in range(LIMITS.per_network - 1)]
    _, sooner = rig.accept(state=first)
    rig.clock.now_s += LIMITS.settle_s
    rig.accept()
    assert sooner.aborted
    assert not any(aborted(*later))


def test_one_that_just_came_is_kept_while_any_has_waited_longer() -> None:
    """Its request may be on the way; those under way for long are held up by their peers."""
    rig = Rig()
    slow = [rig.accept(state=ConnectionState.REQUEST)[1] for _ in range(LIMITS.per_network - 1)]
    rig.clock.now_s += LIMITS.settle_s
    _, health_check = rig.accept()
    rig.accept()
    assert not health_check.aborted
    assert aborted(*slow) == [True, False, False]


def test_among_those_that_just_came_the_oldest_gives_way() -> None:
    rig = Rig()
    busy = [rig.accept(state=ConnectionState.REQUEST)[1] for _ in range(LIMITS.per_network)]
    _, health_check = rig.accept()
    assert aborted(*busy, health_check) == [True, False, False, False, False]


def test_web_sockets_are_kept() -> None:
    rig = Rig()
    pages = [rig.accept(state=ConnectionState.WEBSOCKET)[1] for _ in range(LIMITS.per_network)]
    _, health_check = rig.accept()
    assert aborted(*pages, health_check) == [False] * 5


@pytest.mark.parametrize(
    ("state", "limit_s"),
    [
        (ConnectionState.SILENT, LIMITS.head_s),
        (ConnectionState.IDLE, LIMITS.head_s),
        (ConnectionState.REQUEST, LIMITS.request_s),
        (ConnectionState.CLOSING, LIMITS.closing_s),
    ],
)
def test_every_wait_has_a_limit(state: ConnectionState, limit_s: float) -> None:
    rig = Rig()
    _, wire = rig.accept(state=state)
    rig.wait(limit_s - 0.1)
    assert len(rig.table) == 1
    rig.wait(0.2)
    assert wire.aborted
    assert len(rig.table) == 0


def test_web_sockets_have_none() -> None:
    rig = Rig()
    _, wire = rig.accept(state=ConnectionState.WEBSOCKET)
    rig.wait(1e6)
    assert not wire.aborted


def test_an_answer_that_is_still_read_has_the_longer_limit() -> None:
    rig = Rig()
    _, wire = rig.accept(state=ConnectionState.IDLE)
    wire.waiting_bytes = 1
    rig.wait(LIMITS.head_s + 1)
    assert len(rig.table) == 1
    rig.wait(LIMITS.request_s)
    assert wire.aborted


def test_a_page_that_does_not_read_its_end_is_closed_all_the_same() -> None:
    rig = Rig()
    _, wire = rig.accept(state=ConnectionState.WEBSOCKET)
    wire.closing, wire.waiting_bytes = True, 1  # pings told that nobody is there; the rest is never taken
    rig.wait(0.5)
    rig.wait(LIMITS.closing_s + 0.1)
    assert wire.aborted


def test_what_is_lost_is_forgotten() -> None:
    rig = Rig()
    peer, wire = rig.accept()
    wire.closing = True
    rig.wait(0.5)
    assert len(rig.table) == 0
    rig.table.set_state(peer, ConnectionState.IDLE)
    rig.table.set_state(None, ConnectionState.IDLE)
    rig.table.release_one()
    assert not wire.aborted


def test_at_the_end_all_are_closed() -> None:
    rig = Rig()
    wires = [rig.accept(state=state)[1] for state in (ConnectionState.WEBSOCKET, ConnectionState.REQUEST)]
    rig.table.abort_all()
    assert aborted(*wires) == [True, True]
    assert len(rig.table) == 0
