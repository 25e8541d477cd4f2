"""Commands, options and variables by their former names: the same output and exit code, and one notice."""

from __future__ import annotations

import re
import shutil
import tomllib
from pathlib import Path
from typing import Any

import pytest

from streamseg.cli import main
from streamseg.config import Config
from streamseg.config.deprecated import renamed
from streamseg.daemon import app
from streamseg.inference.packages import package
from tests.conftest import ROOT
from tests.fakes.networks import Foreign, save_network
from tests.fakes.packages import make_package

CLASSES = ("--classes", "background,person")
COMMANDS = [
    ["list"],
    ["list", "--json"],
    ["info", "tiny"],
    ["info", "tinny"],
    ["verify", "tiny"],
    ["build", "tiny", "--precision", "f32", "--threads", "1"],
    ["build", "tiny", "--backend", "cuda"],
    ["calibrate", "tinny", "--from", "."],
    ["tune", "tinny"],
    ["prune", "--dry-run"],
    ["prune", "--older-than=-1"],
    ["convert", "net.onnx", *CLASSES],
    ["convert", "net.onnx", "--classes", "a,a"],
]


@pytest.fixture(autouse=True)
def _machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("STREAMSEG_MODEL_PATH", str(tmp_path / "packages"))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    make_package(tmp_path / "packages")
    save_network(tmp_path / "net.onnx", Foreign("sigmoid", classes=1))


def outcome(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, str, str]:
    """Exit code, standard output and standard error, without the time that a mask took."""
    code = main(arguments)
    told = capsys.readouterr()
    return code, re.sub(r"[\d.]+ ms", "… ms", told.out), told.err


@pytest.mark.parametrize("command", COMMANDS, ids=" ".join)
def test_engine_is_the_former_name_of_model(command: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    former = "wrap" if command[0] == "convert" else command[0]
    code, out, err = outcome(capsys, "model", *command)
    notice = f"streamseg: {renamed(f'streamseg engine {former}', f'streamseg model {command[0]}')}\n"
    err = err.replace(f"streamseg model {command[0]}", f"streamseg engine {former}")  # the usage line
    shutil.rmtree("engines", ignore_errors=True)  # what `convert` wrote
    assert outcome(capsys, "engine", former, *command[1:]) == (code, out, notice + err)


@pytest.mark.parametrize("arguments", [["engine"], ["engine", "--help"], ["engine", "wrap", "--help"]])
def test_the_former_group_has_help(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    wanted = ["model", *("convert" if word == "wrap" else word for word in arguments[1:])]
    assert main(arguments) == main(wanted)
    assert "Usage: streamseg engine" in " ".join(capsys.readouterr().out.split())


def test_former_names_are_hidden(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--help"]) == 0
    assert re.search(r"^\W*model ", told := capsys.readouterr().out, re.MULTILINE)
    assert not re.search(r"^\W*engine ", told, re.MULTILINE)
    assert main(["run", "--help"]) == 0
    assert "--model" in (told := capsys.readouterr().out)
    assert "--engine" not in told


@pytest.mark.tree
def test_the_former_extra_brings_the_same() -> None:
    extras = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["optional-dependencies"]
    assert extras["wrap"] == extras["convert"]


@pytest.fixture
def started(monkeypatch: pytest.MonkeyPatch) -> list[Config]:
    """The configurations of daemons that would have run."""
    found: list[Config] = []

    def run(config: Config, *_: Any, **__: Any) -> int:
        found.append(config)
        return 7

    monkeypatch.setattr(app, "run", run)
    monkeypatch.setattr("streamseg.daemon.preflight.check_bindable", lambda *_, **__: None)
    return found


@pytest.mark.parametrize("name", ["tiny", "tinny", ""])
def test_run_takes_the_package_by_the_former_option(
    name: str, started: list[Config], capsys: pytest.CaptureFixture[str]
) -> None:
    run = ("run", "--source", "lavfi:testsrc")
    code, out, err = outcome(capsys, *run, "--model", name)
    notice = f"streamseg: {renamed('--engine', '--model')}\n"
    assert outcome(capsys, *run, "--engine", name) == (code, out, notice + err)
    assert len(started) == (2 if name == "tiny" else 0)
    assert started[:1] == started[1:]


def test_both_options_are_a_mistake(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["run", "--source", "lavfi:testsrc", "--model", "tiny", "--engine", "tiny"]) == 2
    assert "is the former name of --model" in " ".join(capsys.readouterr().err.replace("│", "").split())


def test_config_takes_the_former_key(
    tmp_path: Path, started: list[Config], capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "c.yaml"
    notice = f"{path}:1: engine.package: {renamed('package', 'model')}\n"
    for command, err in ((("config", "check"), notice), (("config", "show"), notice), (("run",), "")):
        told = {}
        for key in ("model", "package"):
            path.write_text(f"engine: {{{key}: tiny}}\nstreams: {{gate: {{source: 'lavfi:testsrc'}}}}\n")
            told[key] = outcome(capsys, *command, str(path))
        code, out, _ = told["model"]
        assert told["package"] == (code, out, f"warning: {err}" if err else ""), "run tells it in its log"
    assert started[0] == started[1]


def test_packages_are_found_by_the_former_variable(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    caplog: pytest.LogCaptureFixture,
) -> None:
    wanted = outcome(capsys, "model", "list")
    monkeypatch.delenv("STREAMSEG_MODEL_PATH")
    monkeypatch.setenv("STREAMSEG_ENGINES", str(tmp_path / "packages"))
    package._tell_former_variable.cache_clear()
    assert outcome(capsys, "model", "list") == wanted
    assert caplog.messages == [f"configuration: {renamed('$STREAMSEG_ENGINES', '$STREAMSEG_MODEL_PATH')}"]
