"""The text format, held to prometheus_client's own writer."""

from __future__ import annotations

import math
from collections.abc import Iterable

from hypothesis import given
from hypothesis import strategies as st
from prometheus_client import (
    CollectorRegistry,
    GCCollector,
    PlatformCollector,
    ProcessCollector,
    generate_latest,
)
from prometheus_client.core import (
    CounterMetricFamily,
    GaugeMetricFamily,
    HistogramMetricFamily,
    InfoMetricFamily,
    Metric,
)
from prometheus_client.registry import Collector

from streamseg.status.exposition import number, write
from streamseg.status.metrics import BoardCollector
from tests.status.boards import make_board


class Given(Collector):
    """Collects what it was made with."""

    def __init__(self, metrics: list[Metric]) -> None:
        self.metrics = metrics

    def collect(self) -> Iterable[Metric]:
        return self.metrics


def both(collector: Collector) -> tuple[bytes, bytes]:
    """Ours, theirs."""
    registry = CollectorRegistry()
    registry.register(collector)
    return write(collector.collect()), generate_latest(registry)


def test_the_board_reads_the_same() -> None:
    ours, theirs = both(BoardCollector(make_board(streams=3)))
    lines = zip(ours.decode().splitlines(), theirs.decode().splitlines(), strict=True)
    # the machine's own figures move between two readings
    assert [a for a, b in lines if a != b and "cpu_frequency" not in a and "temperature" not in a] == []


@given(st.text(), st.text(), st.floats())
def test_any_label_text_and_value_reads_the_same(label: str, text: str, value: float) -> None:
    family = GaugeMetricFamily("a_gauge", text, labels=["b", "a"])
    family.add_metric([label, "x"], value)
    ours, theirs = both(Given([family]))
    assert ours == theirs


def test_kinds_whose_names_differ_between_formats() -> None:
    counter = CounterMetricFamily("things", "Counted.", labels=["a"])
    counter.add_metric(["x"], 3, created=12.0)
    histogram = HistogramMetricFamily("spans", "Spans.")
    histogram.add_metric([], [("1.0", 2), ("+Inf", 5)], 7.5)
    info = InfoMetricFamily("about", "About.")
    info.add_metric([], {"version": "1"})
    ours, theirs = both(Given([counter, histogram, info]))
    created = b"_created"
    assert ours == b"".join(line for line in theirs.splitlines(keepends=True) if created not in line)


def test_the_librarys_own_collectors_can_be_written() -> None:
    registry = CollectorRegistry()
    for collector in (ProcessCollector, PlatformCollector, GCCollector):
        collector(registry=registry)
    assert b"process_open_fds " in write(registry.collect())


def test_numbers() -> None:
    assert [number(value) for value in (1.0, 0.5, 1e6, 12345678.0)] == [
        "1.0",
        "0.5",
        "1e+06",
        "1.2345678e+07",
    ]
    assert [number(value) for value in (math.inf, math.nan)] == ["+Inf", "NaN"]
