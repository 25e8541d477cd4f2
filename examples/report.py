"""What the demo leaves behind: a video of the overlay, a contact sheet and a summary."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Sequence
from pathlib import Path

import cv2
import numpy as np

from examples.pairing import Pair
from examples.stream_stats import Tally
from examples.video_writer import write_movie
from streamseg.client.draw import contact_sheet, overlay
from streamseg.types import U8, ClassInfo, ModelInfo

MOMENTS = 6
RESULTS = OVERLAY, SHEET, SUMMARY = ("overlay.mp4", "contact-sheet.png", "summary.json")


def moments(pairs: Sequence[Pair], count: int = MOMENTS) -> list[Pair]:
    """Some of the pairs, evenly spread from the first to the last."""
    places = np.linspace(0, len(pairs) - 1, min(count, len(pairs))).round().astype(int)
    return [pairs[place] for place in places]


def write_overlay(path: Path, pairs: Sequence[Pair], classes: Sequence[ClassInfo], fps: float) -> None:
    """Writes the pictures with their masks in colour over them, as a video in real time."""

    def pictures() -> Iterator[tuple[float, U8]]:
        for pair in pairs:
            yield pair.captured_unix_s, overlay(pair.picture, pair.labels, classes)

    height, width = pairs[0].labels.shape
    write_movie(path, pictures(), (width, height), fps)


def write_sheet(path: Path, pairs: Sequence[Pair], classes: Sequence[ClassInfo]) -> None:
    """Writes six moments, picture beside mask, with a legend, as PNG."""
    chosen = moments(pairs)
    sheet = contact_sheet([(pair.picture, pair.labels) for pair in chosen], classes)
    cv2.imwrite(str(path), sheet[..., ::-1])


def _figure(value: float, digits: int) -> float | None:
    """Rounded; None for nan, which JSON does not have."""
    return None if math.isnan(value) else round(value, digits)


def summary(tally: Tally, model: ModelInfo | None, exit_code: int) -> dict[str, object]:
    """The demo's figures; `exit_code` is the daemon's."""
    return {
        "masks": len(tally.seen),
        "seconds": round(tally.seconds, 2),
        "fps": round(tally.fps, 2),
        "age_ms_p50": _figure(tally.age_ms(0.5), 1),
        "age_ms_p95": _figure(tally.age_ms(0.95), 1),
        "infer_ms_p50": _figure(tally.infer_ms, 1),
        "gaps": tally.gaps,
        "drops": tally.drops,
        "backend": model.backend if model else None,
        "precision": model.precision if model else None,
        "model": model.name if model else None,
        "exit_code": exit_code,
    }


def write_summary(path: Path, found: dict[str, object]) -> None:
    """Writes the summary as JSON."""
    path.write_text(json.dumps(found, indent=2) + "\n", encoding="utf-8")
