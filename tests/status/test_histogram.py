"""The latency histograms of streams."""

from __future__ import annotations

import pytest

from streamseg.status.histogram import AGE_BOUNDS_S, STAGE_BOUNDS_S, LatencyHistograms
from streamseg.status.snapshot import STAGES


def exported(histograms: LatencyHistograms) -> dict[str, float]:
    """Every sample of one stream by the end of its name, its stage and its bound."""
    return {
        " ".join([sample.name, *(sample.labels[key] for key in ("stage", "le") if key in sample.labels)]): (
            sample.value
        )
        for histogram in (histograms.age, histograms.stages)
        for family in histogram.collect()
        for sample in family.samples
    }


def test_bounds_are_inclusive_and_counts_add_up() -> None:
    histograms = LatencyHistograms()
    age, _ = histograms.add("gate")
    for value_s in (0.01, 0.025, 0.03, 7.0):
        age.observe(value_s)
    seen = exported(histograms)
    assert [seen[f"streamseg_mask_age_seconds_bucket {le}"] for le in ("0.025", "0.05", "5.0", "+Inf")] == [
        2.0,
        3.0,
        3.0,
        4.0,
    ]
    assert seen["streamseg_mask_age_seconds_count"] == 4.0
    assert seen["streamseg_mask_age_seconds_sum"] == pytest.approx(7.065)


def test_every_stage_is_exported_before_its_first_value_and_no_creation_time_is() -> None:
    histograms = LatencyHistograms()
    histograms.add("gate")
    seen = exported(histograms)
    assert [seen[f"streamseg_stage_seconds_count {stage}"] for stage in STAGES] == [0.0] * len(STAGES)
    assert not [name for name in seen if "_created" in name]


def test_a_removed_stream_is_not_exported_even_if_a_value_still_comes() -> None:
    histograms = LatencyHistograms()
    age, stages = histograms.add("gate")
    histograms.remove("gate")
    age.observe(0.1)
    stages["infer"].observe(0.1)
    assert exported(histograms) == {}


@pytest.mark.parametrize("bounds", [AGE_BOUNDS_S, STAGE_BOUNDS_S])
def test_the_bounds_ascend(bounds: tuple[float, ...]) -> None:
    assert list(bounds) == sorted(set(bounds))
