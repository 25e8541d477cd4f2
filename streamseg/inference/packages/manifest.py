"""What a model package says about itself: `model.yaml`, read, checked and written.

The trainer's export writes it, the daemon reads it, outsiders may write it by hand; so every problem is
reported at once, with its key.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from enum import StrEnum
from pathlib import Path, PurePosixPath
from typing import Annotated, Any, Literal

import yaml
from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    ValidationError,
    field_validator,
    model_validator,
)

from streamseg.config.yaml_loader import YamlError
from streamseg.config.yaml_source import Lines, read, read_text
from streamseg.errors import PackageError
from streamseg.inference.packages.lineage import MAX_PARENTS, Parent
from streamseg.inference.packages.manifest_errors import told, validation_problems
from streamseg.text import printable, require_printable
from streamseg.types import NAME, ClassInfo

MANIFEST_NAME = "model.yaml"
INT8_FILE = "segmenter-int8.onnx"  # what is made here calls the segmenter in int8
MAX_CLASSES = 255
MAX_NAMES_BYTES = 48 * 1024  # of all class names as JSON: the `info` header, of 64 KiB, holds them (wire.md)
MAX_MEMORY = 1 << 26  # floats of one stream's memory: 256 MiB


def _folded(text: object) -> object:
    return " ".join(text.split()) if isinstance(text, str) else text


_Byte = Annotated[int, Field(ge=0, le=255)]
_Sha256 = Annotated[str, Field(pattern="^[0-9a-f]{64}$")]
ClassName = Annotated[str, Field(min_length=1, max_length=64), AfterValidator(require_printable)]
Version = Annotated[str, Field(min_length=1, max_length=64), AfterValidator(require_printable)]
License = Annotated[str, Field(min_length=1, max_length=500), AfterValidator(require_printable)]
DataStatement = Annotated[
    str, Field(min_length=1, max_length=4000), BeforeValidator(_folded), AfterValidator(require_printable)
]
_FileName = Annotated[str, Field(max_length=255), AfterValidator(require_printable)]


def check_class_names(names: Sequence[str]) -> None:
    """Raises ValueError: there are too many, or they are too long together for the `info` messages."""
    if not 1 <= len(names) <= MAX_CLASSES:
        msg = f"there must be 1 to {MAX_CLASSES} of them, not {len(names)}"
        raise ValueError(msg)
    size = sum(len(json.dumps(name, ensure_ascii=False).encode()) for name in names)
    if size > MAX_NAMES_BYTES:
        msg = f"their names have {size} bytes together, {MAX_NAMES_BYTES} at most: shorten them"
        raise ValueError(msg)


class GraphRole(StrEnum):
    """What a graph of a package is for; the keys of `graphs`."""

    SEGMENTER = "segmenter"
    STABILISER = "stabiliser"
    READOUT = "readout"
    DISCRIMINATOR = "discriminator"


# What an engine runs; a discriminator only serves `streamseg explain`.
ENGINE_ROLES = (GraphRole.SEGMENTER, GraphRole.STABILISER, GraphRole.READOUT)


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, ser_json_inf_nan="constants")


class InputSize(_Part):
    """Size of the picture the segmenter takes, and of the label map, in pixels."""

    width: int = Field(ge=16, le=8192)
    height: int = Field(ge=16, le=8192)


class ManifestClass(_Part):
    """One class: its id in the label map, its name, its display colour (r, g, b)."""

    id: int = Field(ge=0, le=254)
    name: ClassName
    color: tuple[_Byte, _Byte, _Byte]


class GraphFile(_Part):
    """A graph of the package: a file beside `model.yaml`, and the sha256 of its bytes in hexadecimal."""

    file: _FileName
    sha256: _Sha256

    @field_validator("file")
    @classmethod
    def _beside_the_manifest(cls, value: str) -> str:
        path = PurePosixPath(value)
        if path.is_absolute() or ".." in path.parts or not path.name:
            msg = "must be a file inside the package's folder"
            raise ValueError(msg)
        return value


class Graphs(_Part):
    """The graphs a package brings; only the segmenter is required."""

    segmenter: GraphFile
    stabiliser: GraphFile | None = None
    readout: GraphFile | None = None
    discriminator: GraphFile | None = None


class Int8(_Part):
    """The segmenter once more, in int8, and what that costs.

    Attributes:
        segmenter: The quantised graph, of the same inputs and outputs as `graphs.segmenter`.
        measure: What the loss is counted in: `miou` on labelled pictures, `agreement` with float, or
            `source`: the network was made in integers, and it is agreement with these, of which float is but
            a reading.
        loss: Points of it (hundredths) that int8 costs; negative where it gains.
        allowed: Points it was allowed to cost; above that `precision: auto` never takes it.
        frames: Pictures it was calibrated on, or tried on where the network brought its own ranges.
        float_layers: Layers left in float to stay within that.
        weight_bits: Of each weight. Products of 8 overflow on x86 processors without VNNI, where `auto`
            leaves such a graph alone.
    """

    segmenter: GraphFile
    measure: Literal["miou", "agreement", "source"]
    loss: float
    allowed: float = Field(ge=0)
    frames: int = Field(ge=1)
    float_layers: tuple[str, ...] = ()
    weight_bits: Literal[7, 8] = 7

    @property
    def within(self) -> bool:
        """Whether it costs no more than it may."""
        return self.loss <= self.allowed


class MemoryShape(_Part):
    """Shape of the stabiliser's memory `[N, channels, height, width]`."""

    channels: int = Field(ge=1)
    width: int = Field(ge=1, le=8192)
    height: int = Field(ge=1, le=8192)

    @model_validator(mode="after")
    def _bounded(self) -> MemoryShape:
        if self.channels * self.width * self.height > MAX_MEMORY:
            msg = f"channels x width x height must be {MAX_MEMORY} at most"
            raise ValueError(msg)
        return self


class Manifest(_Part):
    """The content of `model.yaml`.

    Attributes:
        schema_version: Version of this layout.
        name: The package's name; how a configuration asks for it.
        version: Version of the weights.
        task: What the package does.
        input: Size of picture and label map, pixels.
        max_batch: How many pictures the segmenter takes at once; None: any number.
        ignore: The label that means "no class".
        classes: Ids, names and colours; channel i of the logits is the class listed i-th.
        license: Licence of the weights.
        data: What the weights were trained on.
        lineage: What the weights began with or learnt from, where that is known.
        metrics: Figures as measured, free-form.
        graphs: The ONNX files.
        int8: The segmenter in int8, where the package was calibrated.
        memory: Shape of the stabiliser's memory; required with a stabiliser.
        parameters: Number of trained parameters.
    """

    schema_version: Literal[1]
    name: str = Field(pattern=f"^{NAME.pattern}$")
    version: Version
    task: Literal["semantic-segmentation"] = "semantic-segmentation"
    input: InputSize
    max_batch: int | None = Field(default=None, ge=1, le=65536)
    ignore: _Byte = 255
    classes: tuple[ManifestClass, ...]
    license: License
    data: DataStatement
    lineage: tuple[Parent, ...] | None = Field(default=None, max_length=MAX_PARENTS)
    metrics: dict[str, Any] = Field(default_factory=dict)
    graphs: Graphs
    int8: Int8 | None = None
    memory: MemoryShape | None = None
    parameters: int | None = Field(default=None, ge=0)

    @field_validator("classes")
    @classmethod
    def _ids_in_order(cls, value: tuple[ManifestClass, ...]) -> tuple[ManifestClass, ...]:
        check_class_names([entry.name for entry in value])
        # the label map is an argmax over channels, so an id can only be the channel's index
        if [entry.id for entry in value] != list(range(len(value))):
            msg = f"ids must be 0…{len(value) - 1} in order: an id is the channel of the logits"
            raise ValueError(msg)
        return value

    @model_validator(mode="after")
    def _memory_with_stabiliser(self) -> Manifest:
        if self.graphs.stabiliser is not None and self.memory is None:
            msg = "a package with a stabiliser must give the shape of its memory"
            raise ValueError(msg)
        return self

    @property
    def size_wh(self) -> tuple[int, int]:
        """Width and height of the network's picture and of the label map, pixels."""
        return self.input.width, self.input.height

    def class_infos(self) -> tuple[ClassInfo, ...]:
        """The classes in the words every room shares."""
        return tuple(ClassInfo(entry.id, entry.name, entry.color) for entry in self.classes)


def load_manifest(path: Path) -> Manifest:
    """Reads and checks a `model.yaml`: a regular file of bounded size and content (`config.yaml_loader`).

    Raises:
        PackageError: Missing, unreadable or wrong; the text holds every problem, one line each.
    """
    document, lines = read_yaml(path)
    problems = [(where, what) for where, what in lines.twins]
    if not isinstance(document, dict):
        raise PackageError(
            printable(f"{path}: must hold keys and values (schema_version, name, classes, graphs, …)")
        )
    try:
        manifest = Manifest.model_validate(document)
    except ValidationError as error:
        problems += validation_problems(error, Manifest)
    if problems:
        raise PackageError(told(path, lines, problems))
    return manifest


def read_yaml(path: Path) -> tuple[Any, Lines]:
    """A YAML file's content, and where in it what stands. Raises PackageError with file and line."""
    try:
        return read(read_text(path))
    except YamlError as error:
        line = f":{error.line}" if error.line else ""
        raise PackageError(printable(f"{path}{line}: {error.what}")) from error


def dump_manifest(manifest: Manifest, path: Path) -> None:
    """Writes a manifest as a `model.yaml` that `load_manifest` reads back equal."""
    whole = manifest.model_dump(mode="json")
    # a figure may be None on purpose; a graph that is not there is not mentioned
    document = {**manifest.model_dump(mode="json", exclude_none=True), "metrics": whole["metrics"]}
    text = yaml.safe_dump(document, sort_keys=False, allow_unicode=True, width=110, default_flow_style=None)
    path.write_text(text, encoding="utf-8")


def sha256_file(path: Path) -> str:
    """The sha256 of a file's bytes, in hexadecimal. Raises OSError where it cannot be read."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
