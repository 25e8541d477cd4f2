"""The list of metrics, and the page of the docs that shows it."""

from __future__ import annotations

import re
import runpy
from pathlib import Path

import pytest

from streamseg.status import metric_definitions
from streamseg.status.metric_definitions import CATALOGUE, Metric, MetricKind, table

DOCS = Path(__file__).resolve().parent.parent.parent / "docs" / "monitoring.md"


@pytest.mark.parametrize("metric", CATALOGUE, ids=lambda metric: metric.name)
def test_names_say_what_they_are(metric: Metric) -> None:
    assert re.fullmatch(r"streamseg_[a-z_]+", metric.name)
    assert metric.name.endswith("_total") is (metric.kind is MetricKind.COUNTER)
    assert metric.text.endswith(".")


def test_every_metric_is_on_the_list_once() -> None:
    named = [one for one in vars(metric_definitions).values() if isinstance(one, Metric)]
    assert len(named) == len(CATALOGUE) == len({metric.name for metric in CATALOGUE})


@pytest.mark.tree
def test_the_docs_hold_the_list_as_it_is() -> None:
    assert table() in DOCS.read_text(encoding="utf-8")


@pytest.mark.tree
def test_the_docs_name_no_other_metric() -> None:
    told = re.findall(r"\bstreamseg_[a-z_]+", DOCS.read_text(encoding="utf-8"))
    names = {metric.name for metric in CATALOGUE}
    assert {re.sub("_(sum|count|bucket)$", "", name) for name in told} <= names


def test_it_prints_itself(capsys: pytest.CaptureFixture[str]) -> None:
    runpy.run_path(metric_definitions.__file__, run_name="__main__")
    assert capsys.readouterr().out == table() + "\n"
