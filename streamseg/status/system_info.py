"""Temperatures, clock rates and threads, as far as the system reports them."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import psutil

CPUS = Path("/sys/devices/system/cpu")


@dataclass(frozen=True, slots=True)
class Temperature:
    """A sensor: the chip or zone it belongs to and its own name, as drivers name them; degrees Celsius."""

    zone: str
    sensor: str
    celsius: float


def temperatures() -> list[Temperature]:
    """Every sensor that can be read now; each pair of zone and sensor once, equal ones are numbered."""
    if not hasattr(psutil, "sensors_temperatures"):  # macOS
        return []
    found: dict[tuple[str, str], Temperature] = {}
    for zone, sensors in psutil.sensors_temperatures().items():
        for number, sensor in enumerate(sensors, 1):
            name = sensor.label or "unknown"
            if (zone, name) in found:
                name = f"{name} {number}"
            found[zone, name] = Temperature(zone, name, sensor.current)
    return list(found.values())


def frequencies_hz(root: Path = CPUS) -> dict[str, float]:
    """The clock rate of every core that says it, by its number.

    Not psutil's: where cores share a clock (ARM), it numbers the clocks instead of the cores.
    """
    found = {}
    for cpu in root.glob("cpu[0-9]*"):
        khz = _number(cpu / "cpufreq" / "scaling_cur_freq")
        if khz is not None:
            found[cpu.name.removeprefix("cpu")] = khz * 1e3
    return dict(sorted(found.items(), key=lambda item: int(item[0])))


def threads() -> int:
    """How many threads this process has, those of the C libraries too."""
    return psutil.Process().num_threads()


def _number(path: Path) -> float | None:
    try:
        return float(path.read_text(encoding="ascii"))
    except (OSError, ValueError):
        return None
