"""The XPUB socket with its rules (WIRE: socket rules), bound or not made at all."""

from __future__ import annotations

from collections.abc import Sequence

import zmq

from streamseg.errors import AddressError
from streamseg.publish.address import bind_error, check_address, is_ipv6
from streamseg.publish.connections import open_monitor

SEND_BUFFER_BYTES = 2**18  # more would hide a slow subscriber behind seconds of old masks
INBOUND_BYTES = 128  # subscribers send subscriptions and nothing else; who sends more is disconnected
INBOUND_HWM = (
    4  # messages of a peer that may wait: libzmq goes on taking them in for as long as there are more
)
HEARTBEAT_MS = 2000
HEARTBEAT_TIMEOUT_MS = 6000
HANDSHAKE_MS = 5000


def open_xpub(
    context: zmq.Context[zmq.Socket[bytes]], bind: Sequence[str], *, insecure: bool, hwm: int
) -> tuple[zmq.Socket[bytes], zmq.Socket[bytes], list[str]]:
    """Make the socket and bind it everywhere.

    Returns:
        The socket, the one that tells of its connections, and the addresses it is bound to, with the ports
        that were chosen.

    Raises:
        AddressError: There is no address, or one that can never be bound; no socket is left behind.
        PublishError: An address cannot be bound now; no socket is left behind.
    """
    if not bind:
        raise AddressError("nothing to bind: name at least one address in publish.bind")
    addresses = [check_address(address, insecure=insecure) for address in bind]
    xpub = context.socket(zmq.XPUB)
    monitor = open_monitor(xpub)
    try:
        _set_rules(xpub, hwm)
        xpub.setsockopt(zmq.IPV6, int(any(map(is_ipv6, addresses))))
        return xpub, monitor, [_bind(xpub, address) for address in addresses]
    except BaseException:
        close_xpub(xpub, monitor, linger_ms=0)
        raise


def close_xpub(xpub: zmq.Socket[bytes], monitor: zmq.Socket[bytes], *, linger_ms: int) -> None:
    """Close both; what was sent has `linger_ms` milliseconds to leave, in the background."""
    xpub.disable_monitor()  # first: an event for a closed monitor would stop libzmq's I/O thread for ever
    monitor.close()
    xpub.close(linger_ms)


def _set_rules(xpub: zmq.Socket[bytes], hwm: int) -> None:
    """All of them take effect for connections made after they were set: before the bind, that is."""
    xpub.setsockopt(zmq.SNDHWM, hwm)
    xpub.setsockopt(zmq.RCVHWM, INBOUND_HWM)
    xpub.setsockopt(zmq.SNDBUF, SEND_BUFFER_BYTES)
    xpub.setsockopt(zmq.LINGER, 0)
    xpub.setsockopt(zmq.XPUB_VERBOSER, 1)  # every newcomer and leaver is told of, not only first and last
    xpub.setsockopt(zmq.MAXMSGSIZE, INBOUND_BYTES)
    xpub.setsockopt(zmq.HEARTBEAT_IVL, HEARTBEAT_MS)
    xpub.setsockopt(zmq.HEARTBEAT_TIMEOUT, HEARTBEAT_TIMEOUT_MS)
    xpub.setsockopt(zmq.HANDSHAKE_IVL, HANDSHAKE_MS)


def _bind(xpub: zmq.Socket[bytes], address: str) -> str:
    try:
        xpub.bind(address)
    except zmq.ZMQError as error:
        raise bind_error(address, error.errno or 0) from None
    return xpub.get_string(zmq.LAST_ENDPOINT).rstrip("\0")
