"""What the daemon lives through, what ends it, and with which exit code."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from typing import Any

import pytest

from streamseg.concurrency.deadline import Deadline
from streamseg.daemon import app, packages
from streamseg.daemon.stream_manager import StreamManager
from streamseg.daemon.supervisor import Supervisor
from streamseg.errors import EXIT_CONFIG, EXIT_OK, EXIT_UNEXPECTED, ConfigError, EngineError, PackageError
from streamseg.publish.publisher import Publisher
from streamseg.types import StreamState
from tests.daemon.bench import Engines
from tests.daemon.scene import PATIENCE_S, WHITE, Scene, config, source
from tests.fakes.engine import fake_package
from tests.waiting import wait_for

GATE = {"source": source()}
YARD = {"source": source()}


@pytest.fixture
def engines(monkeypatch: pytest.MonkeyPatch) -> Engines:
    monkeypatch.setattr(packages, "open_package", lambda *_: fake_package())
    return Engines(monkeypatch)


@pytest.fixture
def begin(engines: Engines) -> Iterator[Any]:
    scenes: list[Scene] = []

    def start(**streams: Any) -> Scene:
        scenes.append(Scene(engines, streams))
        scenes[-1].start()
        return scenes[-1]

    yield start
    for scene in scenes:
        scene.desk.end()
        scene.watcher.join(PATIENCE_S)
        scene.daemon.stop()


def fail(*_: object, **__: object) -> None:
    raise ZeroDivisionError("a bug")


def test_a_package_that_is_wrong_from_the_start_ends_it_for_good(begin: Any, engines: Engines) -> None:
    engines.script = [PackageError("a damaged graph")]
    scene = begin(gate=GATE)
    scene.watcher.join(PATIENCE_S)
    assert scene.daemon.exit_code == EXIT_CONFIG


def test_after_it_has_served_nothing_ends_it_with_what_systemd_does_not_start_again(
    begin: Any, engines: Engines
) -> None:
    """Its engine fails, and the package on disk was damaged meanwhile."""
    scene = begin(gate=GATE)
    scene.goes_on()
    engines.script = [PackageError("a damaged graph")] * 9
    scene.reload(config({"gate": {"source": WHITE}}))
    scene.watcher.join(PATIENCE_S)
    assert not scene.watcher.is_alive()
    assert scene.daemon.exit_code == EXIT_UNEXPECTED
    assert "a damaged graph" in str(scene.daemon.error)
    assert scene.daemon.error is not None
    assert scene.daemon.error.exit_code == EXIT_UNEXPECTED


def test_an_error_of_ours_in_a_step_of_a_reload_costs_that_step_and_is_tried_again(
    begin: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    scene = begin(gate=GATE)
    scene.goes_on()
    with monkeypatch.context() as patch:
        patch.setattr(StreamManager, "add", fail)
        scene.reload(config({"gate": GATE, "yard": YARD}))
    scene.goes_on()
    assert scene.desk.errors.counts()["reload_step"] == 1
    scene.reload(config({"gate": GATE, "yard": YARD}))
    scene.goes_on("yard")


def test_a_stream_that_cannot_be_begun_anew_for_an_error_of_ours_is_tried_again(
    begin: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    scene = begin(gate=GATE, yard=YARD)
    scene.goes_on("gate")
    scene.goes_on("yard")
    real, broken = StreamManager.renew, [True]

    def renew(streams: StreamManager, *what: Any) -> None:
        if broken:
            broken.clear()
            fail()
        real(streams, *what)

    monkeypatch.setattr(StreamManager, "renew", renew)
    other = {"source": source("lavfi:testsrc2=size=32x24:rate=50")}
    told: list[str] = []
    scene.daemon.events.stream_state.connect(
        lambda change: told.append(f"{change.stream} {change.state} {change.reason}")
    )
    scene.reload(config({"gate": GATE, "yard": other}))
    scene.goes_on("yard")
    assert "yard backoff crash" in told
    assert not [what for what in told if what.startswith("gate")]


def test_a_look_at_the_daemon_that_fails_is_counted_and_it_goes_on(
    begin: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    scene = begin(gate=GATE)
    monkeypatch.setattr("streamseg.daemon.status_text.overview", fail)
    wait_for(lambda: scene.desk.errors.counts()["watch"] > 0, PATIENCE_S)
    scene.goes_on()


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (
            ConfigError(["c.yaml:3: streams.gate.sorce: is not a known key", "c.yaml:9: more"]),
            "c.yaml:3: streams.gate.sorce: is not a known key (and 1 more, see the log)",
        ),
        (EngineError("no"), "no"),
        (
            ZeroDivisionError(),
            "unexpected failure; please report it with its traceback",
        ),
    ],
)
def test_a_refused_reload_is_in_the_status_until_one_goes_through(
    begin: Any, error: Exception, said: str
) -> None:
    scene = begin(gate=GATE)
    scene.goes_on()
    scene.reload(error)
    assert scene.daemon._overview({}).endswith(f"the last reload was refused: {said}")
    scene.reload(config({"gate": GATE}))
    assert "refused" not in scene.daemon._overview({})
    scene.goes_on()


def test_keys_that_take_a_restart_are_in_the_status_until_they_are_as_before(begin: Any) -> None:
    scene = begin(gate=GATE)
    before = config({"gate": GATE})
    wanted = before.model_copy(update={"publish": before.publish.model_copy(update={"hwm": 9})})
    scene.reload(wanted)
    assert scene.daemon._overview({}).endswith("restart to change publish.hwm")
    scene.reload(before)
    assert "restart" not in scene.daemon._overview({})


def test_file_descriptors_that_run_out_are_in_the_status(begin: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    scene = begin(gate=GATE)
    used = [995]
    monkeypatch.setattr(scene.daemon._descriptors, "_in_use", lambda: used[0])
    monkeypatch.setattr(scene.daemon._descriptors, "_limit", lambda: 1000)
    wait_for(lambda: "degraded: 995 of 1000 file descriptors" in scene.daemon._overview({}), PATIENCE_S)
    scene.goes_on()
    used[0] = 25
    wait_for(lambda: "descriptors" not in scene.daemon._overview({}), PATIENCE_S)


def test_a_source_that_cannot_be_fails_though_its_engine_is_not_there_yet(
    begin: Any, engines: Engines
) -> None:
    engines.gate.clear()
    scene = begin(gate=GATE, gone={"source": {"url": "/nowhere.mp4"}}, odd={"source": {"url": "gopher://h"}})
    for stream in ("gone", "odd"):
        wait_for(lambda stream=stream: scene.state(stream) is StreamState.FAILED, PATIENCE_S)  # type: ignore[misc]
    assert scene.state("gate") is StreamState.CONNECTING
    engines.gate.set()
    scene.goes_on()


@pytest.mark.parametrize("late", ["streams", "publisher", "status"])
def test_who_is_late_at_the_stop_is_named_and_changes_no_exit_code(
    begin: Any, monkeypatch: pytest.MonkeyPatch, late: str
) -> None:
    scene = begin(gate=GATE)
    scene.goes_on()
    daemon = scene.daemon
    names = {"streams": "capture-gate", "publisher": "publisher", "status": "status"}
    part = {
        "streams": daemon._assembly.streams.get("gate"),
        "publisher": daemon._publisher,
        "status": daemon._showing,
    }[late]
    with monkeypatch.context() as patch:
        patch.setattr(part, "join", lambda _: False)
        scene.desk.end()
        scene.watcher.join(PATIENCE_S)  # as in the program: who watches stops, and looks no more
        assert not daemon.stop()
        assert daemon.running_threads == [names[late]]
        assert daemon.exit_code == EXIT_OK


def test_the_publisher_has_time_of_its_own_when_streams_use_up_theirs(
    begin: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    scene = begin(gate=GATE)
    scene.goes_on()
    left: dict[str, float] = {}

    def note(name: str, part: Supervisor | Publisher) -> None:
        join = part.join

        def timed(deadline: Deadline) -> bool:
            left[name] = deadline.seconds
            return join(deadline)

        monkeypatch.setattr(part, "join", timed)

    note("streams", scene.daemon._assembly)
    note("publisher", scene.daemon._publisher)
    scene.desk.end()
    assert scene.daemon.stop()
    assert left["streams"] < left["publisher"] == scene.daemon.stop_timeout_s


@pytest.mark.parametrize(("code", "error"), [(EXIT_OK, None), (EXIT_CONFIG, ConfigError(["no"]))])
def test_the_process_ends_with_the_code_of_the_stop_whoever_is_late(
    engines: Engines, monkeypatch: pytest.MonkeyPatch, code: int, error: Exception | None
) -> None:
    ended: list[object] = []

    def abandon(_: float, threads: list[str], code: int) -> None:
        ended.extend([threads, code])

    monkeypatch.setattr(app, "abandon", abandon)
    scene = Scene(engines, {"gate": GATE})
    stop = scene.daemon.stop
    monkeypatch.setattr(scene.daemon, "stop", lambda: stop() and False)
    if error is not None:
        monkeypatch.setattr(app, "open_packages", lambda _: (_ for _ in ()).throw(error))
    threading.Timer(0.0, scene.desk.end).start()
    app._live(scene.daemon)
    assert ended == [[], code]
