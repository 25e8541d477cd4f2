"""What the page and `/api/streams` are told, as plain objects fit for JSON."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

from streamseg import __version__
from streamseg.status.health import gives_masks, readiness
from streamseg.status.history import Sample
from streamseg.status.snapshot import Event, StreamSnapshot
from streamseg.types import ModelInfo


def summary(seen: Mapping[str, StreamSnapshot], now_unix_s: float) -> dict[str, Any]:
    """All streams, and the models that make their masks, by engine."""
    models = {one.engine: one.model for one in seen.values() if one.model is not None}
    return {
        "version": __version__,
        "now": now_unix_s,
        "streams": [_stream(name, one) for name, one in seen.items()],
        "models": {engine: _model(model) for engine, model in models.items()},
    }


def overview(seen: Mapping[str, StreamSnapshot], now_unix_s: float) -> dict[str, Any]:
    """The summary of all streams, with `ready` and `missing` as `/readyz` has them."""
    return {**summary(seen, now_unix_s), **readiness(seen)}


def curves(samples: Sequence[Sample]) -> dict[str, Any]:
    """The samples of a stream as lists, the newest last."""
    return {
        "age_ms": [_rounded(sample.age_ms, 1) for sample in samples],
        "flicker": [_rounded(sample.flicker, 4) for sample in samples],
    }


def events(told: Sequence[Event]) -> list[dict[str, Any]]:
    """A stream's events, the newest first."""
    return [
        {"unix_s": event.unix_s, "what": event.what, "text": event.text, "count": event.count}
        for event in reversed(told)
    ]


def _stream(name: str, seen: StreamSnapshot) -> dict[str, Any]:
    change = seen.change
    return {
        "name": name,
        "state": change.state.value,
        "reason": change.reason,
        "message": change.message,
        "since": change.since_unix_s,
        "retry_in_s": change.retry_in_s,
        "required": seen.required,
        "ready": gives_masks(seen),
        "engine": seen.engine,
        "fps": _rounded(seen.fps, 1),
        "age_ms": {"p50": _rounded(seen.age_ms_p50, 1), "p95": _rounded(seen.age_ms_p95, 1)},
        "stages_ms": {stage: round(spent_ms, 2) for stage, spent_ms in seen.stages_ms.items()},
        "flicker": _rounded(seen.flicker, 4),
        "confidence": _rounded(seen.confidence, 4),
        "silent_s": _rounded(seen.silent_s, 1),
        "captured": seen.tally.captured,
        "masks": seen.masks,
        "published": seen.published,
        "dropped": seen.dropped,
        "reconnects": seen.tally.reconnects,
        "resets": seen.resets,
        "subscribers": seen.tally.subscribers,
    }


def _model(model: ModelInfo) -> dict[str, Any]:
    return {
        "name": model.name,
        "version": model.version,
        "license": model.license,
        "backend": model.backend,
        "precision": model.precision,
        "size": list(model.mask_wh),
        "classes": [{"id": c.id, "name": c.name, "color": list(c.color)} for c in model.classes],
    }


def _rounded(value: float | None, digits: int) -> float | None:
    return None if value is None or math.isnan(value) else round(value, digits)
