from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from streamseg.errors import EngineError
from streamseg.inference.backends.tensorrt.build import Batches, BuildRequest, build_plan
from streamseg.inference.backends.tensorrt.logger import LogCollector
from streamseg.inference.backends.tensorrt.plan import Plan
from streamseg.inference.backends.tensorrt.prepare import prepared
from streamseg.inference.packages.package import Package
from tests.fakes import pycuda, tensorrt
from tests.fakes.tensorrt import ICudaEngine, IExecutionContext

LABEL = "tiny/readout f32"


@pytest.fixture
def content(package: Package) -> bytes:
    graph = prepared((package.path / "readout.onnx").read_bytes(), "readout", "f32")
    return build_plan(tensorrt, BuildRequest(graph, "tiny/readout", "f32", Batches(1, 1, 3))).plan


def load(content: bytes, label: str = LABEL) -> Plan:
    words = LogCollector(tensorrt)
    return Plan(tensorrt, tensorrt.Runtime(words.sink), words, content, label)


class Memory:
    """Arrays at the addresses a plan is given."""

    def __init__(self, batch: int) -> None:
        random = np.random.default_rng(batch)
        self.arrays: dict[str, NDArray[Any]] = {
            "logits": random.normal(0, 1, (batch, 5, 12, 16)).astype(np.float32),
            "labels": np.full((batch, 48, 64), 77, np.uint8),
            "confidence": np.full((batch, 48, 64), 77, np.uint8),
        }

    @property
    def addresses(self) -> dict[str, int]:
        return {name: array.ctypes.data for name, array in self.arrays.items()} | {"more": 1}


def enqueue(plan: Plan, batch: int) -> Memory:
    memory = Memory(batch)  # must outlive the run
    plan.enqueue(batch, memory.addresses, 7)
    pycuda.world.run()
    return memory


def test_it_knows_its_tensors_and_its_largest_batch(content: bytes) -> None:
    plan = load(content)
    assert [str(spec) for spec in plan.spec.inputs] == ["float32 [?, 5, 12, 16]"]
    assert [(spec.name, str(spec)) for spec in plan.spec.outputs] == [
        ("labels", "uint8 [?, 48, 64]"),
        ("confidence", "uint8 [?, 48, 64]"),
    ]
    assert plan.most == 3


@pytest.mark.parametrize("batch", [1, 3])
def test_it_runs_on_the_memory_it_is_given(content: bytes, batch: int) -> None:
    memory = enqueue(load(content), batch)
    centres = memory.arrays["labels"][:, 1::4, 1::4]
    assert (centres == memory.arrays["logits"].argmax(axis=1)).mean() > 0.8


def test_shapes_are_set_where_the_batch_changes(content: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[int] = []
    set_input_shape = IExecutionContext.set_input_shape

    def spy(context: IExecutionContext, name: str, shape: tuple[int, ...]) -> bool:
        asked.append(shape[0])
        return set_input_shape(context, name, shape)

    monkeypatch.setattr(IExecutionContext, "set_input_shape", spy)
    plan = load(content)
    for batch in (1, 1, 2, 2, 1):
        enqueue(plan, batch)
    assert asked == [1, 2, 1]


def test_a_larger_batch_is_refused(content: bytes) -> None:
    plan = load(content)
    with pytest.raises(EngineError, match="4 pictures at once; the plan was built for 3"):
        enqueue(plan, 4)
    enqueue(plan, 1)


def test_what_is_no_plan(content: bytes) -> None:
    with pytest.raises(
        EngineError, match=f"{LABEL}: TensorRT cannot load its plan: Magic tag does not match"
    ):
        load(content[:100])


def test_a_plan_of_something_else_is_refused(content: bytes) -> None:
    with pytest.raises(
        EngineError, match="tiny/readout f16: the plan is of 'tiny/readout f32'; build it again"
    ):
        load(content, "tiny/readout f16")


def test_a_context_that_cannot_be(content: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ICudaEngine, "create_execution_context", lambda _: None)
    with pytest.raises(EngineError, match=r"cannot make a context; is the GPU's memory full\?"):
        load(content)


def test_a_type_that_numpy_has_not_is_named(content: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ICudaEngine, "get_tensor_dtype", lambda *_: tensorrt.DataType.HALF)
    assert load(content).spec.inputs[0].dtype == str(tensorrt.DataType.HALF)


@pytest.mark.parametrize(
    ("method", "answer", "words"),
    [
        ("set_input_shape", False, "refuses 1 pictures at once"),
        ("infer_shapes", ["logits"], "cannot tell the shape of logits"),
        ("set_tensor_address", False, "refuses the memory for logits"),
        ("execute_async_v3", False, "TensorRT failed"),
    ],
)
def test_every_refusal_is_an_error(
    content: bytes, monkeypatch: pytest.MonkeyPatch, method: str, answer: Any, words: str
) -> None:
    plan = load(content)
    with monkeypatch.context() as patch:
        patch.setattr(IExecutionContext, method, lambda *_: answer)
        with pytest.raises(EngineError, match=f"{LABEL}: .*{words}"):
            enqueue(plan, 1)
    enqueue(plan, 1)


def test_a_failing_run_carries_the_reason(content: bytes) -> None:
    plan = load(content)
    plan._engine._broken = "Cuda Runtime (unspecified launch failure)"
    with pytest.raises(EngineError, match="TensorRT failed: Cuda Runtime"):
        enqueue(plan, 1)


def test_closing_lets_everything_go(content: bytes) -> None:
    plan = load(content)
    plan.close()
    assert plan._context is plan._engine is None
