"""What systemd hears, look by look."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from streamseg.daemon.process.notify import Notifier
from streamseg.daemon.process.progress import PATIENCE_S, Progress
from streamseg.daemon.process.service import TELL_S, Service
from streamseg.types import StreamState
from tests.fakes.systemd import Manager
from tests.status.clock import Clock

NO_MASK = {"gate": Progress(StreamState.RUNNING)}
STUCK = {"gate": Progress(StreamState.RUNNING, handled=9, waiting=True, masks=9)}
READY_S = 30.0


class Bench:
    """A service, the time, and who listens."""

    def __init__(self, manager: Manager, watchdog_s: float | None) -> None:
        self.manager, self.clock = manager, Clock()
        self.service = Service(Notifier(manager.address), watchdog_s, self.clock)

    def look(self, seen: dict[str, Progress], line: str = "1 streams", after_s: float = 1.0) -> None:
        self.clock.now_s += after_s
        self.service.look(seen, line, READY_S)

    def heard(self) -> list[dict[str, str]]:
        """Everything up to now."""
        self.service.stopping()
        return [told.fields for told in self.manager.until("STOPPING")][:-1]


@pytest.fixture
def manager(tmp_path: Path) -> Iterator[Manager]:
    with Manager(str(tmp_path / "notify")) as manager:
        yield manager


@pytest.fixture
def bench(manager: Manager) -> Bench:
    return Bench(manager, None)


def test_ready_with_the_first_mask_and_once(bench: Bench, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("INFO")
    bench.look(NO_MASK)
    bench.look(STUCK, "one line")
    bench.look(STUCK, "one line")
    assert bench.heard() == [{"READY": "1", "STATUS": "one line"}, {"STATUS": "one line"}]
    assert "ready after 2.0 s; one line" in caplog.text


def test_degraded_is_ready_too_and_is_said(bench: Bench, caplog: pytest.LogCaptureFixture) -> None:
    bench.look(NO_MASK, "one line", after_s=READY_S)
    assert bench.heard()[0] == {"READY": "1", "STATUS": "one line"}
    (record,) = caplog.records
    assert record.levelname == "WARNING"
    assert "degraded: no mask within 30 s" in record.getMessage()


def test_the_line_is_told_when_it_is_news_and_not_too_often(bench: Bench) -> None:
    for line in ("a", "b", "c", "c"):
        bench.look(NO_MASK, line, after_s=TELL_S)
    for line in ("d", "e"):
        bench.look(NO_MASK, line, after_s=TELL_S / 2)
    assert [told["STATUS"] for told in bench.heard()] == ["a", "b", "c", "d"]


def test_a_sign_of_life_as_long_as_something_gets_on(
    manager: Manager, caplog: pytest.LogCaptureFixture
) -> None:
    bench, signs = Bench(manager, 30.0), 0
    for _ in range(int(PATIENCE_S) + 5):
        bench.look(STUCK)
        signs += bench.heard().count({"WATCHDOG": "1"})
    assert signs == PATIENCE_S + 1
    assert caplog.text.count("no stream gets on") == 1


def test_a_reload_begins_and_ends(bench: Bench) -> None:
    bench.look(STUCK)
    bench.service.reloading()
    bench.service.reloaded("all well")
    _, begun, through = bench.heard()
    assert begun["RELOADING"] == "1"
    assert through == {"READY": "1", "STATUS": "all well"}


def test_a_reload_in_the_middle_of_the_start_does_not_end_it(bench: Bench) -> None:
    bench.service.reloading()
    bench.service.reloaded("all well")
    told = bench.heard()
    assert not any("READY" in one for one in told)
    assert told[-1] == {"STATUS": "all well"}
