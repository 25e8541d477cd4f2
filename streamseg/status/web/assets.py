"""The page's own files, read once: a browser asks for nothing from anywhere else."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from importlib import resources

_KINDS = {
    "html": "text/html; charset=utf-8",
    "css": "text/css; charset=utf-8",
    "js": "text/javascript; charset=utf-8",
    "svg": "image/svg+xml",
    "json": "application/manifest+json",
}


@dataclass(frozen=True, slots=True)
class Asset:
    """A file: its bytes, what a browser takes it for, and a word that changes with it."""

    body: bytes
    kind: str
    tag: str


def load() -> dict[str, Asset]:
    """All of them, by name."""
    files = (resources.files("streamseg.status") / "page").iterdir()
    return {file.name: _asset(file.name, file.read_bytes()) for file in files if _ending(file.name) in _KINDS}


def _asset(name: str, body: bytes) -> Asset:
    return Asset(body, _KINDS[_ending(name)], f'"{hashlib.sha256(body).hexdigest()[:16]}"')


def _ending(name: str) -> str:
    return name.rpartition(".")[2]
