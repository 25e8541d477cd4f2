from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from streamseg.errors import EngineError
from streamseg.inference.backends.cpu_engine import Arrays, CpuEngine, all_finite, one_line
from streamseg.inference.engine import EngineInfo, EngineMemory
from streamseg.inference.packages.manifest import GraphRole
from tests.fakes.engine import fake_package

INFO = EngineInfo("none", "f32", "CPU", "0", "")


class Answer:
    """A graph that notes what it was fed and always gives the same."""

    def __init__(self, outputs: Arrays) -> None:
        self.outputs = outputs
        self.fed: list[Arrays] = []

    def start(self, feeds: Arrays) -> Answer:
        self.fed.append(feeds)
        return self

    def result(self) -> Arrays:
        return self.outputs


def segmenter(**more: np.ndarray[tuple[int, ...], np.dtype[np.float32]]) -> Answer:
    return Answer({"logits": np.zeros((1, 5, 12, 16), np.float32), **more})


def picture() -> np.ndarray[tuple[int, ...], np.dtype[np.uint8]]:
    return np.zeros((1, 48, 64, 3), np.uint8)


@settings(deadline=None)
@given(
    st.lists(st.floats(-1e6, 1e6, width=32), min_size=1, max_size=50),
    st.sampled_from([np.nan, np.inf, -np.inf]),
)
def test_one_bad_value_is_found_anywhere(values: list[float], bad: float) -> None:
    array = np.array(values, np.float32)
    assert all_finite(array)
    array[len(values) // 2] = bad
    assert not all_finite(array)
    assert not all_finite(np.array([np.inf, -np.inf], np.float32))


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Exception from core.cpp:90:\nCheck 'x' failed at y.cpp:1:\n  the reason  \n\n", "the reason"),
        ("one line", "one line"),
        ("", "RuntimeError"),
        ("x" * 999, "x" * 300),
        ("node \x1b[31mred\u202e", r"node \x1b[31mred\u202e"),
    ],
)
def test_a_librarys_message_becomes_one_line(text: str, expected: str) -> None:
    assert one_line(RuntimeError(text)) == expected


def test_what_the_segmenter_gives_is_handed_on_without_a_copy() -> None:
    features = np.zeros((1, 8, 12, 16), np.float32)
    first = segmenter(features=features)
    maps = np.zeros((1, 48, 64), np.uint8)
    second = Answer({"labels": maps, "confidence": maps, "memory_out": np.ones((1, 7, 12, 16), np.float32)})
    engine = CpuEngine(fake_package(), INFO, {GraphRole.SEGMENTER: first, GraphRole.STABILISER: second})
    guide, flow = np.zeros((1, 1, 12, 16), np.float32), np.zeros((1, 2, 12, 16), np.float32)
    memory = engine.fresh_memory()
    masks, after = engine.start(picture()).stabilise(guide, flow, memory)
    fed = second.fed[0]
    assert fed["logits"] is first.outputs["logits"]
    assert fed["features"] is features
    assert fed["memory"] is memory.state
    assert masks.labels is maps
    assert after.state is second.outputs["memory_out"]


def test_without_a_readout_graph_it_is_done_here() -> None:
    masks = CpuEngine(fake_package(), INFO, {GraphRole.SEGMENTER: segmenter()}).start(picture()).readout()
    assert masks.labels.shape == (1, 48, 64)


def test_without_a_stabiliser_there_is_no_memory() -> None:
    engine = CpuEngine(fake_package(stabiliser=False), INFO, {GraphRole.SEGMENTER: segmenter()})
    with pytest.raises(EngineError, match="no stabiliser"):
        engine.fresh_memory()
    run = engine.start(picture())
    with pytest.raises(EngineError, match="no stabiliser"):
        run.stabilise(np.zeros((1,), np.float32), np.zeros((1,), np.float32), None)  # type: ignore[arg-type]
    engine.warm_up()


@pytest.mark.parametrize(
    ("asked", "allowed", "expected"), [(1, None, [1]), (3, None, [1, 2, 3]), (3, 2, [1, 2])]
)
def test_every_batch_that_may_come_is_warmed_up(asked: int, allowed: int | None, expected: list[int]) -> None:
    package = fake_package(stabiliser=False)
    package = replace(package, manifest=package.manifest.model_copy(update={"max_batch": allowed}))
    graph = segmenter()
    CpuEngine(package, INFO, {GraphRole.SEGMENTER: graph}, max_batch=asked).warm_up()
    assert [len(fed["image"]) for fed in graph.fed] == expected


def test_memories_are_joined_and_split_again() -> None:
    engine = CpuEngine(fake_package(), INFO, {GraphRole.SEGMENTER: segmenter()})
    rows = [np.full((1, 7, 12, 16), value, np.float32) for value in (1, 2, 3)]
    joined = engine.join_memories([EngineMemory(row, 1) for row in rows])
    assert joined.batch == 3
    for part, row in zip(engine.split_memory(joined), rows, strict=True):
        assert part.batch == 1
        np.testing.assert_array_equal(part.state, row)


def test_closing_frees_the_backend_once_and_for_all() -> None:
    freed: list[bool] = []
    engine = CpuEngine(fake_package(), INFO, {GraphRole.SEGMENTER: segmenter()}, lambda: freed.append(True))
    run = engine.start(picture())
    engine.close()
    assert freed == [True]
    with pytest.raises(EngineError, match="closed"):
        run.stabilise(np.zeros((1,), np.float32), np.zeros((1,), np.float32), engine.fresh_memory())
