"""The board as metrics."""

from __future__ import annotations

import subprocess
from collections.abc import Iterable
from pathlib import Path

import pytest
from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import Metric
from prometheus_client.openmetrics.parser import text_string_to_metric_families as openmetrics_families
from prometheus_client.parser import text_string_to_metric_families

from streamseg.status import metrics, system_info
from streamseg.status.metric_definitions import CATALOGUE
from streamseg.status.metrics import OPENMETRICS, TEXT, BoardCollector, Metrics, negotiate
from streamseg.status.registry import StatusRegistry
from streamseg.status.system_info import Temperature
from tests.status.boards import make_board
from tests.status.clock import Clock
from tests.status.sensors import Sensor

EXPOSITION = Path(__file__).with_name("exposition.txt")


def samples_of_ours(families: Iterable[Metric]) -> list[tuple[str, dict[str, str], float]]:
    return [
        (sample.name, sample.labels, sample.value)
        for family in families
        for sample in family.samples
        if sample.name.startswith("streamseg_")
    ]


def scrape(board: StatusRegistry, viewers: int = 0) -> dict[tuple[str, tuple[tuple[str, str], ...]], float]:
    """Every sample by name and labels, the stream's label left out where it is `gate`."""
    text = Metrics(board, lambda: viewers).text().decode()
    return {
        (
            sample.name,
            tuple(item for item in sorted(sample.labels.items()) if item != ("stream", "gate")),
        ): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }


@pytest.fixture
def machinery(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A machine with one sensor and one core."""
    clock = tmp_path / "cpu0" / "cpufreq" / "scaling_cur_freq"
    clock.parent.mkdir(parents=True)
    clock.write_text("2000000")
    monkeypatch.setattr(system_info.frequencies_hz, "__defaults__", (tmp_path,))
    sensors = {"cpu_thermal": [Sensor("", 50.0)]}
    monkeypatch.setattr("psutil.sensors_temperatures", lambda: sensors, raising=False)


def test_what_the_board_knows_is_told() -> None:
    clock = Clock()
    board = make_board(clock)
    clock.now_s += 3
    seen = scrape(board, viewers=2)
    expected = {
        ("streamseg_stream_state", (("state", "running"),)): 1.0,
        ("streamseg_stream_state", (("state", "backoff"),)): 0.0,
        ("streamseg_stream_state", (("state", "backoff"), ("stream", "yard"))): 1.0,
        ("streamseg_stream_ready", ()): 1.0,
        ("streamseg_stream_ready", (("stream", "yard"),)): 0.0,
        ("streamseg_stream_required", (("stream", "yard"),)): 0.0,
        ("streamseg_stream_silence_seconds", ()): 3.0,
        ("streamseg_frames_captured_total", ()): 9.0,
        ("streamseg_frames_inferred_total", ()): 2.0,
        ("streamseg_masks_published_total", ()): 1.0,
        ("streamseg_frames_dropped_total", (("reason", "queue_full"),)): 3.0,
        ("streamseg_frames_dropped_total", (("reason", "crowded"),)): 3.0,
        ("streamseg_frames_dropped_total", (("reason", "failed"),)): 0.0,
        ("streamseg_frames_dropped_total", (("reason", "superseded"),)): 1.0,
        ("streamseg_frames_dropped_total", (("reason", "unsent"),)): 1.0,
        ("streamseg_mask_age_seconds_bucket", (("le", "0.025"),)): 0.0,
        ("streamseg_mask_age_seconds_bucket", (("le", "0.05"),)): 2.0,
        ("streamseg_mask_age_seconds_count", ()): 2.0,
        ("streamseg_stage_seconds_count", (("stage", "encode"),)): 1.0,
        ("streamseg_stage_seconds_count", (("stage", "infer"),)): 2.0,
        ("streamseg_reconnects_total", ()): 1.0,
        ("streamseg_flicker_ratio_sum", ()): 1.0,
        ("streamseg_flicker_ratio_count", ()): 1.0,
        ("streamseg_subscribers", ()): 2.0,
        ("streamseg_queue_frames", ()): 1.0,
        ("streamseg_viewers", ()): 2.0,
    }
    assert {key: seen[key] for key in expected} == pytest.approx(expected)
    assert seen["streamseg_mask_age_seconds_sum", ()] == pytest.approx(0.08)
    assert seen["streamseg_confidence_ratio_sum", ()] == pytest.approx(1.6)
    assert seen["streamseg_engine_busy_seconds_total", (("engine", "default"),)] == pytest.approx(0.024)
    assert ("streamseg_stream_silence_seconds", (("stream", "yard"),)) not in seen


@pytest.fixture
def made_state(monkeypatch: pytest.MonkeyPatch) -> StatusRegistry:
    """A board, a machine and a version that are always the same."""
    monkeypatch.setattr(metrics, "__version__", "1.2.3")
    monkeypatch.setattr(system_info, "threads", lambda: 7)
    monkeypatch.setattr(system_info, "temperatures", lambda: [Temperature("coretemp", "Package id 0", 50.0)])
    monkeypatch.setattr(system_info, "frequencies_hz", lambda: {"0": 2e9, "1": 2.1e9})
    clock = Clock()
    board = make_board(clock, streams=2)
    clock.now_s += 3
    return board


def test_names_labels_help_types_and_values_stay_what_they_are(made_state: StatusRegistry) -> None:
    """A change of `exposition.txt` is a change for everybody who has a dashboard or an alert."""
    registry = CollectorRegistry()
    registry.register(BoardCollector(made_state, lambda: 2))
    assert generate_latest(registry).decode() == EXPOSITION.read_text(encoding="utf-8")


def test_openmetrics_tells_the_same_samples(made_state: StatusRegistry) -> None:
    found = Metrics(made_state, lambda: 2)
    as_text = text_string_to_metric_families(found.text().decode())
    as_openmetrics = openmetrics_families(found.text(OPENMETRICS).decode())  # type: ignore[no-untyped-call]
    assert samples_of_ours(as_openmetrics) == samples_of_ours(as_text)


@pytest.mark.parametrize(
    ("accept", "chosen"),
    [
        ("", TEXT),
        ("*/*", TEXT),
        ("text/plain;version=0.0.4", TEXT),
        ("Application/OpenMetrics-Text", OPENMETRICS),
        ("application/openmetrics-text;version=1.0.0;q=0.6, text/plain;version=0.0.4;q=0.3", OPENMETRICS),
        ("application/openmetrics-text-of-another-kind", TEXT),
    ],
)
def test_the_format_is_what_the_client_takes(accept: str, chosen: str) -> None:
    assert negotiate(accept) == chosen


def test_what_serves_a_stream_is_told() -> None:
    labels = {"engine": "default", "model": "m", "version": "1", "backend": "fake", "precision": "f32"}
    assert scrape(make_board())["streamseg_stream_model_info", tuple(sorted(labels.items()))] == 1.0


def test_the_machine_and_the_process_are_told(machinery: None) -> None:
    seen = scrape(make_board())
    sensor = (("sensor", "unknown"), ("zone", "cpu_thermal"))
    assert seen["streamseg_temperature_celsius", sensor] == 50.0
    assert seen["streamseg_cpu_frequency_hertz", (("cpu", "0"),)] == 2e9
    assert seen["streamseg_process_threads", ()] >= 1
    for name in ("process_open_fds", "process_resident_memory_bytes", "process_cpu_seconds_total"):
        assert seen[name, ()] > 0


def test_every_metric_of_the_list_is_told_and_no_other_of_ours() -> None:
    text = Metrics(make_board()).text().decode()
    told = {line.split()[2] for line in text.splitlines() if line.startswith("# TYPE streamseg_")}
    assert told == {metric.name for metric in CATALOGUE}


def test_a_stream_that_was_removed_is_told_of_no_more() -> None:
    board = make_board()
    board.remove("gate")
    assert b'stream="gate"' not in Metrics(board).text()


@pytest.mark.real
def test_prometheus_finds_nothing_to_mend() -> None:
    text = Metrics(make_board(streams=3)).text()
    checked = subprocess.run(["promtool", "check", "metrics"], input=text, capture_output=True, check=False)
    assert (checked.returncode, checked.stdout + checked.stderr) == (0, b"")
