"""Temperatures, clock rates and threads."""

from __future__ import annotations

import threading
from pathlib import Path

import psutil
import pytest

from streamseg.status.system_info import Temperature, frequencies_hz, temperatures, threads
from tests.status.sensors import Sensor


def test_sensors_are_told_by_their_chip_and_name(monkeypatch: pytest.MonkeyPatch) -> None:
    sensors = {
        "coretemp": [Sensor("Package id 0", 45.5), Sensor("Core 0", 44.0)],
        "acpitz": [Sensor("", -5.0)],
    }
    monkeypatch.setattr(psutil, "sensors_temperatures", lambda: sensors, raising=False)
    assert temperatures() == [
        Temperature("coretemp", "Package id 0", 45.5),
        Temperature("coretemp", "Core 0", 44.0),
        Temperature("acpitz", "unknown", -5.0),
    ]


def test_equal_sensors_are_told_apart(monkeypatch: pytest.MonkeyPatch) -> None:
    """Prometheus refuses a scrape with two samples of the same labels."""
    sensors = {"nvme": [Sensor("Composite", 40.0), Sensor("Composite", 41.0), Sensor("Composite", 42.0)]}
    monkeypatch.setattr(psutil, "sensors_temperatures", lambda: sensors, raising=False)
    assert [one.sensor for one in temperatures()] == ["Composite", "Composite 2", "Composite 3"]


def test_a_system_without_sensors_has_no_temperatures(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delattr(psutil, "sensors_temperatures", raising=False)
    assert temperatures() == []


def test_the_sensors_of_this_machine_can_be_read() -> None:
    found = temperatures()
    assert len({(one.zone, one.sensor) for one in found}) == len(found)


def write(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)


def test_clock_rates_by_core(tmp_path: Path) -> None:
    for cpu, khz in ((10, 1_200_000), (2, 3_400_000)):
        write(tmp_path / f"cpu{cpu}/cpufreq/scaling_cur_freq", f"{khz}\n")
    (tmp_path / "cpu0").mkdir()
    write(tmp_path / "cpu1/cpufreq/scaling_cur_freq", "<unknown>\n")
    write(tmp_path / "cpufreq/scaling_cur_freq", "1\n")
    assert list(frequencies_hz(tmp_path).items()) == [("2", 3.4e9), ("10", 1.2e9)]
    assert frequencies_hz(tmp_path / "none") == {}


def test_a_thread_more_is_counted() -> None:
    over = threading.Event()
    before = threads()
    thread = threading.Thread(target=over.wait)
    thread.start()
    try:
        assert threads() == before + 1
    finally:
        over.set()
        thread.join()
