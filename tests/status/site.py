"""The site with a board of its own, asked without a socket."""

from __future__ import annotations

from collections.abc import Mapping

from starlette.testclient import TestClient, WebSocketTestSession

from streamseg.status.board import Board
from streamseg.status.door import Door
from streamseg.status.hub import Hub
from streamseg.status.login_throttle import LoginThrottle
from streamseg.status.site import Site
from tests.status.boards import NOW_UNIX_S, make_board
from tests.status.clock import Clock

HOST = "localhost:8600"
TOKEN = "correct-horse-battery"  # noqa: S105  # a token for tests
LOCKED = Door(TOKEN, loopback=False)


class Served:
    """A site, and a browser that follows nothing by itself."""

    def __init__(self, door: Door | None = None, *, page: bool = True, board: Board | None = None) -> None:
        self.board = board or make_board()
        self.hub = Hub(lambda made: made.frame.stream.encode(), Clock())
        self.parts: Mapping[str, bool] = {"engine": True}
        self.now_unix_s = NOW_UNIX_S
        site = Site(
            self.board,
            self.hub,
            door or Door(),
            page=page,
            alive=lambda: self.parts,
            wall=lambda: self.now_unix_s,
            throttle=LoginThrottle(first_delay_s=0.0),
        )
        self.client = TestClient(site.app, base_url=f"http://{HOST}", follow_redirects=False)

    def look(self) -> WebSocketTestSession:
        """A page's socket; for a `with` block."""
        return self.client.websocket_connect("/live", headers={"host": HOST})
