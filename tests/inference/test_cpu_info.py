from __future__ import annotations

import os
from pathlib import Path

import pytest

from streamseg.inference.cpu_info import adds_bytes_exactly, cpu_features, cpu_name, physical_cores

# /proc/cpuinfo of 64-bit ARM kernels has no `model name`; one block a core, those of like cores left out
PI_5 = """processor\t: 0
BogoMIPS\t: 108.00
Features\t: fp asimd evtstrm aes pmull sha1 sha2 crc32 atomics fphp asimdhp cpuid asimdrdm lrcpc dcpop asimddp
CPU implementer\t: 0x41
CPU architecture: 8
CPU variant\t: 0x4
CPU part\t: 0xd0b
CPU revision\t: 1

Revision\t: d04170
Model\t\t: Raspberry Pi 5 Model B Rev 1.0
"""
GRAVITON_3 = """processor\t: 0
BogoMIPS\t: 2100.00
Features\t: fp asimd evtstrm aes pmull sha1 sha2 crc32 atomics fphp asimdhp sve svei8mm svebf16 i8mm bf16
CPU implementer\t: 0x41
CPU architecture: 8
CPU variant\t: 0x1
CPU part\t: 0xd40
CPU revision\t: 1
"""
BIG_LITTLE = """processor\t: 0
CPU implementer\t: 0x41
CPU part\t: 0xd05

processor\t: 1
CPU implementer\t: 0x41
CPU part\t: 0xd41

processor\t: 2
CPU implementer\t: 0x41
CPU part\t: 0xd41
"""
UNKNOWN_ARM = "processor\t: 0\nCPU implementer\t: 0x51\nCPU part\t: 0x804\n"


def topology(folder: Path, siblings: dict[int, str]) -> Path:
    for cpu, text in siblings.items():
        (folder / f"cpu{cpu}" / "topology").mkdir(parents=True)
        (folder / f"cpu{cpu}" / "topology" / "thread_siblings_list").write_text(f"{text}\n", encoding="ascii")
    return folder


def machine_of(monkeypatch: pytest.MonkeyPatch, cpus: int, cores: int | None) -> None:
    monkeypatch.setattr("psutil.cpu_count", lambda logical=True: cpus if logical else cores)


@pytest.mark.parametrize(("cores", "expected"), [(2, 2), (None, 4)])
def test_the_whole_machine_has_the_cores_that_psutil_counts(
    monkeypatch: pytest.MonkeyPatch, cores: int | None, expected: int
) -> None:
    monkeypatch.setattr(os, "sched_getaffinity", lambda _pid: set(range(4)))
    machine_of(monkeypatch, cpus=4, cores=cores)
    assert physical_cores() == expected


@pytest.mark.parametrize(
    ("allowed", "siblings", "expected"),
    [
        ({0, 1, 4, 5}, {0: "0,4", 1: "1,5", 4: "0,4", 5: "1,5"}, 2),
        ({0, 2}, {0: "0,2", 2: "0,2"}, 1),
        ({0, 1}, {0: "0", 1: "1"}, 2),
        ({0, 1, 2}, {}, 3),
    ],
)
def test_siblings_count_once_where_the_process_is_confined_to_some_cpus(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    allowed: set[int],
    siblings: dict[int, str],
    expected: int,
) -> None:
    monkeypatch.setattr(os, "sched_getaffinity", lambda _pid: allowed)
    machine_of(monkeypatch, cpus=8, cores=4)
    assert physical_cores(topology(tmp_path, siblings)) == expected


def test_this_machine_has_some() -> None:
    assert 1 <= physical_cores() <= len(os.sched_getaffinity(0))


def test_the_processors_name(tmp_path: Path) -> None:
    info = tmp_path / "cpuinfo"
    info.write_text(
        "processor\t: 0\nmodel name\t: Some CPU @ 2 GHz\nprocessor\t: 1\nmodel name\t: Some\n",
        encoding="ascii",
    )
    assert cpu_name(info) == "Some CPU @ 2 GHz"


@pytest.mark.parametrize("content", ["", "Features : neon\n", "model name :\n"])
def test_a_processor_without_a_name(tmp_path: Path, content: str) -> None:
    info = tmp_path / "cpuinfo"
    info.write_text(content, encoding="ascii")
    absent = tmp_path / "absent"
    assert cpu_name(info, absent) == cpu_name(absent, absent) == "CPU"


@pytest.mark.parametrize(
    ("content", "board", "expected"),
    [
        (PI_5, "Raspberry Pi 5 Model B Rev 1.0\0", "Raspberry Pi 5 Model B Rev 1.0, Cortex-A76"),
        (PI_5, None, "Raspberry Pi 5 Model B Rev 1.0, Cortex-A76"),
        (GRAVITON_3, None, "Neoverse-V1"),
        (BIG_LITTLE, "Some Board", "Some Board, Cortex-A55 + Cortex-A78"),
        (UNKNOWN_ARM, None, "ARM 0x51 0x804"),
    ],
)
def test_an_arm_processor_is_told_by_board_and_design(
    tmp_path: Path, content: str, board: str | None, expected: str
) -> None:
    info, model = tmp_path / "cpuinfo", tmp_path / "model"
    info.write_text(content, encoding="utf-8")
    if board is not None:
        model.write_text(board, encoding="utf-8")
    assert cpu_name(info, model) == expected


def test_where_there_is_no_affinity_the_machine_counts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delattr(os, "sched_getaffinity")
    machine_of(monkeypatch, cpus=8, cores=3)
    assert physical_cores() == 3


def test_features_are_read_from_the_kernel(tmp_path: Path) -> None:
    (tmp_path / "cpuinfo").write_text("flags : fpu avx2 avx512_bf16x sse")
    assert cpu_features(tmp_path / "cpuinfo") == ["avx2"]
    assert cpu_features(tmp_path / "missing") == []


def test_features_of_arm_are_known_too(tmp_path: Path) -> None:
    (tmp_path / "cpuinfo").write_text("Features\t: fp asimd asimddp sve svebf16 i8mm bf16 dgh\n")
    assert cpu_features(tmp_path / "cpuinfo") == ["asimd", "asimddp", "i8mm", "bf16", "sve"]


@pytest.mark.parametrize(
    ("features", "exact"),
    [
        (["avx2", "avx512f"], False),
        (["avx2", "avx_vnni"], True),
        (["avx512f", "avx512_vnni"], True),
        (["amx_int8"], True),
        (["asimd"], True),
        ([], False),
    ],
)
def test_products_of_bytes_overflow_on_x86_without_vnni(features: list[str], exact: bool) -> None:
    assert adds_bytes_exactly(features) is exact
