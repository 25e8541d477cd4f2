"""`streamseg run`: the daemon, from a file or from a source on the command line."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, NoReturn

import typer

from streamseg.cli.environment import EnvFiles, environment, unset_hint
from streamseg.cli.output import warn_renamed

if TYPE_CHECKING:
    from streamseg.config import Config
    from streamseg.daemon.preflight import Accepted


def run(
    config: Annotated[Path | None, typer.Argument(help="configuration file (YAML)")] = None,
    *,
    source: Annotated[
        str | None, typer.Option(help="video source: file, /dev/videoN, rtsp://, http:// or lavfi:")
    ] = None,
    name: Annotated[str | None, typer.Option(help="name of the stream (default: main)")] = None,
    model: Annotated[
        str | None, typer.Option(help="model package: name or folder (default: street-lite0)")
    ] = None,
    engine: Annotated[str | None, typer.Option(hidden=True, help="former name of --model")] = None,
    bind: Annotated[
        str | None, typer.Option(help="address to publish on (default: tcp://127.0.0.1:5555)")
    ] = None,
    backend: Annotated[
        str | None, typer.Option(help="inference backend: openvino, onnxruntime, tensorrt, … (default: auto)")
    ] = None,
    precision: Annotated[
        str | None, typer.Option(help="precision of the segmenter: f32, bf16, f16 or int8 (default: auto)")
    ] = None,
    temporal: Annotated[
        str | None, typer.Option(help="temporal stabilisation: convgru, ema or none (default: convgru)")
    ] = None,
    loop: Annotated[bool | None, typer.Option("--loop", help="restart a file when it ends")] = None,
    pace: Annotated[
        bool | None, typer.Option(help="play a file in real time (default), or as fast as possible")
    ] = None,
    pictures: Annotated[bool | None, typer.Option("--pictures", help="publish the pictures too")] = None,
    insecure: Annotated[
        bool | None, typer.Option("--insecure", help="allow an address that other machines can reach")
    ] = None,
    env_file: EnvFiles = None,
) -> None:
    """Run the daemon with CONFIG until it is stopped, or with one stream (--source) until the stream ends."""
    wanted = {
        "engine": _given(model=_model(model, engine), backend=backend, precision=precision),
        "publish": _given(bind=bind, pictures=pictures, insecure=insecure),
        "stream": _given(temporal=temporal),
        "source": _given(loop=loop, pace=pace),
        "name": _given(name=name),
    }
    from streamseg.cli.options import examine_options, option  # noqa: PLC0415

    if (config is None) == (source is None):
        raise typer.BadParameter("give either a configuration file or --source URL")
    if config is not None and any(wanted.values()):
        given = ", ".join(option(key) for keys in wanted.values() for key in keys)
        raise typer.BadParameter(f"{given}: only with --source; with a configuration file, write it there")
    os.environ.update(environment(env_file))
    if config is not None:
        _run_file(config, env_file)
    stream = {**wanted["stream"], "source": {"url": source, **wanted["source"]}}
    document = {
        "engine": wanted["engine"],
        "publish": wanted["publish"],
        "streams": {wanted["name"].get("name", "main"): stream},
    }
    from streamseg.daemon.preflight import Machine, preflight  # noqa: PLC0415

    accepted = preflight(examine_options(document), Machine(os.environ, free=True))
    from streamseg.daemon.app import run as run_daemon  # noqa: PLC0415

    raise typer.Exit(run_daemon(accepted.config, once=True, warnings=accepted.warnings))


def _run_file(path: Path, env_file: list[Path] | None) -> NoReturn:
    """The daemon by a configuration file; a reload reads it, and the files of variables, again."""
    accepted = _accept(path, unset_hint(path))
    first = accepted.config
    bound = (*first.publish.bind, *([first.status.bind] if first.status.bind else []))

    def again() -> Config:
        os.environ.update(environment(env_file))
        return _accept(path, unset_hint(path, running=not env_file), bound).log()

    from streamseg.daemon.app import run as run_daemon  # noqa: PLC0415

    raise typer.Exit(run_daemon(first, again, warnings=accepted.warnings))


def _accept(path: Path, hint: str, bound: tuple[str, ...] = ()) -> Accepted:
    """The configuration of a file, if the daemon can do what it says. Raises ConfigError."""
    from streamseg.config.parsed_config import ReadOptions, read_draft  # noqa: PLC0415
    from streamseg.daemon.preflight import Machine, preflight  # noqa: PLC0415

    draft = read_draft(path, ReadOptions(os.environ, unset_hint=hint))
    return preflight(draft, Machine(os.environ, free=True, bound=bound))


def _model(model: str | None, former: str | None) -> str | None:
    """The value of `--model`, or of its former name. Raises BadParameter for both."""
    if former is None:
        return model
    if model is not None:
        raise typer.BadParameter("is the former name of --model: give one of the two", param_hint="--engine")
    warn_renamed("--engine", "--model")
    return former


def _given(**options: Any) -> dict[str, Any]:
    return {key: value for key, value in options.items() if value is not None}
