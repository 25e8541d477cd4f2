"""Where compiled models are kept, so that the second start is fast."""

from __future__ import annotations

import logging
import os
from collections.abc import Mapping
from pathlib import Path

_LOG = logging.getLogger(__name__)


def cache_folder(asked: Path | None = None, env: Mapping[str, str] = os.environ) -> Path | None:
    """The folder for compiled models, made if need be.

    The configured one, else `$CACHE_DIRECTORY` (systemd.exec: CacheDirectory=; the first of its list), else
    `$XDG_CACHE_HOME/streamseg`, else `~/.cache/streamseg`.

    Returns:
        None where it cannot be written; a warning says so and the daemon goes on without.
    """
    folder = asked or _default(env)
    if folder is None:
        _LOG.warning(
            "no cache for compiled models: neither engine.cache_dir nor HOME is set; starts stay slow"
        )
        return None
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        _try_writing(folder)
    except OSError as error:
        _LOG.warning(
            "no cache for compiled models in %s: %s; starts stay slow", folder, error.strerror or error
        )
        return None
    return folder


def _default(env: Mapping[str, str]) -> Path | None:
    if systemd := env.get("CACHE_DIRECTORY", "").partition(":")[0]:
        return Path(systemd)
    if xdg := env.get("XDG_CACHE_HOME"):
        return Path(xdg) / "streamseg"
    home = env.get("HOME")
    return Path(home) / ".cache" / "streamseg" if home else None


def _try_writing(folder: Path) -> None:
    # os.access() lies for root and on read-only mounts
    probe = folder / f".probe-{os.getpid()}"
    probe.touch()
    probe.unlink()
