"""What a model package says about itself: `model.yaml`, read, checked and written.

The trainer's export writes it, the daemon reads it, outsiders may write it by hand; so every problem is
reported at once, with its key.
"""

from __future__ import annotations

import difflib
import hashlib
from enum import StrEnum
from pathlib import Path, PurePosixPath
from typing import Annotated, Any, Literal

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator, model_validator

from streamseg.errors import PackageError
from streamseg.inference.lineage import MAX_PARENTS, Parent
from streamseg.types import NAME, ClassInfo

MANIFEST_NAME = "model.yaml"

_Byte = Annotated[int, Field(ge=0, le=255)]
_Sha256 = Annotated[str, Field(pattern="^[0-9a-f]{64}$")]


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
    name: str = Field(min_length=1)
    color: tuple[_Byte, _Byte, _Byte]


class GraphFile(_Part):
    """A graph of the package: a file beside `model.yaml`, and the sha256 of its bytes in hexadecimal."""

    file: str
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
        measure: What the loss is counted in: `miou` on labelled pictures, or `agreement` with float.
        loss: Points of it (hundredths) that int8 costs; negative where it gains.
        allowed: Points it was allowed to cost; above that `precision: auto` never takes it.
        frames: Pictures it was calibrated on.
        float_layers: Layers left in float to stay within that.
    """

    segmenter: GraphFile
    measure: Literal["miou", "agreement"]
    loss: float
    allowed: float = Field(ge=0)
    frames: int = Field(ge=1)
    float_layers: tuple[str, ...] = ()

    @property
    def within(self) -> bool:
        """Whether it costs no more than it may."""
        return self.loss <= self.allowed


class MemoryShape(_Part):
    """Shape of the stabiliser's memory `[N, channels, height, width]`."""

    channels: int = Field(ge=1)
    width: int = Field(ge=1)
    height: int = Field(ge=1)


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
    version: str = Field(min_length=1)
    task: Literal["semantic-segmentation"] = "semantic-segmentation"
    input: InputSize
    max_batch: int | None = Field(default=None, ge=1)
    ignore: _Byte = 255
    classes: tuple[ManifestClass, ...]
    license: str = Field(min_length=1)
    data: str = Field(min_length=1)
    lineage: tuple[Parent, ...] | None = Field(default=None, max_length=MAX_PARENTS)
    metrics: dict[str, Any] = Field(default_factory=dict)
    graphs: Graphs
    int8: Int8 | None = None
    memory: MemoryShape | None = None
    parameters: int | None = Field(default=None, ge=0)

    @field_validator("classes")
    @classmethod
    def _ids_in_order(cls, value: tuple[ManifestClass, ...]) -> tuple[ManifestClass, ...]:
        if not 1 <= len(value) <= 255:
            msg = f"there must be 1 to 255 of them, not {len(value)}"
            raise ValueError(msg)
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
    """Reads and checks a `model.yaml`.

    Raises:
        PackageError: Missing, unreadable or wrong; the text holds every problem, one line each.
    """
    try:
        document = yaml.safe_load(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError) as error:
        raise PackageError(f"{path}: cannot be read: {_reason(error)}") from error
    except yaml.YAMLError as error:
        raise PackageError(f"{path}{_yaml_line(error)}: not valid YAML: {_yaml_problem(error)}") from error
    if not isinstance(document, dict):
        raise PackageError(f"{path}: must hold keys and values (schema_version, name, classes, graphs, …)")
    try:
        return Manifest.model_validate(document)
    except ValidationError as error:
        raise PackageError("\n".join(_problems(path, error))) from error


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


def _reason(error: Exception) -> str:
    if isinstance(error, OSError) and error.strerror:
        return error.strerror
    return str(error)


def _yaml_line(error: yaml.YAMLError) -> str:
    mark = getattr(error, "problem_mark", None)
    return "" if mark is None else f":{mark.line + 1}"


def _yaml_problem(error: yaml.YAMLError) -> str:
    return str(getattr(error, "problem", None) or error).splitlines()[0]


def _problems(path: Path, error: ValidationError) -> list[str]:
    return [f"{path}: {_key(entry['loc'])}: {_what(entry)}" for entry in error.errors(include_url=False)]


def _key(location: tuple[int | str, ...]) -> str:
    return ".".join(str(part) for part in location) or "(whole file)"


def _what(entry: Any) -> str:
    match entry["type"]:
        case "missing":
            return "is required but missing"
        case "extra_forbidden":
            return f"is not a key of {MANIFEST_NAME}{_hint(entry['loc'])}"
        case "value_error":
            return str(entry["ctx"]["error"])
        case _:
            return f"{entry['msg']} (got {_short(entry['input'])})"


def _short(value: object) -> str:
    text = repr(value)
    return text if len(text) <= 60 else f"{text[:57]}..."


def _hint(location: tuple[int | str, ...]) -> str:
    known = _known_keys(location[:-1])
    close = difflib.get_close_matches(str(location[-1]), known, n=1)
    return f"; did you mean {close[0]!r}?" if close else f"; known: {', '.join(known)}"


def _known_keys(location: tuple[int | str, ...]) -> list[str]:
    parts: dict[tuple[str, ...], type[BaseModel]] = {
        (): Manifest,
        ("input",): InputSize,
        ("classes",): ManifestClass,
        ("graphs",): Graphs,
        ("int8",): Int8,
        ("lineage",): Parent,
        ("int8", "segmenter"): GraphFile,
        ("memory",): MemoryShape,
        **{("graphs", role.value): GraphFile for role in GraphRole},
    }
    return list(parts[tuple(part for part in location if isinstance(part, str))].model_fields)
