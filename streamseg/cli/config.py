"""`streamseg config`: look at a configuration without running it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from streamseg.cli.environment import EnvFiles, environment, unset_hint

if TYPE_CHECKING:
    from streamseg.config.parsed_config import Draft

config_app = typer.Typer(no_args_is_help=True)

ConfigFile = Annotated[Path, typer.Argument(help="configuration file (YAML)")]


@config_app.command()
def check(
    config: ConfigFile,
    *,
    env_file: EnvFiles = None,
    offline: Annotated[
        bool,
        typer.Option("--offline", help="read no file but CONFIG; skip the checks of packages and ports"),
    ] = False,
) -> None:
    """Validate CONFIG as `run` and a reload do: print every error with its line."""
    from streamseg.config.parsed_config import ReadOptions, read_draft  # noqa: PLC0415
    from streamseg.daemon.preflight import Machine, preflight  # noqa: PLC0415

    env = environment(env_file)
    options = ReadOptions(env, offline=offline, as_service=True, unset_hint=unset_hint(config))
    draft = read_draft(config, options)
    try:
        found = preflight(draft, None if offline else Machine(env)).config
    finally:
        _print_warnings(draft)
    typer.echo(f"{config}: fine; streams: {', '.join(found.streams)}")


@config_app.command()
def show(config: ConfigFile, *, env_file: EnvFiles = None) -> None:
    """Print the effective configuration: defaults, folder and variables applied, secrets as ********."""
    from streamseg.config.parsed_config import ReadOptions, read_draft  # noqa: PLC0415
    from streamseg.config.render import shown  # noqa: PLC0415

    options = ReadOptions(environment(env_file), as_service=True, unset_hint=unset_hint(config))
    draft = read_draft(config, options)
    accepted = draft.accept()
    _print_warnings(draft)
    typer.echo(shown(accepted), nl=False)


@config_app.command()
def schema() -> None:
    """Print the JSON Schema of the configuration, for editors."""
    from streamseg.config.json_schema import json_schema_text  # noqa: PLC0415

    typer.echo(json_schema_text(), nl=False)


@config_app.command()
def reference() -> None:
    """Print every configuration key with its default and a description."""
    from streamseg.config.reference import reference as text  # noqa: PLC0415

    typer.echo(text(), nl=False)


def _print_warnings(draft: Draft) -> None:
    """On standard error, in the order of files and lines."""
    for warning in sorted(draft.warnings):
        typer.echo(f"warning: {warning}", err=True)
