"""What a reload came to, for the command that asked for it: a file in the service's runtime directory.

systemd 252 has no `Type=notify-reload`, so `ExecReload=` is the only place from which `systemctl reload` can
learn that a reload was refused. The clock is CLOCK_MONOTONIC, which all processes of a machine share: a
result counts if its reload began after it was asked for.
"""

from __future__ import annotations

import json
import logging
import os
import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from streamseg.fileio import replace_file

_LOG = logging.getLogger(__name__)
FILE_NAME = "reload.json"


@dataclass(frozen=True, slots=True)
class ReloadResult:
    """The end of a reload.

    Attributes:
        pid: The daemon.
        began_mono_s: When it began to read the configuration, monotonic seconds.
        exit_code: 0, or what the asking command should end with.
        problems: Why it was refused, a line each.
    """

    pid: int
    began_mono_s: float
    exit_code: int = 0
    problems: Sequence[str] = ()


def result_file(env: Mapping[str, str] = os.environ) -> Path | None:
    """Where results are kept; None outside systemd, where nobody waits for one."""
    folder = env.get("RUNTIME_DIRECTORY", "").partition(":")[0]
    return Path(folder) / FILE_NAME if folder else None


def write_result(result: ReloadResult, path: Path) -> None:
    """Put a result in place of the one before, at once; where that fails, the log says so."""
    try:
        replace_file(path, json.dumps(asdict(result)).encode())
    except OSError as error:
        _LOG.warning("%s: %s; systemctl reload will not learn what it came to", path, error.strerror)


def read_result(path: Path, pid: int, asked_mono_s: float) -> ReloadResult | None:
    """The result of a reload of process `pid` that began after `asked_mono_s`; None: not yet."""
    try:
        found = ReloadResult(**json.loads(path.read_text(encoding="utf-8")))
    except (OSError, ValueError, TypeError):
        return None
    return found if found.pid == pid and found.began_mono_s >= asked_mono_s else None


def now_s() -> float:
    """The clock of results, monotonic seconds."""
    return time.monotonic()
