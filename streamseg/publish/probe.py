"""Whether addresses could be bound, found out by binding them for a moment."""

from __future__ import annotations

from collections.abc import Sequence

import zmq

from streamseg.publish.socket_file import SocketFile
from streamseg.publish.sockets import close_xpub, open_xpub


def check_bindable(addresses: Sequence[str], *, insecure: bool) -> None:
    """Bind all addresses, and let them go again; of none there is nothing to check.

    Raises:
        PublishError: As `open_xpub`.
    """
    if not addresses:
        return
    context: zmq.Context[zmq.Socket[bytes]] = zmq.Context()
    try:
        xpub, monitor, bound = open_xpub(context, addresses, insecure=insecure, hwm=1)
        files = [file for address in bound if (file := SocketFile.of(address))]
        close_xpub(xpub, monitor, linger_ms=0)
        for file in files:
            file.remove()
    finally:
        context.term()
