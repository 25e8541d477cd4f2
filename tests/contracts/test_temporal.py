"""What every `TemporalStage` keeps to, on the fake engine and on a real one."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import pytest

from streamseg.errors import EngineError
from streamseg.inference.backends.registry import load_engine
from streamseg.inference.engine import InferenceEngine, Masks
from streamseg.temporal.batch import Part, step_batch
from streamseg.temporal.memory import Memory
from streamseg.temporal.optical_flow import MotionMode
from streamseg.temporal.reset import ResetLimits, ResetReason
from streamseg.temporal.stage import TemporalStage, make_stage
from streamseg.types import U8, TemporalMode
from tests.fakes.engine import FakeEngine
from tests.fakes.packages import make_package
from tests.temporal.conftest import make_frame, scene, view

SIZE_WH = (64, 48)
KEEPING = [TemporalMode.CONVGRU, TemporalMode.EMA]


@dataclass
class Rig:
    """A stage on an engine, and one frame through it."""

    engine: InferenceEngine
    stage: TemporalStage

    def step(self, seed: int, seq: int, memory: Memory | None, **frame: object) -> tuple[Masks, Memory]:
        rgb = np.random.default_rng([seed, seq]).integers(0, 200, (1, *SIZE_WH[::-1], 3), dtype=np.uint8)
        luma = view(scene(seed), 60 + seq, 60)
        return self.stage.step(self.engine.start(rgb), make_frame(seq, **frame), luma, memory)  # type: ignore[arg-type]

    def run(self, seed: int, count: int) -> list[tuple[Masks, Memory]]:
        memory, out = None, []
        for seq in range(count):
            masks, memory = self.step(seed, seq, memory)
            out.append((masks, memory))
        return out


@pytest.fixture(scope="module", params=["fake", "openvino", "onnxruntime"])
def engine(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[InferenceEngine]:
    """One for all tests: an engine keeps nothing of a stream."""
    made: InferenceEngine = FakeEngine()
    if request.param != "fake":
        folder = tmp_path_factory.mktemp("engine")
        made = load_engine(make_package(folder), request.param, threads=1, cache_dir=folder)
    yield made
    made.close()


@pytest.fixture(params=list(TemporalMode))
def mode(request: pytest.FixtureRequest) -> TemporalMode:
    return TemporalMode(request.param)


@pytest.fixture(params=list(MotionMode))
def rig(engine: InferenceEngine, mode: TemporalMode, request: pytest.FixtureRequest) -> Rig:
    return Rig(engine, make_stage(mode, engine, request.param))


def assert_same(ours: Masks, theirs: Masks) -> None:
    np.testing.assert_array_equal(ours.labels, theirs.labels)
    assert ours.confidence is not None
    assert theirs.confidence is not None
    np.testing.assert_array_equal(ours.confidence, theirs.confidence)


def test_its_mode(rig: Rig, mode: TemporalMode) -> None:
    assert rig.stage.mode is mode


def test_shapes_and_types(rig: Rig) -> None:
    for masks, _ in rig.run(0, 3):
        assert masks.confidence is not None
        assert masks.labels.shape == masks.confidence.shape == (1, *SIZE_WH[::-1])
        assert masks.labels.dtype == masks.confidence.dtype == np.uint8


def test_the_past_is_announced_as_let_go_only_at_the_start(rig: Rig, mode: TemporalMode) -> None:
    reasons = [memory.reset for _, memory in rig.run(0, 4)]
    assert reasons == [ResetReason.START if mode in KEEPING else None, None, None, None]


def test_interleaved_streams_give_bit_for_bit_what_each_gives_alone(rig: Rig) -> None:
    alone = {seed: rig.run(seed, 4) for seed in (1, 2)}
    memories: dict[int, Memory | None] = {1: None, 2: None}
    for seq in range(4):
        for seed in (1, 2):
            masks, memories[seed] = rig.step(seed, seq, memories[seed])
            assert_same(masks, alone[seed][seq][0])


def test_memory_passed_in_is_left_untouched(rig: Rig) -> None:
    memory = rig.run(0, 2)[-1][1]
    first, second = (rig.step(0, 2, memory) for _ in range(2))
    assert_same(first[0], second[0])


def test_the_mask_after_a_reset_is_that_of_a_first_frame(rig: Rig, mode: TemporalMode) -> None:
    _, memory = rig.run(0, 3)[-1]
    masks, after = rig.step(0, 3, memory, discontinuity=True)
    fresh, _ = rig.step(0, 3, None)
    assert_same(masks, fresh)
    assert after.reset == (ResetReason.RECONNECT if mode in KEEPING else None)


@pytest.mark.parametrize(
    ("frame", "reason"),
    [
        ({"size_wh": (1280, 720)}, ResetReason.SIZE),
        ({"mono_s": 2000.0}, ResetReason.GAP),
        ({"discontinuity": True}, ResetReason.RECONNECT),
    ],
)
def test_resets_are_named_and_the_stream_goes_on(
    rig: Rig, mode: TemporalMode, frame: dict[str, object], reason: ResetReason
) -> None:
    memory = rig.run(0, 2)[-1][1]
    _, memory = rig.step(0, 2, memory, **frame)
    assert memory.reset == (reason if mode in KEEPING else None)
    again = {key: value for key, value in frame.items() if key != "discontinuity"}
    assert rig.step(0, 3, memory, **again)[1].reset is None


def test_a_scene_cut_lets_the_past_go(engine: InferenceEngine) -> None:
    for mode in KEEPING:
        rig = Rig(engine, make_stage(mode, engine))
        _, memory = rig.step(0, 0, None)
        assert rig.step(9, 1, memory)[1].reset is ResetReason.SCENE_CUT
        blind = Rig(engine, make_stage(mode, engine, limits=ResetLimits(scene_cut=1.0)))
        _, memory = blind.step(0, 0, None)
        assert blind.step(9, 1, memory)[1].reset is None


def test_memory_of_another_stage_or_model_is_let_go(rig: Rig, mode: TemporalMode) -> None:
    other = TemporalMode.EMA if mode is TemporalMode.CONVGRU else TemporalMode.CONVGRU
    _, memory = Rig(rig.engine, make_stage(other, rig.engine)).step(0, 0, None)
    assert rig.step(0, 1, memory)[1].reset == (ResetReason.MODEL if mode in KEEPING else None)


def test_a_frame_that_gives_nan_is_an_engine_error_and_the_next_is_fine(rig: Rig) -> None:
    memory = rig.run(0, 2)[-1][1]
    white: U8 = np.full((1, *SIZE_WH[::-1], 3), 255, np.uint8)
    run = rig.engine.start(white)
    with pytest.raises(EngineError, match="NaN or infinity in the logits"):
        rig.stage.step(run, make_frame(2), view(scene(0), 62, 60), memory)
    rig.step(0, 3, memory)


def together(rig: Rig, seeds: list[int], seq: int, memories: dict[int, Memory | None]) -> list[Masks]:
    """One step of several streams at once; what each remembers is put into `memories`."""
    rgb = [
        np.random.default_rng([seed, seq]).integers(0, 200, (*SIZE_WH[::-1], 3), dtype=np.uint8)
        for seed in seeds
    ]
    parts = [
        Part(rig.stage, make_frame(seq), view(scene(seed), 60 + seq, 60), memories[seed]) for seed in seeds
    ]
    steps = step_batch(rig.engine, rig.engine.start(np.stack(rgb)), parts)
    memories.update(zip(seeds, (memory for _, memory in steps), strict=True))
    return [masks for masks, _ in steps]


def assert_alike(rig: Rig, ours: Masks, theirs: Masks) -> None:
    """Bit for bit on the fake; a backend may round otherwise in another batch size, few pixels with it."""
    if isinstance(rig.engine, FakeEngine):
        assert_same(ours, theirs)
        return
    assert (ours.labels == theirs.labels).mean() > 0.998
    assert ours.confidence is not None
    assert theirs.confidence is not None
    assert np.abs(ours.confidence.astype(int) - theirs.confidence).max() <= 3


def test_streams_stepped_together_give_what_each_gives_alone(rig: Rig) -> None:
    """In batches of changing size and order, too: a stream may miss one, or sit in another row."""
    alone = {seed: rig.run(seed, 4) for seed in (1, 2, 3)}
    memories: dict[int, Memory | None] = dict.fromkeys(alone)
    at = dict.fromkeys(alone, 0)
    for seeds in ([1, 2, 3], [3, 1], [2], [1, 3, 2], [2, 1, 3]):
        by_seq: dict[int, list[int]] = {}
        for seed in seeds:
            by_seq.setdefault(at[seed], []).append(seed)
        for seq, group in by_seq.items():
            if seq == 4:
                continue
            for seed, masks in zip(group, together(rig, group, seq, memories), strict=True):
                assert_alike(rig, masks, alone[seed][seq][0])
                remembered = memories[seed]
                assert remembered is not None
                assert remembered.reset == alone[seed][seq][1].reset
                at[seed] += 1
    assert set(at.values()) == {4}


def test_one_bad_frame_fails_the_step_and_changes_nothing(rig: Rig) -> None:
    before = {seed: rig.run(seed, 2)[-1][1] for seed in (1, 2)}
    pictures = np.zeros((2, *SIZE_WH[::-1], 3), np.uint8)
    pictures[1] = 255  # whose logits are NaN
    parts = [Part(rig.stage, make_frame(2), view(scene(seed), 62, 60), before[seed]) for seed in before]
    with pytest.raises(EngineError, match="NaN or infinity in the logits"):
        step_batch(rig.engine, rig.engine.start(pictures), parts)
    for seed in before:
        assert_same(rig.step(seed, 2, before[seed])[0], rig.run(seed, 3)[-1][0])
