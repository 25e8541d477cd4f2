from __future__ import annotations

import os
from pathlib import Path

import pytest

from streamseg.inference.cores import cpu_name, physical_cores


def topology(folder: Path, siblings: dict[int, str]) -> Path:
    for cpu, text in siblings.items():
        (folder / f"cpu{cpu}" / "topology").mkdir(parents=True)
        (folder / f"cpu{cpu}" / "topology" / "thread_siblings_list").write_text(f"{text}\n", encoding="ascii")
    return folder


@pytest.mark.parametrize(
    ("allowed", "siblings", "expected"),
    [
        ({0, 1, 2, 3}, {0: "0,2", 1: "1,3", 2: "0,2", 3: "1,3"}, 2),
        ({0, 2}, {0: "0,2", 2: "0,2"}, 1),
        ({0, 1}, {0: "0", 1: "1"}, 2),
        ({0, 1, 2}, {}, 3),
    ],
)
def test_siblings_count_once(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    allowed: set[int],
    siblings: dict[int, str],
    expected: int,
) -> None:
    monkeypatch.setattr(os, "sched_getaffinity", lambda _pid: allowed)
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
    assert cpu_name(info) == cpu_name(tmp_path / "absent") == "CPU"
