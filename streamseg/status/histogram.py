"""Latency histograms of all streams, as `/metrics` shows them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from prometheus_client import Histogram, disable_created_metrics

from streamseg.status import metric_definitions
from streamseg.status.snapshot import STAGES

# Seconds. Few bounds, since every one is a line of every scrape for every stream.
AGE_BOUNDS_S = (0.025, 0.05, 0.1, 0.15, 0.25, 0.5, 1.0, 2.5, 5.0)
STAGE_BOUNDS_S = (0.001, 0.005, 0.01, 0.025, 0.05, 0.1, 0.5)

disable_created_metrics()  # type: ignore[no-untyped-call]  # they would double the number of families


class LatencyHistograms:
    """The age of masks by stream, and the time spent by stream and stage; safe to use from any thread."""

    def __init__(self) -> None:
        self.age = _histogram(metric_definitions.AGE, AGE_BOUNDS_S)
        self.stages = _histogram(metric_definitions.STAGE, STAGE_BOUNDS_S)

    def add(self, stream: str) -> tuple[Histogram, Mapping[str, Histogram]]:
        """A new stream's own histograms: of the age, and of each stage by its name; in seconds."""
        return self.age.labels(stream), {stage: self.stages.labels(stream, stage) for stage in STAGES}

    def remove(self, stream: str) -> None:
        """Export the histograms of an added stream no more; values that still come to them are lost."""
        self.age.remove(stream)
        for stage in STAGES:
            self.stages.remove(stream, stage)


def _histogram(metric: metric_definitions.Metric, bounds_s: Sequence[float]) -> Histogram:
    return Histogram(metric.name, metric.text, metric.labels, buckets=bounds_s, registry=None)
