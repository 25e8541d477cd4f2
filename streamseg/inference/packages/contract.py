"""Which tensors each graph of a package must have; the same check for every backend.

The contract between trainer and daemon (N dynamic unless the manifest says `max_batch`, H x W static):

    segmenter      image uint8 [N, H, W, 3]                        → logits float32 [N, C, h, w], features?
    stabiliser     logits, features?, guide float32 [N, 1, h', w'],
                   flow float32 [N, 2, h', w'], memory float32     → labels uint8 [N, H, W],
                   [N, M, h', w']                                    confidence uint8 [N, H, W], memory_out
    readout        logits                                          → labels, confidence
    discriminator  image, logits                                   → realness float32 [N, 1, h, w], 0…1

The daemon runs the first three; the discriminator serves `streamseg explain`.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from streamseg.errors import PackageError
from streamseg.inference.packages.manifest import GraphRole, Manifest
from streamseg.inference.packages.package import Package

FEATURES = "features"  # the tensor between segmenter and stabiliser that not every package has
ANY = -1  # a dimension that is not fixed


@dataclass(frozen=True, slots=True)
class TensorSpec:
    """One input or output of a graph.

    Attributes:
        name: Its name.
        dtype: NumPy's name of its element type (`uint8`, `float32`).
        shape: Its dimensions; `ANY` where it is not fixed.
    """

    name: str
    dtype: str
    shape: tuple[int, ...]

    def __str__(self) -> str:
        sizes = ", ".join("?" if size == ANY else str(size) for size in self.shape)
        return f"{self.dtype} [{sizes}]"

    def admits(self, other: TensorSpec) -> bool:
        """Whether `other` has this type, rank and every size fixed on both sides."""
        return (
            self.dtype == other.dtype
            and len(self.shape) == len(other.shape)
            and all(
                ANY in (mine, theirs) or mine == theirs
                for mine, theirs in zip(self.shape, other.shape, strict=True)
            )
        )


@dataclass(frozen=True, slots=True)
class GraphSpec:
    """The tensors of a graph, as the backend reads them from the file."""

    inputs: tuple[TensorSpec, ...]
    outputs: tuple[TensorSpec, ...]


class PackageCheck:
    """Checks the graphs of one package as a backend reads them, the segmenter first.

    Args:
        package: The package.
        precision: Which of its graphs: those that run in it.
    """

    def __init__(self, package: Package, precision: str = "f32") -> None:
        self._package = package
        self._files = package.running(precision)
        self._given: dict[str, TensorSpec] = {}

    def graph(self, role: GraphRole, found: GraphSpec) -> None:
        """Compares a graph with its role, the manifest, and what the segmenter gives to it.

        Raises:
            PackageError: With every missing, superfluous or mismatched tensor, one line each.
        """
        path = self._package.path / self._files[role].file
        check_graph(path, role, self._package.manifest, found)
        if role is GraphRole.SEGMENTER:
            self._given = {spec.name: spec for spec in found.outputs}
        elif problems := self._unfed(found):
            raise PackageError("\n".join(f"{path}: {role} graph: {problem}" for problem in problems))

    def _unfed(self, found: GraphSpec) -> list[str]:
        problems = []
        for spec in found.inputs:
            given = self._given.get(spec.name)
            if spec.name == FEATURES and given is None:
                problems.append(f"input {FEATURES!r} ({spec}) is one the segmenter does not give")
            elif given is not None and not spec.admits(given):
                problems.append(f"input {spec.name!r} is {spec}, the segmenter gives {given}")
        return problems


def check_graph(path: Path, role: GraphRole, manifest: Manifest, found: GraphSpec) -> None:
    """Compares a graph's tensors with what its role and the manifest demand.

    Raises:
        PackageError: With every missing, superfluous or mismatched tensor, one line each.
    """
    wanted = _wanted(role, manifest)
    problems = [
        *_compare("input", wanted.inputs, found.inputs, _optional_inputs(role)),
        *_compare("output", wanted.outputs, found.outputs, _optional_outputs(role), more=True),
    ]
    if problems:
        raise PackageError("\n".join(f"{path}: {role} graph: {problem}" for problem in problems))


def _wanted(role: GraphRole, manifest: Manifest) -> GraphSpec:
    width, height = manifest.size_wh
    image = TensorSpec("image", "uint8", (ANY, height, width, 3))
    logits = TensorSpec("logits", "float32", (ANY, len(manifest.classes), ANY, ANY))
    features = TensorSpec(FEATURES, "float32", (ANY, ANY, ANY, ANY))
    maps = (
        TensorSpec("labels", "uint8", (ANY, height, width)),
        TensorSpec("confidence", "uint8", (ANY, height, width)),
    )
    match role:
        case GraphRole.SEGMENTER:
            return GraphSpec((image,), (logits, features))
        case GraphRole.READOUT:
            return GraphSpec((logits,), maps)
        case GraphRole.DISCRIMINATOR:
            return GraphSpec((image, logits), (TensorSpec("realness", "float32", (ANY, 1, ANY, ANY)),))
        case GraphRole.STABILISER:
            return _stabiliser(manifest, logits, features, maps)


def _stabiliser(
    manifest: Manifest, logits: TensorSpec, features: TensorSpec, maps: tuple[TensorSpec, ...]
) -> GraphSpec:
    shape = manifest.memory
    if shape is None:
        raise PackageError(f"{manifest.name}: the manifest gives no shape for the stabiliser's memory")
    plane = (shape.height, shape.width)
    inputs = (
        TensorSpec("guide", "float32", (ANY, 1, *plane)),
        TensorSpec("flow", "float32", (ANY, 2, *plane)),
        TensorSpec("memory", "float32", (ANY, shape.channels, *plane)),
    )
    memory_out = TensorSpec("memory_out", "float32", (ANY, shape.channels, *plane))
    return GraphSpec((logits, features, *inputs), (*maps, memory_out))


def _optional_inputs(role: GraphRole) -> frozenset[str]:
    return frozenset({FEATURES}) if role is GraphRole.STABILISER else frozenset()


def _optional_outputs(role: GraphRole) -> frozenset[str]:
    return frozenset({FEATURES}) if role is GraphRole.SEGMENTER else frozenset()


def _compare(
    kind: str,
    wanted: Iterable[TensorSpec],
    found: Iterable[TensorSpec],
    optional: frozenset[str],
    *,
    more: bool = False,
) -> list[str]:
    """Problems of one side; `more`: what is not asked for may be there."""
    have = {spec.name: spec for spec in found}
    problems = []
    for spec in wanted:
        actual = have.pop(spec.name, None)
        if actual is None and spec.name not in optional:
            problems.append(f"{kind} {spec.name!r} ({spec}) is missing")
        elif actual is not None and not spec.admits(actual):
            problems.append(f"{kind} {spec.name!r} is {actual}, must be {spec}")
    if not more:
        problems.extend(
            f"{kind} {name!r} ({spec}) is not one this daemon feeds" for name, spec in have.items()
        )
    return problems
