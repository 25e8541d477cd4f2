"""The `streamseg` command. Heavy rooms are imported inside the commands, so that `--help` is quick.

Exit codes: 0 done, 1 unexpected, 2 wrong use of the command line, 78 bad configuration, 130 interrupted.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from typing import Annotated

import typer

from streamseg import __version__
from streamseg.cli import config, doctor, model, reload, run, training, watch
from streamseg.cli.output import say
from streamseg.daemon.process import log_setup
from streamseg.errors import EXIT_INTERRUPTED, EXIT_OK, EXIT_UNEXPECTED, StreamsegError
from streamseg.redact import redact_credentials

_LOG = logging.getLogger(__name__)

app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)
for command in (
    run.run,
    reload.reload,
    watch.watch,
    doctor.doctor,
    training.train,
    training.evaluate,
    training.label,
    training.explain,
):
    app.command()(command)
app.add_typer(model.model_app, name="model", help="List, inspect, convert and compile model packages.")
app.add_typer(model.engine_app, name="engine", help="Former name of model.", hidden=True)
app.add_typer(config.config_app, name="config", help="Validate and print configuration files.")


def _tell_version(wanted: bool) -> None:
    if wanted:
        typer.echo(__version__)
        raise typer.Exit


@app.callback()
def options(
    *,
    version: Annotated[
        bool, typer.Option("--version", callback=_tell_version, is_eager=True, help="print the version")
    ] = False,
) -> None:
    """Segment live video and publish per-pixel masks over ZeroMQ."""


@app.command()
def version() -> None:
    """Print the version."""
    typer.echo(__version__)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command and return its exit code; an expected failure is one line on standard error."""
    try:
        app(args=None if arguments is None else list(arguments), prog_name="streamseg")
    except SystemExit as done:  # how the command line says that it is through, or was used wrongly
        return done.code if isinstance(done.code, int) else EXIT_UNEXPECTED
    except StreamsegError as error:
        say(redact_credentials(f"streamseg: {error}"), err=True)
        return error.exit_code
    except KeyboardInterrupt:
        return EXIT_INTERRUPTED
    except Exception:  # noqa: BLE001 the top of the process: the log gets the traceback
        if not logging.getLogger().handlers:
            log_setup.set_up("info", "auto")  # for its redaction
        _LOG.exception("unexpected failure; please report it with its traceback")
        return EXIT_UNEXPECTED
    return EXIT_OK
