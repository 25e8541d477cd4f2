"""What every network of the project must do, whatever it computes."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import onnxruntime
import torch
from torch import Tensor, nn

from streamseg.networks.stabiliser import Stabiliser
from streamseg.training.export.export import trace

TOLERANCE = 1e-4


class StepGraph(nn.Module):
    """One step of a stabiliser with its scores, before they are rounded to labels."""

    def __init__(self, stabiliser: Stabiliser) -> None:
        super().__init__()
        self.stabiliser = stabiliser

    def forward(self, logits: Tensor, guide: Tensor, flow: Tensor, memory: Tensor) -> tuple[Tensor, Tensor]:
        memory = self.stabiliser.step(logits, guide, flow, memory)
        return memory, self.stabiliser.scores(memory)


def step_inputs(stabiliser: Stabiliser) -> dict[str, Tensor]:
    """Two rows of anything at 8×6 cells; the memory is one that the stabiliser made itself."""
    torch.manual_seed(1)
    logits, guide, flow = (
        torch.randn(2, stabiliser.classes, 6, 8),
        torch.rand(2, 1, 6, 8),
        torch.randn(2, 2, 6, 8),
    )
    nothing = torch.zeros(2, stabiliser.memory_channels, 6, 8)
    with torch.inference_mode():
        memory = stabiliser.step(logits.flip(0), guide.flip(0), flow, nothing)
    return {"logits": logits, "guide": guide, "flow": flow, "memory": memory.clone()}


def outputs_of(module: nn.Module, *inputs: Tensor) -> list[Tensor]:
    """What a module returns, always as a list."""
    with torch.inference_mode():
        result = module(*inputs)
    return [result] if isinstance(result, Tensor) else list(result)


def check_every_weight_learns(module: nn.Module, loss: Tensor) -> None:
    """After going back from `loss` every parameter has a finite gradient, and no tensor's is all zeros."""
    loss.backward()  # type: ignore[no-untyped-call]
    gradients = {name: p.grad for name, p in module.named_parameters()}
    assert gradients
    idle = [n for n, g in gradients.items() if g is None or not g.isfinite().all() or not g.any()]
    assert idle == []


def check_rows_do_not_mix(module: nn.Module, *inputs: Tensor) -> None:
    """A batch gives what its rows give one by one."""
    together = outputs_of(module, *inputs)
    for row in range(len(inputs[0])):
        alone = outputs_of(module, *(x[row : row + 1] for x in inputs))
        for all_rows, one in zip(together, alone, strict=True):
            torch.testing.assert_close(all_rows[row : row + 1], one, rtol=TOLERANCE, atol=TOLERANCE)


def check_export(module: nn.Module, inputs: Mapping[str, Tensor], path: Path) -> None:
    """The ONNX graph, run by ONNX Runtime, says what torch says; for a batch of another size too."""
    eager = outputs_of(module, *inputs.values())
    first = {name: x[:1] for name, x in inputs.items()}
    trace(module, first, [f"out{i}" for i in range(len(eager))], path)
    session = onnxruntime.InferenceSession(path, _quiet(), providers=["CPUExecutionProvider"])
    results = session.run(None, {name: x.numpy() for name, x in inputs.items()})
    for ours, theirs in zip(eager, results, strict=True):
        torch.testing.assert_close(torch.from_numpy(theirs), ours, rtol=TOLERANCE, atol=TOLERANCE)


def _quiet() -> onnxruntime.SessionOptions:
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    options.log_severity_level = 3
    # What is checked is the graph, not the optimiser, which takes longer than the run.
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
    return options
