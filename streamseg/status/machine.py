"""What Linux tells of the machine and the process, where it tells anything: heat, clock rates, threads."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

THERMAL = Path("/sys/class/thermal")
CPUS = Path("/sys/devices/system/cpu")
PROCESS = Path("/proc/self/status")


@dataclass(frozen=True, slots=True)
class Temperature:
    """A sensor: its zone, what it measures as its driver names it, degrees Celsius."""

    zone: str
    sensor: str
    celsius: float


def temperatures(root: Path = THERMAL) -> list[Temperature]:
    """Every thermal zone that can be read; some are asleep and cannot."""
    found = []
    for zone in sorted(root.glob("thermal_zone*")):
        milli = _number(zone / "temp")
        if milli is not None:
            found.append(Temperature(zone.name, _text(zone / "type") or "unknown", milli / 1e3))
    return found


def frequencies_hz(root: Path = CPUS) -> dict[str, float]:
    """The clock rate of every core that says it, by its number."""
    found = {}
    for cpu in root.glob("cpu[0-9]*"):
        khz = _number(cpu / "cpufreq" / "scaling_cur_freq")
        if khz is not None:
            found[cpu.name.removeprefix("cpu")] = khz * 1e3
    return dict(sorted(found.items(), key=lambda item: int(item[0])))


def threads(status: Path = PROCESS) -> int | None:
    """How many threads this process has, those of the C libraries too."""
    lines = (_text(status) or "").splitlines()
    return next((int(line.split()[1]) for line in lines if line.startswith("Threads:")), None)


def _number(path: Path) -> float | None:
    try:
        return float(_text(path) or "")
    except ValueError:
        return None


def _text(path: Path) -> str | None:
    try:
        return path.read_text(encoding="utf-8", errors="replace").strip()
    except OSError:
        return None
