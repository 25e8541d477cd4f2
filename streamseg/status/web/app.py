"""The site: health, metrics, the page and what it asks for."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from functools import partial
from http import HTTPStatus
from urllib.parse import parse_qs

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, RedirectResponse, Response
from starlette.routing import Route, WebSocketRoute
from starlette.types import ASGIApp
from starlette.websockets import WebSocket

from streamseg.status.health import readiness
from streamseg.status.metrics import CONTENT_TYPES, Metrics, negotiate
from streamseg.status.registry import StatusRegistry
from streamseg.status.web import assets, websocket
from streamseg.status.web.api import events, overview, summary
from streamseg.status.web.auth import COOKIE, COOKIE_S, AccessPolicy
from streamseg.status.web.auth_middleware import AuthMiddleware, answer_late
from streamseg.status.web.broadcast import PreviewBroadcaster
from streamseg.status.web.login_rate_limit import LoginThrottle

MOST_FORM_BYTES = 4096  # of what a login may send
KEEP_S = 0.2
Alive = Callable[[], Mapping[str, bool]]


class Recent:
    """Calls `make` at most once in `keep_s` seconds and returns its last result in between; for one thread.

    Some answers take long to make, and a flood of requests must not take the engine's time.
    """

    def __init__(
        self, make: Callable[[], bytes], keep_s: float = KEEP_S, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._make, self._keep_s, self._clock = make, keep_s, clock
        self._made: bytes | None = None
        self._until_s = 0.0

    def __call__(self) -> bytes:
        """The result, at most `keep_s` old."""
        if self._made is None or self._clock() >= self._until_s:
            self._made = self._make()
            self._until_s = self._clock() + self._keep_s
        return self._made


class StatusApp:
    """All answers; for the loop's thread.

    Args:
        board: What is known.
        hub: Who looks.
        door: Who may come in.
        page: Offer the page, not health and metrics alone.
        alive: Which parts of the daemon there are, and whether each lives.
        wall: Seconds since 1970.
        throttle: Holds back the answers to wrong tokens.
    """

    def __init__(
        self,
        board: StatusRegistry,
        hub: PreviewBroadcaster,
        door: AccessPolicy,
        *,
        page: bool,
        alive: Alive,
        wall: Callable[[], float] = time.time,
        throttle: LoginThrottle | None = None,
    ) -> None:
        self._board, self._hub, self._door, self._alive, self._wall = board, hub, door, alive, wall
        metrics = Metrics(board, lambda: len(hub.viewers))
        self._metrics = {kind: Recent(partial(metrics.text, kind)) for kind in CONTENT_TYPES}
        self._overview = Recent(self._write_overview)
        self._assets = assets.load() if page else {}
        self._throttle = throttle or LoginThrottle()
        self.app: ASGIApp = AuthMiddleware(Starlette(routes=self._routes(page)), door, wall, self._throttle)

    def _routes(self, page: bool) -> list[Route | WebSocketRoute]:
        always = [
            Route("/healthz", self._healthz),
            Route("/readyz", self._readyz),
            Route("/metrics", self._scrape),
            Route("/api/streams", self._streams),
            Route("/api/streams/{name}", self._stream),
        ]
        if not page:
            return [*always, Route("/", self._no_page)]
        return [
            *always,
            Route("/", partial(self._file, name="wall.html")),
            Route("/streams/{stream}", partial(self._file, name="stream.html")),
            Route("/login", self._login, methods=["GET", "POST"]),
            Route("/static/{name}", self._static),
            WebSocketRoute("/live", self._live),
        ]

    async def _healthz(self, _: Request) -> Response:
        parts = self._alive()
        ok = all(parts.values())
        return JSONResponse({"alive": ok, "parts": dict(parts)}, _status(ok))

    async def _readyz(self, _: Request) -> Response:
        told = readiness(self._board.snapshots(lately=False))
        return JSONResponse(told, _status(told["ready"]))

    async def _scrape(self, request: Request) -> Response:
        kind = negotiate(",".join(request.headers.getlist("accept")))
        return Response(self._metrics[kind](), headers={"content-type": CONTENT_TYPES[kind]})

    async def _streams(self, _: Request) -> Response:
        return Response(self._overview(), media_type="application/json")

    def _write_overview(self) -> bytes:
        return bytes(JSONResponse(overview(self._board.snapshots(), self._wall())).body)

    async def _stream(self, request: Request) -> Response:
        name = request.path_params["name"]
        try:
            seen, told = self._board.snapshot(name), self._board.events(name)
        except KeyError:
            return JSONResponse({"error": "there is no such stream"}, 404)
        return JSONResponse({**summary({name: seen}, self._wall()), "events": events(told)})

    async def _no_page(self, _: Request) -> Response:
        return PlainTextResponse(
            "status.page is off: /healthz, /readyz, /metrics and /api/streams are here\n"
        )

    async def _static(self, request: Request) -> Response:
        return await self._file(request, request.path_params["name"])

    async def _file(self, request: Request, name: str) -> Response:
        asset = self._assets.get(name)
        if asset is None:
            return PlainTextResponse("not found\n", 404)
        fresh = {"etag": asset.tag, "cache-control": "no-cache"}
        if request.headers.get("if-none-match") == asset.tag:
            return Response(status_code=304, headers=fresh)
        return Response(asset.body, media_type=asset.kind, headers=fresh)

    async def _login(self, request: Request) -> Response:
        if self._door.token is None:
            return RedirectResponse("/", 303)
        if request.method == "GET":
            return await self._file(request, "login.html")
        if not self._door.is_token(await _said(request)):
            await answer_late(self._throttle, request.scope, request.receive)
            return RedirectResponse("/login?wrong", 303)
        response = RedirectResponse("/", 303)
        cookie = self._door.cookie(self._wall())
        # not `secure`: without TLS in front of it, a browser would not send it back
        response.set_cookie(COOKIE, cookie, max_age=COOKIE_S, httponly=True, samesite="strict", path="/")
        return response

    async def _live(self, socket: WebSocket) -> None:
        await websocket.serve(socket, self._hub)


def _status(ok: bool) -> int:
    return HTTPStatus.OK if ok else HTTPStatus.SERVICE_UNAVAILABLE


async def _said(request: Request) -> str:
    """The token in a login form; empty where the form is too long or something else."""
    body = b""
    async for chunk in request.stream():
        body += chunk
        if len(body) > MOST_FORM_BYTES:
            return ""
    return parse_qs(body.decode("utf-8", "replace")).get("token", [""])[0].strip()
