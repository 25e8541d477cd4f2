"""The socket: its rules are set before it is bound, and nothing is left of one that could not be."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
import zmq

from streamseg.errors import PublishError
from streamseg.publish.sockets import INBOUND_BYTES, INBOUND_HWM, SEND_BUFFER_BYTES, close_xpub, open_xpub

Context = zmq.Context[zmq.Socket[bytes]]


@pytest.fixture
def context() -> Iterator[Context]:
    """Its end hangs where a socket was left open."""
    made: Context = zmq.Context()
    yield made
    made.term()


def test_the_rules_of_the_socket(context: Context) -> None:
    xpub, monitor, addresses = open_xpub(context, ["tcp://127.0.0.1:0"], insecure=False, hwm=3)
    assert addresses[0].startswith("tcp://127.0.0.1:")
    assert not addresses[0].endswith(":0")
    rules = {
        zmq.SNDHWM: 3,
        zmq.RCVHWM: INBOUND_HWM,
        zmq.SNDBUF: SEND_BUFFER_BYTES,
        zmq.LINGER: 0,
        zmq.MAXMSGSIZE: INBOUND_BYTES,
        zmq.IPV6: 0,
    }
    assert {rule: xpub.getsockopt(rule) for rule in rules} == rules
    assert xpub.getsockopt(zmq.HEARTBEAT_IVL)
    close_xpub(xpub, monitor, linger_ms=0)


def test_several_addresses_at_once(context: Context, tmp_path: Path) -> None:
    bind = [f"ipc://{tmp_path}/masks", "tcp://localhost:0", "tcp://127.0.0.1:*"]
    xpub, monitor, addresses = open_xpub(context, bind, insecure=False, hwm=4)
    assert addresses[0] == bind[0]
    assert len(set(addresses)) == 3
    close_xpub(xpub, monitor, linger_ms=0)


def test_nothing_to_bind_is_an_error(context: Context) -> None:
    with pytest.raises(PublishError, match=r"publish\.bind"):
        open_xpub(context, [], insecure=False, hwm=4)


@pytest.mark.parametrize(
    ("address", "hint", "exit_code"),
    [
        ("tcp://192.0.2.1:5555", "no such address", 1),  # RFC 5737: nobody's, yet it may come up
        ("tcp://nosuchif0:5555", "no such address", 1),
        ("ipc:///nonexistent-folder/masks", "folder", 1),
        ("tcp://127.0.0.1:99999", "not an address", 78),
    ],
)
def test_what_cannot_be_bound_is_an_error_with_a_hint(
    context: Context, address: str, hint: str, exit_code: int
) -> None:
    with pytest.raises(PublishError, match=f"cannot bind .*{hint}") as caught:
        open_xpub(context, ["tcp://127.0.0.1:0", address], insecure=True, hwm=4)
    assert caught.value.exit_code == exit_code


def test_the_same_address_twice_is_in_use(context: Context) -> None:
    first, monitor, addresses = open_xpub(context, ["tcp://127.0.0.1:0"], insecure=False, hwm=4)
    with pytest.raises(PublishError, match="listens there already"):
        open_xpub(context, addresses, insecure=False, hwm=4)
    close_xpub(first, monitor, linger_ms=0)
