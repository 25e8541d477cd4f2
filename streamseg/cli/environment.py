"""Where `${NAME}` in a configuration comes from: this process and files of variables."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated, TypeAlias

import typer

EnvFiles: TypeAlias = Annotated[
    list[Path] | None,
    typer.Option(
        "--env-file",
        help="file of variables, as systemd's EnvironmentFile=; -FILE may be missing (repeatable)",
    ),
]


def environment(files: Sequence[Path] | None) -> Mapping[str, str]:
    """The variables of this process, and over them those of files, the last one first.

    Raises:
        ConfigError: A file cannot be read.
    """
    from streamseg.config.env_file import read_env_file  # noqa: PLC0415

    env = dict(os.environ)
    for file in files or ():
        env |= read_env_file(file)
    return env


def unset_hint(config: Path, *, running: bool = False) -> str:
    """What to do about a variable that is not set: `streamseg@gates` has its variables in `gates.env`.

    Args:
        config: The configuration file.
        running: It is read for a daemon that runs, whose environment does not change any more.
    """
    if running:
        return "a daemon that runs learns of a new variable only by a restart"
    beside = config.with_suffix(".env")
    if os.path.exists(beside):  # noqa: PTH110  # no error where one may not look
        return f"set in {beside}? add --env-file {beside}"
    return "set in a file? add --env-file FILE"
