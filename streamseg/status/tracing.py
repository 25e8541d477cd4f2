"""Traces for OpenTelemetry: a mask a second of each stream, and in it the stages it went through.

The SDK keeps what is to be sent in a bounded queue and sends it from a thread of its own; on the engine's
thread a mask that is not sampled costs a look at the clock.
"""

from __future__ import annotations

import threading
import time
from collections import defaultdict
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from streamseg import __version__
from streamseg.concurrency.deadline import Deadline
from streamseg.concurrency.rate_limit import RateLimiter
from streamseg.concurrency.worker_thread import StoppableThread
from streamseg.errors import MissingExtraError
from streamseg.types import Segmentation

if TYPE_CHECKING:
    from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
    from opentelemetry.sdk.trace import SpanProcessor

EVERY_S = 1.0  # between two sampled masks of a stream
SEND_S = 1.0  # that a collector may take
STAGES = ("wait", "infer", "stabilise")  # one after the other, from the capture on; decoding is before it


class Tracer:
    """Makes spans of sampled masks.

    Args:
        processor: Takes the ended spans.
        clock: Monotonic seconds.
    """

    def __init__(self, processor: SpanProcessor, clock: Callable[[], float] = time.monotonic) -> None:
        sdk = _sdk()
        resource = sdk.resources.Resource.create(
            {"service.name": "streamseg", "service.version": __version__}
        )
        self._provider = sdk.trace.TracerProvider(resource=resource, shutdown_on_exit=False)
        self._provider.add_span_processor(processor)
        self._tracer = self._provider.get_tracer("streamseg", __version__)
        self._in_context = sdk.api.set_span_in_context
        self._throttles = defaultdict[str, RateLimiter](lambda: RateLimiter(EVERY_S, clock))
        self._ended = False
        self._ending = StoppableThread("trace-end", lambda _: self._provider.shutdown())
        self._lock = threading.Lock()  # masks come from one thread an engine

    def offer(self, segmentation: Segmentation) -> None:
        """Make spans of a mask, if it is its stream's turn."""
        with self._lock:
            held = self._throttles[segmentation.frame.stream].pass_on()
        if held is not None:
            self._record(segmentation)

    def stop(self) -> None:
        """Send what waits, and end; returns at once. Idempotent."""
        with self._lock:
            ended, self._ended = self._ended, True
        if not ended:
            self._ending.start()

    def join(self, deadline: Deadline) -> bool:
        """Wait for the end; False where the deadline passed first, what waited is then lost."""
        return self._ending.join(deadline)

    def _record(self, segmentation: Segmentation) -> None:
        frame, spent = segmentation.frame, segmentation.ms
        captured_ns = int(frame.captured_unix_s * 1e9)
        attributes = {
            "stream": frame.stream,
            "frame.seq": frame.seq,
            "temporal.mode": segmentation.mode.value,
            "temporal.reset": segmentation.reset,
        }
        began_ns = captured_ns - _ns(spent.get("decode", 0.0))
        root = self._tracer.start_span("mask", start_time=began_ns, attributes=attributes)
        inside = self._in_context(root)
        at_ns = self._stage("decode", inside, began_ns, spent.get("decode"))
        for stage in STAGES:
            at_ns = self._stage(stage, inside, at_ns, spent.get(stage))
        root.end(at_ns)

    def _stage(self, name: str, inside: Any, began_ns: int, spent_ms: float | None) -> int:
        """A span inside a mask's; returns when it ended."""
        if spent_ms is None:
            return began_ns
        ended_ns = began_ns + _ns(spent_ms)
        self._tracer.start_span(name, context=inside, start_time=began_ns).end(ended_ns)
        return ended_ns


def open_tracer(endpoint: str) -> Tracer:
    """A tracer that sends to a collector at `endpoint`, as `http://127.0.0.1:4318`, by OTLP over HTTP.

    Raises:
        MissingExtraError: The `otel` extra is not installed.
    """
    sdk = _sdk()
    exporter = _exporter()(endpoint=f"{endpoint.rstrip('/')}/v1/traces", timeout=SEND_S)
    return Tracer(sdk.export.BatchSpanProcessor(exporter))


class _Sdk:
    """The modules of the SDK that are used here."""

    def __init__(self) -> None:
        from opentelemetry import trace as api  # noqa: PLC0415  # an extra
        from opentelemetry.sdk import resources, trace  # noqa: PLC0415
        from opentelemetry.sdk.trace import export  # noqa: PLC0415

        self.api, self.resources, self.trace, self.export = api, resources, trace, export


def require_sdk() -> None:
    """Raises MissingExtraError where `open_tracer` would."""
    _sdk()
    _exporter()


def _sdk() -> _Sdk:
    try:
        return _Sdk()
    except ImportError:
        raise MissingExtraError("daemon.trace", "otel") from None


def _exporter() -> type[OTLPSpanExporter]:
    try:
        from opentelemetry.exporter.otlp.proto.http.trace_exporter import (  # noqa: PLC0415  # an extra
            OTLPSpanExporter,
        )
    except ImportError:
        raise MissingExtraError("daemon.trace", "otel") from None
    return OTLPSpanExporter


def _ns(spent_ms: float) -> int:
    return int(spent_ms * 1e6)
