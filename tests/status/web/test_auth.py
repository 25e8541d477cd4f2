"""Who may come in."""

from __future__ import annotations

import pytest

from streamseg.status.web.auth import COOKIE_S, AccessPolicy

NOW_UNIX_S = 1.8e9
TOKEN = "correct-horse-battery"  # noqa: S105  # a token for tests
LOCKED = AccessPolicy(TOKEN, loopback=False)


@pytest.mark.parametrize("host", ["localhost:8600", "127.0.0.1:8600", "[::1]:8600", "localhost"])
def test_loopback_is_known_by_its_own_names(host: str) -> None:
    assert AccessPolicy().knows_host(host)


@pytest.mark.parametrize(
    "host", ["evil.net", "evil.net:8600", "", "[::1", "localhost@evil.net", "10.0.0.7:8600"]
)
def test_and_by_no_other(host: str) -> None:
    assert not AccessPolicy().knows_host(host)


def test_a_proxys_name_may_be_allowed() -> None:
    door = AccessPolicy(allowed_origins=("https://cams.example.org",))
    assert door.knows_host("cams.example.org")
    assert not door.knows_host("cams.example.org:81")
    assert door.knows_origin("https://cams.example.org", "127.0.0.1:8600")


def test_beyond_loopback_any_name_will_do() -> None:
    assert LOCKED.knows_host("cams.local:8600")


@pytest.mark.parametrize(
    ("origin", "known"),
    [
        (None, True),  # no browser
        ("http://localhost:8600", True),
        ("https://localhost:8600", True),
        ("http://localhost:8601", False),
        ("http://evil.net", False),
        ("null", False),
        ("", False),
        ("http://localhost:8600.evil.net", False),
    ],
)
def test_a_socket_is_opened_by_the_same_site_alone(origin: str | None, known: bool) -> None:
    assert AccessPolicy().knows_origin(origin, "localhost:8600") is known


def test_without_a_token_all_are_admitted() -> None:
    assert AccessPolicy().admits("", "", NOW_UNIX_S)


@pytest.mark.parametrize("said", [f"Bearer {TOKEN}", f"bearer {TOKEN}", f"Bearer  {TOKEN} "])
def test_the_token_opens(said: str) -> None:
    assert LOCKED.admits(said, "", NOW_UNIX_S)


@pytest.mark.parametrize(
    "said", ["", "Bearer", "Bearer ", f"Basic {TOKEN}", f"Bearer {TOKEN[:-1]}", TOKEN, "Bearer ünïcode"]
)
def test_anything_else_does_not(said: str) -> None:
    assert not LOCKED.admits(said, "", NOW_UNIX_S)


def test_a_cookie_stands_for_the_token_for_a_while() -> None:
    cookie = LOCKED.cookie(NOW_UNIX_S)
    assert LOCKED.admits("", cookie, NOW_UNIX_S + COOKIE_S - 1)
    assert not LOCKED.admits("", cookie, NOW_UNIX_S + COOKIE_S + 1)
    assert TOKEN not in cookie


def test_a_cookie_dies_with_its_token() -> None:
    assert not AccessPolicy("another-token-entirely", False).admits("", LOCKED.cookie(NOW_UNIX_S), NOW_UNIX_S)


@pytest.mark.parametrize("cookie", ["", ".", "x.y", "9999999999.", "9999999999.0000", "é.é"])
def test_a_made_up_cookie_opens_nothing(cookie: str) -> None:
    assert not LOCKED.admits("", cookie, NOW_UNIX_S)


def test_a_longer_life_cannot_be_written_into_a_cookie() -> None:
    until, _, seal = LOCKED.cookie(NOW_UNIX_S).partition(".")
    assert not LOCKED.admits("", f"{int(until) + 1}.{seal}", NOW_UNIX_S)


def test_a_wrong_token_beside_a_good_cookie_is_refused() -> None:
    assert not LOCKED.admits("Bearer wrong", LOCKED.cookie(NOW_UNIX_S), NOW_UNIX_S)
