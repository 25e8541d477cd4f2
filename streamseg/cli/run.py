"""`streamseg run`: the daemon, from a file or from a source on the command line."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from streamseg.errors import ConfigError

if TYPE_CHECKING:
    from streamseg.config import Config

_OPTIONS = {"package": "--engine", "url": "--source", "streams": "--name"}  # where the key has another name


def run(
    config: Annotated[Path | None, typer.Argument(help="configuration file (YAML)")] = None,
    *,
    source: Annotated[str | None, typer.Option(help="file, /dev/videoN, rtsp://, http:// or lavfi:")] = None,
    name: Annotated[str | None, typer.Option(help="name of the stream (main)")] = None,
    engine: Annotated[str | None, typer.Option(help="model package, name or folder (camvid-lite0)")] = None,
    bind: Annotated[str | None, typer.Option(help="where to publish (tcp://127.0.0.1:5555)")] = None,
    backend: Annotated[str | None, typer.Option(help="openvino, onnxruntime, tensorrt, … (auto)")] = None,
    precision: Annotated[str | None, typer.Option(help="f32, bf16, f16 or int8 (auto)")] = None,
    temporal: Annotated[str | None, typer.Option(help="convgru, ema or none (convgru)")] = None,
    loop: Annotated[bool | None, typer.Option("--loop", help="start a file again at its end")] = None,
    pace: Annotated[bool | None, typer.Option(help="play a file at its own speed (yes)")] = None,
    pictures: Annotated[bool | None, typer.Option("--pictures", help="offer the pictures as well")] = None,
    insecure: Annotated[bool | None, typer.Option("--insecure", help="let other machines subscribe")] = None,
) -> None:
    """Run the daemon: CONFIG, until it is stopped, or one stream by --source, until that ends."""
    wanted = {
        "engine": _given(package=engine, backend=backend, precision=precision),
        "publish": _given(bind=bind, pictures=pictures, insecure=insecure),
        "stream": _given(temporal=temporal),
        "source": _given(loop=loop, pace=pace),
        "name": _given(name=name),
    }
    if (config is None) == (source is None):
        raise typer.BadParameter("give either a configuration file or --source URL")
    if config is not None and any(wanted.values()):
        given = ", ".join(_option(key) for keys in wanted.values() for key in keys)
        raise typer.BadParameter(f"{given}: only with --source; with a configuration file, write it there")
    from streamseg.config import load  # noqa: PLC0415
    from streamseg.daemon.app import run as run_daemon  # noqa: PLC0415

    if config is not None:
        path = config
        raise typer.Exit(run_daemon(load(path), lambda: load(path)))
    stream = {**wanted["stream"], "source": {"url": source, **wanted["source"]}}
    document = {
        "engine": wanted["engine"],
        "publish": wanted["publish"],
        "streams": {wanted["name"].get("name", "main"): stream},
    }
    raise typer.Exit(run_daemon(_from_options(document), once=True))


def _given(**options: Any) -> dict[str, Any]:
    return {key: value for key, value in options.items() if value is not None}


def _option(key: str) -> str:
    return _OPTIONS.get(key, f"--{key}")


def _from_options(document: dict[str, Any]) -> Config:
    """The configuration that the options stand for. Raises ConfigError, naming the options."""
    from pydantic import ValidationError  # noqa: PLC0415

    from streamseg.config import Config  # noqa: PLC0415

    try:
        return Config.model_validate(document)
    except ValidationError as error:
        lines = [f"{_blamed(entry['loc'])}: {_sentence(entry['msg'])}" for entry in error.errors()]
        raise ConfigError([f"command line: {line}" for line in lines]) from error


def _blamed(where: tuple[int | str, ...]) -> str:
    """The option behind a place in the configuration."""
    return next(_option(str(part)) for part in reversed(where) if isinstance(part, str))


def _sentence(message: str) -> str:
    message = message.removeprefix("Value error, ").replace("Input should", "must")
    return message[:1].lower() + message[1:]
