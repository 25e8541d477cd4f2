"""Who may come in: the token, the cookie that stands for it, and the names a browser may come under.

On loopback nothing is asked, but a page of another site must not reach it through the user's browser: neither
by a name that it points at 127.0.0.1 (DNS rebinding; the Host header tells) nor by a WebSocket, which no
same-origin rule holds back (the Origin header tells).
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Sequence
from dataclasses import dataclass
from urllib.parse import urlsplit

from streamseg.net import is_loopback

COOKIE = "streamseg_session"
COOKIE_S = 7 * 24 * 3600
_BEARER = "bearer "


@dataclass(frozen=True, slots=True)
class AccessPolicy:
    """The rules of one address.

    Attributes:
        token: What a visitor must know; None: nothing.
        loopback: Only this machine reaches the address.
        allowed_origins: Other sites that may come, as `https://host:port`; a proxy's, say.
    """

    token: str | None = None
    loopback: bool = True
    allowed_origins: tuple[str, ...] = ()

    def knows_host(self, host: str) -> bool:
        """Whether a request may come under this Host header."""
        if not self.loopback or host in _hosts(self.allowed_origins):
            return True
        return is_loopback(_name(host))

    def knows_origin(self, origin: str | None, host: str) -> bool:
        """Whether a WebSocket may be opened by a page of this Origin; what is no browser sends none."""
        if origin is None or origin in self.allowed_origins:
            return True
        return origin in (f"http://{host}", f"https://{host}")

    def admits(self, authorization: str, cookie: str, now_unix_s: float) -> bool:
        """Whether an `Authorization` header or a cookie opens the door."""
        if self.token is None:
            return True
        if self.said_token(authorization):
            return self.is_token(authorization[len(_BEARER) :].strip())
        return self._is_cookie(cookie, now_unix_s)

    def said_token(self, authorization: str) -> bool:
        """Whether an `Authorization` header tries a token where one is asked for."""
        return self.token is not None and authorization[: len(_BEARER)].lower() == _BEARER

    def is_token(self, said: str) -> bool:
        """Whether that is the token; how long it takes tells nothing of how much of it is right."""
        return self.token is not None and hmac.compare_digest(said.encode(), self.token.encode())

    def cookie(self, now_unix_s: float) -> str:
        """What a browser is given in place of the token: good for a while, and for as long as the token."""
        until = str(int(now_unix_s) + COOKIE_S)
        return f"{until}.{self._seal(until)}"

    def _is_cookie(self, cookie: str, now_unix_s: float) -> bool:
        until, _, seal = cookie.partition(".")
        genuine = hmac.compare_digest(seal.encode(), self._seal(until).encode())
        return genuine and int(until) > now_unix_s

    def _seal(self, until: str) -> str:
        key = (self.token or "").encode()
        return hmac.new(key, f"streamseg page until {until}".encode(), hashlib.sha256).hexdigest()


def _name(host: str) -> str:
    """`[::1]:8600` → `::1`."""
    try:
        return urlsplit(f"//{host}").hostname or ""
    except ValueError:
        return ""


def _hosts(origins: Sequence[str]) -> set[str]:
    return {urlsplit(origin).netloc for origin in origins}
