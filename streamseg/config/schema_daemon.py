"""The keys of the process and of its sockets; see `schema`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any, Literal, TypeAlias

from annotated_types import Unit
from pydantic import BeforeValidator, Field

from streamseg.config.metadata import Reload, Section


def _listed(value: Any) -> Any:
    """One address is short for a list of one."""
    return [value] if isinstance(value, str) else value


_Listed: TypeAlias = Annotated[list[str], BeforeValidator(_listed, json_schema_input_type=str | list[str])]


class PublishConfig(Section):
    """The socket."""

    bind: Annotated[_Listed, Reload.DAEMON] = Field(
        default=["tcp://127.0.0.1:5555"], min_length=1, description="addresses: tcp://host:port or ipc://path"
    )
    insecure: Annotated[bool, Reload.DAEMON] = Field(
        default=False, description="allow addresses that other machines reach"
    )
    pictures: Annotated[bool, Reload.DAEMON] = Field(
        default=False, description="offer pic/1/<stream>/jpeg beside the masks"
    )
    hwm: Annotated[int, Reload.DAEMON, Unit("messages")] = Field(
        default=4, ge=1, le=1000, description="messages that may wait for one subscriber"
    )
    jpeg_quality: Annotated[int, Reload.DAEMON, Unit("of 100")] = Field(
        default=85, ge=1, le=100, description="JPEG quality of the pictures"
    )


class StatusConfig(Section):
    """Health, metrics and the page, over HTTP."""

    bind: Annotated[str | None, Reload.DAEMON] = Field(
        default=None, description="address, as 127.0.0.1:8600; empty: none. Beyond loopback with a token only"
    )
    token_file: Annotated[Path | None, Reload.DAEMON] = Field(
        default=None, description="file with the token that is asked for, mode 0600"
    )
    allowed_origins: Annotated[_Listed, Reload.DAEMON] = Field(
        default=[], description="other sites whose pages may look, as https://host:port"
    )
    page: Annotated[bool, Reload.DAEMON] = Field(
        default=True, description="offer the page with pictures and masks beside health and metrics"
    )
    jpeg_quality: Annotated[int, Reload.DAEMON, Unit("of 100")] = Field(
        default=75, ge=1, le=100, description="JPEG quality of the page's pictures"
    )


class TraceConfig(Section):
    """OpenTelemetry; needs the extra `otel`."""

    endpoint: Annotated[str | None, Reload.DAEMON] = Field(
        default=None, description="OTLP collector, as http://127.0.0.1:4318; empty: no traces"
    )


class DaemonConfig(Section):
    """The process."""

    stop_timeout_s: Annotated[float, Reload.LIVE, Unit("s")] = Field(
        default=5.0, gt=0, le=60, description="longest orderly stop; what has not ended by then is left"
    )
    ready_timeout_s: Annotated[float, Reload.LIVE, Unit("s")] = Field(
        default=30.0, gt=0, le=3600, description="no mask for so long after the start is said to be degraded"
    )
    restart_limit: Annotated[int, Reload.LIVE, Unit("restarts")] = Field(
        default=5,
        ge=0,
        le=1000,
        description="restarts of a failing stream within restart_window_s; past them it is given up",
    )
    restart_window_s: Annotated[float, Reload.LIVE, Unit("s")] = Field(
        default=300.0, gt=0, le=86400, description="what restart_limit is counted over"
    )
    max_rss_mb: Annotated[int | None, Reload.LIVE, Unit("MB")] = Field(
        default=None, ge=64, description="memory beyond which the newest stream is let go; empty: no limit"
    )
    log_level: Annotated[Literal["debug", "info", "warning", "error"], Reload.LIVE] = Field(
        default="info", description="least severity"
    )
    log_format: Annotated[Literal["auto", "text", "json"], Reload.LIVE] = Field(
        default="auto", description="auto: text on a terminal and in the journal, JSON elsewhere"
    )
    trace: TraceConfig = Field(default=TraceConfig(), description="OpenTelemetry")
