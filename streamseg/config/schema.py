"""Every key of the configuration, with its unit, range and default."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, field_validator

from streamseg.types import NAME, TemporalMode


class _Section(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class SourceConfig(_Section):
    """Where the frames of a stream come from."""

    url: str = Field(min_length=1, description="file, /dev/videoN, rtsp://, http:// or lavfi: source")
    transport: Literal["tcp", "udp"] = Field(default="tcp", description="RTSP media transport")
    loop: bool = Field(default=False, description="start a file again at its end")
    pace: bool = Field(default=True, description="play a file at its own speed; false: as fast as possible")
    open_timeout_s: float = Field(
        default=5.0, gt=0, le=120, description="longest wait for a source to open, s"
    )
    stall_after_s: float = Field(default=3.0, gt=0, le=120, description="no frame for so long is a stall, s")
    reconnect_initial_s: float = Field(default=0.5, gt=0, le=60, description="first wait before a retry, s")
    reconnect_max_s: float = Field(default=30.0, gt=0, le=3600, description="longest wait before a retry, s")
    max_fps: float | None = Field(
        default=None, gt=0, le=1000, description="frames above this rate are skipped"
    )


def _source(value: Any) -> Any:
    """`source: URL` is short for `source: {url: URL}`."""
    return {"url": value} if isinstance(value, str) else value


class StreamDefaults(_Section):
    """What holds for every stream that does not say otherwise."""

    temporal: TemporalMode = Field(default=TemporalMode.CONVGRU, description="what steadies the masks")
    motion: Literal["flow", "none"] = Field(
        default="flow", description="carry the memory along with the picture"
    )
    ema: float = Field(
        default=0.5, ge=0, lt=1, description="share of the past in the average (temporal: ema)"
    )
    encoding: Literal["zstd", "rle", "png", "raw"] = Field(
        default="zstd", description="mask body on the wire"
    )
    reset_after_s: float = Field(default=1.0, gt=0, le=3600, description="a longer gap lets the memory go, s")
    scene_cut: float = Field(default=0.65, gt=0, le=1, description="dissimilarity that is a cut; 1: never")


class StreamConfig(StreamDefaults):
    """One stream: its source, and what differs from the defaults."""

    source: Annotated[SourceConfig, BeforeValidator(_source)] = Field(description="URL, or url and options")


class EngineConfig(_Section):
    """The model package, and what runs it."""

    package: str = Field(default="camvid-lite0", min_length=1, description="name below engines/, or a path")
    backend: Literal["auto", "openvino", "onnxruntime"] = Field(
        default="auto", description="what runs the graphs"
    )
    precision: Literal["auto", "f32", "bf16"] = Field(
        default="auto", description="what the segmenter computes in"
    )
    threads: int = Field(default=0, ge=0, le=256, description="threads of the engine; 0: one a physical core")
    cache_dir: Path | None = Field(
        default=None, description="compiled models; empty: the user's cache folder"
    )


def _listed(value: Any) -> Any:
    """One address is short for a list of one."""
    return [value] if isinstance(value, str) else value


class PublishConfig(_Section):
    """The socket."""

    bind: Annotated[list[str], BeforeValidator(_listed)] = Field(
        default=["tcp://127.0.0.1:5555"], min_length=1, description="addresses: tcp://host:port or ipc://path"
    )
    insecure: bool = Field(default=False, description="allow addresses that other machines reach")
    pictures: bool = Field(default=False, description="offer pic/1/<stream>/jpeg beside the masks")
    hwm: int = Field(default=4, ge=1, le=1000, description="messages that may wait for one subscriber")
    jpeg_quality: int = Field(default=85, ge=1, le=100, description="of the pictures")


class DaemonConfig(_Section):
    """The process."""

    stop_timeout_s: float = Field(default=2.0, gt=0, le=60, description="longest orderly stop, s")
    log_level: Literal["debug", "info", "warning", "error"] = Field(
        default="info", description="least severity"
    )
    log_format: Literal["auto", "text", "json"] = Field(
        default="auto", description="auto: text on a terminal"
    )


class Config(_Section):
    """The whole configuration."""

    daemon: DaemonConfig = DaemonConfig()
    engine: EngineConfig = EngineConfig()
    publish: PublishConfig = PublishConfig()
    defaults: StreamDefaults = StreamDefaults()
    streams: dict[str, StreamConfig] = Field(min_length=1, description="streams by name")

    @field_validator("streams")
    @classmethod
    def _names_fit_a_topic(cls, streams: dict[str, StreamConfig]) -> dict[str, StreamConfig]:
        bad = [name for name in streams if not NAME.fullmatch(name)]
        if bad:
            msg = f"stream names are 1 to 64 of A-Z a-z 0-9 _ . -, not {', '.join(map(repr, bad))}"
            raise ValueError(msg)
        return streams
