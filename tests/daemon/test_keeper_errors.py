"""What goes wrong in the keeping of an engine: a refused swap, errors of ours, and what comes after."""

from __future__ import annotations

from typing import Any

import pytest

from streamseg.daemon.engine import supervisor as room
from streamseg.daemon.engine.fault_attribution import ENGINE_FAILURES
from streamseg.daemon.engine.state import EngineState
from streamseg.daemon.stream.stream import Stream
from streamseg.errors import EngineError
from streamseg.inference.packages.manifest import ManifestClass
from streamseg.inference.packages.package import Package
from streamseg.types import StreamState
from tests.daemon.bench import Bench, Engines, runs
from tests.fakes.engine import FakeEngine, fake_package


def wants(stream: Stream, **more: Any) -> None:
    """As a reload with live keys."""
    stream.config = stream.config.model_copy(update=more)


def wordy() -> Package:
    """Passes as a package, and says more of itself than fits an info message."""
    package = fake_package()
    make = ManifestClass.model_construct  # past the bounds there may be
    classes = tuple(make(id=i, name="x" * 400, color=(i, 0, 0)) for i in range(254))
    return Package(package.path, package.manifest.model_copy(update={"classes": classes}))


def fail_engine(bench: Bench, stream: Stream) -> None:
    """Frames that no engine can process, until another engine serves."""
    asked = len(bench.engines.asked)
    bench.play(stream, ENGINE_FAILURES, white=True)
    bench.until(lambda: len(bench.engines.asked) > asked and bench.keeper.state is EngineState.SERVING)


def test_a_refused_swap_and_a_later_failure_of_the_old_engine_cost_no_stream(
    bench: Bench, engines: Engines
) -> None:
    """A reload wants the ConvGRU of a package that cannot be loaded; then the old engine fails."""
    engines.script = [FakeEngine(fake_package(stabiliser=False))]
    bench.serve()
    gate = bench.stream("gate", temporal="ema")
    runs(gate)
    engines.script = [EngineError("no such device")]
    wants(gate, temporal="convgru")
    bench.keeper.update(gate)
    bench.keeper.replace(bench.keeper.config.model_copy(update={"threads": 1}), fake_package())
    bench.until(lambda: bench.words("replaced") != [])
    assert gate.config.temporal == "ema", "what holds, so that the next reload tries again"
    engines.script = [FakeEngine(fake_package(stabiliser=False))]
    fail_engine(bench, gate)
    bench.play(gate, 3, first=100)
    bench.until(lambda: [made.frame.seq for made in bench.made][-1] == 102)
    assert {made.mode for made in bench.made} == {"ema"}
    assert bench.words("given up") == []
    assert sum(bench.desk.errors.counts().values()) == 0


def test_who_the_engine_made_again_cannot_serve_is_given_up_and_the_others_go_on(
    bench: Bench, engines: Engines
) -> None:
    """The package lost its stabiliser on disk meanwhile."""
    bench.serve()
    gate, yard = bench.stream("gate", temporal="convgru"), bench.stream("yard", temporal="ema")
    engines.script = [FakeEngine(fake_package(stabiliser=False))]
    fail_engine(bench, gate)
    ((name, why),) = bench.words("given up")
    assert name == "gate"
    assert "use ema or none" in str(why)
    bench.play(yard, 3)
    bench.until(lambda: [made.frame.stream for made in bench.made] == ["yard"] * 3)


def test_a_package_that_subscribers_cannot_be_told_of_is_refused_and_each_stream_says_so(
    bench: Bench, engines: Engines
) -> None:
    bench.serve()
    gate = bench.stream("gate")
    runs(gate)
    engines.script = [FakeEngine(wordy())]
    bench.keeper.replace(bench.keeper.config.model_copy(update={"threads": 1}), wordy())
    bench.until(lambda: bench.words("replaced") != [])
    assert "subscribers cannot be told what it is" in bench.keeper.refused
    assert bench.keeper.state is EngineState.SERVING
    state = gate.life.state
    assert state.state is StreamState.RUNNING
    assert "no new engine: fake: subscribers cannot be told" in state.message
    assert state.message.endswith("; the old one serves on")
    bench.play(gate, 3)
    bench.until(lambda: len(bench.made) == 3)
    bench.until(lambda: engines.made[1]._closed)
    assert not engines.made[0]._closed
    bench.keeper.replace(bench.keeper.config.model_copy(update={"threads": 2}), fake_package())
    bench.until(lambda: bench.keeper.config.threads == 2)
    assert gate.life.state.message == ""


def test_at_the_start_such_a_package_is_the_end(engines: Engines) -> None:
    engines.script = [FakeEngine(wordy())]
    bench = Bench(engines, package=wordy())
    bench.stream("gate")
    bench.keeper.start()
    bench.until(lambda: bench.keeper.state is EngineState.FAILED)
    assert "subscribers cannot be told what it is" in str(bench.keeper.error)
    bench.end()


def test_an_error_of_ours_in_a_swap_leaves_the_old_engine_serving(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    bench.serve()
    gate = bench.stream("gate")
    with monkeypatch.context() as patch:
        patch.setattr(room, "check_publishable", fail)
        bench.keeper.replace(bench.keeper.config.model_copy(update={"threads": 1}), fake_package())
        bench.until(lambda: bench.words("replaced") != [])
    assert bench.keeper.refused == "unexpected failure (ZeroDivisionError); see the log"
    bench.play(gate, 3)
    bench.until(lambda: len(bench.made) == 3)
    assert bench.desk.errors.counts()["engine_supervision"] == 1


@pytest.mark.parametrize("step", ["_take_over", "_mend", "_climb"])
def test_an_error_of_ours_counts_as_a_failure_of_the_engine(
    bench: Bench, monkeypatch: pytest.MonkeyPatch, step: str
) -> None:
    gate = bench.stream("gate")
    bench.serve()
    broken = [True]
    real = getattr(bench.keeper, step)

    def once(*what: object) -> None:
        if broken:
            broken.clear()
            fail()
        real(*what)

    monkeypatch.setattr(bench.keeper, step, once)
    bench.play(gate, ENGINE_FAILURES, white=True)
    bench.until(lambda: not broken and bench.keeper.state is EngineState.SERVING)
    bench.play(gate, 3, first=100)
    bench.until(lambda: 102 in [made.frame.seq for made in bench.made])
    assert bench.desk.errors.counts()["engine_supervision"] == 1
    assert bench.words("given up") == []


def test_an_error_of_ours_that_stays_is_the_engines_end_and_not_the_main_threads(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    gate = bench.stream("gate")
    monkeypatch.setattr(bench.keeper, "_take_over", fail)
    bench.keeper.start()
    bench.until(lambda: bench.keeper.state is EngineState.FAILED)
    assert "unexpected failure (ZeroDivisionError); see the log" in str(bench.keeper.error)
    assert bench.keeper.error is not None
    assert bench.keeper.error.exit_code == 1
    assert bench.words("given up") == [(gate.name, str(bench.keeper.error))]


def test_nor_does_one_in_making_good_for_it(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    bench.stream("gate")
    monkeypatch.setattr(bench.keeper, "_take_over", fail)
    monkeypatch.setattr(bench.keeper, "_climb", fail)
    bench.keeper.start()
    bench.until(lambda: bench.keeper.state is EngineState.FAILED)


def fail(*_: object) -> None:
    raise ZeroDivisionError("a bug")
