"""The installed service under a real systemd: start, reload, watchdog, crash and stop, in its sandbox."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest

from streamseg.errors import EXIT_CONFIG
from tests.parts.guest import Guest
from tests.waiting import time_limit, wait_for

pytestmark = [pytest.mark.real, pytest.mark.timeout(time_limit(400))]
UNIT = "streamseg.service"
CONFIG = "/etc/streamseg/streamseg.yaml"
DROP_IN = "/run/systemd/system/streamseg.service.d"
START_S = time_limit(100)

ADDRESS = "ipc:///run/streamseg/masks"
STREAMS = f"""
publish:
  bind: {ADDRESS}
streams:
  one: {{source: "lavfi:testsrc2=size=96x64:rate=5"}}
"""
TWO = f'{STREAMS}  two: {{source: "lavfi:testsrc2=size=96x64:rate=5"}}\n'


@pytest.fixture
def service(guest: Guest) -> Guest:
    """Running with one stream; where it runs already it is only put back to that."""
    changed = guest.run("cat", CONFIG).stdout != STREAMS
    guest.write(CONFIG, STREAMS)
    if not active(guest):
        guest.run("systemctl", "start", UNIT)
    elif changed:
        guest.run("systemctl", "reload", UNIT)
        wait_for(lambda: active(guest), what="the end of the reload")
    return guest


@pytest.fixture
def stopped(guest: Guest) -> Iterator[Guest]:
    """Not running, neither before nor after."""
    guest.run("systemctl", "stop", UNIT)
    yield guest
    guest.run("systemctl", "stop", UNIT)
    guest.run("systemctl", "reset-failed", UNIT, check=False)


@pytest.fixture
def watched(stopped: Guest) -> Iterator[Guest]:
    """Not running yet, and with a watchdog that does not wait long."""
    stopped.write(CONFIG, STREAMS)
    stopped.run("mkdir", "-p", DROP_IN)
    stopped.write(f"{DROP_IN}/soon.conf", "[Service]\nWatchdogSec=5\nTimeoutAbortSec=2\nRestartSec=100ms\n")
    stopped.run("systemctl", "daemon-reload")
    yield stopped
    stopped.run("rm", "-r", DROP_IN)
    stopped.run("systemctl", "daemon-reload")


def active(guest: Guest, unit: str = UNIT) -> bool:
    return guest.show(unit, "ActiveState") == "active"


def mask_of(guest: Guest, stream: str, address: str = ADDRESS) -> dict[str, object]:
    """The header of the next mask of a stream, as `streamseg watch` in there tells it."""
    watch = ("streamseg", "watch", address, "--stream", stream, "--count", "1", "--json", "--timeout", "60")
    header: dict[str, object] = json.loads(guest.run(*watch).stdout)
    return header


def test_started_is_ready_and_says_how_it_does(service: Guest) -> None:
    assert active(service)
    assert service.show(UNIT, "SubState") == "running"
    assert service.show(UNIT, "StatusText") != ""
    assert mask_of(service, "one")["stream"] == "one"


def test_its_folders_are_its_own(service: Guest) -> None:
    told = service.run(
        "stat", "-c", "%n %U:%G %a", "/var/lib/streamseg", "/var/cache/streamseg", "/run/streamseg"
    )
    assert told.stdout.splitlines() == [
        "/var/lib/streamseg streamseg:streamseg-clients 700",
        "/var/cache/streamseg streamseg:streamseg-clients 700",
        "/run/streamseg streamseg:streamseg-clients 750",
    ]
    assert service.run("find", "/var/cache/streamseg", "-type", "f").stdout, "compiled models are kept"
    assert service.run("find", "/var/lib/streamseg", "-type", "f").stdout == ""


def test_a_reload_takes_the_changed_configuration(service: Guest) -> None:
    pid, epoch = service.show(UNIT, "MainPID"), mask_of(service, "one")["epoch"]
    service.write(CONFIG, TWO)
    service.run("systemctl", "reload", UNIT)
    assert mask_of(service, "two")["epoch"] == epoch
    assert service.show(UNIT, "MainPID") == pid
    wait_for(lambda: active(service), what="the end of the reload")


def test_a_reload_of_a_mistake_says_so_and_changes_nothing(service: Guest) -> None:
    pid = service.show(UNIT, "MainPID")
    service.write(CONFIG, STREAMS.replace("source", "sauce"))
    assert service.run("systemctl", "reload", UNIT, check=False).returncode != 0
    assert "did you mean 'source'" in service.journal(UNIT)
    assert active(service)
    assert "the last reload was refused: " in service.show(UNIT, "StatusText")
    assert service.show(UNIT, "MainPID") == pid
    assert mask_of(service, "one")["stream"] == "one"


def test_who_may_connect_may_not_read_the_configuration(service: Guest) -> None:
    client = ("setpriv", "--reuid=nobody", "--regid=nogroup", "--groups=streamseg-clients")
    watch = ("streamseg", "watch", ADDRESS, "--stream", "one", "--count", "1", "--json", "--timeout", "60")
    assert json.loads(service.run(*client, *watch).stdout)["stream"] == "one"
    assert service.run(*client, "cat", CONFIG, check=False).returncode != 0


def test_the_configuration_is_checked_with_the_variables_of_the_service(service: Guest) -> None:
    service.write("/etc/streamseg/streamseg.env", "LATER='testsrc2=size=96x64:rate=5'\n")
    service.write(CONFIG, STREAMS + '  later: {source: "lavfi:${LATER}"}\n')
    check = ("streamseg", "config", "check", CONFIG)
    done = service.run(*check, check=False)
    assert done.returncode == EXIT_CONFIG
    assert "add --env-file /etc/streamseg/streamseg.env" in done.stderr
    assert service.run(*check, "--env-file", "/etc/streamseg/streamseg.env").returncode == 0
    service.run("rm", "/etc/streamseg/streamseg.env")


def test_a_daemon_that_was_killed_comes_back_on_the_same_socket(service: Guest) -> None:
    epoch, pid = mask_of(service, "one")["epoch"], service.show(UNIT, "MainPID")
    service.run("systemctl", "kill", "--signal=KILL", UNIT)
    wait_for(lambda: active(service) and service.show(UNIT, "MainPID") != pid, START_S, "the new daemon")
    assert mask_of(service, "one")["epoch"] != epoch


def test_the_journal_knows_what_wants_attention(service: Guest) -> None:
    service.write(CONFIG, f"{STREAMS}  gone: {{source: /nowhere.mp4, required: false}}\n")
    service.run("systemctl", "reload", UNIT)
    loud = ("journalctl", "--no-pager", "--output", "cat", "--unit", UNIT, "--priority", "warning")
    wait_for(lambda: "WARNING gone: failed" in service.run(*loud).stdout, what="the warning")
    assert "INFO" not in service.run(*loud).stdout


def test_the_stacks_of_all_threads_can_be_asked_for(service: Guest) -> None:
    service.run("systemctl", "kill", "--kill-whom=main", "--signal=USR1", UNIT)
    wait_for(lambda: "thread capture-one is at: " in service.journal(UNIT), what="the stacks")
    assert active(service)


def test_its_stop_is_clean_and_in_time(service: Guest) -> None:
    mask_of(service, "one")
    service.run("systemctl", "stop", UNIT)
    shown = [service.show(UNIT, key) for key in ("ActiveState", "Result", "ExecMainStatus")]
    assert shown == ["inactive", "success", "0"]
    assert service.run("test", "-e", "/run/streamseg", check=False).returncode != 0


@pytest.mark.parametrize("backend", ["openvino", "onnxruntime"])
def test_every_backend_works_in_the_sandbox(stopped: Guest, backend: str) -> None:
    stopped.write(CONFIG, f"engine: {{backend: {backend}, fallback: false}}{STREAMS}")
    stopped.run("systemctl", "start", UNIT)
    assert mask_of(stopped, "one")["stream"] == "one"


def test_the_watchdog_lets_live_what_works_and_replaces_what_hangs(watched: Guest) -> None:
    watched.run("systemctl", "start", UNIT)
    since_us, pid = int(watched.show(UNIT, "ActiveEnterTimestampMonotonic")), watched.show(UNIT, "MainPID")

    def alive_s() -> float:
        return (int(watched.show(UNIT, "WatchdogTimestampMonotonic")) - since_us) / 1e6

    wait_for(lambda: alive_s() > 6, 60, "a sign of life beyond the limit")
    assert watched.show(UNIT, "MainPID") == pid
    watched.run("systemctl", "kill", "--kill-whom=main", "--signal=STOP", UNIT)
    wait_for(lambda: active(watched) and watched.show(UNIT, "MainPID") != pid, START_S, "the new daemon")
    assert "Watchdog timeout" in watched.journal(UNIT)


def test_a_bad_configuration_is_not_tried_again(stopped: Guest) -> None:
    stopped.write(CONFIG, "streams: {}\n")
    assert stopped.run("systemctl", "start", UNIT, check=False).returncode != 0
    wait_for(lambda: stopped.show(UNIT, "ActiveState") == "failed", what="the verdict")
    assert stopped.show(UNIT, "ExecMainStatus") == str(EXIT_CONFIG)
    assert stopped.show(UNIT, "NRestarts") == "0"


def test_a_group_of_cameras_is_a_service_of_its_own(guest: Guest) -> None:
    address = "ipc:///run/streamseg-gates/masks"
    guest.write("/etc/streamseg/gates.yaml", "engine: {precision: f32}" + STREAMS.replace(ADDRESS, address))
    guest.run("systemctl", "start", "streamseg@gates")
    assert mask_of(guest, "one", address)["stream"] == "one"
    assert guest.run("stat", "-c", "%U", "/var/cache/streamseg/gates").stdout.strip() == "streamseg"
    guest.run("systemctl", "stop", "streamseg@gates")
