"""Measures as tables of a page."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

import numpy as np

from streamseg.training.evaluation.evaluator import Measures
from streamseg.training.evaluation.metrics import Confusion
from streamseg.training.evaluation.text_tables import FIGURES, number
from streamseg.training.report import html
from streamseg.types import ClassInfo

_RIGHT, _WRONG = "40 150 90", "225 90 40"  # r g b of shares


def by_mode(measures: Mapping[str, Measures]) -> str:
    """One row a temporal mode."""
    head = map(html.cell, ("temporal", *FIGURES))
    rows = [map(html.cell, (name, *(f.text(m) for f in FIGURES.values()))) for name, m in measures.items()]
    note = "<p><small>truth: what the labels themselves score; steadiness beyond it is smearing.</small></p>"
    return html.table(head, rows) + (note if "truth" in measures else "")


def by_class(measures: Mapping[str, Measures], confusion: Confusion, classes: Sequence[ClassInfo]) -> str:
    """IoU by class, one column a temporal mode; what of single frames is right and what is found."""
    modes = [name for name in measures if name != "truth"]
    titles = ("class", "% of pixels", *(f"IoU % {mode}" for mode in modes), "precision %", "recall %")
    hit, true, said = np.diag(confusion.counts), confusion.counts.sum(1), confusion.counts.sum(0)
    rows = []
    for c, info in enumerate(classes):
        iou = (_bar(measures[mode].iou[info.name]) for mode in modes)
        shares = (_percent(true[c], true.sum()), *iou, _percent(hit[c], said[c]), _percent(hit[c], true[c]))
        rows.append([html.class_cell(info), *shares])
    return html.table(map(html.cell, titles), rows)


def matrix(confusion: Confusion, classes: Sequence[ClassInfo]) -> str:
    """The confusion matrix, each row in % of its sum; a share that rounds to 0 is left out."""
    rows = []
    for row, (info, counts) in enumerate(zip(classes, confusion.counts, strict=True)):
        shares = (_share(count, counts.sum(), right=c == row) for c, count in enumerate(counts))
        rows.append([html.class_cell(info), *shares])
    return html.table([html.cell(""), *map(html.class_cell, classes)], rows, "matrix")


def _share(count: int, of: int, *, right: bool) -> str:
    share = count / max(of, 1)
    if round(100 * share) == 0:
        return html.cell("")
    colour = _RIGHT if right else _WRONG
    # the root lets small mistakes be seen beside large ones
    return html.cell(f"{100 * share:.0f}", f"background:rgb({colour}/{0.75 * math.sqrt(share):.2f})")


def _bar(share: float) -> str:
    if math.isnan(share):
        return html.cell("–")
    text = f"{100 * share:.1f}"
    fill = f"linear-gradient(90deg,rgb({_RIGHT}/.35) {text}%,transparent {text}%)"
    return html.cell(text, f"background:{fill}")


def _percent(count: int, of: int) -> str:
    return html.cell(number(100 * count / of, 1) if of else "–")
