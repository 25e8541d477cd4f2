"""Every metric of ours: name, kind, labels and meaning; run as a program it prints them as a table."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class MetricKind(StrEnum):
    """Kinds of Prometheus metrics."""

    COUNTER = "counter"
    GAUGE = "gauge"
    HISTOGRAM = "histogram"
    SUMMARY = "summary"


@dataclass(frozen=True, slots=True)
class Metric:
    """One metric; `name` as in a query, but for the endings of histograms and summaries."""

    name: str
    kind: MetricKind
    labels: tuple[str, ...]
    text: str


_C, _G, _H, _S = MetricKind.COUNTER, MetricKind.GAUGE, MetricKind.HISTOGRAM, MetricKind.SUMMARY
_STREAM = ("stream",)
_MODEL = ("stream", "engine", "model", "version", "backend", "precision")

BUILD = Metric("streamseg_build_info", _G, ("version",), "Always 1; the version of the daemon.")
STATE = Metric(
    "streamseg_stream_state", _G, ("stream", "state"), "1 for the state the stream is in, 0 for the others."
)
READY = Metric("streamseg_stream_ready", _G, _STREAM, "1 while the stream gives masks.")
REQUIRED = Metric("streamseg_stream_required", _G, _STREAM, "1 if /readyz asks for the stream.")
SILENCE = Metric(
    "streamseg_stream_silence_seconds", _G, _STREAM, "Time since the newest mask; absent before the first."
)
CAPTURED = Metric("streamseg_frames_captured_total", _C, _STREAM, "Frames handed on by the source.")
INFERRED = Metric("streamseg_frames_inferred_total", _C, _STREAM, "Frames that became a mask.")
PUBLISHED = Metric(
    "streamseg_masks_published_total", _C, _STREAM, "Masks sent; none are while nobody subscribes."
)
DROPPED = Metric(
    "streamseg_frames_dropped_total",
    _C,
    ("stream", "reason"),
    "Frames lost: queue_full (replaced by a newer frame before inference), failed (the engine could not), "
    "superseded (the mask was replaced by a newer one before it was sent); "
    "deprecated, the same counts again: crowded (queue_full), unsent (superseded).",
)
AGE = Metric("streamseg_mask_age_seconds", _H, _STREAM, "From the capture of a frame to its mask.")
STAGE = Metric(
    "streamseg_stage_seconds",
    _H,
    ("stream", "stage"),
    "Time a mask spent in decode, wait (for the engine), infer, stabilise and encode.",
)
RECONNECTS = Metric("streamseg_reconnects_total", _C, _STREAM, "Attempts to open the source after the first.")
RESETS = Metric(
    "streamseg_memory_resets_total", _C, _STREAM, "How often the memory was let go: cut, gap, reconnect."
)
FLICKER = Metric(
    "streamseg_flicker_ratio",
    _S,
    _STREAM,
    "Share of pixels whose label changed from mask to mask, on every eighth pixel of every eighth row.",
)
CONFIDENCE = Metric(
    "streamseg_confidence_ratio", _S, _STREAM, "Mean confidence of a mask, on the same pixels."
)
SUBSCRIBERS = Metric(
    "streamseg_subscribers", _G, _STREAM, "Subscriptions on the socket that match the stream's masks."
)
QUEUE = Metric("streamseg_queue_frames", _G, _STREAM, "Frames that wait for the engine.")
MODEL = Metric("streamseg_stream_model_info", _G, _MODEL, "Always 1; what makes the stream's masks.")
BUSY = Metric(
    "streamseg_engine_busy_seconds_total",
    _C,
    ("engine",),
    "Time spent on masks; its rate is the engine's load.",
)
CALLBACK_ERRORS = Metric(
    "streamseg_callback_errors_total",
    _C,
    ("event",),
    "Errors of the daemon's own in what an event or a task led to; the log has the traceback.",
)
VIEWERS = Metric("streamseg_viewers", _G, (), "Open pages that show live pictures.")
THREADS = Metric("streamseg_process_threads", _G, (), "Threads of the process, those of its C libraries too.")
TEMPERATURE = Metric(
    "streamseg_temperature_celsius", _G, ("zone", "sensor"), "Temperature sensors, where Linux has any."
)
FREQUENCY = Metric(
    "streamseg_cpu_frequency_hertz", _G, ("cpu",), "Clock rate of each core, where Linux tells."
)

CATALOGUE = (
    BUILD, STATE, READY, REQUIRED, SILENCE, CAPTURED, INFERRED, PUBLISHED, DROPPED, AGE, STAGE, RECONNECTS,
    RESETS, FLICKER, CONFIDENCE, SUBSCRIBERS, QUEUE, MODEL, BUSY, CALLBACK_ERRORS, VIEWERS, THREADS,
    TEMPERATURE, FREQUENCY,
)  # fmt: skip


def table() -> str:
    """All of them as a table in Markdown; docs/monitoring.md holds it."""
    rows = [f"| `{m.name}` | {m.kind} | {', '.join(m.labels) or '–'} | {m.text} |" for m in CATALOGUE]
    return "\n".join(["| metric | kind | labels | meaning |", "|---|---|---|---|", *rows])


if __name__ == "__main__":
    print(table())  # noqa: T201  # the table is what this is run for
