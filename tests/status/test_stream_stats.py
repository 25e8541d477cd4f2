"""What is kept of one stream."""

from __future__ import annotations

import math
from dataclasses import replace

import pytest
from prometheus_client import Histogram

from streamseg.status.histogram import LatencyHistograms
from streamseg.status.snapshot import Tally
from streamseg.status.stream_stats import EVENTS, RESET_TEXTS, StreamStats
from streamseg.temporal.reset import ResetReason
from streamseg.types import StateChange, StreamState
from tests.fakes.stream import MODEL
from tests.status.clock import Clock
from tests.status.masks import mask, plane

CONNECTING = StateChange("gate", StreamState.CONNECTING, 5.0)


class Rig:
    """An entry, its clock and what its parts count."""

    def __init__(self) -> None:
        self.clock = Clock()
        self.tally = Tally(captured=10, reconnects=1, queue_full=3, waiting=1, subscribers=2)
        self.histograms = LatencyHistograms()
        age, stages = self.histograms.add("gate")
        self.entry = StreamStats(CONNECTING, lambda: self.tally, age, stages, self.clock, lambda: 9.0)


def samples(histogram: Histogram, ending: str, stage: str | None = None) -> list[float]:
    """The exported values whose names end so, of one stage."""
    return [
        sample.value
        for family in histogram.collect()
        for sample in family.samples
        if sample.name.endswith(ending) and sample.labels.get("stage") == stage
    ]


def test_a_mask_is_counted_and_timed() -> None:
    rig = Rig()
    rig.entry.mask(mask(captured_s=99.96))
    rig.clock.now_s += 2
    seen = rig.entry.snapshot()
    assert seen.masks == 1
    assert seen.age_ms_p50 == pytest.approx(40.0)
    assert seen.ages_s.count == 1
    assert seen.ages_s.total == pytest.approx(0.04)
    assert samples(rig.histograms.age, "_bucket")[:3] == [0, 1, 1]
    assert samples(rig.histograms.stages, "_bucket", "infer") == [0, 0, 1, 1, 1, 1, 1, 1]
    assert samples(rig.histograms.stages, "_sum", "infer") == [pytest.approx(0.008)]
    assert seen.stages_ms == {"decode": 1.0, "wait": 2.0, "infer": 8.0, "stabilise": 4.0}
    assert seen.silent_s == 2.0


def test_a_stage_of_another_version_is_passed_over() -> None:
    rig = Rig()
    rig.entry.mask(mask(ms={"infer": 8.0, "dream": 1.0}))
    assert rig.entry.snapshot().stages_ms == {"infer": 8.0}


def test_flicker_and_confidence_lately_and_since_the_start() -> None:
    rig = Rig()
    for label in (0, 1, 1):
        rig.entry.mask(mask(label=label, confidence=plane(51)))
    seen = rig.entry.snapshot()
    assert seen.flicker == pytest.approx(0.5)
    assert (seen.flickers.count, seen.flickers.total) == (2, 1.0)
    assert seen.confidence == pytest.approx(0.2)
    assert seen.confidences.count == 3


def test_without_masks_nothing_is_known() -> None:
    seen = Rig().entry.snapshot()
    assert math.isnan(seen.age_ms_p50)
    assert seen.stages_ms == {}
    assert seen.silent_s is None


def test_what_was_sent() -> None:
    rig = Rig()
    rig.entry.published(0.2, 0)
    rig.entry.published(0.4, 5)
    seen = rig.entry.snapshot()
    assert (seen.published, seen.superseded) == (2, 5)
    assert samples(rig.histograms.stages, "_count", "encode") == [2]


def test_its_parts_are_asked_anew_every_time() -> None:
    rig = Rig()
    rig.tally = Tally(captured=14, reconnects=1, queue_full=4, subscribers=7)
    seen = rig.entry.snapshot()
    assert (seen.tally, seen.drops) == (rig.tally, 4)


def test_whether_it_is_required_may_change() -> None:
    rig = Rig()
    rig.entry.require(False)
    assert not rig.entry.snapshot().required


def test_events_are_told_in_order() -> None:
    rig = Rig()
    rig.entry.changed(StateChange("gate", StreamState.RUNNING, 6.0))
    rig.entry.serve("m", MODEL)
    rig.entry.mask(replace(mask(reset=True), reset_reason="scene_cut"))
    rig.entry.failed("NaN")
    told = [(event.what, event.text) for event in rig.entry.events]
    assert told == [
        ("running", ""),
        ("model", "m 1 on fake in f32"),
        ("memory", "reset: scene cut"),
        ("failed", "NaN"),
    ]
    assert rig.entry.events[0].unix_s == 6.0


def test_every_reason_of_a_reset_has_words() -> None:
    assert set(RESET_TEXTS) == set(ResetReason)


def test_a_reset_for_an_unknown_reason_is_told_all_the_same() -> None:
    rig = Rig()
    for reason in ("", "eclipse"):
        rig.entry.mask(replace(mask(reset=True), reset_reason=reason))
    assert [event.text for event in rig.entry.events] == ["reset", "reset eclipse"]


def test_the_same_again_is_counted_and_the_old_forgotten() -> None:
    rig = Rig()
    for _ in range(1000):
        rig.entry.failed("NaN")
    assert [(event.what, event.count) for event in rig.entry.events] == [("failed", 1000)]
    for number in range(2 * EVENTS):
        rig.entry.failed(str(number))
    assert len(rig.entry.events) == EVENTS
    assert rig.entry.events[-1].text == str(2 * EVENTS - 1)
