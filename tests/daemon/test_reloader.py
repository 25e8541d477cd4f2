"""A reload's result, for the log, the status and the command that asked."""

from __future__ import annotations

import os
from pathlib import Path
from typing import cast

import pytest

from streamseg.config.schema import Config
from streamseg.daemon import reloader as room
from streamseg.daemon.events import CallbackErrors
from streamseg.daemon.reload_result import now_s, read_result
from streamseg.daemon.reloader import Reloader
from streamseg.daemon.supervisor import Supervisor
from streamseg.errors import ConfigError, StreamsegError


class FakeAssembly:
    """Holds a configuration, and takes none."""

    config = Config.model_validate({"streams": {"gate": {"source": "rtsp://h/x"}}})
    models: dict[str, str] = {}  # noqa: RUF012 - as of the real one, and never changed


def reload(tmp_path: Path, error: Exception | None) -> tuple[Reloader, CallbackErrors, int, list[str]]:
    """A reload that meets with this, and what the command is told of it."""

    def read() -> Config:
        assert error is not None
        raise error

    errors, path, asked_s = CallbackErrors(), tmp_path / "reload.json", now_s()
    reloader = Reloader(cast("Supervisor", FakeAssembly()), read if error else None, errors, path)
    reloader.reload()
    result = read_result(path, os.getpid(), asked_s)
    assert result is not None
    return reloader, errors, result.exit_code, list(result.problems)


def test_every_mistake_is_told_and_the_first_is_in_the_status(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    mistakes = ["c.yaml:3: one", "c.yaml:4: rtsp://user:secret@h/x: two", "c.yaml:5: three"]
    reloader, _, code, problems = reload(tmp_path, ConfigError(mistakes))
    assert (code, problems) == (78, [mistakes[0], "c.yaml:4: rtsp://***@h/x: two", mistakes[2]])
    assert reloader.notes == ["the last reload was refused: c.yaml:3: one (and 2 more, see the log)"]
    assert [record.getMessage() for record in caplog.records] == [
        *(f"reload: {problem}" for problem in problems),
        "reload: refused; everything goes on as before",
    ]


def test_where_there_is_nothing_to_read_it_is_refused(tmp_path: Path) -> None:
    _, _, code, problems = reload(tmp_path, None)
    assert (code, problems) == (78, ["there is no configuration file to read again"])


def test_an_error_of_ours_is_counted_and_refuses_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object) -> None:
        raise ZeroDivisionError

    monkeypatch.setattr(room, "read_plan", fail)
    _, errors, code, problems = reload(tmp_path, StreamsegError("not reached"))
    assert (code, problems) == (1, ["unexpected failure (ZeroDivisionError); see the log"])
    assert errors.counts() == {"reload": 1}


def test_outside_systemd_nothing_is_written(tmp_path: Path) -> None:
    Reloader(cast("Supervisor", FakeAssembly()), None, CallbackErrors(), None).reload()
    assert list(tmp_path.iterdir()) == []
