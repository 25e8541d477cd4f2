"""Reloads: what came of each is in the log, in systemd's status, and told to the command that asked."""

from __future__ import annotations

import logging
import os
from collections.abc import Callable
from pathlib import Path

from streamseg.config.schema import Config
from streamseg.daemon.events import CallbackErrors
from streamseg.daemon.process import log_setup
from streamseg.daemon.reload import lines, read_plan
from streamseg.daemon.reload_result import ReloadResult, now_s, write_result
from streamseg.daemon.supervisor import Supervisor
from streamseg.errors import ConfigError, StreamsegError
from streamseg.redact import redact_credentials

_LOG = logging.getLogger(__name__)
_ACTION = "reload"  # what errors of ours in a reload are counted as


class Reloader:
    """For the main thread.

    Args:
        assembly: What is changed.
        read: Reads the configuration anew; None: there is none to read.
        errors: Counts errors of ours.
        result_file: Where each result is written; None: nowhere.
    """

    def __init__(
        self,
        assembly: Supervisor,
        read: Callable[[], Config] | None,
        errors: CallbackErrors,
        result_file: Path | None,
    ) -> None:
        self._assembly, self._read, self._errors, self._file = assembly, read, errors, result_file
        self._refused = ""
        self._postponed: tuple[str, ...] = ()
        errors.register(_ACTION)

    @property
    def notes(self) -> list[str]:
        """What of the newest configuration does not hold, a line each."""
        postponed = f"restart to change {', '.join(self._postponed)}" if self._postponed else ""
        return [note for note in (self._refused, postponed) if note]

    def reload(self) -> None:
        """Let the configuration hold as it now is; one with a mistake changes nothing. Never raises."""
        began_s = now_s()
        error = self._attempt()
        problems = [] if error is None else [redact_credentials(line) for line in str(error).splitlines()]
        self._refused = _in_a_line(problems)
        for line in problems:
            _LOG.error("reload: %s", line, extra=log_setup.EVERY)
        if error is not None:
            _LOG.error("reload: refused; everything goes on as before")
        if self._file is not None:
            code = 0 if error is None else error.exit_code
            write_result(ReloadResult(os.getpid(), began_s, code, problems), self._file)

    def _attempt(self) -> StreamsegError | None:
        try:
            self._apply()
        except Exception as error:  # noqa: BLE001 - a daemon that serves must not end for it
            return self._errors.explain(_ACTION, error)
        return None

    def _apply(self) -> None:
        if self._read is None:
            raise ConfigError(["there is no configuration file to read again"])
        plan = read_plan(self._assembly.config, self._read, self._assembly.models)
        for line in lines(plan.changes):
            _LOG.info("reload: %s", line, extra=log_setup.EVERY)
        self._postponed = plan.changes.daemon
        if self._postponed:
            keys = ", ".join(self._postponed)
            _LOG.warning("reload: not changed before the daemon is started again: %s", keys)
        self._assembly.apply(plan.config, plan.changes, plan.packages)
        if plan.changes.live:
            log_setup.set_up(plan.config.daemon.log_level, plan.config.daemon.log_format)


def _in_a_line(problems: list[str]) -> str:
    if not problems:
        return ""
    more = f" (and {len(problems) - 1} more, see the log)" if len(problems) > 1 else ""
    return f"the last reload was refused: {problems[0]}{more}"
