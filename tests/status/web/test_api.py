"""What the page is told."""

from __future__ import annotations

import json

from streamseg.status.history import Sample
from streamseg.status.snapshot import Event
from streamseg.status.web.api import curves, events, summary
from tests.status.boards import NOW_UNIX_S, make_board


def test_streams_and_their_models() -> None:
    told = summary(make_board().snapshots(), NOW_UNIX_S)
    gate, yard = told["streams"]
    assert (gate["name"], gate["state"], gate["ready"], gate["required"]) == ("gate", "running", True, True)
    assert (gate["age_ms"]["p50"], gate["flicker"], gate["confidence"]) == (40.0, 1.0, 0.8)
    by_reason = {"queue_full": 3, "failed": 0, "superseded": 1}
    assert gate["dropped"] == by_reason | {"crowded": 3, "unsent": 1}  # under their old names for one release
    assert list(gate["stages_ms"]) == ["decode", "wait", "infer", "stabilise", "encode"]
    assert (yard["message"], yard["retry_in_s"], yard["required"]) == ("no answer", 1.5, False)
    assert told["models"]["default"]["classes"][1] == {"id": 1, "name": "car", "color": [64, 0, 128]}


def test_it_is_json_where_nothing_is_known_yet() -> None:
    told = summary(make_board().snapshots(lately=False), NOW_UNIX_S)
    assert json.loads(json.dumps(told, allow_nan=False))["streams"][1]["age_ms"] == {"p50": None, "p95": None}


def test_curves_keep_their_gaps() -> None:
    told = curves([Sample(12.345, 0.01234567), Sample(None, None)])
    assert told == {"age_ms": [12.3, None], "flicker": [0.0123, None]}


def test_the_newest_event_comes_first() -> None:
    told = events([Event(1.0, "connecting"), Event(2.0, "failed", "NaN", 3)])
    assert told[0] == {"unix_s": 2.0, "what": "failed", "text": "NaN", "count": 3}
    assert [event["what"] for event in told] == ["failed", "connecting"]
