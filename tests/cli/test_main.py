"""The command line as a whole."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from streamseg import __version__
from streamseg.cli import main


@pytest.mark.parametrize(
    "command",
    [
        "",
        "run",
        "watch",
        "doctor",
        "train",
        "evaluate",
        "label",
        "explain",
        "version",
        "model",
        "model list",
        "model info",
        "model verify",
        "config",
        "config check",
    ],
)
def test_every_command_has_help(command: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([*command.split(), "--help"]) == 0
    assert "Usage" in capsys.readouterr().out


@pytest.mark.parametrize("form", ["version", "--version"])
def test_version(form: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([form]) == 0
    assert capsys.readouterr().out.strip() == __version__


def test_the_module_runs() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "streamseg", "version"], capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == __version__


def test_importing_the_command_line_is_quick() -> None:
    code = "import sys, streamseg.cli; print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    heavy = {"openvino", "onnxruntime", "torch", "av", "cv2", "pydantic"}
    assert not heavy & set(done.stdout.split())


@pytest.mark.parametrize(
    "arguments",
    [["fly"], ["model", "fly"], ["model", "info"], ["config", "check"], ["watch", "--count=-1"]],
)
def test_wrong_use_is_2(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert main(arguments) == 2
    told = capsys.readouterr().err
    assert "Usage: streamseg" in told
    assert "Traceback" not in told


def test_what_an_error_quotes_does_nothing_to_a_terminal(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["config", "check", str(tmp_path / "\x1b[2J\u202e.yaml")]) == 78
    assert r"\x1b[2J\u202e.yaml: cannot be read" in capsys.readouterr().err


def test_an_interrupt_is_130(monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("streamseg.config.parsed_config.read_draft", interrupted)
    assert main(["config", "check", "c.yaml"]) == 130


def test_the_unexpected_is_told_without_its_credentials() -> None:
    code = (
        "import sys\n"
        "from streamseg.cli import app, main\n"
        "@app.command()\n"
        "def fail() -> None:\n"
        "    raise ZeroDivisionError('rtsp://user:secret@gate/live')\n"
        "sys.exit(main(['fail']))\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert "ZeroDivisionError: rtsp://***@gate/live" in done.stderr
    assert "secret" not in done.stderr
