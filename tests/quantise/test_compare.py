from __future__ import annotations

from pathlib import Path

import pytest
from rich.console import Console

from streamseg.inference.backends.registry import cpu_backends
from streamseg.inference.packages.package import Package
from streamseg.quantise.accuracy import by_agreement
from streamseg.quantise.compare import ROUNDS, compare, in_turns, table
from streamseg.types import U8
from tests.fakes.int8 import add_int8


def test_every_precision_of_every_cpu_backend_has_its_row(
    package: Package, pictures: list[U8], tmp_path: Path
) -> None:
    both, told = add_int8(package), list[None]()
    rows = compare(both, by_agreement(pictures[:4], 5), tmp_path, 1, lambda: told.append(None))
    able = {report.name: report.precisions for report in cpu_backends()}
    for backend in ("openvino", "onnxruntime"):
        mine = [row.precision for row in rows if row.backend == backend]
        assert mine[0] == "f32"
        assert sorted(mine) == sorted(able[backend])
    assert rows[0].score.agreement == 1.0
    assert all(row.score.agreement > 0.9 and row.ms > 0 for row in rows)
    size = (package.path / "segmenter-int8.onnx").stat().st_size / 1e6
    assert {row.mb for row in rows if row.precision == "int8"} == {size}
    assert len(told) == len(rows)
    console = Console(width=100)
    with console.capture() as shown:
        console.print(table(rows))
    assert "int8" in shown.get()
    assert "–" in shown.get(), "there is no mIoU without labels"


def test_a_package_without_int8_has_no_such_row(package: Package, pictures: list[U8], tmp_path: Path) -> None:
    rows = compare(package, by_agreement(pictures[:1], 5), tmp_path, 1)
    assert "int8" not in {row.precision for row in rows}


def test_a_burst_of_other_work_falls_on_all() -> None:
    order: list[str] = []

    def work(name: str, ms: float) -> float:
        order.append(name)
        return ms if len(order) > 12 else 1000.0  # the first rounds are disturbed

    medians = in_turns([lambda: work("a", 3.0), lambda: work("b", 5.0)])
    assert medians == [pytest.approx(3.0), pytest.approx(5.0)]
    assert "".join(order[:12]) == "aaabbbaaabbb"
    assert len(order) == 6 * ROUNDS
