"""Spans of sampled masks, in the SDK's own memory."""

from __future__ import annotations

import http.server
import sys
import threading
from collections.abc import Iterator

import pytest

from streamseg.concurrency.deadline import Deadline
from streamseg.errors import EXIT_CONFIG, MissingExtraError
from streamseg.status.tracing import EVERY_S, Tracer, open_tracer
from tests.status.clock import Clock
from tests.status.masks import mask
from tests.waiting import time_limit

export = pytest.importorskip("opentelemetry.sdk.trace.export")
in_memory = pytest.importorskip("opentelemetry.sdk.trace.export.in_memory_span_exporter")


class Rig:
    """A tracer and what it made."""

    def __init__(self) -> None:
        self.clock = Clock()
        self.exporter = in_memory.InMemorySpanExporter()
        self.tracer = Tracer(export.SimpleSpanProcessor(self.exporter), self.clock)

    @property
    def names(self) -> list[str]:
        return [span.name for span in self.exporter.get_finished_spans()]


def test_a_mask_is_a_span_with_its_stages_inside() -> None:
    rig = Rig()
    rig.tracer.offer(mask(seq=7, reset=True))
    *stages, whole = rig.exporter.get_finished_spans()
    assert [span.name for span in stages] == ["decode", "wait", "infer", "stabilise"]
    assert whole.name == "mask"
    assert dict(whole.attributes) == {
        "stream": "gate",
        "frame.seq": 7,
        "temporal.mode": "none",
        "temporal.reset": True,
    }
    assert {span.parent.span_id for span in stages} == {whole.context.span_id}
    assert [(span.end_time - span.start_time) / 1e6 for span in stages] == [1.0, 2.0, 8.0, 4.0]
    assert whole.start_time == stages[0].start_time == int(1e18) - 1_000_000
    assert whole.end_time == stages[-1].end_time
    assert whole.resource.attributes["service.name"] == "streamseg"


def test_one_mask_a_second_of_each_stream() -> None:
    rig = Rig()
    for _ in range(3):
        rig.tracer.offer(mask("gate"))
        rig.tracer.offer(mask("yard"))
    assert rig.names.count("mask") == 2
    rig.clock.now_s += EVERY_S
    rig.tracer.offer(mask("gate"))
    assert rig.names.count("mask") == 3


def test_a_stage_of_which_nothing_is_known_is_left_out() -> None:
    rig = Rig()
    rig.tracer.offer(mask(ms={"infer": 8.0}))
    assert rig.names == ["infer", "mask"]


def test_its_end_comes_once_and_before_the_start_too() -> None:
    rig = Rig()
    assert rig.tracer.join(Deadline(0))
    rig.tracer.stop()
    rig.tracer.stop()
    assert rig.tracer.join(Deadline(time_limit(60)))


class Collector(http.server.BaseHTTPRequestHandler):
    """Keeps what it is sent."""

    seen: list[tuple[str, bytes]]

    def do_POST(self) -> None:  # the library's name
        body = self.rfile.read(int(self.headers["content-length"]))
        self.seen.append((self.path, body))
        self.send_response(200)
        self.end_headers()

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002  # the library's name
        """Says nothing."""


@pytest.fixture
def collector() -> Iterator[http.server.HTTPServer]:
    Collector.seen = []
    server = http.server.HTTPServer(("127.0.0.1", 0), Collector)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield server
    server.shutdown()
    thread.join()
    server.server_close()


def test_what_waits_reaches_the_collector_before_the_end(collector: http.server.HTTPServer) -> None:
    pytest.importorskip("opentelemetry.exporter.otlp.proto.http.trace_exporter")
    tracer = open_tracer(f"http://127.0.0.1:{collector.server_port}/")
    tracer.offer(mask())
    tracer.stop()
    assert tracer.join(Deadline(time_limit(60)))
    ((path, body),) = Collector.seen
    assert path == "/v1/traces"
    assert b"stabilise" in body


@pytest.mark.parametrize(
    "absent", ["opentelemetry.sdk", "opentelemetry.exporter.otlp.proto.http.trace_exporter"]
)
def test_without_the_extra_it_is_named(absent: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, absent, None)
    with pytest.raises(MissingExtraError, match=r"daemon.trace needs the 'otel' extra") as told:
        open_tracer("http://127.0.0.1:4318")
    assert told.value.exit_code == EXIT_CONFIG
