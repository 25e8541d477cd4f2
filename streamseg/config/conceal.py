"""Credentials out of every text about a configuration."""

from __future__ import annotations

import re

from streamseg.types import PARAMETER

_USERINFO = re.compile(r"(?<=://)[^'\"]*@")  # up to the last @: a password may hold one, or a slash
STARS = "********"


def conceal(text: str, stars: str = "***") -> str:
    """The text with `stars` for user names and passwords in any URL within it."""
    return PARAMETER.sub(rf"\g<1>{stars}", _USERINFO.sub(f"{stars}@", text))
