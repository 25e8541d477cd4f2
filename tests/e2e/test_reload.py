"""SIGHUP and SIGUSR1 to a daemon at work, and what systemd and a subscriber see of it."""

from __future__ import annotations

import json
import signal
import socket
import subprocess
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from streamseg.client.subscription import Mask, Subscription, subscribe
from tests.e2e.conftest import Start
from tests.fakes.packages import Tiny, make_package
from tests.fakes.systemd import Manager
from tests.waiting import time_limit, wait_for

RATE_HZ = 5


def source(size: str = "96x64") -> dict[str, Any]:
    """Unpaced: a frame waits until it is taken, so whatever is lost was lost by the daemon."""
    return {"url": f"lavfi:testsrc2=size={size}:rate={RATE_HZ}", "pace": False}


class Service:
    """A daemon started as systemd would, with its configuration and everything it says."""

    def __init__(self, start: Start, folder: Path, manager: Manager) -> None:
        self.address, self.manager = f"ipc://{folder}/masks", manager
        self._path = folder / "c.yaml"
        self.write({"gate": {"source": source()}, "yard": {"source": source()}})
        self.process: subprocess.Popen[str] = start("run", str(self._path))
        self.said: list[str] = []
        self._reader = threading.Thread(target=self._read)
        self._reader.start()

    def _read(self) -> None:
        assert self.process.stderr is not None
        self.said += iter(self.process.stderr.readline, "")

    def write(self, streams: dict[str, Any], **more: Any) -> None:
        document = {
            "engine": {"model": "tiny"},
            "publish": {"bind": self.address},
            "streams": streams,
            **more,
        }
        self._path.write_text(json.dumps(document), encoding="utf-8")

    def spoil(self) -> None:
        self._path.write_text("streams: {gate: {sorce: x}}\nengine: {threads: -1}\n", encoding="utf-8")

    def reload(self) -> list[dict[str, str]]:
        """Returns what systemd is told from the beginning of the reload to its end."""
        self.process.send_signal(signal.SIGHUP)
        list(self.manager.until("RELOADING"))
        return [told.fields for told in self.manager.until("READY")]

    def hears(self, text: str) -> None:
        wait_for(lambda: text in "".join(self.said), 60, f"{text!r} in the log")

    def end(self) -> int:
        self.process.send_signal(signal.SIGTERM)
        list(self.manager.until("STOPPING"))
        code = self.process.wait(time_limit(60))
        self._reader.join()
        return code


@pytest.fixture
def manager(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Manager]:
    with Manager(str(tmp_path / "notify")) as manager:
        monkeypatch.setenv("NOTIFY_SOCKET", manager.address)
        monkeypatch.setenv("WATCHDOG_USEC", "30000000")
        yield manager


@pytest.fixture
def runtime(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The service's runtime directory, as systemd makes it."""
    folder = tmp_path / "run"
    folder.mkdir()
    monkeypatch.setenv("RUNTIME_DIRECTORY", str(folder))
    return folder


@pytest.fixture
def service(manager: Manager, runtime: Path, start: Start, tmp_path: Path) -> Iterator[Service]:
    service = Service(start, tmp_path, manager)
    list(manager.until("READY", 60))
    yield service
    service.process.kill()
    service._reader.join()


def masks(service: Service) -> Subscription:
    return subscribe(service.address, latest=False, timeout_s=time_limit(60))


def until(found: Subscription, wanted: Any) -> list[Mask]:
    """Masks up to the first that is wanted."""
    seen = [next(found)]
    while not wanted(seen[-1]):
        seen.append(next(found))
    return seen


def test_a_reload_changes_what_differs_and_a_mistake_nothing(service: Service) -> None:
    with masks(service) as found:
        until(found, lambda mask: mask.stream == "gate" and mask.seq > 3)
        service.write({"gate": {"source": source()}, "hall": {"source": source("64x96")}})
        told = service.reload()
        assert " streams: " in told[-1]["STATUS"]  # of which `hall` may still start, or run already
        assert "refused" not in told[-1]["STATUS"]
        seen = until(found, lambda mask: mask.stream == "hall")
        service.spoil()
        told = service.reload()
        assert "the last reload was refused: " in told[-1]["STATUS"]
        assert "streams.gate.sorce: is not a known key" in told[-1]["STATUS"]
        after = found.statuses["yard"]
        assert (after.state, after.reason) == ("ended", "removed")
        last = seen[-1].seq
        seen += until(found, lambda mask: mask.stream == "gate" and mask.seq > last + 5)
        gate = [mask for mask in seen if mask.stream == "gate"]
        assert not any(mask.reset for mask in gate)
        until(found, lambda mask: mask.stream == "hall")
    service.hears("streams.gate.sorce: is not a known key")
    service.hears("engine.threads")
    service.hears("refused; everything goes on as before")
    service.process.send_signal(signal.SIGUSR1)
    service.hears("thread engine-default is at:")
    service.hears("thread capture-hall is at:")
    assert any(told.fields == {"WATCHDOG": "1"} for told in service.manager.until("WATCHDOG"))
    assert service.end() == 0
    assert "Traceback" not in "".join(service.said)


def test_the_command_that_asks_for_a_reload_learns_what_came_of_it(
    service: Service, start: Start, runtime: Path
) -> None:
    def reload() -> tuple[int, str]:
        command = start("reload", str(service.process.pid))
        _, said = command.communicate(timeout=time_limit(60))
        return command.returncode, said

    assert (runtime / "reload.json").exists() is False
    assert reload() == (0, "")
    service.spoil()
    code, said = reload()
    assert code == 78
    assert "streams.gate.sorce: is not a known key" in said
    assert "everything goes on as before" in said
    service.write({"gate": {"source": source()}})
    assert reload() == (0, "")
    assert service.end() == 0


def test_an_address_that_is_taken_refuses_the_reload_and_the_old_one_stays(
    service: Service, start: Start, runtime: Path
) -> None:
    assert runtime.is_dir()
    with socket.create_server(("127.0.0.1", 0)) as other, masks(service) as found:
        address = f"tcp://127.0.0.1:{other.getsockname()[1]}"
        service.write({"hall": {"source": source()}}, publish={"bind": address})
        command = start("reload", str(service.process.pid))
        _, said = command.communicate(timeout=time_limit(60))
        assert command.returncode != 0
        assert f"cannot bind {address}" in said
        told = list(service.manager.until("READY"))
        assert "the last reload was refused: " in told[-1].fields["STATUS"]
        assert f"cannot bind {address}" in told[-1].fields["STATUS"]
        until(found, lambda mask: mask.stream == "gate")
        until(found, lambda mask: mask.stream == "yard")
    assert service.end() == 0


def test_another_engine_takes_over_without_a_gap(service: Service, tmp_path: Path) -> None:
    other = make_package(tmp_path / "other", Tiny(size_wh=(96, 64))).path
    with masks(service) as found:
        until(found, lambda mask: mask.stream == "gate" and mask.seq > 3)
        service.write(
            {"gate": {"source": source()}, "yard": {"source": source()}}, engine={"model": str(other)}
        )
        service.reload()
        seen = until(found, lambda mask: mask.stream == "gate" and mask.labels.shape == (64, 96))
        last = seen[-1].seq
        seen += until(found, lambda mask: mask.stream == "gate" and mask.seq > last + 5)
        assert found.info is not None
    for name in ("gate", "yard"):
        made = [mask for mask in seen if mask.stream == name]
        first = next(mask for mask in made if mask.labels.shape == (64, 96))
        assert first.reset
        assert [mask.seq for mask in made if mask.reset] == [first.seq]
        assert len({mask.header.frame_seq - mask.seq for mask in made}) == 1, "a frame without a mask"
    service.hears("engine default: the new one took over")
    assert service.end() == 0
