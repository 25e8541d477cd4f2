"""Headers that fit the wire: what a package or a message says may be longer than a subscriber will read."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import replace

from streamseg.errors import WireError
from streamseg.types import ModelInfo, StateChange
from streamseg.wire.control_headers import InfoHeader, StatusHeader
from streamseg.wire.header import CLASSES
from streamseg.wire.message import dump_header, load_header

MESSAGE_CHARS = 500  # of a status; one line for a person
CUT_CHARS = (1024, 128, 32)  # of each text of an info that is too long, as many as fit

_CUT = "…"


def fit_info(info: InfoHeader) -> InfoHeader | None:
    """Return an info that subscribers can read: this, or with texts cut; None where that does not help."""
    return next((one for one in _shorter(info) if _readable(one)), None)


def fit_status(change: StateChange, epoch: str, fps: float | None) -> StatusHeader:
    """Return the status message of a change; texts are cut and numbers that are not finite left out."""
    return StatusHeader(
        stream=change.stream,
        epoch=epoch,
        state=change.state.value,
        since=_finite(change.since_unix_s) or 0.0,
        reason=_plain(change.reason, MESSAGE_CHARS),
        message=_plain(change.message, MESSAGE_CHARS),
        retry_in_s=_finite(change.retry_in_s),
        fps=_finite(fps),
    )


def _shorter(info: InfoHeader) -> Iterator[InfoHeader]:
    yield info
    for chars in CUT_CHARS:
        yield replace(info, model=_cut(info.model, chars))


def _readable(info: InfoHeader) -> bool:
    try:
        load_header(info.kind, dump_header(info))
    except WireError:
        return False
    return True


def _cut(model: ModelInfo, chars: int) -> ModelInfo:
    return replace(
        model,
        name=_plain(model.name, chars),
        version=_plain(model.version, chars),
        license=_plain(model.license, chars),
        classes=tuple(replace(c, name=_plain(c.name, chars)) for c in model.classes[:CLASSES]),
    )


def _plain(text: str, chars: int) -> str:
    """At most so many characters, all of them Unicode: a file's name may hold others (PEP 383)."""
    plain = text.encode(errors="replace").decode()
    return plain if len(plain) <= chars else plain[: chars - 1] + _CUT


def _finite(number: float | None) -> float | None:
    return number if number is not None and math.isfinite(number) else None
