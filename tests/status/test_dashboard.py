"""The Grafana dashboard asks for nothing that is not there."""

from __future__ import annotations

import json
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from prometheus_client.parser import text_string_to_metric_families

from streamseg.status.metric_definitions import CATALOGUE, MetricKind
from streamseg.status.metrics import Metrics
from streamseg.status.snapshot import DEPRECATED_REASONS
from tests.status.boards import make_board

FILE = Path(__file__).resolve().parent.parent.parent / "configs" / "grafana" / "streamseg.json"
pytestmark = pytest.mark.tree

SCRAPED = {"job", "instance"}  # labels that Prometheus adds


def dashboard() -> dict[str, Any]:
    found: dict[str, Any] = json.loads(FILE.read_text(encoding="utf-8"))
    return found


def strings(value: Any) -> Iterator[tuple[str, str]]:
    """Every text in it, with its key."""
    if isinstance(value, dict):
        for key, inner in value.items():
            yield from [(key, inner)] if isinstance(inner, str) else strings(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from strings(inner)


def expressions() -> list[str]:
    return sorted({text for key, text in strings(dashboard()) if key == "expr"})


def labels_told() -> dict[str, set[str]]:
    """The labels of every series that a scrape can tell, by its name."""
    told = {
        sample.name: {*sample.labels, "le"} if sample.name.endswith("_bucket") else set(sample.labels)
        for family in text_string_to_metric_families(Metrics(make_board()).text().decode())
        for sample in family.samples
    }
    ours = {m.name: set(m.labels) for m in CATALOGUE if m.kind in {MetricKind.COUNTER, MetricKind.GAUGE}}
    return told | ours  # a machine without sensors tells no sample of theirs


def names_in(expression: str) -> set[str]:
    return set(re.findall(r"\b(?:streamseg|process)_[a-z_]+", expression))


def labels_in(expression: str) -> set[str]:
    """Those that are matched, and those that are summed by."""
    matched = re.findall(r"([a-z]+)\s*(?:=~|!~|!=|=)", " ".join(re.findall(r"\{([^}]*)\}", expression)))
    grouped = [
        name.strip() for group in re.findall(r"\bby \(([^)]*)\)", expression) for name in group.split(",")
    ]
    return {*matched, *grouped}


@pytest.mark.parametrize("expression", expressions())
def test_it_asks_for_series_and_labels_that_are_told(expression: str) -> None:
    told, names = labels_told(), names_in(expression)
    assert names
    assert names <= set(told)
    assert labels_in(expression) <= SCRAPED.union(*(told[name] for name in names))


def test_no_dropped_frame_is_counted_twice() -> None:
    """Deprecated reasons repeat the counts of others."""
    asked = [one for one in expressions() if "streamseg_frames_dropped_total" in one]
    excluded = f'reason!~"{"|".join(DEPRECATED_REASONS)}"'
    assert asked
    assert [one for one in asked if excluded not in one] == []


def test_it_names_only_labels_that_its_series_have() -> None:
    told = labels_told()
    for panel in dashboard()["panels"]:
        for target in panel.get("targets", []):
            shown = set(re.findall(r"\{\{(\w+)\}\}", target["legendFormat"]))
            assert shown <= set().union(*(told[name] for name in names_in(target["expr"])))


def test_every_metric_of_ours_but_the_states_has_a_place() -> None:
    asked = {name for expression in expressions() for name in names_in(expression)}
    ends = ("", "_bucket", "_sum", "_count")
    unseen = {m.name for m in CATALOGUE if not asked & {m.name + end for end in ends}}
    alerts = {"stream_state", "stream_silence_seconds", "callback_errors_total"}  # ask for these
    assert unseen == {f"streamseg_{name}" for name in alerts}


def test_panels_have_ids_of_their_own_and_do_not_overlap() -> None:
    panels = dashboard()["panels"]
    assert len({panel["id"] for panel in panels}) == len(panels)
    cells = [
        (x, y)
        for at in (panel["gridPos"] for panel in panels)
        for x in range(at["x"], at["x"] + at["w"])
        for y in range(at["y"], at["y"] + at["h"])
    ]
    assert len(set(cells)) == len(cells)
    assert max(x for x, _ in cells) < 24


@pytest.mark.real
def test_prometheus_can_parse_every_expression(tmp_path: Path) -> None:
    asked = [expression.replace("$stream", ".*") for expression in expressions()]
    rules = [{"record": f"rule_{number}", "expr": expression} for number, expression in enumerate(asked)]
    file = tmp_path / "rules.yaml"
    file.write_text(yaml.safe_dump({"groups": [{"name": "dashboard", "rules": rules}]}))
    checked = subprocess.run(
        ["promtool", "check", "rules", str(file)], capture_output=True, text=True, check=False
    )
    assert checked.returncode == 0, checked.stdout + checked.stderr
