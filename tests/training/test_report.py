"""The report is one page that needs nothing else."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from streamseg.training.report import Example, smooth, write_report
from streamseg.types import ClassInfo
from tests.training.conftest import draw
from tests.training.test_card import MEASURES

CLASSES = tuple(ClassInfo(i, name, (60 * i, 90, 200)) for i, name in enumerate(("ground", "disc", "bar")))


def test_curves_tables_and_pictures_are_inside(tmp_path: Path) -> None:
    stage = tmp_path / "segment"
    stage.mkdir()
    entries = [{"step": i, "lr": 0.1, "loss": 1 / i, "ce": 1 / i} for i in range(1, 9)]
    log = [*entries, {"validation": {"step": 8.0, "score": 0.5, "miou": 0.5}}]
    (stage / "log.jsonl").write_text("".join(json.dumps(e) + "\n" for e in log))
    image, label = draw(1)
    label = np.where(label == 9, 255, label).astype(np.uint8)
    examples = [
        Example("good.png", image, label, label, 1.0),
        Example("<bad>.png", image, label, label * 0, 0.2),
    ]
    page = tmp_path / "out/report.html"
    write_report(page, "tiny <1>", {"segment": stage}, {"none": MEASURES}, CLASSES, examples)
    text = page.read_text()
    assert text.count("data:image/png;base64,") == 1
    assert text.count("data:image/jpeg;base64,") == 2
    assert text.index("&lt;bad&gt;.png") < text.index("good.png"), "the worst first"
    assert "tiny &lt;1&gt;" in text
    assert "70.1" in text
    assert "http" not in text


def test_smoothing_is_a_trailing_mean() -> None:
    assert smooth([1.0, 3.0, 5.0], window=2) == pytest.approx([1.0, 2.0, 4.0])
    assert smooth([], window=2) == []
