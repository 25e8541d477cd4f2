"""Measures as tables for a terminal."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeVar

from rich.table import Table

from streamseg.training.evaluation.compare import Measured, side_by_side
from streamseg.training.evaluation.evaluator import Measures
from streamseg.training.evaluation.scene_cut_eval import AfterCut
from streamseg.training.labelling.record import Coverage

if TYPE_CHECKING:
    from streamseg.training.explain.explain import Explanation  # brings onnx, which measuring must not need

N = TypeVar("N", bound=tuple[str, ...])  # a name in parts


@dataclass(frozen=True, slots=True)
class Figure:
    """One measure in a table: how it is taken from `Measures`, and its decimals."""

    of: Callable[[Measures], float]
    digits: int = 2

    def text(self, measures: Measures) -> str:
        """The figure; a dash where it does not apply."""
        return number(self.of(measures), self.digits)


FIGURES = {
    "mIoU %": Figure(lambda m: 100 * m.miou),
    "pixels right %": Figure(lambda m: 100 * m.accuracy),
    "boundary F1 %": Figure(lambda m: 100 * m.boundary_f1),
    "calibration error %": Figure(lambda m: 100 * m.calibration_error),
    "temporal IoU": Figure(lambda m: m.temporal_iou, 3),
    "flicker %": Figure(lambda m: 100 * m.flicker),
    "changed pixels right %": Figure(lambda m: 100 * m.changed_accuracy),
    "ms a frame": Figure(lambda m: m.frame_ms),
}
NOT_MEASURED = "–"
STEADINESS = ("mIoU %", "temporal IoU", "flicker %", "changed pixels right %", "calibration error %")


def number(value: float, digits: int) -> str:
    """A figure with so many decimals; a dash for nan."""
    return NOT_MEASURED if math.isnan(value) else f"{value:.{digits}f}"


def by_measure(results: Mapping[str, Measures]) -> Table:
    """One row a measure and a class, one column a result."""
    table = _table(["measure", *results])
    for label, figure in FIGURES.items():
        table.add_row(label, *(figure.text(m) for m in results.values()))
    for name in next(iter(results.values())).iou:
        table.add_row(f"IoU % {name}", *(number(100 * m.iou[name], 2) for m in results.values()))
    return table


def by_result(head: Sequence[str], results: Mapping[N, Measures], figures: Sequence[str]) -> Table:
    """One row a result, one column a measure.

    Args:
        head: What the parts of a result's name are.
        results: By name, in as many parts.
        figures: Keys of `FIGURES`.
    """
    table = _table([*head, *figures], named=len(head))
    for name, measures in results.items():
        table.add_row(*name, *(FIGURES[figure].text(measures) for figure in figures))
    return table


def by_package(measured: Mapping[str, Measured]) -> Table:
    """One column a package and mode; sizes and backends in rows of their own."""
    columns = side_by_side(measured)
    table = by_measure({":\n".join(title.rsplit(":", 1)): m for title, m in columns.items()})
    owners = [measured.get(column.rpartition(":")[0]) for column in columns]
    sizes = [one.parameters if one else None for one in owners]
    table.add_row("parameters, millions", *("–" if n is None else f"{n / 1e6:.2f}" for n in sizes))
    table.add_row("on", *(f"{one.info.backend} {one.info.precision}" if one else "–" for one in owners))
    return table


def by_true_class(measures: Measures) -> Table:
    """One row a true class, one column a class it was taken for, in % of its pixels; empty below 0.5."""
    names = list(dict.fromkeys(name for row in measures.taken_for.values() for name in row))
    table = _table(["true class", *names])
    for truth, row in measures.taken_for.items():
        table.add_row(truth, *(number(100 * row[name], 0) if row[name] >= 0.005 else "" for name in names))
    return table


def by_class(found: Explanation) -> Table:
    """One row a class of a prediction, the largest first: its share, and how sure the network is there."""
    table = _table(["class", "share %", "mean confidence", "mean entropy"])
    for label, share in found.shares().items():
        own = found.labels == label
        sure, doubt = (float(cells[own].mean()) for cells in (found.confidence, found.entropy))
        table.add_row(found.classes[label].name, number(100 * share, 1), number(sure, 3), number(doubt, 3))
    return table


def by_coverage(coverage: Coverage) -> Table:
    """One row a class: how much of the pictures has it as label; and all of them together."""
    table = _table(["class", "% of pixels", "% of labelled", "pictures"])
    for name, pixels in coverage.by_class.items():
        shares = (100 * pixels / max(whole, 1) for whole in (coverage.pixels, coverage.labelled))
        table.add_row(name, *(number(share, 2) for share in shares), f"{coverage.pictures_by_class[name]:,}")
    table.add_section()
    whole = 100.0 if coverage.labelled else 0.0
    table.add_row("all", number(100 * coverage.share, 2), number(whole, 2), f"{coverage.pictures:,}")
    return table


def after_cut_line(cut: AfterCut) -> str:
    """What a cut leaves in the next picture, in one sentence."""
    return (
        f"first picture after a cut: mIoU {100 * cut.convgru:.2f} % with convgru's memory, "
        f"{100 * cut.fresh:.2f} % with none; {100 * cut.noticed:.0f} % of the cuts were noticed, "
        f"{100 * cut.unaided:.2f} % were none"
    )


def _table(head: Sequence[str], named: int = 1) -> Table:
    table = Table()
    for title in head[:named]:
        table.add_column(title, no_wrap=True)
    for title in head[named:]:
        # a long title is broken in a narrow terminal, a figure never
        table.add_column(title, overflow="fold", min_width=6)
    return table
