"""A scrape under measure is one that Prometheus could take."""

from __future__ import annotations

from prometheus_client.parser import text_string_to_metric_families

from benchmarks.scrape import MASKS, full_board, measure, timed
from streamseg.status.metrics import Metrics


def test_the_board_is_full() -> None:
    told = Metrics(full_board(2)).text().decode()
    samples = [s for family in text_string_to_metric_families(told) for s in family.samples]
    made = [s.value for s in samples if s.name == "streamseg_frames_inferred_total"]
    assert made == [MASKS, MASKS]


def test_the_first_round_does_not_count() -> None:
    rounds: list[int] = []
    spent = timed(lambda: rounds.append(1), 3)
    assert (len(rounds), len(spent)) == (4, 3)


def test_figures_of_a_small_board() -> None:
    found = measure(streams=1, rounds=2)
    assert found["lines"] > 80
    assert 0 < found["over_http_ms"]["least"] <= found["over_http_ms"]["p50"] <= found["over_http_ms"]["most"]
