"""The site with a board of its own, asked without a socket."""

from __future__ import annotations

from collections.abc import Mapping

from starlette.testclient import TestClient, WebSocketTestSession

from streamseg.status.registry import StatusRegistry
from streamseg.status.web.app import StatusApp
from streamseg.status.web.auth import AccessPolicy
from streamseg.status.web.broadcast import PreviewBroadcaster
from streamseg.status.web.login_rate_limit import LoginThrottle
from tests.status.boards import NOW_UNIX_S, make_board
from tests.status.clock import Clock

HOST = "localhost:8600"
TOKEN = "correct-horse-battery"  # noqa: S105  # a token for tests
LOCKED = AccessPolicy(TOKEN, loopback=False)


class Served:
    """A site, and a browser that follows nothing by itself."""

    def __init__(
        self, door: AccessPolicy | None = None, *, page: bool = True, board: StatusRegistry | None = None
    ) -> None:
        self.board = board or make_board()
        self.hub = PreviewBroadcaster(lambda made: made.frame.stream.encode(), Clock())
        self.parts: Mapping[str, bool] = {"engine": True}
        self.now_unix_s = NOW_UNIX_S
        site = StatusApp(
            self.board,
            self.hub,
            door or AccessPolicy(),
            page=page,
            alive=lambda: self.parts,
            wall=lambda: self.now_unix_s,
            throttle=LoginThrottle(first_delay_s=0.0),
        )
        self.client = TestClient(site.app, base_url=f"http://{HOST}", follow_redirects=False)

    def look(self) -> WebSocketTestSession:
        """A page's socket; for a `with` block."""
        return self.client.websocket_connect("/live", headers={"host": HOST})
