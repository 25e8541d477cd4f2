"""`streamseg config`: look at a configuration without running it."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

config_app = typer.Typer(no_args_is_help=True)


@config_app.callback()
def _group() -> None:
    """Keep `check` a subcommand while it is the only one."""


@config_app.command()
def check(config: Annotated[Path, typer.Argument(help="configuration file (YAML)")]) -> None:
    """Tell every mistake in CONFIG with its line, or that there is none."""
    from streamseg.config import load  # noqa: PLC0415

    found = load(config)
    typer.echo(f"{config}: fine; streams: {', '.join(found.streams)}")
