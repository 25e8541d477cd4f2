"""Credentials out of every text that leaves the process."""

from __future__ import annotations

import re

from streamseg.types import PARAMETER

# Up to the *last* @ of the run: an unescaped @ or / in a password must not let its tail through. A URL with
# an @ in its path loses its host from the text; that is the cheaper mistake.
_USERINFO = re.compile(r"(?<=://)[^\s'\"<>]*@")


def redact(text: str) -> str:
    """Replace user name and password in any URL within `text`.

    Args:
        text: A URL, or a sentence with URLs in it.

    Returns:
        The text with `scheme://user:password@host` as `scheme://***@host` and `password=x` as `password=***`.
    """
    return PARAMETER.sub(r"\1***", _USERINFO.sub("***@", text))
