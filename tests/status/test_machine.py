"""Heat, clock rates and threads, from files laid out as Linux does."""

from __future__ import annotations

from pathlib import Path

from streamseg.status.machine import Temperature, frequencies_hz, temperatures, threads


def write(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)


def test_zones_are_told_by_what_they_measure(tmp_path: Path) -> None:
    write(tmp_path / "thermal_zone0/temp", "45500\n")
    write(tmp_path / "thermal_zone0/type", "x86_pkg_temp\n")
    write(tmp_path / "thermal_zone1/temp", "-5000\n")
    write(tmp_path / "cooling_device0/temp", "1\n")
    assert temperatures(tmp_path) == [
        Temperature("thermal_zone0", "x86_pkg_temp", 45.5),
        Temperature("thermal_zone1", "unknown", -5.0),
    ]


def test_a_sensor_that_is_asleep_is_passed_over(tmp_path: Path) -> None:
    write(tmp_path / "thermal_zone0/temp", "")
    (tmp_path / "thermal_zone1").mkdir()
    assert temperatures(tmp_path) == []


def test_clock_rates_by_core(tmp_path: Path) -> None:
    for cpu, khz in ((10, 1_200_000), (2, 3_400_000)):
        write(tmp_path / f"cpu{cpu}/cpufreq/scaling_cur_freq", f"{khz}\n")
    (tmp_path / "cpu0").mkdir()
    write(tmp_path / "cpufreq/scaling_cur_freq", "1\n")
    assert list(frequencies_hz(tmp_path).items()) == [("2", 3.4e9), ("10", 1.2e9)]


def test_where_linux_tells_nothing_there_is_nothing(tmp_path: Path) -> None:
    assert temperatures(tmp_path / "none") == []
    assert frequencies_hz(tmp_path / "none") == {}
    assert threads(tmp_path / "none") is None


def test_threads_of_a_process(tmp_path: Path) -> None:
    (tmp_path / "status").write_text("Name:\tstreamseg\nThreads:\t42\nSigQ:\t1/2\n")
    assert threads(tmp_path / "status") == 42
    (tmp_path / "status").write_text("Name:\tstreamseg\n")
    assert threads(tmp_path / "status") is None


def test_threads_of_this_process() -> None:
    found = threads()
    assert found is not None
    assert found >= 1
