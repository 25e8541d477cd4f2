"""What the worker's thread works with, as errands change it."""

from __future__ import annotations

from itertools import count

import pytest

from streamseg.config.schema import StreamConfig
from streamseg.daemon.engine.executor import FrameExecutor
from streamseg.daemon.engine.fault_attribution import ENGINE_FAILURES, STREAM_FAILURES
from streamseg.daemon.events import Events
from streamseg.daemon.stream.pipeline import Pipeline
from streamseg.daemon.stream.stream import Stream
from streamseg.errors import EngineError
from streamseg.types import TemporalMode
from tests.fakes.engine import FakeEngine
from tests.fakes.source import make_frame, make_picture


class Bench:
    """A seat, and what it told."""

    def __init__(self) -> None:
        self.told: list[tuple[object, ...]] = []
        events = Events()
        events.model_served.connect(lambda *what: self.told.append(("served", *what)))
        events.stream_failing.connect(lambda *what: self.told.append(("stream failing", *what)))
        self.seat = FrameExecutor("main", events, lambda *what: self.told.append(("engine failing", *what)))
        self.engine = FakeEngine()

    def pipeline(self, run: int = 0, **config: object) -> Pipeline:
        wanted = StreamConfig.model_validate({"source": "x.mp4", **config})
        return Stream("gate", wanted, lambda: None, runs=count(run)).pipeline(self.engine)

    def words(self) -> list[object]:
        return [what[0] for what in self.told]


def test_without_an_engine_nothing_is_made() -> None:
    bench = Bench()
    assert bench.seat.process(make_frame()) is None
    bench.seat.admit("gate", bench.pipeline())
    bench.seat.take(bench.engine, {"gate": bench.pipeline()})
    assert bench.seat.process(make_frame()) is not None
    bench.seat.leave()
    assert bench.seat.process(make_frame()) is None


def test_another_engine_begins_without_a_past_and_says_so() -> None:
    bench = Bench()
    resets = []
    for _ in range(2):
        bench.seat.take(bench.engine, {"gate": bench.pipeline()})
        made = [bench.seat.process(make_frame(seq=seq)) for seq in range(2)]
        resets += [segmentation.reset for segmentation in made if segmentation]
    assert resets == [True, False, True, False]
    assert bench.words() == ["served", "served"]


def test_who_comes_is_served_and_who_goes_is_not() -> None:
    bench = Bench()
    bench.seat.take(bench.engine, {})
    bench.seat.admit("gate", bench.pipeline())
    assert bench.words() == ["served"]
    assert bench.seat.process(make_frame()) is not None
    bench.seat.dismiss("gate")
    bench.seat.dismiss("gate")
    assert bench.seat.process(make_frame()) is None


def test_another_way_of_steadying_keeps_the_memory_where_it_can() -> None:
    bench = Bench()
    bench.seat.take(bench.engine, {"gate": bench.pipeline(temporal="ema", ema=0.5)})
    stages = [("ema", 0.9), ("none", 0.0), ("ema", 0.1)]
    resets = []
    bench.seat.process(make_frame(seq=0))
    for seq, (mode, share) in enumerate(stages, 1):
        other = Stream(
            "gate", StreamConfig.model_validate({"source": "x", "temporal": mode, "ema": share}), lambda: None
        )
        bench.seat.change("gate", other.stage(bench.engine), other.view)
        made = bench.seat.process(make_frame(seq=seq))
        assert made is not None
        assert made.mode is TemporalMode(mode)
        resets.append(made.reset)
    assert resets == [False, False, True]  # none has no past, and so none to let go
    bench.seat.change("nobody", other.stage(bench.engine), other.view)
    assert bench.words() == ["served"]


def fail(bench: Bench, stream: str, times: int) -> None:
    for seq in range(times):
        frame = make_frame(stream, seq, make_picture(y=255))
        with pytest.raises(EngineError) as caught:
            bench.seat.process(frame)
        bench.seat.failed(stream, caught.value)


def test_an_engine_that_fails_everybody_is_told_of_once() -> None:
    bench = Bench()
    bench.seat.take(bench.engine, {"gate": bench.pipeline()})
    fail(bench, "gate", ENGINE_FAILURES + 5)
    (broken,) = [what for what in bench.told if what[0] == "engine failing"]
    assert broken[1:3] == (bench.engine, {"gate"})


def test_a_stream_that_fails_alone_is_told_of() -> None:
    bench = Bench()
    bench.seat.take(bench.engine, {"gate": bench.pipeline(run=7), "yard": bench.pipeline()})
    assert bench.seat.process(make_frame("yard")) is not None
    fail(bench, "gate", STREAM_FAILURES)
    assert bench.told[-1][:3] == ("stream failing", "gate", 7)
    assert "engine failing" not in bench.words()


def test_what_fails_after_all_was_left_is_nobodys_fault() -> None:
    bench = Bench()
    bench.seat.take(bench.engine, {"gate": bench.pipeline()})
    bench.seat.leave()
    for _ in range(ENGINE_FAILURES):
        bench.seat.failed("gate", EngineError("closed"))
    assert "engine failing" not in bench.words()


def test_another_size_of_the_masks_is_told() -> None:
    bench = Bench()
    bench.seat.take(bench.engine, {"gate": bench.pipeline()})
    wanted = {"source": "x.mp4", "output": {"width": 32, "height": 24}}
    other = Stream("gate", StreamConfig.model_validate(wanted), lambda: None)
    bench.seat.change("gate", other.stage(bench.engine), other.view)
    assert [what[3].mask_wh for what in bench.told] == [(64, 48), (32, 24)]  # type: ignore[attr-defined]


def test_frames_of_different_streams_are_made_together() -> None:
    bench = Bench()
    frames = [make_frame(stream=name) for name in ("gate", "gone", "yard")]
    assert bench.seat.process_together(frames) == [None] * 3
    bench.seat.take(bench.engine, {name: bench.pipeline() for name in ("gate", "yard")})
    gate, gone, yard = bench.seat.process_together(frames)
    assert gate is not None
    assert gone is None
    assert yard is not None
    assert (gate.frame, yard.frame) == (frames[0], frames[2])
    assert bench.engine.runs == 1
    assert bench.seat.process_together([frames[1]]) == [None]
