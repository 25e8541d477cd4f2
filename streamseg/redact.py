"""Credentials out of every text that leaves the process: logs, status, the page, errors, `config show`.

A URL is taken apart once, by its parts (RFC 3986, read the way people write it: a password may hold any
character). What is secret in it is remembered, and replaced wherever it occurs from then on, however it is
escaped there. In texts of others, URLs that were never announced are looked for besides.
"""

from __future__ import annotations

import html
import json
import re
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from urllib.parse import quote, unquote

MASK = "***"
_MOST = 1 << 16  # texts remembered; the oldest go first, and every reload remembers its own anew
_SHORTEST = 4  # a shorter secret is part of too many words; beside its name or host it is hidden all the same
_UNMISTAKABLE = 8  # a secret of this length is hidden within longer words too

_SCHEME = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*:/{1,3}")
_SCHEME_IN_TEXT = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*://")
_PARAMETER = re.compile(r"(?:^|(?<=[&?;/,#]))([\w.%\[\]-]+)=")
_RUN = re.compile(r"[^\s'\"<>]*")
_PUNCTUATION = ":,;.)]}"
_PLACE = "\0"  # of the mask, in what a secret is replaced by
# What cameras and servers are told beside credentials. The value of any other parameter counts as one.
_HARMLESS = frozenset(
    """
    audio bitrate cam camera ch channel channelid chn codec compression date duration end endtime expires
    format fps frame framerate h height latency mode number proto protocol quality rate real_stream res
    resolution rotate rotation size speed start starttime stream streamtype stream_type subtype t time
    timeout track trackid transport type unicast video videocodec w width
    """.split()  # noqa: SIM905 a list of words reads better than one of strings
)
# Outside a URL a text may say `name=value` of anything: only names of credentials are looked for.
_CREDENTIAL = re.compile(
    r"(?i)(?<![A-Za-z0-9])((?:[\w.-]*(?:pass|pwd|psw|token|secret|credential|signature|api_?key)[\w.-]*"
    r"|pas|pw|pin|auth\w*|jwt|key|sig|usr|user|username)=)([^\s&'\"<>]+)"
)

_WRITTEN = re.compile(r"(?im)(?:pass|pwd|token|secret)\w*[\"']?\s*:\s+(\S.*)$")


@dataclass(frozen=True, slots=True)
class _Span:
    """A part of a URL that nobody may read.

    Attributes:
        start, end: Where it lies.
        context: What stands right before and right after it, so that also a short one is known again.
    """

    start: int
    end: int
    context: tuple[str, str]


def redact_url(url: str, mask: str = MASK) -> str:
    """A URL, or any single value that a user wrote, without its credentials.

    Args:
        url: All of it, and nothing besides: `rtsp://user:password@host/path?token=x`. A value that is no URL
            (a path, a name) stays as it is, unless it looks like one whose scheme is missing or misspelt.
        mask: What stands in the place of credentials.

    Returns:
        `rtsp://***@host/path?token=***`. All up to the last `@` counts as user and password.
    """
    return _masked(url, _spans(url), mask)


def redact_credentials(text: str, mask: str = MASK) -> str:
    """Any text without credentials: the remembered ones, and those of URLs in it.

    Args:
        text: A sentence, a traceback, a value.
        mask: What stands in the place of credentials.
    """
    lines = _SECRETS.hide(text, mask).split("\n")
    return "\n".join(
        _CREDENTIAL.sub(lambda found: _pair(found, mask), _urls_masked(one, mask)) for one in lines
    )


def remember_url(url: str) -> None:
    """Takes a URL apart; `redact_credentials` replaces its secret parts wherever they occur from now on."""
    texts: dict[str, str] = {}
    for span in _spans(url):
        secret, (before, after) = url[span.start : span.end], span.context
        texts |= {f"{before}{secret}{after}": f"{before}{_PLACE}{after}"}
        password = secret if before else secret.partition(":")[2]
        likely = {password, password.rpartition("@")[0]}  # where host and password cannot be told apart
        for one in likely | {unquote(one) for one in likely}:
            texts |= {one: _PLACE} if len(one) >= _SHORTEST else {}
    _SECRETS.add(texts)


def remember_secret(secret: str) -> None:
    """Has `redact_credentials` replace a password or token wherever it occurs from now on.

    One of fewer than four characters is not looked for: it would be found in ordinary words.
    """
    if len(secret) >= _SHORTEST:
        _SECRETS.add({secret: _PLACE})


def remember_written(text: str) -> None:
    """Has `redact_credentials` replace what stands behind a password's key in a text that is no YAML.

    Such as `password: *word`, where YAML takes an unquoted password for an alias and names it in its error.
    """
    for found in _WRITTEN.finditer(text):
        value = found[1].strip()
        for one in (value, re.split(r"[,}\s]", value, maxsplit=1)[0]):
            remember_secret(one)
            remember_secret(one.strip("*&!'\""))


class _Secrets:
    """The texts to hide, and what is put in their place (with a mark where the mask goes); of any thread."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._known: dict[str, str] = {}
        self._longest_first: tuple[tuple[str, str], ...] | None = ()  # None: to be sorted before it is used

    def add(self, texts: dict[str, str]) -> None:
        """Adds texts, in every escaping."""
        made = {
            escape(text): _PLACE.join(map(escape, put.split(_PLACE)))
            for text, put in texts.items()
            for escape in _ESCAPES
        }
        with self._lock:
            fresh = not made.keys() <= self._known.keys()
            for text, put in made.items():
                self._known.pop(text, None)  # to the end: what is in use is not the oldest
                self._known[text] = put
            while len(self._known) > _MOST:
                del self._known[next(iter(self._known))]
            if fresh:
                self._longest_first = None

    def hide(self, text: str, mask: str) -> str:
        """The text without them."""
        for secret, put in self._sorted():
            if secret in text:
                replacement = put.replace(_PLACE, mask).replace("\\", r"\\")
                text = _pattern(secret).sub(replacement, text)
        return text

    def _sorted(self) -> tuple[tuple[str, str], ...]:
        known = self._longest_first
        if known is None:
            with self._lock:  # once for all that a configuration adds
                known = tuple(sorted(self._known.items(), key=lambda one: -len(one[0])))
                self._longest_first = known
        return known


def _python(text: str) -> str:
    return text.replace("\\", "\\\\").replace("'", "\\'")


def _json(text: str) -> str:
    return json.dumps(text, ensure_ascii=False)[1:-1]


def _quote_all(text: str) -> str:
    return quote(text, safe="")


_ESCAPES: tuple[Callable[[str], str], ...] = (
    str,
    lambda text: repr(text)[1:-1],
    _python,
    _json,
    lambda text: json.dumps(text)[1:-1],
    html.escape,
    lambda text: html.escape(_json(text)),
    lambda text: text.replace("'", "''"),  # YAML
    quote,
    _quote_all,
)


def _pattern(secret: str) -> re.Pattern[str]:
    """Finds a secret; a short one of letters alone not within a longer word."""
    if len(secret) >= _UNMISTAKABLE or not (secret[0].isalnum() and secret[-1].isalnum()):
        return re.compile(re.escape(secret))
    return re.compile(rf"(?<![A-Za-z0-9]){re.escape(secret)}(?![A-Za-z0-9])")


_SECRETS = _Secrets()


def _spans(url: str) -> list[_Span]:
    scheme = _SCHEME.match(url)
    start = scheme.end() if scheme else 0
    at = url.rfind("@")
    if scheme is None and (url.startswith(("/", ".")) or ":" not in url[: max(at, 0)]):
        return []  # a path, a name, or `lavfi:` and the like
    if url[:5].lower() == "file:":
        return []
    parameters = list(_parameters(url, start))
    if not _has_userinfo(url[start:at] if at > start else ""):
        return parameters
    # an @ in a parameter's value, or one in a password that holds `?x=`: nobody can tell, so both are hidden
    end = max([at, *(span.end for span in parameters if span.start <= at < span.end)])
    return [_Span(start, end, ("", url[end : end + 1])), *_parameters(url, max(end, at + 1))]


def _has_userinfo(before_at: str) -> bool:
    """Whether what stands before the last @ of a URL can be user and password, or a user alone."""
    return ":" in before_at or (before_at != "" and not set(before_at) & set("/?#"))


def _parameters(url: str, start: int) -> Iterator[_Span]:
    """The values of parameters from `start` on, wherever a camera's maker put them: `/user=x`, `?user=x`."""
    while found := _PARAMETER.search(url, start):
        start = found.end()
        if found[1].lower() in _HARMLESS:
            continue  # its value may be followed by `/password=`
        end = url.find("&", start)
        end = len(url) if end < 0 else end
        if end > start:
            yield _Span(start, end, (f"{found[1]}=", ""))
        start = end


def _masked(text: str, spans: list[_Span], mask: str) -> str:
    parts, done = [], 0
    for span in spans:
        parts += [text[done : span.start], mask]
        done = span.end
    return "".join([*parts, text[done:]])


def _urls_masked(line: str, mask: str) -> str:
    """A line without the credentials of the URLs in it; where one ends is a guess, made on the safe side."""
    starts = [found.start() for found in _SCHEME_IN_TEXT.finditer(line)]
    if not starts:
        return line
    pieces = [line[: starts[0]]]
    for start, end in zip(starts, [*starts[1:], len(line)], strict=True):
        piece = line[start:end]
        run = _RUN.match(piece, piece.rfind("@") + 1)
        stop = run.end() if run else len(piece)
        url = piece[:stop].rstrip(_PUNCTUATION)
        pieces.append(redact_url(url, mask) + piece[len(url) :])
    return "".join(pieces)


def _pair(found: re.Match[str], mask: str) -> str:
    value = found[2].rstrip(_PUNCTUATION)
    return f"{found[1]}{mask}{found[2][len(value) :]}" if value else found[0]
