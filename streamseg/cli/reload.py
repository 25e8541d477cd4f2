"""`streamseg reload`: make a running daemon read its configuration again, and wait for the result."""

from __future__ import annotations

import os
import signal
import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from streamseg.errors import EXIT_UNEXPECTED

if TYPE_CHECKING:
    from streamseg.daemon.reload_result import ReloadResult

_LOOK_S = 0.05


def reload(
    pid: Annotated[int, typer.Argument(envvar="MAINPID", help="process id of the daemon")],
    timeout: Annotated[float, typer.Option(help="seconds to wait for the result")] = 120.0,
) -> None:
    """Send SIGHUP to a daemon and wait for the result of the reload, as `systemctl reload` does."""
    from streamseg.daemon.reload_result import now_s, result_file  # noqa: PLC0415

    path = result_file()
    if path is None:
        raise typer.BadParameter(
            "$RUNTIME_DIRECTORY is not set, so the result cannot be read; use `systemctl reload`, or "
            "`kill -HUP` and the daemon's log"
        )
    asked_s = now_s()
    try:
        os.kill(pid, signal.SIGHUP)
    except (ProcessLookupError, PermissionError) as error:
        typer.echo(f"streamseg: process {pid}: {error.strerror}", err=True)
        raise typer.Exit(EXIT_UNEXPECTED) from None
    result = _wait(path, pid, asked_s, asked_s + timeout)
    if result is None:
        typer.echo(
            f"streamseg: process {pid} did not report the result of the reload within {timeout:g} s", err=True
        )
        raise typer.Exit(EXIT_UNEXPECTED)
    for problem in result.problems:
        typer.echo(f"streamseg: {problem}", err=True)
    if result.exit_code:
        typer.echo("streamseg: the reload was refused; everything goes on as before", err=True)
    raise typer.Exit(result.exit_code)


def _wait(path: Path, pid: int, asked_s: float, until_s: float) -> ReloadResult | None:
    from streamseg.daemon.reload_result import now_s, read_result  # noqa: PLC0415

    while (result := read_result(path, pid, asked_s)) is None:
        if now_s() >= until_s or not Path(f"/proc/{pid}").exists():
            return None
        time.sleep(_LOOK_S)
    return result
