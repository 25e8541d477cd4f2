"""What the board knows, as Prometheus metrics, in the text format or as OpenMetrics."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping

from prometheus_client import GCCollector, PlatformCollector, ProcessCollector
from prometheus_client.core import (
    CounterMetricFamily,
    GaugeMetricFamily,
    Metric,
    SummaryMetricFamily,
)
from prometheus_client.exposition import choose_encoder
from prometheus_client.registry import Collector, CollectorRegistry

from streamseg import __version__
from streamseg.status import metric_definitions, system_info
from streamseg.status.health import gives_masks
from streamseg.status.registry import StatusRegistry
from streamseg.status.snapshot import Mean, StreamSnapshot
from streamseg.types import StreamState

Snapshots = Mapping[str, StreamSnapshot]
Values = dict[tuple[str, ...], float]  # by the values of the labels
_STATES = tuple(StreamState)
OPENMETRICS = "application/openmetrics-text"
TEXT = "text/plain"
# One version of each, whatever a client lists: answers are cached by format, and there must not be many.
_ENCODERS = {media_type: choose_encoder(media_type) for media_type in (TEXT, OPENMETRICS)}
CONTENT_TYPES = {media_type: content_type for media_type, (_, content_type) in _ENCODERS.items()}


class BoardCollector(Collector):
    """What prometheus_client asks.

    Args:
        board: What is known.
        viewers: How many look at the page.
    """

    def __init__(self, board: StatusRegistry, viewers: Callable[[], int] = lambda: 0) -> None:
        self._board, self._viewers = board, viewers

    def collect(self) -> Iterator[Metric]:
        """Every metric of the catalogue, in its order."""
        seen = self._board.snapshots(lately=False)
        yield _gauge(metric_definitions.BUILD, {(__version__,): 1.0})
        yield _states(seen)
        yield from _levels(seen)
        yield from _totals(seen)
        yield from self._board.latencies.age.collect()
        yield from self._board.latencies.stages.collect()
        yield _means(metric_definitions.FLICKER, {name: one.flickers for name, one in seen.items()})
        yield _means(metric_definitions.CONFIDENCE, {name: one.confidences for name, one in seen.items()})
        yield _models(seen)
        yield _counter(
            metric_definitions.BUSY, {(engine,): spent for engine, spent in self._board.busy_s.items()}
        )
        errors = self._board.callback_errors
        yield _counter(
            metric_definitions.CALLBACK_ERRORS, {(event,): float(n) for event, n in errors.items()}
        )
        yield _gauge(metric_definitions.VIEWERS, {(): float(self._viewers())})
        yield from _machine()


class Metrics:
    """`/metrics`: ours, and prometheus_client's of the process and the interpreter."""

    def __init__(self, board: StatusRegistry, viewers: Callable[[], int] = lambda: 0) -> None:
        self._registry = CollectorRegistry(auto_describe=False)
        self._registry.register(BoardCollector(board, viewers))
        for collector in (ProcessCollector, PlatformCollector, GCCollector):
            collector(registry=self._registry)

    def text(self, media_type: str = TEXT) -> bytes:
        """All of it, in the format of a media type: one of `CONTENT_TYPES`."""
        encode, _ = _ENCODERS[media_type]
        return encode(self._registry)


def negotiate(accept: str) -> str:
    """The media type to answer an `Accept` header with: OpenMetrics where the client takes it, else text."""
    offered = {part.partition(";")[0].strip().lower() for part in accept.split(",")}
    return OPENMETRICS if OPENMETRICS in offered else TEXT


def _states(seen: Snapshots) -> Metric:
    return _gauge(
        metric_definitions.STATE,
        {
            (name, state.value): float(one.change.state is state)
            for name, one in seen.items()
            for state in _STATES
        },
    )


def _levels(seen: Snapshots) -> Iterator[Metric]:
    yield _by_stream(metric_definitions.READY, seen, gives_masks)
    yield _by_stream(metric_definitions.REQUIRED, seen, lambda one: one.required)
    heard = {name: one for name, one in seen.items() if one.silent_s is not None}
    yield _by_stream(metric_definitions.SILENCE, heard, lambda one: one.silent_s or 0.0)
    yield _by_stream(metric_definitions.SUBSCRIBERS, seen, lambda one: one.tally.subscribers)
    yield _by_stream(metric_definitions.QUEUE, seen, lambda one: one.tally.waiting)


def _totals(seen: Snapshots) -> Iterator[Metric]:
    yield _by_stream(metric_definitions.CAPTURED, seen, lambda one: one.tally.captured)
    yield _by_stream(metric_definitions.INFERRED, seen, lambda one: one.masks)
    yield _by_stream(metric_definitions.PUBLISHED, seen, lambda one: one.published)
    yield _by_stream(metric_definitions.RECONNECTS, seen, lambda one: one.tally.reconnects)
    yield _by_stream(metric_definitions.RESETS, seen, lambda one: one.resets)
    lost: Values = {
        (name, reason): float(count) for name, one in seen.items() for reason, count in one.dropped.items()
    }
    yield _counter(metric_definitions.DROPPED, lost)


def _means(metric: metric_definitions.Metric, means: Mapping[str, Mean]) -> Metric:
    family = SummaryMetricFamily(metric.name, metric.text, labels=metric.labels)
    for name, mean in means.items():
        family.add_metric([name], mean.count, mean.total)
    return family


def _models(seen: Snapshots) -> Metric:
    labels: Values = {
        (name, one.engine, one.model.name, one.model.version, one.model.backend, one.model.precision): 1.0
        for name, one in seen.items()
        if one.model is not None
    }
    return _gauge(metric_definitions.MODEL, labels)


def _machine() -> Iterator[Metric]:
    yield _gauge(metric_definitions.THREADS, {(): float(system_info.threads())})
    yield _gauge(
        metric_definitions.TEMPERATURE, {(t.zone, t.sensor): t.celsius for t in system_info.temperatures()}
    )
    yield _gauge(
        metric_definitions.FREQUENCY, {(cpu,): hz for cpu, hz in system_info.frequencies_hz().items()}
    )


def _by_stream(
    metric: metric_definitions.Metric, seen: Snapshots, value: Callable[[StreamSnapshot], float]
) -> Metric:
    make = _counter if metric.kind is metric_definitions.MetricKind.COUNTER else _gauge
    return make(metric, {(name,): float(value(one)) for name, one in seen.items()})


def _gauge(metric: metric_definitions.Metric, values: Values) -> Metric:
    family = GaugeMetricFamily(metric.name, metric.text, labels=metric.labels)
    for labels, value in values.items():
        family.add_metric(labels, value)
    return family


def _counter(metric: metric_definitions.Metric, values: Values) -> Metric:
    family = CounterMetricFamily(metric.name, metric.text, labels=metric.labels)
    for labels, value in values.items():
        family.add_metric(labels, value)
    return family
