"""The unit files: what systemd thinks of them, and what they must say for the daemon's promises to hold."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path

import pytest

from streamseg.config.load import load
from streamseg.config.schema import DaemonConfig
from streamseg.errors import EXIT_CONFIG

ROOT = Path(__file__).resolve().parents[2]
UNITS = ("streamseg.service", "streamseg@.service")
PREFIX = "/opt/streamseg"
EXPOSURE = 20  # tenths: 2.0

needs_systemd = pytest.mark.skipif(
    shutil.which("systemd-analyze") is None, reason="systemd-analyze is not installed (tests/parts/apt.txt)"
)


def text(unit: str) -> str:
    return (ROOT / "systemd" / unit).read_text(encoding="utf-8")


def settings(unit: str) -> list[tuple[str, str]]:
    """Every `key=value`, in order; a key may stand several times."""
    return re.findall(r"^(\w+)=(.*)$", text(unit), re.MULTILINE)


def value(unit: str, key: str) -> str:
    (found,) = (value for name, value in settings(unit) if name == key)
    return found


@pytest.fixture
def installed(tmp_path: Path) -> list[str]:
    """The units as on a machine where the command is there: both, and an instance."""
    command = tmp_path / "bin" / "streamseg"
    command.parent.mkdir()
    command.write_text("#!/bin/sh\n", encoding="utf-8")
    command.chmod(0o755)
    for unit in UNITS:
        (tmp_path / unit).write_text(text(unit).replace(PREFIX, str(tmp_path)), encoding="utf-8")
    shutil.copy(tmp_path / "streamseg@.service", tmp_path / "streamseg@gates.service")
    return [str(tmp_path / name) for name in (*UNITS, "streamseg@gates.service")]


@pytest.mark.parametrize("unit", UNITS)
def test_a_builder_that_takes_too_much_memory_does_not_end_the_daemon(unit: str) -> None:
    assert value(unit, "OOMPolicy") == "continue"


@pytest.mark.real
@needs_systemd
def test_systemd_finds_nothing_to_say(installed: list[str]) -> None:
    verify = ["systemd-analyze", "verify", "--man=no", *installed]
    done = subprocess.run(verify, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout + done.stderr) == (0, "")  # it ends with 0 on unknown keys


@pytest.mark.real
@needs_systemd
def test_the_exposure_is_at_most_2(installed: list[str]) -> None:
    rate = ["systemd-analyze", "security", "--offline=true", f"--threshold={EXPOSURE}", "--no-pager"]
    done = subprocess.run([*rate, *installed[:2]], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout
    assert len(re.findall(r"Overall exposure level", done.stdout)) == 2


def test_the_template_is_the_service_but_for_its_folders() -> None:
    one, many = (dict.fromkeys(settings(unit)) for unit in UNITS)
    differs = {key for key, _ in one.keys() ^ many.keys()}
    assert differs == {
        "Description",
        "ExecStart",
        "EnvironmentFile",
        "StateDirectory",
        "CacheDirectory",
        "RuntimeDirectory",
    }


def test_an_instance_keeps_out_of_the_folder_that_goes_with_another_service() -> None:
    assert value("streamseg.service", "RuntimeDirectory") == "streamseg"
    assert "/" not in value("streamseg@.service", "RuntimeDirectory")


@pytest.mark.parametrize("unit", UNITS)
def test_what_a_bad_configuration_ends_with_is_not_started_again(unit: str) -> None:
    assert value(unit, "RestartPreventExitStatus") == str(EXIT_CONFIG)
    assert value(unit, "Restart") == "on-failure"
    assert value(unit, "StartLimitIntervalSec") == "0"


@pytest.mark.parametrize("unit", UNITS)
def test_systemd_waits_longer_than_the_daemon(unit: str) -> None:
    assert float(value(unit, "TimeoutStopSec")) > DaemonConfig().stop_timeout_s


@pytest.mark.parametrize("unit", UNITS)
def test_a_reload_waits_for_the_daemons_own_verdict(unit: str) -> None:
    """It leaves that in the runtime directory, which systemd tells both of."""
    command, *arguments = value(unit, "ExecReload").split()
    assert command == value(unit, "ExecStart").split()[0]
    assert arguments == ["reload", "$MAINPID"]
    assert value(unit, "RuntimeDirectory") != ""


def test_the_first_configuration_is_one() -> None:
    config = load(ROOT / "configs" / "service.yaml", {})
    assert f"ipc:///run/{value('streamseg.service', 'RuntimeDirectory')}/masks" in config.publish.bind


@pytest.mark.parametrize("unit", UNITS)
def test_who_may_connect_to_the_socket_need_not_read_the_configuration(unit: str) -> None:
    """The socket gets the group of the process; the folder of the configuration has another."""
    (owner,) = set(
        re.findall(r"^d /etc/streamseg\S* +0750 root (\S+)$", text("streamseg.tmpfiles"), re.MULTILINE)
    )
    clients = value(unit, "Group")
    assert clients != owner
    assert owner in value(unit, "SupplementaryGroups").split()
    assert value(unit, "UMask") == "0007"
    assert {key: value(unit, f"{key}DirectoryMode") for key in ("State", "Cache", "Runtime")} == {
        "State": "0700",
        "Cache": "0700",
        "Runtime": "0750",
    }
    assert f"members of the group {clients}" in (ROOT / "configs" / "service.yaml").read_text(
        encoding="utf-8"
    )


def test_the_user_has_the_groups_the_units_name() -> None:
    made = re.findall(r"^[ug]\s+(\S+)", text("streamseg.sysusers"), re.MULTILINE)
    for unit in UNITS:
        groups = {value(unit, "User"), value(unit, "Group"), *value(unit, "SupplementaryGroups").split()}
        assert groups <= set(made)
