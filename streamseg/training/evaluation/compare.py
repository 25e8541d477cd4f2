"""Packages side by side on the same pictures."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from streamseg.errors import TrainingError
from streamseg.inference.engine import EngineInfo
from streamseg.inference.packages.package import Package
from streamseg.training.evaluation.evaluator import Measures


@dataclass(frozen=True, slots=True)
class Measured:
    """What a package scored, on what it ran and how large it is.

    Attributes:
        info: Backend and precision.
        parameters: Weights of the segmenter; None where they could not be counted.
        measures: By temporal mode, and `truth`.
    """

    info: EngineInfo
    parameters: int | None
    measures: Mapping[str, Measures]


def name_apart(packages: Sequence[Package], given: Sequence[str]) -> list[str]:
    """Names for packages: their own, or what the user called them where two would be the same.

    Raises:
        TrainingError: A package is named twice.
    """
    own = [package.manifest.name for package in packages]
    names = [name if own.count(name) == 1 else said for name, said in zip(own, given, strict=True)]
    if twice := sorted({name for name in names if names.count(name) > 1}):
        raise TrainingError(
            f"--compare: {', '.join(twice)} would be compared with itself; name other packages"
        )
    return names


def check_classes(packages: Sequence[Package]) -> None:
    """Refuse packages that do not tell the same classes apart. Raises TrainingError, naming the first."""
    first = [c.name for c in packages[0].manifest.classes]
    for package in packages[1:]:
        if [c.name for c in package.manifest.classes] != first:
            raise TrainingError(
                f"--compare: the classes of {package.path} are not those of {packages[0].path}; "
                "only packages of the same classes can be compared"
            )


def side_by_side(measured: Mapping[str, Measured]) -> dict[str, Measures]:
    """Measures by `package:mode`; `truth`, the same for all, comes last and once."""
    columns = {
        f"{name}:{mode}": measures
        for name, one in measured.items()
        for mode, measures in one.measures.items()
        if mode != "truth"
    }
    truths = [one.measures["truth"] for one in measured.values() if "truth" in one.measures]
    return {**columns, "truth": truths[0]} if truths else columns


def count_weights(path: Path) -> int | None:
    """Numbers in the initialisers of an ONNX file that are weights, not shapes or indices.

    Args:
        path: The file.

    Returns:
        None where `onnx` is not installed: measuring must not need the `train` extra.
    """
    try:
        import onnx  # noqa: PLC0415 only the trainer's extra has it
    except ModuleNotFoundError:
        return None
    kinds = onnx.TensorProto
    weights = {kinds.FLOAT, kinds.FLOAT16, kinds.BFLOAT16, kinds.INT8, kinds.UINT8}
    tensors = onnx.load(path).graph.initializer
    return sum(math.prod(tuple[int, ...](t.dims)) for t in tensors if t.data_type in weights)
