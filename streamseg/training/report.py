"""What a training run leaves to read: one HTML page with curves, a table by class and pictures."""

from __future__ import annotations

import base64
import html
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from streamseg.client.draw import colorize, overlay
from streamseg.training.fit import read_log
from streamseg.training.measures import Measures
from streamseg.types import U8, ClassInfo

_STYLE = """body{font:15px/1.5 system-ui,sans-serif;max-width:70rem;margin:2rem auto;padding:0 1rem}
table{border-collapse:collapse}td,th{padding:.2rem .8rem;text-align:right;border-bottom:1px solid #ddd}
td:first-child,th:first-child{text-align:left}img{max-width:100%}figure{margin:1rem 0}"""


@dataclass(frozen=True, slots=True)
class Example:
    """One measured picture: RGB, truth and prediction `[H, W]`, and its own mIoU."""

    name: str
    image: U8
    truth: U8
    prediction: U8
    miou: float


def write_report(
    path: Path,
    title: str,
    stages: Mapping[str, Path],
    measures: Mapping[str, Measures],
    classes: Sequence[ClassInfo],
    examples: Sequence[Example],
) -> None:
    """Write `path` (HTML, self-contained).

    Args:
        path: The page.
        title: Its heading.
        stages: Folders of the runs by stage name; their `log.jsonl` gives the curves.
        measures: Results by temporal mode.
        classes: The model's classes.
        examples: Pictures, worst first.
    """
    parts = [f"<h1>{html.escape(title)}</h1>", measures_table(measures), class_table(measures)]
    parts += [_figure(curves_png(folder, name), f"stage {name}") for name, folder in stages.items()]
    parts.append("<h2>Pictures, the worst first</h2>")
    parts += [_example(example, classes) for example in sorted(examples, key=lambda e: e.miou)]
    page = f'<!doctype html><meta charset="utf-8"><title>{html.escape(title)}</title><style>{_STYLE}</style>'
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(page + "\n".join(parts), encoding="utf-8")


def measures_table(measures: Mapping[str, Measures]) -> str:
    """One row a temporal mode."""
    head = (
        "temporal",
        "mIoU %",
        "pixels right %",
        "boundary F1 %",
        "ECE %",
        "temporal IoU",
        "flicker %",
        "changed right %",
    )
    rows = [
        (name, _percent(m.miou), _percent(m.accuracy), _percent(m.boundary_f1), _percent(m.calibration_error),
         f"{m.temporal_iou:.3f}", _percent(m.flicker, 2), _percent(m.changed_accuracy))
        for name, m in measures.items()
    ]  # fmt: skip
    return _table(head, rows)


def class_table(measures: Mapping[str, Measures]) -> str:
    """IoU by class, one column a temporal mode."""
    modes = {name: m for name, m in measures.items() if name != "truth"}
    names = list(next(iter(modes.values())).iou)
    rows = [(name, *(_percent(m.iou[name]) for m in modes.values())) for name in names]
    return _table(("IoU %", *modes), rows)


def curves_png(folder: Path, name: str) -> bytes:
    """Losses and validation measures of one stage over its steps, as a PNG."""
    # a second to import, and only the report needs it
    from matplotlib.backends.backend_agg import FigureCanvasAgg  # noqa: PLC0415
    from matplotlib.figure import Figure  # noqa: PLC0415

    log = read_log(folder)
    steps = [entry for entry in log if "step" in entry]
    checks = [entry["validation"] for entry in log if "validation" in entry]
    figure = Figure(figsize=(10, 3.2), layout="constrained")
    left, right = figure.subplots(1, 2)
    for key in sorted({k for entry in steps for k in entry} - {"step", "lr"}):
        left.plot([e["step"] for e in steps], smooth([e[key] for e in steps]), label=key)
    for key in sorted({k for check in checks for k in check} - {"step", "score"}):
        right.plot([c["step"] for c in checks], [c[key] for c in checks], marker="o", label=key)
    for axes, label in ((left, f"{name}: losses"), (right, "validation")):
        axes.set(xlabel="step", title=label)
        axes.grid(alpha=0.3)
        if axes.lines:
            axes.legend()
    buffer = BytesIO()
    FigureCanvasAgg(figure).print_png(buffer)
    return buffer.getvalue()


def smooth(values: Sequence[float], window: int = 21) -> list[float]:
    """Trailing mean over up to `window` values; as long as its input."""
    sums = np.concatenate([[0.0], np.cumsum(values)])
    return [
        float(sums[i + 1] - sums[max(i + 1 - window, 0)]) / min(i + 1, window) for i in range(len(values))
    ]


def _example(example: Example, classes: Sequence[ClassInfo]) -> str:
    panels = [
        overlay(example.image, example.prediction, classes),
        colorize(example.prediction, classes),
        colorize(example.truth, classes),
    ]
    strip = cv2.cvtColor(np.hstack(panels), cv2.COLOR_RGB2BGR)
    encoded: Any = cv2.imencode(".jpg", strip, [cv2.IMWRITE_JPEG_QUALITY, 85])[1]
    caption = f"{example.name}: mIoU {_percent(example.miou)} %; overlay, prediction, truth"
    return _figure(encoded.tobytes(), caption, "jpeg")


def _figure(data: bytes, caption: str, kind: str = "png") -> str:
    source = base64.b64encode(data).decode()
    image = f'<img src="data:image/{kind};base64,{source}">'
    return f"<figure>{image}<figcaption>{html.escape(caption)}</figcaption></figure>"


def _table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    header = "".join(f"<th>{html.escape(cell)}</th>" for cell in head)
    body = "".join(
        "<tr>" + "".join(f"<td>{html.escape(cell)}</td>" for cell in row) + "</tr>" for row in rows
    )
    return f"<table><tr>{header}</tr>{body}</table>"


def _percent(share: float, digits: int = 1) -> str:
    return "–" if np.isnan(share) else f"{100 * share:.{digits}f}"
