"""A network that was not made here as a model package: read, tried, put into a folder."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray
from pydantic import ValidationError

from streamseg.convert.adapters import ANSWER, Batch, with_logits, with_picture
from streamseg.convert.network import Network, read_network
from streamseg.convert.options import ConvertOptions
from streamseg.convert.output_detection import OutputInterpretation, read_answers
from streamseg.convert.tflite import integers
from streamseg.errors import EngineError, PackageError, StreamsegError
from streamseg.inference.backend import Settings
from streamseg.inference.backends import ort
from streamseg.inference.cpu_info import physical_cores
from streamseg.inference.packages.class_list import hue
from streamseg.inference.packages.manifest import (
    INT8_FILE,
    MANIFEST_NAME,
    GraphFile,
    Graphs,
    InputSize,
    Manifest,
    ManifestClass,
    dump_manifest,
    sha256_file,
)
from streamseg.inference.packages.manifest_errors import described
from streamseg.inference.packages.package import Package
from streamseg.types import U8

FILE = "segmenter.onnx"
ANY_BATCH = "N"


@dataclass(frozen=True, slots=True)
class Label:
    """What is written on a package.

    Attributes:
        name: How a configuration asks for it.
        version: Of the weights.
        license: Of the weights.
        data: What they were trained on.
    """

    name: str
    version: str
    license: str
    data: str


@dataclass(frozen=True, slots=True)
class Wrapped:
    """A network with the graph around it.

    Attributes:
        model: The segmenter of a package.
        network: What is inside.
        reading: What its answer was found to mean.
        size_wh: Of picture and mask.
        one_at_a_time: It takes no batch of more than one picture.
        int8: The segmenter once more, in the integers that the network was made in; None where it was not.
    """

    model: Any
    network: Network
    reading: OutputInterpretation
    size_wh: tuple[int, int]
    one_at_a_time: bool
    int8: Any | None = None


def wrap(path: Path, asked: ConvertOptions) -> Wrapped:
    """Puts the graph around a network, having tried what its answers are.

    Raises:
        PackageError: It cannot be wrapped; says why.
    """
    network = read_network(path, asked)
    pictures = _trial_pictures(asked.size_wh or network.size_wh)
    answers = _answers(with_picture(network, asked, 1), path, [picture[None] for picture in pictures])
    try:
        reading = read_answers(answers, asked, network.layout)
    except PackageError as error:
        raise PackageError(f"{path}: {error}") from error
    batch: Batch = ANY_BATCH if _takes_batches(network, asked, path, pictures, answers) else 1
    model, int8 = (
        with_logits(with_picture(one, asked, batch), reading, len(asked.classes), batch) if one else None
        for one in (network, network.qdq)
    )
    return Wrapped(model, network, reading, asked.size_wh or network.size_wh, batch == 1, int8)


def write_package(wrapped: Wrapped, asked: ConvertOptions, label: Label, folder: Path) -> Package:
    """Writes a package, all of it or nothing.

    Raises:
        PackageError: The folder is there already, or cannot be written; or a class's name, the version, the
            licence or the statement on the data is nothing that a manifest can hold.
    """
    if folder.exists():
        raise PackageError(f"{folder}: is there already; remove it, or say another --out")
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        with TemporaryDirectory(dir=folder.parent, prefix=f".{folder.name}-") as part:
            inside = Path(part) / folder.name
            inside.mkdir()
            onnx.save(wrapped.model, inside / FILE)
            manifest = _manifest(wrapped, asked, label, sha256_file(inside / FILE))
            if wrapped.int8 is not None:
                manifest = _with_int8(wrapped, Package(inside, manifest), Path(part))
            dump_manifest(manifest, inside / MANIFEST_NAME)
            inside.replace(folder)
    except OSError as error:
        raise PackageError(f"{folder}: cannot be written: {error.strerror or error}") from error
    except ValidationError as error:
        raise PackageError(described(error, Manifest)) from error
    return Package(folder, manifest)


def _with_int8(wrapped: Wrapped, package: Package, workplace: Path) -> Manifest:
    """The manifest with the graph in integers, which is written and tried."""
    onnx.save(wrapped.int8, package.path / INT8_FILE)
    entry = GraphFile(file=INT8_FILE, sha256=sha256_file(package.path / INT8_FILE))
    pictures = _trial_pictures(wrapped.size_wh)
    record = integers.unjudged(entry, len(pictures))
    tried = replace(package, manifest=package.manifest.model_copy(update={"int8": record}))
    try:
        record = integers.judged(tried, list(pictures), workplace / "compiled")
    except EngineError as error:
        raise PackageError(f"the network does not run in its own integers: {error}") from error
    return package.manifest.model_copy(update={"int8": record})


def _manifest(wrapped: Wrapped, asked: ConvertOptions, label: Label, sha256: str) -> Manifest:
    width, height = wrapped.size_wh
    return Manifest(
        schema_version=1,
        name=label.name,
        version=label.version,
        input=InputSize(width=width, height=height),
        max_batch=1 if wrapped.one_at_a_time else None,
        classes=tuple(
            ManifestClass(id=index, name=name, color=shown)
            for index, (name, shown) in enumerate(zip(asked.classes, _colors(asked), strict=True))
        ),
        license=label.license,
        data=label.data,
        graphs=Graphs(segmenter=GraphFile(file=FILE, sha256=sha256)),
        parameters=sum(math.prod(weight.dims) for weight in wrapped.network.model.graph.initializer),
    )


def _colors(asked: ConvertOptions) -> Sequence[tuple[int, int, int]]:
    return asked.colors or [color(index) for index in range(len(asked.classes))]


def color(index: int) -> tuple[int, int, int]:
    """A class's colour: the first, mostly the background, dark; the others of hues far apart."""
    if index == 0:
        return 40, 40, 40
    return hue(index)


def _trial_pictures(size_wh: tuple[int, int]) -> U8:
    """Noise, soft patches, black and white, `[4, H, W, 3]`: what an answer is shows on any of them."""
    width, height = size_wh
    random = np.random.default_rng(0)
    noise = random.integers(0, 256, (height, width, 3), dtype=np.uint8)
    patches = random.integers(0, 256, (-(-height // 32), -(-width // 32), 3), dtype=np.uint8)
    soft = np.kron(patches, np.ones((32, 32, 1), np.uint8))[:height, :width]
    return np.stack([noise, soft, np.zeros_like(noise), np.full_like(noise, 255)])


def _answers(model: Any, path: Path, batches: Sequence[U8]) -> list[NDArray[Any]]:
    settings = Settings("f32", physical_cores(), None)
    try:
        with ort.opened(model.SerializeToString(), path, settings) as graph:
            return [graph.start({"image": batch}).result()[ANSWER] for batch in batches]
    except EngineError as error:
        raise PackageError(f"{path}: does not run: {error}") from error


def _takes_batches(
    network: Network, asked: ConvertOptions, path: Path, pictures: U8, alone: Sequence[NDArray[Any]]
) -> bool:
    """Whether pictures together give what each gives alone; networks made for one often do not run at all."""
    try:
        together = _answers(with_picture(network, asked, ANY_BATCH), path, [pictures[:2]])[0]
    except StreamsegError:
        return False
    wanted = np.concatenate(alone[:2])
    return together.shape == wanted.shape and bool(np.allclose(together, wanted, rtol=1e-3, atol=1e-4))
