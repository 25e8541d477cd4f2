"""What engines that run as CUDA graphs keep to is in `tests/contracts/test_engine.py`."""

from __future__ import annotations

from typing import Any

import pytest

from streamseg.errors import EngineError
from streamseg.inference.backends.tensorrt.cuda_graphs import CudaGraphCache
from tests.fakes import cuda_bindings, pycuda
from tests.fakes.pycuda import World

STREAM = 7


class Context:
    """A context that notes what becomes of it."""

    def __init__(self) -> None:
        self.bound: list[str] = []
        self.ran: list[str] = []
        self.executed = 0


class Bench:
    """CudaGraphCache, the contexts they made, and a way to run them."""

    def __init__(self, most: int = 32) -> None:
        self.contexts: list[Context] = []
        self.captures = CudaGraphCache(cuda_bindings, self._make, most)
        self.broken = False

    def _make(self) -> Context:
        self.contexts.append(Context())
        return self.contexts[-1]

    def run(self, key: str) -> None:
        def execute(context: Context) -> None:
            if self.broken:
                raise EngineError("TensorRT failed")
            context.executed += 1
            pycuda.world.launch(lambda: context.ran.append(key))

        self.captures.run(key, STREAM, lambda context: context.bound.append(key), execute)
        pycuda.world.run()


def test_the_first_run_is_plain_the_second_captured_the_rest_are_launched(world: World) -> None:
    bench = Bench()
    for runs in range(1, 6):
        bench.run("a")
        assert bench.contexts[0].ran == ["a"] * runs
    assert bench.contexts[0].executed == 2
    assert world.launches == 4


def test_every_set_of_buffers_has_a_context_that_is_bound_once(world: World) -> None:
    bench = Bench()
    for key in "abababab":
        bench.run(key)
    assert [context.bound for context in bench.contexts] == [["a"], ["b"]]
    assert [context.ran for context in bench.contexts] == [["a"] * 4, ["b"] * 4]


def test_the_one_used_longest_ago_makes_room(world: World) -> None:
    bench = Bench(most=2)
    for key in "aabbacc":
        bench.run(key)
    assert len(world.taken) == 2  # a and c
    bench.run("a")
    assert len(bench.contexts) == 3
    bench.run("b")
    assert len(bench.contexts) == 4
    bench.captures.close()
    assert not world.taken


def test_what_fails_in_a_capture_leaves_the_stream_usable(world: World) -> None:
    bench = Bench()
    bench.run("a")
    bench.broken = True
    with pytest.raises(EngineError, match="TensorRT failed"):
        bench.run("a")
    bench.broken = False
    assert world.capture is None
    bench.run("a")
    assert bench.contexts[0].ran == ["a", "a"]


def test_what_fails_at_first_leaves_nothing(world: World) -> None:
    bench = Bench()
    bench.broken = True
    with pytest.raises(EngineError, match="TensorRT failed"):
        bench.run("a")
    bench.broken = False
    bench.run("a")
    assert bench.contexts[1].bound == ["a"]


def test_a_refusal_of_cuda_says_what_to_do(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    bench = Bench()
    bench.run("a")
    refusal: tuple[Any, ...] = (cuda_bindings.CUresult.CUDA_ERROR_STREAM_CAPTURE_INVALIDATED, None)
    monkeypatch.setattr(cuda_bindings, "cuGraphInstantiate", lambda *_: refusal)
    with pytest.raises(EngineError, match=r"STREAM_CAPTURE_INVALIDATED\); set engine\.cuda_graphs to false"):
        bench.run("a")
