"""The page's WebSocket: it says which streams it shows, and gets their masks and a summary a second."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from starlette.websockets import WebSocket, WebSocketDisconnect

from streamseg.status.web.broadcast import PreviewBroadcaster, Viewer

TRY_AGAIN_LATER = 1013  # RFC 6455's registry of close codes
NOT_UNDERSTOOD = 1003
POLICY = 1008
FIRST_WISH_S = 15.0  # a page says at once what it shows; who says nothing takes a place for nothing
MOST_STREAMS = 1024  # that one page may ask for


@dataclass(frozen=True, slots=True)
class ViewRequest:
    """What a page shows: these streams' masks, and of one stream all that is known."""

    streams: frozenset[str]
    detail: str


def read_wish(message: Mapping[str, Any]) -> ViewRequest | None:
    """A page's message; None where it makes no sense."""
    try:
        wish = json.loads(message.get("text") or "")
        streams, detail = wish["streams"], wish.get("detail", "")
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError):
        return None
    if not isinstance(streams, list) or len(streams) > MOST_STREAMS:
        return None
    if not all(isinstance(name, str) for name in [*streams, detail]):
        return None
    return ViewRequest(frozenset(streams), detail)


async def serve(socket: WebSocket, hub: PreviewBroadcaster, first_wish_s: float = FIRST_WISH_S) -> None:
    """Serve one page until it goes, or has not said within `first_wish_s` seconds what it shows."""
    viewer = hub.join(socket.client.host if socket.client else "")
    try:
        await socket.accept()
        if viewer is None:
            await socket.close(TRY_AGAIN_LATER, "too many viewers")
            return
        await _serve(socket, hub, viewer, first_wish_s)
    finally:
        if viewer is not None:
            hub.leave(viewer)


async def _serve(socket: WebSocket, hub: PreviewBroadcaster, viewer: Viewer, first_wish_s: float) -> None:
    sending = asyncio.create_task(_send(socket, viewer))
    try:
        async with asyncio.timeout(first_wish_s) as limit:
            while await _hear(socket, hub, viewer):
                limit.reschedule(None)
    except TimeoutError:
        await socket.close(POLICY, "no stream was asked for")
    finally:
        sending.cancel()
        await asyncio.gather(sending, return_exceptions=True)


async def _hear(socket: WebSocket, hub: PreviewBroadcaster, viewer: Viewer) -> bool:
    """Take in one message; False where there is none to come."""
    message = await socket.receive()
    if message["type"] != "websocket.receive":
        return False
    wish = read_wish(message)
    if wish is None:
        await socket.close(NOT_UNDERSTOOD, "not understood")
        return False
    viewer.detail = wish.detail
    hub.watch(viewer, wish.streams)
    return True


async def _send(socket: WebSocket, viewer: Viewer) -> None:
    """A page that reads slowly keeps this task waiting, and nobody else."""
    try:
        while True:
            told = await viewer.next()
            if isinstance(told, str):
                await socket.send_text(told)
            else:
                await socket.send_bytes(told)
    except (WebSocketDisconnect, RuntimeError):
        return  # it went while something was on its way
