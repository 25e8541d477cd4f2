"""`streamseg run`: the daemon, from a file or from a source on the command line."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from streamseg.errors import ConfigError

_ONLY_WITH_SOURCE = "with --source"


def run(
    config: Annotated[Path | None, typer.Argument(help="configuration file (YAML)")] = None,
    *,
    source: Annotated[str | None, typer.Option(help="file, /dev/videoN, rtsp://, http:// or lavfi:")] = None,
    name: Annotated[str, typer.Option(help=f"name of the stream, {_ONLY_WITH_SOURCE}")] = "main",
    engine: Annotated[str, typer.Option(help="model package: a name or a folder")] = "camvid-lite0",
    bind: Annotated[str, typer.Option(help="address to publish at")] = "tcp://127.0.0.1:5555",
    backend: Annotated[str, typer.Option(help="auto, openvino or onnxruntime")] = "auto",
    precision: Annotated[str, typer.Option(help="auto, f32 or bf16")] = "auto",
    temporal: Annotated[str, typer.Option(help="convgru, ema or none")] = "convgru",
    loop: Annotated[bool, typer.Option("--loop", help="start a file again at its end")] = False,
    pace: Annotated[bool, typer.Option(help="play a file at its own speed")] = True,
    pictures: Annotated[bool, typer.Option("--pictures", help="offer the pictures beside the masks")] = False,
    insecure: Annotated[bool, typer.Option("--insecure", help="allow an address others can reach")] = False,
) -> None:
    """Run the daemon: CONFIG, or one stream by --source (which ends when its source does)."""
    if (config is None) == (source is None):
        raise typer.BadParameter("give either a configuration file or --source URL")
    from streamseg.config import load  # noqa: PLC0415
    from streamseg.daemon.app import run as run_daemon  # noqa: PLC0415

    if config is not None:
        raise typer.Exit(run_daemon(load(config)))
    wanted = {
        "engine": {"package": engine, "backend": backend, "precision": precision},
        "publish": {"bind": [bind], "pictures": pictures, "insecure": insecure},
        "streams": {name: {"source": {"url": source, "loop": loop, "pace": pace}, "temporal": temporal}},
    }
    raise typer.Exit(run_daemon(_from_options(wanted), once=True))


def _from_options(wanted: dict[str, Any]) -> Any:
    """The configuration that the options stand for. Raises ConfigError, naming the command line."""
    from pydantic import ValidationError  # noqa: PLC0415

    from streamseg.config import Config  # noqa: PLC0415

    try:
        return Config.model_validate(wanted)
    except ValidationError as error:
        entries = error.errors(include_url=False)
        lines = [f"command line: {'.'.join(map(str, e['loc']))}: {_sentence(e['msg'])}" for e in entries]
        raise ConfigError(lines) from error


def _sentence(message: str) -> str:
    message = message.removeprefix("Value error, ")
    return message[:1].lower() + message[1:]
