"""The processor: its cores, which are as many threads as an engine should use, its name, its features."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

import psutil

CPU_FOLDER = Path("/sys/devices/system/cpu")
BOARD = Path("/proc/device-tree/model")
CPUINFO = Path("/proc/cpuinfo")

# Implementer and part number of the cores met on boards and servers (as lscpu names them).
_DESIGNS = {
    ("0x41", "0xd03"): "Cortex-A53",
    ("0x41", "0xd05"): "Cortex-A55",
    ("0x41", "0xd07"): "Cortex-A57",
    ("0x41", "0xd08"): "Cortex-A72",
    ("0x41", "0xd09"): "Cortex-A73",
    ("0x41", "0xd0a"): "Cortex-A75",
    ("0x41", "0xd0b"): "Cortex-A76",
    ("0x41", "0xd0c"): "Neoverse-N1",
    ("0x41", "0xd40"): "Neoverse-V1",
    ("0x41", "0xd41"): "Cortex-A78",
    ("0x41", "0xd42"): "Cortex-A78AE",
    ("0x41", "0xd44"): "Cortex-X1",
    ("0x41", "0xd49"): "Neoverse-N2",
    ("0x41", "0xd4f"): "Neoverse-V2",
    ("0x4e", "0x004"): "Carmel",
    ("0xc0", "0xac3"): "Ampere-1",
}

_FEATURES = (
    "avx2",
    "avx512f",
    "avx512_vnni",
    "avx_vnni",
    "avx512_bf16",
    "amx_bf16",
    "amx_int8",
    "asimd",
    "asimddp",
    "i8mm",
    "bf16",
    "sve",
)

_EXACT_BYTES = {"avx512_vnni", "avx_vnni", "amx_int8", "asimd"}


def physical_cores(folder: Path = CPU_FOLDER) -> int:
    """Physical cores among the CPUs this process may run on, at least 1.

    A hyper-thread's sibling adds nothing to arithmetic that keeps the vector units busy. Where the kernel
    does not tell siblings apart (`topology/thread_siblings_list`), every CPU counts.
    """
    allowed = os.sched_getaffinity(0) if hasattr(os, "sched_getaffinity") else set[int]()  # macOS has none
    if len(allowed) in (0, psutil.cpu_count()):
        return psutil.cpu_count(logical=False) or psutil.cpu_count() or 1
    # psutil counts the cores of the whole machine, not those that this process is confined to
    return len({_siblings(folder, cpu) for cpu in allowed})


def cpu_name(cpuinfo: Path = CPUINFO, board: Path = BOARD) -> str:
    """The processor as its maker names it, or `CPU`.

    ARM processors have no name, only numbers of their cores' designs: those are told, after the name of the
    board where there is one ("Raspberry Pi 5 Model B Rev 1.0, Cortex-A76").
    """
    lines = _read(cpuinfo).splitlines()
    if name := next(iter(_values(lines, "model name")), ""):
        return name
    known = [_read(board).strip("\0\n ") or next(iter(_values(lines, "Model")), ""), _designs(lines)]
    return ", ".join(part for part in known if part) or "CPU"


def cpu_features(cpuinfo: Path = CPUINFO) -> list[str]:
    """The processor's features that matter for speed, as Linux names them; none where it does not say."""
    words = set(_read(cpuinfo).split())
    return [feature for feature in _FEATURES if feature in words]


def adds_bytes_exactly(features: Sequence[str]) -> bool:
    """Whether products of two bytes are added up without overflow.

    x86 processors without VNNI add them in pairs into 16 bits (VPMADDUBSW), which saturate; ARM widens first.

    Args:
        features: As of `cpu_features`.
    """
    return bool(_EXACT_BYTES & set(features))


def _designs(lines: Sequence[str]) -> str:
    """`Cortex-A76 + Cortex-A55`: the designs of the cores, each once."""
    makers, parts = (_values(lines, key) for key in ("CPU implementer", "CPU part"))
    found = dict.fromkeys(zip(makers, parts, strict=False))
    return " + ".join(_DESIGNS.get(ids, f"ARM {ids[0]} {ids[1]}") for ids in found)


def _values(lines: Sequence[str], key: str) -> list[str]:
    fields = (line.partition(":") for line in lines)
    return [value.strip() for name, _, value in fields if name.strip() == key and value.strip()]


def _read(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8", errors="replace")
    except OSError:
        return ""


def _siblings(folder: Path, cpu: int) -> str:
    try:
        return (
            (folder / f"cpu{cpu}" / "topology" / "thread_siblings_list").read_text(encoding="ascii").strip()
        )
    except OSError:
        return str(cpu)
