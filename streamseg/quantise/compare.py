"""Precisions and backends of a package side by side: accuracy, time and size."""

from __future__ import annotations

import statistics
from collections.abc import Callable, Sequence
from contextlib import ExitStack, closing
from dataclasses import dataclass
from pathlib import Path
from typing import cast

import numpy as np
from rich.table import Table

from streamseg.inference.backend import BackendName, Precision
from streamseg.inference.backends.registry import cpu_backends, load_engine
from streamseg.inference.engine import InferenceEngine
from streamseg.inference.packages.manifest import GraphRole
from streamseg.inference.packages.package import INT8, Package
from streamseg.quantise.accuracy import AccuracyMetric, Score
from streamseg.training.evaluation.text_tables import number

EXACT = "f32"
ROUNDS = 15  # each engine once a round, so that other work on the machine falls on all of them
BURST = 3  # inferences in a row, of which the last counts: the first two bring its weights into the cache


@dataclass(frozen=True, slots=True)
class Row:
    """A backend in a precision.

    Attributes:
        backend: Its name.
        precision: What the segmenter computes in.
        score: How it did; the agreement is with the first backend in f32.
        ms: Median time of the segmenter, milliseconds.
        mb: Size of its file, 10⁶ bytes.
    """

    backend: str
    precision: str
    score: Score
    ms: float
    mb: float


def compare(
    package: Package,
    judge: AccuracyMetric,
    cache: Path | None,
    threads: int = 0,
    tell: Callable[[], None] = lambda: None,
) -> list[Row]:
    """Run the segmenter on every CPU backend in every precision both can.

    Args:
        package: With or without a graph in int8.
        judge: Its reference is taken anew, from the first backend in f32.
        cache: Where compiled graphs are kept; None: the user's folder.
        threads: As in a configuration.
        tell: Called after each row's pictures.
    """
    with ExitStack() as stack:
        engines: dict[tuple[str, str], InferenceEngine] = {}
        for report in cpu_backends():
            for precision in _precisions(package, report.precisions):
                backend, asked = cast("BackendName", report.name), cast("Precision", precision)
                engine = load_engine(package, backend, asked, threads, cache)
                engines[backend, precision] = stack.enter_context(closing(engine))
        scores: dict[tuple[str, str], Score] = {}
        for key, engine in engines.items():
            scores[key] = judge.score(engine) if scores else judge.refer(engine)
            tell()
        times_ms = in_turns([_inference(engine) for engine in engines.values()])
    sizes_mb = [_size_mb(package, precision) for _, precision in engines]
    return [Row(*key, scores[key], ms, mb) for key, ms, mb in zip(engines, times_ms, sizes_mb, strict=True)]


def in_turns(works: Sequence[Callable[[], float]]) -> list[float]:
    """The median of what each work says it took, all of them in turns."""
    rounds = [[[work() for _ in range(BURST)][-1] for work in works] for _ in range(ROUNDS)]
    return [statistics.median(column) for column in zip(*rounds, strict=True)]


def table(rows: Sequence[Row]) -> Table:
    """For a terminal."""
    made = Table()
    for title in ("backend", "precision", "mIoU %", "agreement %", "ms", "MB"):
        made.add_column(title, no_wrap=True)
    for row in rows:
        figures = (100 * row.score.miou, 2), (100 * row.score.agreement, 2), (row.ms, 1), (row.mb, 2)
        made.add_row(row.backend, row.precision, *(number(value, digits) for value, digits in figures))
    return made


def _precisions(package: Package, able: Sequence[str]) -> list[str]:
    others = [name for name in able if name != EXACT and (name != INT8 or package.manifest.int8)]
    return [EXACT, *others]


def _inference(engine: InferenceEngine) -> Callable[[], float]:
    width, height = engine.package.manifest.size_wh
    picture = np.full((1, height, width, 3), 127, np.uint8)

    def once() -> float:
        run = engine.start(picture)
        run.wait()
        return run.infer_ms

    return once


def _size_mb(package: Package, precision: str) -> float:
    entry = package.running(precision)[GraphRole.SEGMENTER]
    return (package.path / entry.file).stat().st_size / 1e6
