"""`streamseg run`: what it is asked on the command line, and what it refuses."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest

from streamseg.cli import main
from streamseg.config import Config
from streamseg.daemon import app
from streamseg.errors import ConfigError
from tests.fakes.packages import make_package


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> list[tuple[Config, bool]]:
    """What the daemon would have been run with; a file is read once more, as for a reload."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "a.mp4").touch()
    runs: list[tuple[Config, bool]] = []

    def run(
        config: Config, again: Callable[[], Config] | None = None, *, once: bool = False, **_: Any
    ) -> int:
        runs.append((config if again is None else again(), once))
        return 7

    monkeypatch.setattr(app, "run", run)
    monkeypatch.setattr(
        "streamseg.daemon.preflight.check_bindable", lambda *_, **__: None
    )  # others may use the port
    return runs


def test_options_make_a_configuration(asked: list[tuple[Config, bool]]) -> None:
    options = "run --source a.mp4 --name gate --bind ipc:///tmp/x --temporal ema --loop --no-pace --pictures"
    assert main(options.split()) == 7
    (config, once) = asked[0]
    assert once
    assert config.publish.bind == ["ipc:///tmp/x"]
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
        ("--model=", "--model: "),
        ("--name=a/b", "--name: "),
        ("--name=", "--name: "),
        ("--source=", "--source: "),
        ("--backend=cuda", "--backend: must be"),
    ],
)
def test_a_wrong_value_is_one_line(option: str, said: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["run", "--source", "lavfi:testsrc", option]) == 78
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
    command = ["run", "--source", "lavfi:testsrc", "--model", str(engine), "--bind", bind]
    done = subprocess.run(
        [sys.executable, "-m", "streamseg", *command], capture_output=True, text=True, check=False
    )
    assert done.returncode == 78
    assert said in done.stderr.splitlines()[-1]
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize(
    ("source", "code", "said"),
    [
        ("missing.mp4", 78, "missing.mp4: there is no such file in "),
        (".", 78, ".: is a folder; name a video file in it"),
        ("0", 78, "0: not a kind of source; a camera is /dev/video0"),
        ("gopher://h/x", 78, "gopher://h/x: not a kind of source; use a file, /dev/videoN"),
        ("udp://239.0.0.1:1234", 78, "not a kind of source"),
        ("rtsp://", 78, "names no host"),
    ],
)
def test_a_source_that_cannot_be_is_one_line_before_anything_is_loaded(
    source: str, code: int, said: str, asked: list[tuple[Config, bool]], capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["run", "--source", source]) == code
    error = capsys.readouterr().err
    assert error.startswith("streamseg: command line: --source: ")
    assert said in error
    assert error.count("\n") == 1
    assert asked == []


def test_what_is_wrong_with_the_options_is_told_at_once(capsys: pytest.CaptureFixture[str]) -> None:
    command = "run --source gopher://x --model nowhere --bind udp://x --precision f8"
    assert main(command.split()) == 78
    lines = capsys.readouterr().err.removeprefix("streamseg: ").splitlines()
    assert [line.split(": ")[1] for line in lines] == ["--bind", "--model", "--precision", "--source"]


def test_a_file_of_variables_is_read_again_for_a_reload(
    asked: list[tuple[Config, bool]], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CLIP", "unset")  # so that it is put back
    (tmp_path / "c.yaml").write_text("streams: {gate: {source: 'lavfi:${CLIP}'}}")
    (tmp_path / "c.env").write_text("CLIP='testsrc'\n")
    assert main(["run", "c.yaml", "--env-file", "c.env"]) == 7
    assert asked[0][0].streams["gate"].source.url == "lavfi:testsrc"


def test_a_reload_is_refused_for_what_a_start_is(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "c.yaml"
    path.write_text("streams: {gate: {source: 'lavfi:testsrc'}}")
    refused: list[str] = []

    def run(_: Config, again: Callable[[], Config], **__: Any) -> int:
        path.write_text("engine:\n  model: nowhere\nstreams: {gate: {source: 'srt://h'}}")
        with pytest.raises(ConfigError) as caught:
            again()
        refused.extend(caught.value.problems)
        return 0

    monkeypatch.setattr(app, "run", run)
    monkeypatch.setattr("streamseg.daemon.preflight.check_bindable", lambda *_, **__: None)
    assert main(["run", str(path)]) == 0
    engine, source = refused
    assert engine.startswith(f"{path}:2: engine.model: no model package named 'nowhere'")
    assert source.startswith(f"{path}:3: streams.gate.source: srt://h: not a kind of source")


def test_what_is_dangerous_goes_to_the_log_of_the_daemon(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "c.yaml"
    path.write_text("streams: {gate: {source: 'rtsp://u:s3cret@h/x'}}")
    path.chmod(0o644)
    told: list[str] = []

    def run(*_: Any, warnings: Sequence[str] = (), **__: Any) -> int:
        told.extend(warnings)
        return 0

    monkeypatch.setattr(app, "run", run)
    monkeypatch.setattr("streamseg.daemon.preflight.check_bindable", lambda *_, **__: None)
    assert main(["run", str(path)]) == 0
    (warning,) = told
    assert warning.startswith(f"{path}:1: streams.gate.source: holds a password, and everybody")


def test_what_is_not_said_is_as_in_a_file(asked: list[tuple[Config, bool]]) -> None:
    assert main(["run", "--source", "a.mp4"]) == 7
    assert asked == [(Config.model_validate({"streams": {"main": {"source": "a.mp4"}}}), True)]


def test_no_option_is_taken_and_forgotten(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "c.yaml"
    path.write_text("streams: {gate: {source: a.mp4}}")
    assert main(["run", str(path), "--model", "tiny", "--loop"]) == 2
    told = " ".join(capsys.readouterr().err.replace("│", "").split())
    assert "--model, --loop: only with --source" in told


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
    assert main(["run", "--source", "lavfi:testsrc", "--bind", "tcp://127.0.0.1:0"]) == 1
    assert "ZeroDivisionError" in caplog.text
