"""A segmenter that begins where a model package has come to: a few pictures of one's own then go a long way.

A package's graph holds each convolution with the batch normalisation behind it folded in (Jacob et al. 2018,
§3.2), and folding forgets the statistics. They are measured again, on pictures to be learnt from, and taken
out of scale and shift: what the network says stays the same, and it can be trained as any other.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from itertools import pairwise
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import onnx
import torch
from onnx import numpy_helper
from torch import Tensor, nn

from streamseg.errors import TrainingError
from streamseg.inference.packages.manifest import GraphRole
from streamseg.inference.packages.package import open_package
from streamseg.networks.segmenter import Segmenter
from streamseg.types import F32, U8


class Layer(NamedTuple):
    """A convolution, and the normalisation behind it if there is one."""

    convolution: nn.Conv2d
    norm: nn.BatchNorm2d | None


class Weights(NamedTuple):
    """Of one convolution in a graph, `[out, in, h, w]` and `[out]`."""

    kernel: F32
    bias: F32


def inherit(segmenter: Segmenter, package: Path, classes: Sequence[str], shots: Sequence[U8]) -> None:
    """Give a network the weights of a package; what belongs to classes it does not know stays as it is.

    Args:
        segmenter: Of the package's architecture, encoder and width.
        package: Its folder.
        classes: Names of the network's classes, in order.
        shots: Pictures to measure statistics on, RGB `[H, W, 3]` uint8.

    Raises:
        PackageError: It cannot be read.
        TrainingError: Its network is another.
    """
    found = open_package(package)
    graph = onnx.load_from_string(found.read("segmenter", found.graphs[GraphRole.SEGMENTER])).graph
    layers, weights = _layers(segmenter, shots[0]), list(_weights(graph))
    _check(package, layers[:-1], weights[:-1])
    for layer, folded in zip(layers[:-1], weights[:-1], strict=True):
        _fill(layer, folded)
    there = [known.name for known in found.manifest.classes]
    _fill_classes(layers[-1].convolution, weights[-1], there, classes)
    _unfold(segmenter, [layer.norm for layer in layers if layer.norm is not None], shots)


def _layers(segmenter: Segmenter, shot: U8) -> list[Layer]:
    """In the order in which they run, which is that of the graph; the classifier comes last."""
    ran: list[nn.Module] = []
    with _watched(segmenter, (nn.Conv2d, nn.BatchNorm2d), lambda module, _: ran.append(module)):
        _run(segmenter, shot)
    return [
        Layer(module, after if isinstance(after, nn.BatchNorm2d) else None)
        for module, after in pairwise([*ran, None])
        if isinstance(module, nn.Conv2d)
    ]


def _weights(graph: Any) -> Iterator[Weights]:
    """Those of each convolution; float16 ones have a Cast behind them."""
    values = {tensor.name: numpy_helper.to_array(tensor) for tensor in graph.initializer}
    for node in graph.node:
        if node.op_type == "Cast" and node.input[0] in values:
            values[node.output[0]] = values[node.input[0]].astype(np.float32)
    for node in graph.node:
        if node.op_type == "Conv":
            kernel, *bias = (values[name] for name in node.input[1:])
            yield Weights(kernel, bias[0] if bias else np.zeros(len(kernel), np.float32))


def _check(package: Path, layers: Sequence[Layer], weights: Sequence[Weights]) -> None:
    here = [tuple(layer.convolution.weight.shape) for layer in layers]
    if here != [folded.kernel.shape for folded in weights]:
        raise TrainingError(
            f"start: the network of {package} is another than the recipe's: segment.encoder, "
            "segment.architecture and segment.width must be what the package was made with"
        )


@torch.no_grad()
def _fill(layer: Layer, folded: Weights) -> None:
    """Until its statistics are known, a normalisation only adds the bias."""
    layer.convolution.weight.copy_(torch.tensor(folded.kernel))
    if layer.norm is None:
        layer.convolution.state_dict()["bias"].copy_(torch.tensor(folded.bias))
        return
    layer.norm.reset_running_stats()
    layer.norm.weight.fill_((1 + layer.norm.eps) ** 0.5)
    layer.norm.bias.copy_(torch.tensor(folded.bias))


@torch.no_grad()
def _fill_classes(classifier: nn.Conv2d, folded: Weights, there: Sequence[str], here: Sequence[str]) -> None:
    state = classifier.state_dict()  # the parameters themselves
    for row, name in enumerate(here):
        if name in there:
            known = there.index(name)
            state["weight"][row] = torch.tensor(folded.kernel[known])
            state["bias"][row] = float(folded.bias[known])


@torch.no_grad()
def _unfold(segmenter: Segmenter, norms: Sequence[nn.BatchNorm2d], shots: Sequence[U8]) -> None:
    """Give each normalisation the mean and variance of what it sees, and a scale and shift that undo them."""
    seen: dict[nn.Module, list[Tensor]] = {norm: [] for norm in norms}

    def look(norm: nn.Module, x: Tensor) -> None:
        x = x.double()
        seen[norm].append(torch.stack([x.mean((0, 2, 3)), x.square().mean((0, 2, 3))]))

    with _watched(segmenter, (nn.BatchNorm2d,), look):
        for shot in shots:
            _run(segmenter, shot)
    for norm in norms:
        mean, square = torch.stack(seen[norm]).mean(0)
        variance = (square - mean.square()).clamp(min=0)
        norm.running_mean, norm.running_var = mean.float(), variance.float()
        norm.weight.copy_((variance + norm.eps).sqrt())
        norm.bias.add_(mean)


@contextmanager
def _watched(
    segmenter: Segmenter, kinds: tuple[type[nn.Module], ...], look: Callable[[nn.Module, Tensor], None]
) -> Iterator[None]:
    """Let `look` see the input of every module of these kinds, as it runs."""
    with ExitStack() as stack:
        for module in segmenter.modules():
            if isinstance(module, kinds):
                handle = module.register_forward_pre_hook(lambda one, inputs: look(one, inputs[0]))
                stack.callback(handle.remove)
        yield


@torch.no_grad()
def _run(segmenter: Segmenter, shot: U8) -> None:
    segmenter.eval()(torch.from_numpy(shot).permute(2, 0, 1)[None])
