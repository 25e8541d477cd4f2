"""Masks of a size and content that a test chooses."""

from __future__ import annotations

import numpy as np

from streamseg.types import U8, Clock, Frame, Picture, PixelLayout, Segmentation, TemporalMode

SIZE_WH = (64, 48)
MS = {"decode": 1.0, "wait": 2.0, "infer": 8.0, "stabilise": 4.0}


def plane(value: int = 0) -> U8:
    return np.full(SIZE_WH[::-1], value, np.uint8)


def mask(
    stream: str = "gate",
    *,
    seq: int = 0,
    label: int = 0,
    labels: U8 | None = None,
    confidence: U8 | None = None,
    reset: bool = False,
    captured_s: float = 0.0,
    ms: dict[str, float] | None = None,
) -> Segmentation:
    """A mask of a plain grey picture."""
    picture = Picture(PixelLayout.GRAY, (plane(99),), SIZE_WH)
    frame = Frame(stream, seq, None, captured_s, 1e9 + captured_s, Clock.HOST, picture)
    return Segmentation(
        frame=frame,
        labels=plane(label) if labels is None else labels,
        confidence=confidence,
        rgb=np.full((*SIZE_WH[::-1], 3), 99, np.uint8),
        mode=TemporalMode.NONE,
        reset=reset,
        ms=MS if ms is None else ms,
    )
