"""What every request passes first: the door's rules, and the headers that bind a browser to this site."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import Callable

from starlette.datastructures import Headers, MutableHeaders
from starlette.requests import cookie_parser
from starlette.responses import PlainTextResponse, RedirectResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send
from starlette.websockets import WebSocketClose

from streamseg.status.web.auth import COOKIE, AccessPolicy
from streamseg.status.web.login_rate_limit import LoginThrottle

OPEN = ("/healthz", "/login", "/static/")  # what tells nothing of the streams
RULES = {
    "content-security-policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' blob:; connect-src 'self'; "
        "manifest-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
    ),
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "referrer-policy": "no-referrer",
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
}


class AuthMiddleware:
    """Wraps the site; wrong tokens are answered late, see `LoginThrottle`."""

    def __init__(
        self,
        app: ASGIApp,
        door: AccessPolicy,
        wall: Callable[[], float] = time.time,
        throttle: LoginThrottle | None = None,
    ) -> None:
        self._app, self._door, self._wall = app, door, wall
        self._throttle = throttle or LoginThrottle()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Turn away, or hand on."""
        refusal = self._refusal(scope)
        if refusal is not None and self._door.said_token(Headers(scope=scope).get("authorization", "")):
            await answer_late(self._throttle, scope, receive)
        if scope["type"] == "websocket":
            app = self._app if refusal is None else WebSocketClose(1008, "not allowed")
            await app(scope, receive, send)
            return
        await (refusal or self._app)(scope, receive, _ruled(send))

    def _refusal(self, scope: Scope) -> Response | None:
        headers = Headers(scope=scope)
        host = headers.get("host", "")
        if not self._door.knows_host(host):
            hint = "add https://that-name to status.allowed_origins to come under another name"
            return PlainTextResponse(f"this address is known as localhost only; {hint}\n", 421)
        if scope["type"] == "websocket" and not self._door.knows_origin(headers.get("origin"), host):
            return PlainTextResponse("not from this site\n", 403)
        if scope["path"].startswith(OPEN) or self._admitted(headers):
            return None
        if "text/html" in headers.get("accept", ""):
            return RedirectResponse("/login", 303)
        return PlainTextResponse("a token is needed\n", 401, {"www-authenticate": "Bearer"})

    def _admitted(self, headers: Headers) -> bool:
        cookie = cookie_parser(headers.get("cookie", "")).get(COOKIE, "")
        return self._door.admits(headers.get("authorization", ""), cookie, self._wall())


async def answer_late(throttle: LoginThrottle, scope: Scope, receive: Receive) -> None:
    """Count a wrong token, and return when it may be answered, or its peer has gone."""
    address = scope["client"][0] if scope.get("client") else ""
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(throttle.failed(address)):
            while not (await receive())["type"].endswith(".disconnect"):
                pass


def _ruled(send: Send) -> Send:
    async def ruled(message: Message) -> None:
        if message["type"] == "http.response.start":
            headers = MutableHeaders(scope=message)
            for name, value in RULES.items():
                headers[name] = value
            headers.setdefault("cache-control", "no-store")
        await send(message)

    return ruled
