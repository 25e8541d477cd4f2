"""An engine at work: replaced under load, mended when it fails, given up when nothing helps."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from streamseg.daemon.engine import loader
from streamseg.daemon.engine.fault_attribution import ENGINE_FAILURES
from streamseg.daemon.engine.state import EngineState
from streamseg.errors import EngineError, PackageError
from streamseg.inference import build_process
from streamseg.inference.backend import BackendReport
from tests.daemon.bench import Bench, Engines, runs
from tests.fakes import slow
from tests.fakes.engine import FakeEngine, fake_package
from tests.fakes.packages import Tiny, make_package
from tests.fakes.source import make_frame
from tests.waiting import wait_for


def seqs(bench: Bench, stream: str) -> list[int]:
    return [made.frame.seq for made in bench.made if made.frame.stream == stream]


def is_closed(engine: FakeEngine) -> bool:
    return engine._closed


def test_frames_wait_for_the_engine_and_the_model_is_told(bench: Bench) -> None:
    gate = bench.stream("gate")
    gate.mailbox.put(make_frame("gate", 7))
    assert bench.keeper.state is EngineState.LOADING
    bench.serve()
    bench.until(lambda: seqs(bench, "gate") == [7])
    assert bench.words("served") == [("main", "gate", "openvino")]
    assert bench.keeper.backend == "openvino"


def test_who_comes_later_is_served_too(bench: Bench) -> None:
    bench.serve()
    gate = bench.stream("gate")
    bench.play(gate, 3)
    bench.until(lambda: len(bench.made) == 3)
    assert [made.reset for made in bench.made] == [True, False, False]


def test_who_is_removed_is_not_and_is_told_when_that_is_so(bench: Bench) -> None:
    bench.serve()
    gate, gone = bench.stream("gate"), list[int]()
    bench.play(gate, 2)
    bench.until(lambda: len(bench.made) == 2)
    bench.keeper.remove("gate", lambda: gone.append(len(bench.made)))
    bench.until(lambda: gone == [2])
    gate.mailbox.put(make_frame("gate", 9))
    yard = bench.stream("yard")
    bench.play(yard, 2)
    bench.until(lambda: len(seqs(bench, "yard")) == 2)
    assert len(gate.mailbox) == 1


def test_a_swap_loses_no_frame_and_says_that_memories_are_let_go(bench: Bench, engines: Engines) -> None:
    bench.serve()
    streams = [bench.stream(name) for name in ("gate", "yard")]
    engines.gate.clear()
    bench.keeper.replace(bench.keeper.config.model_copy(update={"threads": 1}), fake_package((128, 96)))
    for seq in range(10):  # the new one is still being made
        for stream in streams:
            bench.play(stream, first=seq)
    engines.gate.set()
    bench.until(lambda: bench.keeper.config.threads == 1)
    for seq in range(10, 20):
        for stream in streams:
            bench.play(stream, first=seq)
    bench.until(lambda: len(bench.made) == 40)
    for name in ("gate", "yard"):
        made = [m for m in bench.made if m.frame.stream == name]
        assert [m.frame.seq for m in made] == list(range(20))
        first_of_the_new = next(m for m in made if m.labels.shape == (96, 128))
        assert [m.frame.seq for m in made if m.reset] == [0, first_of_the_new.frame.seq]
    bench.until(lambda: is_closed(engines.made[0]))
    assert bench.words("replaced") == [("main", None)]


@pytest.mark.parametrize("error", [EngineError("no such device"), PackageError("a damaged graph")])
def test_a_new_engine_that_fails_leaves_the_old_one_serving(
    bench: Bench, engines: Engines, error: EngineError
) -> None:
    bench.serve()
    gate, before = bench.stream("gate"), bench.keeper.config
    bench.play(gate, 2)
    engines.script = [error]
    bench.keeper.replace(before.model_copy(update={"backend": "openvino"}), fake_package())
    bench.until(lambda: bench.words("replaced") != [])
    assert bench.words("replaced") == [("main", error)]
    bench.play(gate, 2, first=2)
    bench.until(lambda: len(bench.made) == 4)
    assert [made.reset for made in bench.made] == [True, False, False, False]
    assert bench.keeper.config is before
    assert bench.keeper.state is EngineState.SERVING


def test_of_several_new_engines_the_last_one_asked_for_counts(bench: Bench, engines: Engines) -> None:
    bench.serve()
    engines.gate.clear()
    for threads in (1, 2, 3):
        config = bench.keeper.config.model_copy(update={"threads": threads})
        bench.keeper.replace(config, fake_package())
    engines.gate.set()
    bench.until(lambda: bench.keeper.config.threads == 3)
    assert len(engines.made) == 3  # the one in use, one thrown away, the last
    bench.until(lambda: [is_closed(engine) for engine in engines.made] == [True, True, False])


def test_an_engine_that_fails_is_made_again_and_then_with_another_backend(
    bench: Bench, engines: Engines
) -> None:
    gate = bench.stream("gate")
    runs(gate)
    bench.serve()
    bench.play(gate, ENGINE_FAILURES, white=True)
    bench.until(lambda: engines.asked == ["auto", "auto"] and bench.keeper.state is EngineState.SERVING)
    bench.play(gate, ENGINE_FAILURES, white=True)
    bench.until(lambda: engines.asked[2:] == ["onnxruntime"] and bench.keeper.state is EngineState.SERVING)
    bench.play(gate, 2, first=100)
    bench.until(lambda: 101 in seqs(bench, "gate"))
    assert bench.states("gate")[1:] == ["running", "stalled engine", "running", "stalled engine", "running"]
    assert "making it again" in bench.changes[2].message
    assert "another backend than openvino" in bench.changes[4].message
    bench.until(lambda: [is_closed(engine) for engine in engines.made] == [True, True, False])


def test_without_a_fallback_it_is_given_up_after_one_more_try(engines: Engines) -> None:
    bench = Bench(engines, fallback=False)
    try:
        gate = bench.stream("gate")
        bench.serve()
        bench.play(gate, ENGINE_FAILURES, white=True)
        bench.until(lambda: len(engines.asked) == 2 and bench.keeper.state is EngineState.SERVING)
        bench.play(gate, ENGINE_FAILURES, white=True)
        bench.until(lambda: bench.keeper.state is EngineState.FAILED)
        assert "failed on every backend" in str(bench.keeper.error)
        assert [stream for stream, _ in bench.words("given up")] == ["gate"]
        assert engines.asked == ["auto", "auto"]
    finally:
        bench.end()


def test_a_rebuild_that_fails_is_a_failure_more(bench: Bench, engines: Engines) -> None:
    gate = bench.stream("gate")
    bench.serve()
    engines.script = [EngineError("no device"), EngineError("none at all")]
    bench.play(gate, ENGINE_FAILURES, white=True)
    bench.until(lambda: bench.keeper.state is EngineState.FAILED)
    assert engines.asked == ["auto", "auto", "onnxruntime"]
    assert "none at all" in str(bench.keeper.error)


def test_who_did_not_fail_is_served_on_without_the_others(bench: Bench, engines: Engines) -> None:
    """No engine can process what glare shows; yard, which showed nothing meanwhile, must not pay for it."""
    glare, yard = bench.stream("glare"), bench.stream("yard")
    bench.serve()
    for asked in (2, 3):
        bench.play(glare, ENGINE_FAILURES, white=True)
        bench.until(
            lambda asked=asked: len(engines.asked) == asked and bench.keeper.state is EngineState.SERVING  # type: ignore[misc]
        )
    bench.play(glare, ENGINE_FAILURES, white=True)
    bench.until(lambda: bench.words("given up") != [])
    assert [stream for stream, _ in bench.words("given up")] == ["glare"]
    bench.keeper.remove("glare")
    bench.until(lambda: bench.keeper.state is EngineState.SERVING)
    bench.play(yard, 3)
    bench.until(lambda: seqs(bench, "yard") == [0, 1, 2])


def test_who_comes_while_the_engine_is_mended_waits_for_it(bench: Bench, engines: Engines) -> None:
    gate = bench.stream("gate")
    bench.serve()
    engines.gate.clear()
    bench.play(gate, ENGINE_FAILURES, white=True)
    bench.until(lambda: bench.keeper.state is EngineState.MENDING)
    yard = bench.stream("yard")
    runs(yard)
    yard.mailbox.put(make_frame("yard", 3))
    assert bench.states("yard")[1:] == ["stalled engine"]
    engines.gate.set()
    bench.until(lambda: seqs(bench, "yard") == [3])
    assert bench.states("yard")[1:] == ["stalled engine", "running"]


def test_a_new_engine_under_way_takes_the_place_of_one_that_fails(bench: Bench, engines: Engines) -> None:
    gate = bench.stream("gate")
    bench.serve()
    engines.gate.clear()
    bench.keeper.replace(bench.keeper.config.model_copy(update={"threads": 2}), fake_package())
    bench.play(gate, ENGINE_FAILURES, white=True)
    bench.until(lambda: bench.keeper.state is EngineState.MENDING)
    engines.gate.set()
    bench.until(lambda: bench.keeper.state is EngineState.SERVING)
    assert bench.keeper.config.threads == 2
    assert engines.asked == ["auto", "auto"]


def test_what_was_asked_for_while_there_was_none_is_what_is_tried_again(
    bench: Bench, engines: Engines
) -> None:
    gate = bench.stream("gate")
    bench.serve()
    engines.gate.clear()
    bench.play(gate, ENGINE_FAILURES, white=True)
    bench.until(lambda: bench.keeper.state is EngineState.MENDING)
    wanted = bench.keeper.config.model_copy(update={"threads": 2})
    bench.keeper.replace(wanted, fake_package((32, 24)))
    engines.script = [EngineError("lost"), EngineError("not yet")]
    engines.gate.set()
    bench.until(lambda: bench.keeper.state is EngineState.SERVING)
    assert bench.keeper.config.threads == 2
    assert engines.made[-1].package.manifest.size_wh == (32, 24)


def test_a_backend_that_is_not_there_at_the_start_gives_way_to_another(engines: Engines) -> None:
    engines.script = [EngineError("no OpenVINO here")]
    bench = Bench(engines, backend="openvino")
    try:
        bench.serve()
        assert engines.asked == ["openvino", "onnxruntime"]
        assert bench.keeper.backend == "onnxruntime"
    finally:
        bench.end()


class Full(FakeEngine):
    """One that the device has room for, but not for its first run."""

    def warm_up(self) -> None:
        raise EngineError("the GPU's memory is full")


@pytest.mark.parametrize("backend", ["auto", "openvino"])
def test_a_backend_that_loads_but_cannot_run_gives_way_too(
    engines: Engines, monkeypatch: pytest.MonkeyPatch, backend: str, caplog: pytest.LogCaptureFixture
) -> None:
    """Also where several cannot, as those that share a full GPU."""
    three = [BackendReport(name, True, "1", "", ("f32",)) for name in ("openvino", "another", "onnxruntime")]
    monkeypatch.setattr(loader, "usable_backends", lambda: three)
    full = [Full(fake_package()), Full(fake_package())]
    engines.script = [*full]
    bench = Bench(engines, backend=backend)
    try:
        bench.serve()
        assert engines.asked == [backend, "another", "onnxruntime"]
        assert bench.keeper.backend == "onnxruntime"
        assert "engine main: the GPU's memory is full; trying another backend" in caplog.text
        assert all(map(is_closed, full))
    finally:
        bench.end()


def test_without_fallback_it_is_given_up(engines: Engines) -> None:
    engines.script = [Full(fake_package())]
    bench = Bench(engines, fallback=False)
    try:
        bench.keeper.start()
        bench.until(lambda: bench.keeper.state is EngineState.FAILED)
        assert engines.asked == ["auto"]
    finally:
        bench.end()


@pytest.mark.parametrize(
    ("config", "error"),
    [
        ({"backend": "openvino", "fallback": False}, EngineError("no OpenVINO here")),
        ({"backend": "openvino"}, PackageError("a damaged graph")),
        ({}, EngineError("no backend")),
    ],
)
def test_what_no_other_backend_mends_is_given_up_at_once(
    engines: Engines, config: dict[str, Any], error: EngineError
) -> None:
    engines.script = [error]
    bench = Bench(engines, **config)
    try:
        gate = bench.stream("gate")
        bench.keeper.start()
        bench.until(lambda: bench.keeper.state is EngineState.FAILED)
        assert bench.keeper.error is error
        assert bench.words("given up") == [("gate", str(error))]
        assert len(engines.asked) == 1
        assert gate.name == "gate"
    finally:
        bench.end()


def test_another_way_of_steadying_holds_from_the_next_frame_on(bench: Bench) -> None:
    bench.serve()
    gate = bench.stream("gate", temporal="ema")
    bench.play(gate, 2)
    bench.until(lambda: len(bench.made) == 2)
    gate.config = gate.config.model_copy(update={"temporal": "none"})
    bench.keeper.update(gate)
    bench.play(gate, 2, first=2)
    bench.until(lambda: len(bench.made) == 4)
    assert [made.mode for made in bench.made] == ["ema", "ema", "none", "none"]
    assert all(a.frame.seq + 1 == b.frame.seq for a, b in pairwise(bench.made))


def test_frames_of_several_streams_are_computed_together(engines: Engines) -> None:
    bench = Bench(engines, max_batch=2, max_batch_wait_ms=1000.0)
    streams = [bench.stream(name) for name in ("gate", "yard")]
    for stream in streams:  # before the engine is there, so that both wait when it comes
        stream.mailbox.put(make_frame(stream.name))
    bench.serve()
    bench.until(lambda: len(bench.made) == 2)
    assert engines.made[0].runs == 2  # the first to warm it up
    bench.end()


def test_how_long_a_frame_waits_can_change_while_the_engine_serves(engines: Engines) -> None:
    bench = Bench(engines, max_batch=2, max_batch_wait_ms=1000.0)
    gate, _ = bench.stream("gate"), bench.stream("silent")
    bench.serve()
    bench.keeper.tune(bench.keeper.config.model_copy(update={"max_batch_wait_ms": 0.0}))
    bench.play(gate, 20)
    bench.until(lambda: len(bench.made) == 20)
    assert bench.keeper.config.max_batch_wait_ms == 0.0
    assert len(engines.made) == 1
    bench.end()


def test_what_changes_while_another_is_made_holds_for_both(bench: Bench, engines: Engines) -> None:
    bench.serve()
    engines.gate.clear()
    wanted = bench.keeper.config.model_copy(update={"threads": 2})
    bench.keeper.replace(wanted, fake_package())
    wanted = wanted.model_copy(update={"max_batch_wait_ms": 5.0})
    bench.keeper.tune(wanted)
    assert (bench.keeper.config.threads, bench.keeper.config.max_batch_wait_ms) == (0, 5.0)
    engines.gate.set()
    bench.until(lambda: bench.keeper.config.threads == 2)
    assert bench.keeper.config == wanted


def test_what_changes_while_two_are_waited_for_holds_for_the_last(bench: Bench, engines: Engines) -> None:
    bench.serve()
    engines.gate.clear()
    for threads in (1, 2):
        wanted = bench.keeper.config.model_copy(update={"threads": threads})
        bench.keeper.replace(wanted, fake_package())
    bench.keeper.tune(wanted.model_copy(update={"fallback": False}))
    engines.gate.set()
    bench.until(lambda: bench.keeper.config.threads == 2)
    assert not bench.keeper.config.fallback


@pytest.fixture
def slow_engines(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Engines:
    """A backend `slow` that has no plans, and whose builder waits for the file `gate`."""
    slow.register(monkeypatch)
    monkeypatch.setattr(build_process, "COMMAND", slow.COMMAND)
    monkeypatch.setenv("SLOW_GATE", str(tmp_path / "gate"))
    return Engines(monkeypatch)


def slow_bench(engines: Engines, tmp_path: Path, **config: Any) -> Bench:
    bench = Bench(engines, package=make_package(tmp_path, Tiny()), cache_dir=tmp_path / "cache", **config)
    bench.keeper.config = bench.keeper.config.model_copy(update={"backend": "slow"})
    return bench


def test_the_cpu_serves_while_plans_are_built_and_then_they_take_over(
    slow_engines: Engines, tmp_path: Path
) -> None:
    bench = slow_bench(slow_engines, tmp_path)
    gate = bench.stream("gate", temporal="ema")
    bench.serve()
    assert bench.keeper.stopgap == "until segmenter, stabiliser, readout is built for the backend slow"
    assert bench.keeper.why == f"tiny on openvino, {bench.keeper.stopgap}"
    bench.play(gate, 5)
    bench.until(lambda: len(bench.made) == 5)
    (tmp_path / "gate").touch()
    bench.until(lambda: bench.keeper.backend == "slow")
    assert (bench.keeper.stopgap, bench.keeper.config.backend) == ("", "slow")
    bench.play(gate, 5, first=5)
    bench.until(lambda: len(bench.made) == 10)
    assert [made.frame.seq for made in bench.made] == list(range(10))
    assert [made.frame.seq for made in bench.made if made.reset] == [0, 5]
    assert slow_engines.asked == ["openvino", "slow"]
    assert bench.words("replaced") == [("main", None)]
    bench.end()


def test_a_builder_that_crashes_leaves_the_cpu_serving(
    slow_engines: Engines, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SLOW_FATE", "segfault")
    (tmp_path / "gate").touch()
    bench = slow_bench(slow_engines, tmp_path)
    bench.serve()
    bench.until(lambda: bench.keeper.refused != "")
    assert bench.keeper.refused.startswith("tiny: the builder crashed (SIGSEGV): ")
    assert (bench.keeper.stopgap, bench.keeper.backend) == ("", "openvino")
    assert bench.keeper.config.backend == "openvino"  # what holds: a reload that wants slow tries again
    gate = bench.stream("gate", temporal="ema")
    bench.play(gate, 2)
    bench.until(lambda: len(bench.made) == 2)
    bench.end()


def test_without_fallback_nothing_stands_in(slow_engines: Engines, tmp_path: Path) -> None:
    bench = slow_bench(slow_engines, tmp_path, fallback=False)
    gate = bench.stream("gate", temporal="ema")
    gate.mailbox.put(make_frame("gate", 7))
    (tmp_path / "gate").touch()
    bench.serve()
    bench.until(lambda: seqs(bench, "gate") == [7])
    assert slow_engines.asked == ["slow"]
    bench.end()


def test_a_reload_ends_a_build_that_nobody_wants_any_more(slow_engines: Engines, tmp_path: Path) -> None:
    bench = slow_bench(slow_engines, tmp_path)
    bench.serve()
    wanted = bench.keeper.config.model_copy(update={"backend": "onnxruntime"})
    bench.keeper.replace(wanted, bench.keeper._package)
    bench.until(lambda: bench.keeper.backend == "onnxruntime")
    assert bench.keeper.stopgap == ""
    assert bench.words("replaced") == [("main", None)]
    bench.end()


def test_the_stop_ends_the_builder_too(slow_engines: Engines, tmp_path: Path) -> None:
    bench = slow_bench(slow_engines, tmp_path)
    bench.serve()
    assert bench.keeper.compiling
    bench.end()
    wait_for(lambda: not bench.keeper.compiling)


def test_what_the_engine_in_use_cannot_do_waits_for_another_or_is_the_end(
    bench: Bench, engines: Engines
) -> None:
    """A reload wants the ConvGRU and a package that has one, and that package's engine could not be made."""
    engines.script = [FakeEngine(fake_package(stabiliser=False))]
    bench.serve()
    gate = bench.stream("gate", temporal="ema")
    gate.config = gate.config.model_copy(update={"temporal": "convgru"})
    bench.keeper.update(gate)
    bench.play(gate, 2)
    bench.until(lambda: len(bench.made) == 2)
    assert {made.mode for made in bench.made} == {"ema"}
    bench.keeper.add(gate)  # it begins anew
    ((name, why),) = bench.words("given up")
    assert name == "gate"
    assert "use ema or none" in str(why)
