"""From YAML files to a `Config`, or to every mistake in them with its file, line, key and a hint.

By the files alone; what only other rooms know, as whether an address can be bound, `daemon.preflight` adds.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

from streamseg.config.parsed_config import ReadOptions, examine, log_warnings, read_draft
from streamseg.config.schema import Config
from streamseg.config.sources import read_text


def load(path: Path, env: Mapping[str, str] | None = None) -> Config:
    """The configuration of a file, and of its folder of streams; warnings go to the log.

    Args:
        path: YAML.
        env: What `${NAME}` and `${NAME:-default}` stand for; the process's environment unless given.

    Raises:
        ConfigError: With every problem, each as `file:line: key: what is wrong`.
    """
    draft = read_draft(path, ReadOptions(os.environ if env is None else env))
    config = draft.accept()
    log_warnings(sorted(draft.warnings))
    return config


def parse(text: str, origin: str, env: Mapping[str, str]) -> Config:
    """Check a configuration of one text; `origin` names it in errors. See `load`."""
    return examine(read_text(text, origin), ReadOptions(env)).accept()
