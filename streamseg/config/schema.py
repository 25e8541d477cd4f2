"""Every key of the configuration, with its unit, range, default, and what a change of it takes (`Reload`).

The sections of the process and its sockets are in `service`, and to be had from here like the others.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any, Literal, Self, TypeAlias
from urllib.parse import quote, urlsplit

from annotated_types import Unit
from pydantic import AfterValidator, BeforeValidator, Field, ValidationInfo, model_validator

from streamseg.config.metadata import Reload, Secret, Section
from streamseg.config.normalize import ENGINE, effective
from streamseg.config.schema_daemon import DaemonConfig, PublishConfig, StatusConfig, TraceConfig
from streamseg.redact import remember_secret, remember_url
from streamseg.types import NAME, TemporalMode, precision_name

__all__ = [
    "Config",
    "DaemonConfig",
    "EngineConfig",
    "OutputConfig",
    "PublishConfig",
    "RoiConfig",
    "SourceConfig",
    "StatusConfig",
    "StreamConfig",
    "StreamDefaults",
    "TraceConfig",
]

ANY_NAME = {"any_name": True}
"""The context of a validation that does not mind what streams and engines are called."""
_SLACK = 1e-6  # of sums of fractions

# `onnxruntime-…`: ONNX Runtime on another provider than the CPU
Backend: TypeAlias = Literal[
    "auto",
    "tensorrt",
    "tensorrt_rtx",
    "openvino",
    "onnxruntime",
    "onnxruntime-cuda",
    "onnxruntime-tensorrt",
    "onnxruntime-openvino",
    "onnxruntime-migraphx",
    "onnxruntime-coreml",
    "onnxruntime-qnn",
]

Precision: TypeAlias = Literal["auto", "f32", "bf16", "f16", "int8"]


class SourceConfig(Section):
    """Where the frames of a stream come from."""

    url: Annotated[str, Reload.STREAM, Secret.CREDENTIALS] = Field(
        min_length=1,
        description="file, /dev/videoN, rtsp://, http:// or lavfi: source",
        examples=["rtsp://viewer@192.168.0.20/stream1"],
    )
    password: Annotated[str | None, Reload.STREAM, Secret.ALL] = Field(
        default=None, repr=False, description="of the user in url, as it is: nothing in it need be escaped"
    )
    transport: Annotated[Literal["tcp", "udp"], Reload.STREAM] = Field(
        default="tcp", description="RTSP media transport"
    )
    loop: Annotated[bool, Reload.STREAM] = Field(default=False, description="start a file again at its end")
    pace: Annotated[bool, Reload.STREAM] = Field(
        default=True, description="play a file at its own speed; false: as fast as possible"
    )
    open_timeout_s: Annotated[float, Reload.STREAM, Unit("s")] = Field(
        default=5.0, gt=0, le=120, description="longest wait for a source to open"
    )
    stall_after_s: Annotated[float, Reload.STREAM, Unit("s")] = Field(
        default=3.0, gt=0, le=120, description="no frame for so long is a stall"
    )
    reconnect_initial_s: Annotated[float, Reload.STREAM, Unit("s")] = Field(
        default=0.5, gt=0, le=60, description="first wait before a retry"
    )
    reconnect_max_s: Annotated[float, Reload.STREAM, Unit("s")] = Field(
        default=30.0, gt=0, le=3600, description="longest wait before a retry"
    )

    @model_validator(mode="after")
    def _remember_credentials(self) -> Self:
        """Whoever holds a source has had its credentials kept out of every text first."""
        remember_url(self.url)
        if self.password is not None:
            remember_secret(self.password)
        return self

    @property
    def location(self) -> str:
        """What is to be opened: the URL, with the password in it."""
        if self.password is None:
            return self.url
        address = urlsplit(self.url).netloc
        user, _, host = address.rpartition("@")
        return self.url.replace(address, f"{user}:{quote(self.password, safe='')}@{host}", 1)


def _source(value: Any) -> Any:
    """`source: URL` is short for `source: {url: URL}`."""
    if isinstance(value, int) and not isinstance(value, bool):
        msg = f"must be a URL, a path, or keys of its own (got {value}); a camera is /dev/video{abs(value)}"
        raise ValueError(msg)  # noqa: TRY004  # pydantic tells of no other
    return {"url": value} if isinstance(value, str) else value


class RoiConfig(Section):
    """A region of interest: the part of the picture that is looked at, as shares of its width and height."""

    x: Annotated[float, Reload.LIVE, Unit("share of the width")] = Field(
        default=0.0, ge=0, lt=1, description="left edge"
    )
    y: Annotated[float, Reload.LIVE, Unit("share of the height")] = Field(
        default=0.0, ge=0, lt=1, description="upper edge"
    )
    w: Annotated[float, Reload.LIVE, Unit("share of the width")] = Field(
        default=1.0, gt=0, le=1, description="width"
    )
    h: Annotated[float, Reload.LIVE, Unit("share of the height")] = Field(
        default=1.0, gt=0, le=1, description="height"
    )

    @model_validator(mode="after")
    def _lies_inside(self) -> Self:
        for edge, size, start, length in (("x", "w", self.x, self.w), ("y", "h", self.y, self.h)):
            if start + length > 1 + _SLACK:
                msg = f"{edge} + {size} = {start + length:g} reaches beyond the picture, which ends at 1"
                raise ValueError(msg)
        return self


class OutputConfig(Section):
    """The size of the published masks."""

    width: Annotated[int, Reload.LIVE, Unit("pixels")] = Field(
        ge=1, le=8192, description="width of a mask", examples=[960]
    )
    height: Annotated[int, Reload.LIVE, Unit("pixels")] = Field(
        ge=1, le=8192, description="height of a mask", examples=[540]
    )

    @property
    def size_wh(self) -> tuple[int, int]:
        """Both."""
        return self.width, self.height


class StreamDefaults(Section):
    """What holds for every stream that does not say otherwise."""

    engine: Annotated[str, Reload.STREAM] = Field(
        default=ENGINE, min_length=1, description="which of the engines; where there is one, that"
    )
    temporal: Annotated[TemporalMode, Reload.LIVE] = Field(
        default=TemporalMode.CONVGRU, description="what steadies the masks"
    )
    motion: Annotated[Literal["flow", "none"], Reload.LIVE] = Field(
        default="flow", description="carry the memory along with the picture"
    )
    ema: Annotated[float, Reload.LIVE, Unit("share")] = Field(
        default=0.5, ge=0, lt=1, description="share of the past in the average, for temporal: ema"
    )
    reset_after_s: Annotated[float, Reload.LIVE, Unit("s")] = Field(
        default=1.0, gt=0, le=3600, description="a longer gap lets the memory go"
    )
    scene_cut: Annotated[float, Reload.LIVE, Unit("dissimilarity")] = Field(
        default=0.65,
        gt=0,
        le=1,
        description="how unlike two pictures must be for a cut, which lets the memory go; 1: never",
    )
    max_fps: Annotated[float | None, Reload.STREAM, Unit("frames/s")] = Field(
        default=None, gt=0, le=1000, description="frames above this rate are skipped; empty: none is"
    )
    roi: RoiConfig | None = Field(
        default=None, description="the part of the picture that is looked at; empty: all of it"
    )
    output: OutputConfig | None = Field(
        default=None, description="size of the published masks; empty: that of the network's picture"
    )
    encoding: Annotated[Literal["zstd", "rle", "png", "raw"], Reload.LIVE] = Field(
        default="zstd", description="mask body on the wire"
    )
    required: Annotated[bool, Reload.LIVE] = Field(
        default=True, description="whether the daemon counts as ready only while this stream publishes"
    )


class StreamConfig(StreamDefaults):
    """One stream: its source, and what differs from the defaults."""

    source: Annotated[SourceConfig, BeforeValidator(_source, json_schema_input_type=str | SourceConfig)] = (
        Field(description="URL, or url and options")
    )


def _precision(value: Any) -> Any:
    """`fp16` is taken for `f16`."""
    return precision_name(value) if isinstance(value, str) else value


class EngineConfig(Section):
    """A model package, and what runs it."""

    model: Annotated[str, Reload.ENGINE] = Field(
        default="street-lite0",
        min_length=1,
        description="model package: name of a folder in engines/, or a path",
    )
    backend: Annotated[Backend, Reload.ENGINE] = Field(default="auto", description="what runs the graphs")
    fallback: Annotated[bool, Reload.LIVE] = Field(
        default=True, description="take the next backend when this one fails"
    )
    precision: Annotated[Precision, BeforeValidator(_precision), Reload.ENGINE] = Field(
        default="auto", description="what the segmenter computes in"
    )
    threads: Annotated[int, Reload.ENGINE, Unit("threads")] = Field(
        default=0, ge=0, le=256, description="threads of the engine; 0: one a physical core"
    )
    max_batch: Annotated[int, Reload.ENGINE, Unit("frames")] = Field(
        default=1, ge=1, le=64, description="frames of different streams that may be computed at once"
    )
    max_batch_wait_ms: Annotated[float, Reload.LIVE, Unit("ms")] = Field(
        default=0.0, ge=0, le=1000, description="how long a frame may wait for others to fill a batch; 0: not"
    )
    cuda_graphs: Annotated[bool, Reload.ENGINE] = Field(
        default=False, description="TensorRT: hand the GPU a whole network at once (extra cuda-graphs)"
    )
    gpu: Annotated[int, Reload.ENGINE, Unit("index")] = Field(
        default=0, ge=0, le=63, description="onnxruntime-cuda, -tensorrt: which NVIDIA GPU, in CUDA's order"
    )
    gpu_memory_limit_mb: Annotated[int, Reload.ENGINE, Unit("MiB")] = Field(
        default=0, ge=0, description="the same: the most memory that a graph may take of it; 0: all there is"
    )
    cache_dir: Annotated[Path | None, Reload.ENGINE] = Field(
        default=None, description="compiled models; empty: the user's cache folder"
    )


def _name(name: str, info: ValidationInfo) -> str:
    if info.context is not ANY_NAME and not NAME.fullmatch(name):
        msg = f"names are 1 to 64 of A-Z a-z 0-9 _ . -, not {name!r}"
        raise ValueError(msg)
    return name


Name: TypeAlias = Annotated[str, AfterValidator(_name)]
"""Of a stream or an engine: it must fit a topic."""


class Config(Section):
    """The whole configuration."""

    daemon: DaemonConfig = Field(default=DaemonConfig(), description="the process")
    engines: dict[Name, EngineConfig] = Field(
        default={ENGINE: EngineConfig()},
        min_length=1,
        description=f"engines by name; engine: … is short for one called {ENGINE}",
    )
    publish: PublishConfig = Field(default=PublishConfig(), description="the socket")
    status: StatusConfig = Field(default=StatusConfig(), description="health, metrics and the page")
    defaults: Annotated[StreamDefaults, Reload.NONE] = Field(
        default=StreamDefaults(), description="what holds for every stream that does not say otherwise"
    )
    streams_dir: Annotated[Path | None, Reload.NONE] = Field(
        default=Path("streams.d"),
        description="folder beside this file whose *.yaml hold more streams by name; empty: none",
    )
    streams: dict[Name, StreamConfig] = Field(min_length=1, description="streams by name")

    @model_validator(mode="before")
    @classmethod
    def _as_it_holds(cls, document: Any) -> Any:
        return effective(document)
