"""Prometheus' text format, version 0.0.4, written several times as fast as prometheus_client writes it.

Its writer checks and escapes every name again on every line: thousands of lines for many streams, and all the
while the interpreter is not the engine's. The text is the same, by test.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from functools import lru_cache

from prometheus_client.core import Metric
from prometheus_client.utils import floatToGoString

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"
_ENDINGS = {"counter": "_total", "info": "_info"}  # which the text format counts as part of the name
_KINDS = {"info": "gauge", "stateset": "gauge", "gaugehistogram": "histogram", "unknown": "untyped"}
_PLAIN = 1e6  # from here on Go writes an exponent


def write(metrics: Iterable[Metric]) -> bytes:
    """All samples, with their help and type."""
    return "".join(line for metric in metrics for line in _lines(metric)).encode()


def _lines(metric: Metric) -> Iterator[str]:
    name = metric.name + _ENDINGS.get(metric.type, "")
    yield f"# HELP {name} {_help(metric.documentation)}\n"
    yield f"# TYPE {name} {_KINDS.get(metric.type, metric.type)}\n"
    for sample in metric.samples:
        if not sample.name.endswith("_created"):  # part of another format
            yield f"{sample.name}{_labels(tuple(sample.labels.items()))} {number(sample.value)}\n"


def number(value: float) -> str:
    """A value as Prometheus reads it."""
    if -_PLAIN < value < _PLAIN:  # repr then, as prometheus_client does in the end
        return repr(float(value))
    text: str = floatToGoString(value)  # type: ignore[no-untyped-call]
    return text


@lru_cache(maxsize=2**14)  # the labels of a scrape are those of the scrape before
def _labels(labels: tuple[tuple[str, str], ...]) -> str:
    if not labels:
        return ""
    return "{" + ",".join(f'{name}="{_value(value)}"' for name, value in sorted(labels)) + "}"


def _value(value: str) -> str:
    return value.replace("\\", r"\\").replace("\n", r"\n").replace('"', r"\"")


def _help(text: str) -> str:
    return text.replace("\\", r"\\").replace("\n", r"\n")
