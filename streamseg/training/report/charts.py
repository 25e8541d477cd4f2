"""Curves of a training stage: what its log says, and one small figure for each thing worth looking at."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from io import BytesIO
from typing import Any

import numpy as np

Points = list[tuple[float, float]]  # (step, value)

_CRITIC = "critic"  # what the keys of a discriminator begin with
_NO_LOSS = {"step", "lr", "score"}
_PLENTY = 50  # points; more of them are smoothed


@dataclass(frozen=True, slots=True)
class Curves:
    """What the log of a stage holds.

    Attributes:
        losses: Terms of the loss by name.
        critic: A discriminator's loss and its share of right verdicts, where there is one.
        measures: Validation by measure.
        remarks: Sentences, each with its step.
    """

    losses: dict[str, Points]
    critic: dict[str, Points]
    measures: dict[str, Points]
    remarks: list[tuple[int, str]]


def read_curves(log: Iterable[object]) -> Curves:
    """Sort the entries of a log; those of a kind it does not know are passed over."""
    entries = [entry for entry in log if isinstance(entry, dict)]
    steps = _series(entries)
    critic = {key: points for key, points in steps.items() if key.startswith(_CRITIC)}
    return Curves(
        losses={key: points for key, points in steps.items() if key not in critic},
        critic=critic,
        measures=_series(_inner(entries, "validation")),
        remarks=[
            (r["step"], str(r["text"]))
            for r in _inner(entries, "remark")
            if isinstance(r.get("step"), int) and "text" in r
        ],
    )


def draw(curves: Curves) -> dict[str, Any]:
    """Matplotlib figures by name: "losses", "discriminator", then each measure; none without points."""
    figures = {}
    if curves.losses:
        # where there is one term it is the sum, too
        terms = {k: p for k, p in curves.losses.items() if k == "loss" or p != curves.losses.get("loss")}
        figures["losses"] = _figure("losses", terms)
        _use_decades(figures["losses"].axes[0], terms)
    if curves.critic:
        figures["discriminator"] = _figure("discriminator", curves.critic)
        _draw_guessing(figures["discriminator"].axes[0])
    for name, points in curves.measures.items():
        figures[name] = _figure(f"validation: {name}, {points[-1][1]:.3g} at the end", {name: points})
        _widen(figures[name].axes[0], points)
    return figures


def as_png(figure: Any) -> bytes:
    """A figure as a picture without a background."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg  # noqa: PLC0415 a second to import

    buffer = BytesIO()
    FigureCanvasAgg(figure).print_png(buffer)
    return buffer.getvalue()


def smooth(values: Sequence[float], window: int = 21) -> list[float]:
    """Trailing mean over up to `window` values; as long as its input."""
    sums = np.concatenate([[0.0], np.cumsum(values)])
    return [
        float(sums[i + 1] - sums[max(i + 1 - window, 0)]) / min(i + 1, window) for i in range(len(values))
    ]


def _inner(entries: Iterable[Mapping[str, Any]], key: str) -> list[Mapping[str, Any]]:
    return [entry[key] for entry in entries if isinstance(entry.get(key), dict)]


def _series(entries: Iterable[Mapping[str, Any]]) -> dict[str, Points]:
    series = defaultdict[str, dict[float, float]](dict)  # a step that was done again counts as the last time
    for entry in entries:
        for key in entry.keys() - _NO_LOSS:
            if _is_number(entry.get("step")) and _is_number(entry[key]):
                series[key][entry["step"]] = entry[key]
    return {key: sorted(points.items()) for key, points in sorted(series.items())}


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and math.isfinite(value)


def _figure(title: str, series: Mapping[str, Points]) -> Any:
    from matplotlib.figure import Figure  # noqa: PLC0415 a second to import, and only the report needs it

    figure = Figure(figsize=(5.2, 3), dpi=150, layout="constrained", facecolor="none")
    axes = figure.add_subplot(facecolor="none")
    for index, (name, points) in enumerate(series.items()):
        _plot(axes, name, points, f"C{index}")
    axes.set(xlabel="step", title=title)
    axes.grid(alpha=0.3)
    axes.spines[["top", "right"]].set_visible(False)
    if len(series) > 1:
        axes.legend()
    return figure


def _plot(axes: Any, name: str, points: Points, colour: str) -> None:
    steps, values = zip(*points, strict=True)
    if len(points) > _PLENTY:
        axes.plot(steps, values, color=colour, alpha=0.2, linewidth=0.7)
        axes.plot(steps, smooth(values), color=colour, label=name)
    else:
        axes.plot(steps, values, color=colour, label=name, marker="o", markersize=3)


def _use_decades(axes: Any, losses: Mapping[str, Points]) -> None:
    """Terms a hundred times smaller than others are seen, too."""
    from matplotlib.ticker import LogLocator, NullFormatter  # noqa: PLC0415 as above

    if all(value > 0 for points in losses.values() for _, value in points):
        axes.set_yscale("log")
        axes.yaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
        axes.yaxis.set_major_formatter("{x:g}")
        axes.yaxis.set_minor_formatter(NullFormatter())


def _draw_guessing(axes: Any) -> None:
    axes.axhline(0.5, color="black", linestyle=":", label="guessing: 0.5 right")
    axes.set_ylim(bottom=0)
    axes.legend()


def _widen(axes: Any, points: Points) -> None:
    """Changes of less than a fifth of a measure look as small as they are."""
    values = [value for _, value in points]
    middle, half = (max(values) + min(values)) / 2, (max(values) - min(values)) / 2
    half = max(1.1 * half, 0.1 * abs(middle), 1e-6)
    axes.set_ylim(middle - half, middle + half)
