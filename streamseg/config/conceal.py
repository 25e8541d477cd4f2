"""Credentials out of every text about a configuration."""

from __future__ import annotations

import re

_USERINFO = re.compile(r"(?<=://)[^'\"]*@")  # up to the last @: a password may hold one, or a slash
# Cameras also take them in the path or the query: rtsp://10.0.0.7/user=admin&password=x, …/video?token=x
PARAMETER = re.compile(
    r"(?i)((?:pas|pass|passwd|password|pwd|psw|token|secret|auth|key|sig|signature|credential|usr|user|username)=)"
    r"[^&\s/'\"<>]+"
)
STARS = "********"


def conceal(text: str, stars: str = "***") -> str:
    """The text with `stars` for user names and passwords in any URL within it."""
    return PARAMETER.sub(rf"\g<1>{stars}", _USERINFO.sub(f"{stars}@", text))
