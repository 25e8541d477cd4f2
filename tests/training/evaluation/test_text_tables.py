"""Tables say what was measured, and a dash where nothing was."""

from __future__ import annotations

from dataclasses import replace
from io import StringIO

import numpy as np
from rich.console import Console
from rich.table import Table

from streamseg.inference.engine import EngineInfo
from streamseg.training.evaluation.compare import Measured
from streamseg.training.evaluation.scene_cut_eval import AfterCut
from streamseg.training.evaluation.text_tables import (
    STEADINESS,
    after_cut_line,
    by_class,
    by_coverage,
    by_measure,
    by_package,
    by_result,
)
from streamseg.training.explain.explain import Explanation
from streamseg.training.labelling.record import Coverage
from streamseg.types import ClassInfo
from tests.training.export.test_model_card import MEASURES


def rows(table: Table, width: int = 200) -> list[list[str]]:
    """Cells of the printed lines."""
    text = StringIO()
    Console(file=text, width=width).print(table)
    lines = text.getvalue().replace("┃", "│").splitlines()
    return [[cell.strip() for cell in line.split("│") if cell.strip()] for line in lines if "│" in line]


def test_by_coverage() -> None:
    coverage = Coverage(3, 1000, {"road": 300, "car": 100, "sky": 0}, {"road": 3, "car": 1, "sky": 0})
    assert rows(by_coverage(coverage)) == [
        ["class", "% of pixels", "% of labelled", "pictures"],
        ["road", "30.00", "75.00", "3"],
        ["car", "10.00", "25.00", "1"],
        ["sky", "0.00", "0.00", "0"],
        ["all", "40.00", "100.00", "3"],
    ]
    assert rows(by_coverage(Coverage(0, 0, {"road": 0}, {"road": 0})))[-1] == ["all", "0.00", "0.00", "0"]


def test_by_measure() -> None:
    table = rows(by_measure({"none": MEASURES, "truth": replace(MEASURES, miou=1.0, frame_ms=float("nan"))}))
    assert table[0] == ["measure", "none", "truth"]
    assert ["mIoU %", "70.12", "100.00"] in table
    assert ["temporal IoU", "0.891", "0.891"] in table
    assert ["ms a frame", "12.00", "–"] in table
    assert ["IoU % disc", "60.00", "60.00"] in table


def test_by_result() -> None:
    table = rows(by_result(("stress", "temporal"), {("dark", "ema"): MEASURES}, STEADINESS))
    assert table[0] == ["stress", "temporal", *STEADINESS]
    assert table[1] == ["dark", "ema", "70.12", "0.891", "0.23", "47.00", "2.10"]


def test_by_package_says_size_and_backend() -> None:
    info = EngineInfo("openvino", "bf16", "a processor", "1", "")
    table = rows(
        by_package(
            {
                "a": Measured(info, 3_070_363, {"none": MEASURES, "ema": MEASURES, "truth": MEASURES}),
                "runs/b": Measured(info, None, {"none": MEASURES, "truth": MEASURES}),
            }
        )
    )
    assert table[:2] == [["a:", "a:", "runs/b:"], ["measure", "none", "ema", "none", "truth"]]
    assert ["parameters, millions", "3.07", "3.07", "–", "–"] in table
    assert ["on", "openvino bf16", "openvino bf16", "openvino bf16", "–"] in table


def test_by_class_the_largest_first() -> None:
    labels = np.array([[1, 0, 1, 1]], np.uint8)
    sure, doubt = (np.array([row], np.float32) for row in ([0.5, 0.25, 0.75, 1.0], [0.5, 1.0, 0.25, 0.0]))
    classes = ClassInfo(0, "road", (0, 0, 0)), ClassInfo(1, "sky", (0, 0, 0))
    found = Explanation(np.zeros((1, 4, 3), np.uint8), labels, classes, sure, doubt, {}, "", None)
    assert rows(by_class(found)) == [
        ["class", "share %", "mean confidence", "mean entropy"],
        ["sky", "75.0", "0.750", "0.250"],
        ["road", "25.0", "0.250", "1.000"],
    ]


def test_a_narrow_terminal_breaks_no_figure() -> None:
    names = [f"some-long-package-name:{mode}" for mode in ("none", "ema", "convgru")]
    table = rows(by_measure(dict.fromkeys(names, MEASURES)), width=50)
    assert sum(row.count("70.12") for row in table) == 3


def test_after_a_cut() -> None:
    line = after_cut_line(AfterCut(convgru=0.5, unaided=0.25, fresh=0.625, noticed=0.75))
    assert "50.00 % with convgru's memory, 62.50 % with none; 75 % of the cuts were noticed, 25.00 %" in line
