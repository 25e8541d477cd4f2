"""Callbacks of every event raise while a daemon lives on: no thread ends, no stream stops."""

from __future__ import annotations

import signal
from collections.abc import Iterator, Mapping

import pytest

from streamseg.capture.source import FFmpegInput, describe
from streamseg.client.subscription import subscribe
from streamseg.config.schema import SourceConfig
from streamseg.daemon import packages
from streamseg.daemon.engine.state import EngineState
from streamseg.daemon.events import Events
from streamseg.daemon.process.signals import handle_signals
from streamseg.errors import EngineError
from streamseg.publish.publisher import Publisher
from streamseg.status.registry import StatusRegistry
from streamseg.status.web.server import StatusServer
from streamseg.types import StreamState
from tests.daemon.bench import Engines
from tests.daemon.scene import PATIENCE_S, WHITE, Scene, config, source
from tests.fakes.engine import fake_package
from tests.waiting import wait_for

EVENTS = [event.name for event in Events().all()]
BROKEN = "lavfi:broken"  # a capture of it dies of an error of ours
SHORT = source("lavfi:testsrc2=size=64x48:rate=50:duration=0.1")


def fail(*_: object) -> None:
    raise ZeroDivisionError("a bug in a callback")


@pytest.fixture(scope="module")
def patch() -> Iterator[pytest.MonkeyPatch]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(packages, "open_package", lambda *_: fake_package())

        def describe_or_die(wanted: SourceConfig) -> FFmpegInput:
            if wanted.url == BROKEN:
                fail()
            return describe(wanted)

        patch.setattr("streamseg.capture.capture.describe", describe_or_die)
        yield patch


@pytest.fixture(scope="module")
def errors(patch: pytest.MonkeyPatch) -> Mapping[str, int]:
    """How often a callback of each event raised, in a life that has everything."""
    scene = Scene(Engines(patch), {"gate": {"source": source()}, "short": {"source": SHORT}})
    events = scene.daemon.events
    for event in events.all():
        event.connect(fail)
    scene.start()
    with subscribe(scene.daemon._publisher.addresses[0], timeout_s=PATIENCE_S) as masks:
        next(masks)
        scene.goes_on()
        wait_for(lambda: events.errors.counts()["stream_drained"] > 0, PATIENCE_S, "the end of `short`")
        _live_through_everything(scene)
    with handle_signals(events.stop_requested, events.reload_requested, events.stacks_requested):
        for number in (signal.SIGHUP, signal.SIGUSR1, signal.SIGTERM):
            signal.raise_signal(number)  # in this thread: none is on its way when the old handlers come back
        wait_for(lambda: events.errors.counts()["stop_requested"] > 0, PATIENCE_S, "the signals")
    scene.goes_on()
    scene.end()
    return events.errors.counts()


def _live_through_everything(scene: Scene) -> None:
    gate = {"source": source(), "encoding": "raw"}
    glare, broken = {"source": WHITE}, {"source": source(BROKEN)}
    blind = {"source": WHITE, "engine": "second"}
    scene.reload(config({"gate": gate, "glare": glare, "broken": broken}))  # and without `short`
    for stream in ("glare", "broken"):
        wait_for(lambda stream=stream: scene.state(stream) is StreamState.FAILED, PATIENCE_S, stream)  # type: ignore[misc]
    scene.goes_on()
    scene.reload(config({"gate": gate, "blind": blind}, second="small"))
    second = scene.daemon._assembly._keepers["second"]
    wait_for(lambda: second.state is EngineState.FAILED, PATIENCE_S, "the end of the second engine")
    scene.engines.script = [EngineError("no such device")]
    scene.reload(config({"gate": gate}, main="large"))
    scene.daemon._assembly.config = config({"gate": gate})
    main = scene.daemon._assembly._keepers["main"]
    main.replace(main.config.model_copy(update={"threads": 1}), fake_package((32, 24)))
    wait_for(lambda: main.config.threads == 1, PATIENCE_S, "the swap")
    scene.goes_on()


@pytest.mark.parametrize("event", EVENTS)
def test_a_callback_that_raises_costs_no_thread_and_no_stream(event: str, errors: Mapping[str, int]) -> None:
    assert errors[event] > 0, "the life of the fixture must have this event in it"


def test_nothing_else_went_wrong_meanwhile(errors: Mapping[str, int]) -> None:
    assert {name for name, count in errors.items() if count} == set(EVENTS)


ROOMS = [
    (Publisher, "offer"),
    (Publisher, "set_info"),
    (Publisher, "status"),
    (Publisher, "subscribers"),
    (Publisher, "remove"),
    (StatusRegistry, "add"),
    (StatusRegistry, "changed"),
    (StatusRegistry, "serve"),
    (StatusRegistry, "mask"),
    (StatusRegistry, "published"),
    (StatusRegistry, "remove"),
    (StatusServer, "offer"),
]


@pytest.mark.parametrize(("room", "method"), ROOMS, ids=[method for _, method in ROOMS])
def test_a_room_that_fails_costs_what_it_does_and_no_more(
    patch: pytest.MonkeyPatch, monkeypatch: pytest.MonkeyPatch, room: type, method: str
) -> None:
    calls: list[object] = []

    def broken(*what: object, **_: object) -> None:
        calls.append(what)
        fail()

    monkeypatch.setattr(room, method, broken)
    scene = Scene(Engines(patch), {"gate": {"source": source()}, "yard": {"source": source()}})
    scene.start()
    with subscribe(scene.daemon._publisher.addresses[0], latest=True):
        scene.goes_on()
        scene.reload(config({"gate": {"source": source()}}))  # yard goes
        wait_for(lambda: bool(calls), PATIENCE_S, f"a call of {method}")
        scene.goes_on()
    scene.end()
    assert sum(scene.desk.errors.counts().values()) >= len(calls) > 0
