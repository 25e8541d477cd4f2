"""`streamseg config`: look at a configuration without running it."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

config_app = typer.Typer(no_args_is_help=True)

ConfigFile = Annotated[Path, typer.Argument(help="configuration file (YAML)")]


@config_app.command()
def check(config: ConfigFile) -> None:
    """Tell every mistake in CONFIG with its line, or that there is none."""
    from streamseg.config import load  # noqa: PLC0415

    found = load(config)
    typer.echo(f"{config}: fine; streams: {', '.join(found.streams)}")


@config_app.command()
def show(config: ConfigFile) -> None:
    """Print what CONFIG means: defaults, folder and variables worked in, secrets as ********."""
    from streamseg.config import load  # noqa: PLC0415
    from streamseg.config.show import shown  # noqa: PLC0415

    typer.echo(shown(load(config)), nl=False)


@config_app.command()
def schema() -> None:
    """Print the JSON Schema of the configuration, for editors."""
    from streamseg.config.json_schema import json_schema_text  # noqa: PLC0415

    typer.echo(json_schema_text(), nl=False)


@config_app.command()
def reference() -> None:
    """Print a configuration with every key at its default, and what each is about."""
    from streamseg.config.reference import reference as text  # noqa: PLC0415

    typer.echo(text(), nl=False)
