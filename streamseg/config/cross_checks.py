"""What is wrong between keys that are fine each."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import chain, islice
from pathlib import Path
from urllib.parse import urlsplit

from streamseg.config.schema import Config, StatusConfig
from streamseg.config.secrets import open_to_others, read_secret
from streamseg.config.yaml_source import Location
from streamseg.errors import MAX_PROBLEMS, ConfigError
from streamseg.net import is_loopback

GPU_BACKENDS = ("onnxruntime-cuda", "onnxruntime-tensorrt")  # those that are told which GPU to take
LEAST_TOKEN = 16  # characters; whoever tries them all is not slowed down

MAX_KNOWN = 20  # engines that are named as those that there are

Problem = tuple[Location, str]


def contradictions(config: Config, *, offline: bool = False) -> list[Problem]:
    """Each, up to `MAX_PROBLEMS`, with its place; with `offline` none that looks at the token's file."""
    token = None if offline else config.status.token_file
    tokens = iter(()) if token is None else _token(token)
    found = chain(_engines(config), _gpus(config), _passwords(config), _status(config.status), tokens)
    return list(islice(found, MAX_PROBLEMS))


def _engines(config: Config) -> Iterator[Problem]:
    for name, stream in config.streams.items():
        if stream.engine not in config.engines:
            known = ", ".join(islice(config.engines, MAX_KNOWN))
            yield ("streams", name, "engine"), f"there is no engine {stream.engine!r}; known: {known}"


def _gpus(config: Config) -> Iterator[Problem]:
    for name, engine in config.engines.items():
        if engine.backend in GPU_BACKENDS:
            continue
        for key in ("gpu", "gpu_memory_limit_mb"):
            if getattr(engine, key):
                text = f"is for backend {' and '.join(GPU_BACKENDS)}, not {engine.backend}"
                yield ("engines", name, key), text


def _passwords(config: Config) -> Iterator[Problem]:
    for name, stream in config.streams.items():
        if stream.source.password is None:
            continue
        where = ("streams", name, "source", "url")
        try:
            url = urlsplit(stream.source.url)
        except ValueError:
            yield where, "is no URL"
            continue
        if not url.hostname or not url.username or url.password is not None:
            yield where, "must name a user, and no password, where password stands: rtsp://user@host/…"


def _status(status: StatusConfig) -> Iterator[Problem]:
    if status.bind is not None:
        host, _, port = status.bind.rpartition(":")
        if not host or not port.isdecimal() or int(port) > 65535:
            yield ("status", "bind"), f"must be host:port, not {status.bind!r}"
        elif not is_loopback(host) and status.token_file is None:
            yield ("status", "bind"), "other machines reach this address: it needs a token_file"
    for origin in status.allowed_origins:
        if not _is_origin(origin):
            yield (
                ("status", "allowed_origins"),
                f"must be as https://host or https://host:port, not {origin!r}",
            )


def _is_origin(text: str) -> bool:
    """Whether a browser could send it as the Origin of a page: no path, no slash at the end (RFC 6454)."""
    try:
        url = urlsplit(text)
        return url.hostname is not None and text == f"{url.scheme}://{url.netloc}" == text.lower()
    except ValueError:
        return False


def _token(path: Path) -> Iterator[Problem]:
    where = ("status", "token_file")
    try:
        token = read_secret(path)
        if len(token) < LEAST_TOKEN:
            yield where, f"{path}: {len(token)} characters can be guessed: {LEAST_TOKEN} at least"
        if open_to_others(path):
            yield where, f"{path}: others may read it: chmod 600 {path}"
    except (ConfigError, OSError) as error:
        yield where, str(error)
