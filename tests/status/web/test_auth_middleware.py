"""What every request passes first."""

from __future__ import annotations

import pytest
from starlette.websockets import WebSocketDisconnect

from streamseg.status.web.auth import COOKIE, AccessPolicy
from streamseg.status.web.auth_middleware import RULES
from tests.status.boards import NOW_UNIX_S
from tests.status.site import LOCKED, TOKEN, Served

BEARER = {"authorization": f"Bearer {TOKEN}"}
SECRETS = ["/", "/streams/gate", "/metrics", "/readyz", "/api/streams", "/api/streams/gate"]


@pytest.mark.parametrize("path", [*SECRETS, "/healthz", "/static/wall.js", "/nowhere"])
def test_every_answer_binds_the_browser(path: str) -> None:
    answer = Served().client.get(path)
    assert {name: answer.headers[name] for name in RULES} == RULES
    assert answer.headers["cache-control"] in {"no-store", "no-cache"}
    assert "script-src 'self'" in answer.headers["content-security-policy"]


@pytest.mark.parametrize("path", SECRETS)
def test_without_the_token_nothing_is_told(path: str) -> None:
    answer = Served(LOCKED).client.get(path)
    assert (answer.status_code, answer.headers["www-authenticate"]) == (401, "Bearer")
    assert "gate" not in answer.text


@pytest.mark.parametrize("path", SECRETS)
def test_with_it_all_is(path: str) -> None:
    assert Served(LOCKED).client.get(path, headers=BEARER).status_code == 200


def test_a_person_is_shown_the_way_in() -> None:
    answer = Served(LOCKED).client.get("/", headers={"accept": "text/html,*/*"})
    assert (answer.status_code, answer.headers["location"]) == (303, "/login")


@pytest.mark.parametrize("path", ["/healthz", "/login", "/static/style.css"])
def test_what_tells_nothing_is_open(path: str) -> None:
    assert Served(LOCKED).client.get(path).status_code == 200


def test_a_cookie_opens_until_it_is_old() -> None:
    served = Served(LOCKED)
    cookie = {"cookie": f"a=b; o@d[=1; {COOKIE}={LOCKED.cookie(NOW_UNIX_S)}"}
    assert served.client.get("/metrics", headers=cookie).status_code == 200
    served.now_unix_s += 1e7
    assert served.client.get("/metrics", headers=cookie).status_code == 401


@pytest.mark.parametrize("cookie", ["", "a=b", f"{COOKIE}=", f"{COOKIE}=1.2", "=;=;\x00", f"{COOKIE}[=x"])
def test_cookies_of_others_open_nothing(cookie: str) -> None:
    assert Served(LOCKED).client.get("/metrics", headers={"cookie": cookie}).status_code == 401


@pytest.mark.parametrize("path", [*SECRETS, "/healthz"])
def test_another_name_that_points_here_is_turned_away(path: str) -> None:
    answer = Served().client.get(path, headers={"host": "evil.net"})
    assert answer.status_code == 421
    assert "status.allowed_origins" in answer.text


def opened(served: Served, **headers: str) -> bool:
    try:
        with served.client.websocket_connect("/live", headers=headers):
            return True
    except WebSocketDisconnect:
        return False


def test_a_socket_is_for_pages_of_this_site() -> None:
    assert opened(Served(), host="localhost:8600", origin="http://localhost:8600")
    assert not opened(Served(), host="localhost:8600", origin="http://evil.net")
    assert not opened(Served(), host="evil.net", origin="http://evil.net")
    proxied = Served(AccessPolicy(allowed_origins=("https://cams.example.org",)))
    assert opened(proxied, host="localhost:8600", origin="https://cams.example.org")


def test_a_socket_needs_the_token_too() -> None:
    assert not opened(Served(LOCKED), host="localhost:8600")
    assert opened(Served(LOCKED), host="localhost:8600", **BEARER)
