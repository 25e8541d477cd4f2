"""What every `InferenceEngine` keeps to, whatever is under it: the backends and the fake."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from streamseg.errors import EngineError
from streamseg.inference.backend import Backend, Settings
from streamseg.inference.backends.ort import OnProvider
from streamseg.inference.backends.registry import load_engine
from streamseg.inference.backends.tensorrt.provider import RTX, STANDARD
from streamseg.inference.engine import EngineMemory, InferenceEngine, Masks, Run, model_info
from streamseg.inference.packages.package import Package
from streamseg.types import F32, U8
from tests.fakes import cuda_bindings
from tests.fakes.engine import FakeEngine
from tests.fakes.gpu import gpu_engine
from tests.fakes.packages import Tiny, make_package
from tests.fakes.provider import device_engine
from tests.waiting import time_limit

WIDTH, HEIGHT, CLASSES, CHANNELS = 64, 48, 5, 9
PLANE = (HEIGHT // 4, WIDTH // 4)


# TensorRT by its double, and ONNX Runtime's way with a device on the CPU, run everywhere; the genuine ones
# only where they work. A report tells them apart by these names.
ANYWHERE = [
    "openvino-f32",
    "openvino-auto",
    "onnxruntime",
    "onnxruntime-device-on-cpu",
    "tensorrt-double",
    "tensorrt-double-graphs",
    "fake",
]
ON_A_GPU: dict[str, Backend] = {
    "tensorrt-genuine": STANDARD,
    "tensorrt_rtx-genuine": RTX,
    "onnxruntime-cuda": OnProvider("cuda"),
}
GENUINE = [
    pytest.param(one, marks=[pytest.mark.gpu, pytest.mark.timeout(time_limit(1800))], id=name)
    for name, one in ON_A_GPU.items()
]


def load(name: str | Backend, package: Package, folder: Path) -> InferenceEngine:
    if isinstance(name, str):
        backend, _, precision = name.partition("-")
        match name:
            case "onnxruntime-device-on-cpu":
                return device_engine(package)
            case "tensorrt-double":
                return gpu_engine(package)
            case "tensorrt-double-graphs":
                return gpu_engine(package, graphs=cuda_bindings)
            case "fake":
                return FakeEngine()
        return load_engine(package, backend, precision or "auto", threads=1, cache_dir=folder)  # type: ignore[arg-type]
    if why_not := name.report().why_not:
        pytest.skip(why_not)
    plans = folder.parent / "plans"  # built once for all of these tests
    return name.load(package, Settings("f32", 1, plans, max_batch=4))


@pytest.fixture(params=[*ANYWHERE, *GENUINE])
def engine(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[InferenceEngine]:
    package = make_package(tmp_path, Tiny((WIDTH, HEIGHT), CLASSES))
    made = load(request.param, package, tmp_path)
    yield made
    made.close()


def test_a_report_tells_the_genuine_from_the_double() -> None:
    assert not set(ANYWHERE) & ON_A_GPU.keys()


def image(seed: int, batch: int = 1) -> U8:
    return np.random.default_rng(seed).integers(0, 200, (batch, HEIGHT, WIDTH, 3), dtype=np.uint8)


def guide(seed: int, batch: int = 1) -> F32:
    return np.random.default_rng(seed).random((batch, 1, *PLANE), dtype=np.float32)


def flow(seed: int, batch: int = 1) -> F32:
    return np.random.default_rng(seed).normal(0, 2, (batch, 2, *PLANE)).astype(np.float32)


def at_home(memory: EngineMemory) -> F32:
    """A memory as an array, wherever it lies."""
    return np.array(memory.state)


def memory_channels(engine: InferenceEngine) -> int:
    memory = engine.package.manifest.memory
    assert memory is not None
    return memory.channels


def steps(engine: InferenceEngine, seeds: list[int]) -> list[tuple[Masks, EngineMemory]]:
    """One stream through the stabiliser."""
    memory, out = engine.fresh_memory(), []
    for seed in seeds:
        masks, memory = engine.start(image(seed)).stabilise(guide(seed), flow(seed), memory)
        out.append((masks, memory))
    return out


def assert_same(ours: tuple[Masks, EngineMemory], theirs: tuple[Masks, EngineMemory]) -> None:
    np.testing.assert_array_equal(ours[0].labels, theirs[0].labels)
    assert ours[0].confidence is not None
    assert theirs[0].confidence is not None
    np.testing.assert_array_equal(ours[0].confidence, theirs[0].confidence)
    np.testing.assert_array_equal(at_home(ours[1]), at_home(theirs[1]))


@pytest.mark.parametrize("batch", [1, 3])
def test_shapes_and_types(engine: InferenceEngine, batch: int) -> None:
    run = engine.start(image(0, batch))
    assert run.logits().shape == (batch, CLASSES, *PLANE)
    assert run.logits().dtype == np.float32
    fresh = engine.fresh_memory(batch)
    for masks in (run.readout(), run.stabilise(guide(0, batch), flow(0, batch), fresh)[0]):
        assert masks.confidence is not None
        assert masks.labels.shape == masks.confidence.shape == (batch, HEIGHT, WIDTH)
        assert masks.labels.dtype == masks.confidence.dtype == np.uint8
        assert masks.labels.max() < CLASSES


def test_a_batch_gives_what_its_pictures_give_alone(engine: InferenceEngine) -> None:
    pictures = image(1, 3)
    together = engine.start(pictures).logits()
    for index in range(3):
        alone = engine.start(pictures[index : index + 1]).logits()
        np.testing.assert_allclose(together[index], alone[0], rtol=0.02, atol=0.02)


def test_the_readout_follows_the_logits(engine: InferenceEngine) -> None:
    run = engine.start(image(2))
    centres = run.readout().labels[:, 1::4, 1::4]
    assert (centres == run.logits().argmax(axis=1)).mean() > 0.8


def test_a_run_may_be_asked_twice(engine: InferenceEngine) -> None:
    run = engine.start(image(3))
    run.wait()
    run.wait()
    np.testing.assert_array_equal(run.logits(), run.logits())
    np.testing.assert_array_equal(run.readout().labels, run.readout().labels)


def test_time_is_taken_once_the_run_is_done(engine: InferenceEngine) -> None:
    run = engine.start(image(3))
    run.wait()
    assert run.infer_ms > 0.0


def test_what_was_handed_out_is_not_overwritten(engine: InferenceEngine) -> None:
    run = engine.start(image(4))
    masks, memory = run.stabilise(guide(4), flow(4), engine.fresh_memory())
    plain = run.readout()
    assert masks.confidence is not None
    kept = [run.logits(), masks.labels, masks.confidence, plain.labels, memory.state]
    copies = [np.array(array) for array in kept]
    for seed in range(5, 9):
        other = engine.start(image(seed))
        other.stabilise(guide(seed), flow(seed), memory)
        other.readout()
    for array, copy in zip(kept, copies, strict=True):
        np.testing.assert_array_equal(array, copy)


def test_several_runs_may_be_under_way(engine: InferenceEngine) -> None:
    runs = [engine.start(image(seed)) for seed in range(4)]
    for seed in (2, 0, 3, 1):
        np.testing.assert_array_equal(runs[seed].logits(), engine.start(image(seed)).logits())


def test_a_run_nobody_waits_for_harms_no_other(engine: InferenceEngine) -> None:
    expected = engine.start(image(0)).logits()
    for seed in range(10):
        engine.start(image(seed))
    np.testing.assert_array_equal(engine.start(image(0)).logits(), expected)


def test_memory_carries_the_past(engine: InferenceEngine) -> None:
    (_, first), (_, second) = steps(engine, [1, 2])
    alone = steps(engine, [2])[0][1]
    assert first.batch == 1
    assert at_home(first).shape == (1, memory_channels(engine), *PLANE)
    assert not np.array_equal(at_home(second), at_home(alone))


def test_memory_passed_in_is_left_untouched(engine: InferenceEngine) -> None:
    memory = steps(engine, [1])[0][1]
    before = at_home(memory)
    steps_twice = [engine.start(image(2)).stabilise(guide(2), flow(2), memory) for _ in range(2)]
    np.testing.assert_array_equal(at_home(memory), before)
    assert_same(*steps_twice)


def test_interleaved_streams_give_bit_for_bit_what_each_gives_alone(engine: InferenceEngine) -> None:
    one, two = [1, 2, 3, 4], [11, 12, 13, 14]
    alone = steps(engine, one), steps(engine, two)
    memories = [engine.fresh_memory(), engine.fresh_memory()]
    for index in range(len(one)):
        for stream, seeds in enumerate((one, two)):
            seed = seeds[index]
            result = engine.start(image(seed)).stabilise(guide(seed), flow(seed), memories[stream])
            memories[stream] = result[1]
            assert_same(result, alone[stream][index])


def test_a_batch_of_streams_gives_what_each_gives_alone(engine: InferenceEngine) -> None:
    """Streams of differing pasts meet in one batch, and part again."""
    pasts = [steps(engine, seeds)[-1][1] for seeds in ([1, 2], [11], [21, 22, 23])]
    order = [2, 0, 1]
    together = engine.join_memories([pasts[index] for index in order])
    pictures, guides, flows = (
        np.concatenate([make(index) for index in order]) for make in (image, guide, flow)
    )
    masks, memory = engine.start(pictures).stabilise(guides, flows, together)
    parted = engine.split_memory(memory)
    for row, index in enumerate(order):
        one, after = engine.start(image(index)).stabilise(guide(index), flow(index), pasts[index])
        assert (masks.labels[row] == one.labels[0]).mean() > 0.999
        np.testing.assert_allclose(at_home(parted[row]), at_home(after), rtol=0.02, atol=0.02)


def test_a_memory_gone_bad_spoils_no_other_of_its_batch(engine: InferenceEngine) -> None:
    good = steps(engine, [1])[0][1]
    bad = at_home(good)
    bad[0, -1, 3, 4] = np.nan
    together = engine.join_memories([good, EngineMemory(bad, 1)])
    pictures, guides = np.concatenate([image(5)] * 2), np.concatenate([guide(5)] * 2)
    still = np.zeros((2, 2, *PLANE), np.float32)
    _, after = engine.start(pictures).stabilise(guides, still, together)
    assert not engine.memory_is_finite(after)
    assert [engine.memory_is_finite(one) for one in engine.split_memory(after)] == [True, False]


def test_flow_is_where_each_cell_came_from(engine: InferenceEngine) -> None:
    """The same past, moved by whole cells: away from the border the result is the moved result."""
    still = np.zeros((1, 2, *PLANE), np.float32)
    grey = np.full((1, HEIGHT, WIDTH, 3), 90, np.uint8)
    level = np.full((1, 1, *PLANE), 0.5, np.float32)
    past = engine.start(image(1)).stabilise(guide(1), still, engine.fresh_memory())[1]
    moved = still.copy()
    moved[:, 0], moved[:, 1] = 3, -2
    carried = np.roll(at_home(past), (2, -3), axis=(2, 3))  # [y, x] takes what was at [y - 2, x + 3]
    by_flow = engine.start(grey).stabilise(level, moved, past)[1]
    by_hand = engine.start(grey).stabilise(level, still, EngineMemory(carried, 1))[1]
    inside = np.s_[:, :, 4:-4, 5:-5]
    np.testing.assert_allclose(at_home(by_flow)[inside], at_home(by_hand)[inside], atol=1e-3)


def test_nan_in_the_logits_is_an_engine_error(engine: InferenceEngine) -> None:
    white = np.full((1, HEIGHT, WIDTH, 3), 255, np.uint8)
    run = engine.start(white)
    for ask in (run.wait, run.logits, run.readout):
        with pytest.raises(EngineError, match="NaN or infinity in the logits"):
            ask()
    engine.start(image(1)).wait()


@pytest.mark.parametrize("poison", [np.nan, np.inf, -np.inf])
def test_memory_that_is_not_finite_is_noticed(engine: InferenceEngine, poison: float) -> None:
    memory = steps(engine, [1])[0][1]
    assert engine.memory_is_finite(memory)
    bad = at_home(memory)
    bad[0, -1, -1, -1] = poison
    assert not engine.memory_is_finite(EngineMemory(bad, 1))


@pytest.mark.parametrize(
    "wrong",
    [
        np.zeros((1, HEIGHT, WIDTH), np.uint8),
        np.zeros((1, WIDTH, HEIGHT, 3), np.uint8),
        np.zeros((1, HEIGHT, WIDTH, 3), np.float32),
    ],
)
def test_a_wrong_picture_is_refused(engine: InferenceEngine, wrong: U8) -> None:
    with pytest.raises(EngineError, match=r"image is .* must be"):
        engine.start(wrong)


def test_wrong_planes_are_refused(engine: InferenceEngine) -> None:
    run: Run = engine.start(image(0))
    memory = engine.fresh_memory()
    with pytest.raises(EngineError, match="guide"):
        run.stabilise(np.zeros((1, 1, 2, 2), np.float32), flow(0), memory)
    with pytest.raises(EngineError, match="flow"):
        run.stabilise(guide(0), flow(0).astype(np.float64), memory)
    with pytest.raises(EngineError, match="memory"):
        run.stabilise(guide(0), flow(0), engine.fresh_memory(2))


def test_a_picture_that_is_a_view_is_read_right(engine: InferenceEngine) -> None:
    wide = np.random.default_rng(0).integers(0, 200, (1, HEIGHT, WIDTH * 2, 3), dtype=np.uint8)
    view = wide[:, :, ::2]
    np.testing.assert_array_equal(engine.start(view).logits(), engine.start(view.copy()).logits())


def test_what_is_read_only_is_read(engine: InferenceEngine) -> None:
    picture, plane, moved = image(0), guide(0), flow(0)
    memory = EngineMemory(at_home(steps(engine, [1])[0][1]), 1)
    expected = engine.start(picture).stabilise(plane, moved, memory)
    for array in (picture, plane, moved, memory.state):
        array.setflags(write=False)
    assert_same(engine.start(picture).stabilise(plane, moved, memory), expected)


def test_an_average_can_be_read_out(engine: InferenceEngine) -> None:
    run = engine.start(image(0))
    np.testing.assert_array_equal(engine.read_out(run.logits()).labels, run.readout().labels)


def test_warm_up_then_work(engine: InferenceEngine) -> None:
    engine.warm_up()
    engine.start(image(0)).wait()


def test_close_is_idempotent_and_final(engine: InferenceEngine) -> None:
    engine.close()
    engine.close()
    with pytest.raises(EngineError, match="closed"):
        engine.start(image(0))


def test_subscribers_can_be_told_about_it(engine: InferenceEngine) -> None:
    told = model_info(engine)
    assert told.mask_wh == (WIDTH, HEIGHT)
    assert told.backend == engine.info.backend
    assert [entry.id for entry in told.classes] == list(range(CLASSES))
    assert len(told.sha256) == 64
