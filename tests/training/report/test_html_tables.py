"""Numbers in the page's tables, against a matrix made by hand."""

from __future__ import annotations

import math
import re
from dataclasses import replace

import numpy as np

from streamseg.training.evaluation.metrics import Confusion
from streamseg.training.report import html_tables
from tests.training.export.test_model_card import MEASURES
from tests.training.moments import CLASSES


def by_hand() -> Confusion:
    confusion = Confusion(3)
    confusion.counts = np.array([[60, 18, 2], [5, 15, 0], [0, 0, 0]], np.int64)
    return confusion


def cells(table: str) -> list[list[str]]:
    """The text of a table."""
    rows = re.findall(r"<tr>(.*?)</tr>", table)
    return [
        [re.sub(r"<[^>]+>", "", cell).strip() for cell in re.findall(r"<t[dh].*?</t[dh]>", row)]
        for row in rows
    ]


def test_the_matrix_is_normalised_by_row() -> None:
    table = html_tables.matrix(by_hand(), CLASSES)
    assert cells(table) == [
        ["", "ground", "disc", "bar"],
        ["ground", "75", "22", "2"],
        ["disc", "25", "75", ""],
        ["bar", "", "", ""],
    ]
    assert '<td style="background:rgb(40 150 90/0.65)">75</td>' in table, "what is right is green"
    assert '<td style="background:rgb(225 90 40/0.38)">25</td>' in table, "what is wrong is red"


def test_classes_have_their_share_precision_and_recall() -> None:
    other = replace(MEASURES, iou={"ground": 0.91, "disc": 0.66, "bar": math.nan})
    table = html_tables.by_class({"none": MEASURES, "ema": other, "truth": MEASURES}, by_hand(), CLASSES)
    assert cells(table) == [
        ["class", "% of pixels", "IoU % none", "IoU % ema", "precision %", "recall %"],
        ["ground", "80.0", "90.0", "91.0", "92.3", "75.0"],
        ["disc", "20.0", "60.0", "66.0", "45.5", "75.0"],
        ["bar", "0.0", "50.0", "–", "0.0", "–"],
    ]


def test_modes_have_a_row_each_and_the_truth_is_explained() -> None:
    alone = html_tables.by_mode({"none": MEASURES})
    assert cells(alone)[1][:3] == ["none", "70.12", "95.00"]
    assert "smearing" not in alone
    table = html_tables.by_mode({"none": MEASURES, "truth": replace(MEASURES, miou=1.0)})
    assert cells(table)[2][:2] == ["truth", "100.00"]
    assert "smearing" in table
