"""Closing a connection by its descriptor, and nothing else that has that number by now."""

from __future__ import annotations

import os
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any, cast

import pytest
import zmq

from streamseg.publish.connections import _EVENT as EVENT
from streamseg.publish.connections import EVENTS_AT_ONCE, Connections


class PaperMonitor:
    """Tells of the events it was given."""

    def __init__(self, *events: tuple[zmq.Event, int]) -> None:
        self.events = list(events)

    def recv_multipart(self, flags: int) -> list[bytes]:
        assert flags == zmq.NOBLOCK
        if not self.events:
            raise zmq.Again
        return [EVENT.pack(*self.events.pop(0)), b"tcp://127.0.0.1:1"]


MADE: list[Connections] = []


@pytest.fixture(autouse=True)
def closed() -> Iterator[None]:
    yield
    while MADE:
        MADE.pop().close()


def connections(
    *events: tuple[zmq.Event, int], addresses: tuple[str, ...] = (), most: int = 2
) -> tuple[Connections, list[str]]:
    """What there is to test, and what it tells of."""
    told: list[str] = []
    monitor = cast("zmq.Socket[bytes]", cast("Any", PaperMonitor(*events)))
    made = Connections(
        monitor,
        addresses,
        most,
        joined=lambda fd: told.append(f"joined {fd}"),
        left=lambda fd: told.append(f"left {fd}"),
        refused=lambda: told.append("refused"),
    )
    MADE.append(made)
    return made, told


NO_FD = 2**20  # beyond what a process may open
COME, GONE = zmq.Event.ACCEPTED, zmq.Event.DISCONNECTED


def test_they_come_and_go() -> None:
    made, told = connections((COME, NO_FD), (COME, NO_FD + 1), (GONE, NO_FD), (COME, NO_FD))
    assert made.update()
    assert told == [f"joined {NO_FD}", f"joined {NO_FD + 1}", f"left {NO_FD}", f"joined {NO_FD}"]
    assert len(made) == 2


def test_one_too_many_neither_joins_nor_leaves() -> None:
    made, told = connections(*((COME, NO_FD + i) for i in range(3)), (GONE, NO_FD + 2), (GONE, NO_FD))
    assert made.update()
    assert told == [f"joined {NO_FD}", f"joined {NO_FD + 1}", "refused", f"left {NO_FD}"]
    assert len(made) == 1


def test_so_much_at_once_and_no_more() -> None:
    made, told = connections(*[(COME, NO_FD), (GONE, NO_FD)] * EVENTS_AT_ONCE)
    assert not made.update()
    assert len(told) == EVENTS_AT_ONCE
    assert not made.update()
    assert made.update()


@pytest.mark.parametrize("family", [socket.AF_INET, socket.AF_UNIX])
def test_only_what_was_accepted_at_our_addresses_is_closed(family: int, tmp_path: Path) -> None:
    with socket.socket(family) as listener, socket.socket(family) as peer:
        listener.bind(("127.0.0.1", 0) if family == socket.AF_INET else f"{tmp_path}/masks")
        listener.listen()
        peer.connect(listener.getsockname())
        accepted, _ = listener.accept()
        port = listener.getsockname()[1] if family == socket.AF_INET else 0
        ours = f"tcp://127.0.0.1:{port}" if port else f"ipc://{tmp_path}/masks"
        with accepted:
            peer.sendall(b"a subscription")
            for other in ("tcp://127.0.0.1:1", f"ipc://{tmp_path}/other"):
                connections(addresses=(other,))[0].cut(accepted.fileno())
            connections(addresses=(ours,))[0].cut(peer.fileno())
            assert accepted.recv(2) == b"a ", "others' connections are left alone"
            connections(addresses=(ours,))[0].cut(accepted.fileno())
            assert accepted.recv(100) == b"", "what had come is thrown away"
            assert peer.recv(100) == b""


def test_a_number_that_is_a_file_by_now_is_left_alone(tmp_path: Path) -> None:
    made, _ = connections(addresses=("tcp://127.0.0.1:1",))
    with (tmp_path / "file").open("w") as file:
        made.cut(file.fileno())
        os.fstat(file.fileno())
    made.cut(NO_FD)
