"""`streamseg run`: what it is asked on the command line, and what it refuses."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from streamseg.cli import main
from streamseg.config import Config
from streamseg.daemon import app
from tests.fakes.packages import make_package


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[tuple[Config, bool]]:
    """What the daemon would have been run with; a file is read once more, as for a reload."""
    runs: list[tuple[Config, bool]] = []

    def run(config: Config, again: Callable[[], Config] | None = None, *, once: bool = False) -> int:
        runs.append((config if again is None else again(), once))
        return 7

    monkeypatch.setattr(app, "run", run)
    return runs


def test_options_make_a_configuration(asked: list[tuple[Config, bool]]) -> None:
    options = "run --source a.mp4 --name gate --bind ipc:///run/x --temporal ema --loop --no-pace --pictures"
    assert main(options.split()) == 7
    (config, once) = asked[0]
    assert once
    assert config.publish.bind == ["ipc:///run/x"]
    assert config.publish.pictures
    stream = config.streams["gate"]
    assert (stream.source.url, stream.source.loop, stream.source.pace) == ("a.mp4", True, False)
    assert stream.temporal == "ema"


def test_a_file_is_loaded(asked: list[tuple[Config, bool]], tmp_path: Path) -> None:
    path = tmp_path / "c.yaml"
    path.write_text("streams: {gate: {source: a.mp4}}")
    assert main(["run", str(path)]) == 7
    assert asked == [(Config.model_validate({"streams": {"gate": {"source": "a.mp4"}}}), False)]


@pytest.mark.parametrize(
    "arguments", [["run"], ["run", "c.yaml", "--source", "a.mp4"], ["run", "--sauce", "a"]]
)
def test_wrong_use_is_2(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert main(arguments) == 2
    assert "Traceback" not in capsys.readouterr().err


@pytest.mark.parametrize(
    ("option", "said"),
    [
        ("--temporal=lstm", "--temporal: must be"),
        ("--precision=f8", "--precision: must be"),
        ("--engine=", "--engine: "),
        ("--name=a/b", "--name: "),
        ("--name=", "--name: "),
        ("--source=", "--source: "),
        ("--backend=cuda", "--backend: must be"),
    ],
)
def test_a_wrong_value_is_one_line(option: str, said: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["run", "--source", "a.mp4", option]) == 78
    error = capsys.readouterr().err
    assert error.startswith("streamseg: command line: ")
    assert said in error
    assert error.count("\n") == 1


def test_a_camera_s_password_is_not_told(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["run", "--source", "rtsp://user:secret@gate/live", "--temporal=lstm"]) == 78
    assert "secret" not in capsys.readouterr().err


@pytest.mark.parametrize(
    ("bind", "said"), [("nonsense", "not an address such as tcp://"), ("tcp://0.0.0.0:5555", "insecure")]
)
def test_an_address_that_cannot_be_bound_is_one_line(bind: str, said: str, tmp_path: Path) -> None:
    engine = make_package(tmp_path / "engines").path
    command = ["run", "--source", "lavfi:testsrc", "--engine", str(engine), "--bind", bind]
    done = subprocess.run(
        [sys.executable, "-m", "streamseg", *command], capture_output=True, text=True, check=False
    )
    assert done.returncode == 78
    assert said in done.stderr.splitlines()[-1]
    assert "Traceback" not in done.stderr


def test_what_is_not_said_is_as_in_a_file(asked: list[tuple[Config, bool]]) -> None:
    assert main(["run", "--source", "a.mp4"]) == 7
    assert asked == [(Config.model_validate({"streams": {"main": {"source": "a.mp4"}}}), True)]


def test_no_option_is_taken_and_forgotten(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "c.yaml"
    path.write_text("streams: {gate: {source: a.mp4}}")
    assert main(["run", str(path), "--engine", "tiny", "--loop"]) == 2
    told = " ".join(capsys.readouterr().err.replace("│", "").split())
    assert "--engine, --loop: only with --source" in told


def test_a_wrong_file_tells_everything(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "c.yaml"
    path.write_text("streems: {}\nengine: {precision: f8}")
    assert main(["run", str(path)]) == 78
    error = capsys.readouterr().err
    assert "did you mean 'streams'?" in error
    assert "engine.precision" in error


def test_the_unexpected_is_1_with_its_traceback(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def run(*_: Any, **__: Any) -> int:
        raise ZeroDivisionError

    monkeypatch.setattr(app, "run", run)
    assert main(["run", "--source", "a.mp4"]) == 1
    assert "ZeroDivisionError" in caplog.text
