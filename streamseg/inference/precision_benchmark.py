"""Which precision is fastest on this machine: measured once, remembered beside the compiled models.

A CPU's list of features does not tell. On some processors with AVX512-BF16 bfloat16 is twice as fast as
float32, on others (without AMX) it is slower: the conversions cost more than the arithmetic saves. int8 is no
faster than bfloat16 where AMX computes both.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from streamseg.inference.cache.files import write_whole

_LOG = logging.getLogger(__name__)

EXACT = ("f32", "bf16", "int8")  # the most exact first
ROUNDS = 4  # of measuring each precision once
WORTH = 0.95  # of a more exact precision's time: a smaller gain is not worth less exact masks


@dataclass(frozen=True, slots=True)
class PrecisionChoice:
    """A precision, half a sentence why, and the times that decided, milliseconds by precision."""

    precision: str
    why: str
    times_ms: Mapping[str, float] = field(default_factory=dict)


def fastest(
    candidates: Sequence[str],
    time_ms: Callable[[str], float],
    key: str,
    memo: Path | None,
    *,
    again: bool = False,
) -> PrecisionChoice:
    """Choose a precision by time.

    Args:
        candidates: Precisions, of those in `EXACT`.
        time_ms: Measures one, milliseconds an inference.
        key: All that the times depend on: model, processor, library, threads.
        memo: File that remembers the times; None: measured at every start.
        again: Measure although they are remembered.
    """
    known = {} if again else _recall(memo).get(key, {})
    when = "measured before" if set(known) >= set(candidates) else "just measured"
    times = known if set(known) >= set(candidates) else _measure(candidates, time_ms)
    if memo is not None and times is not known:
        _remember(memo, key, times)
    told = ", ".join(f"{name} {times[name]:.1f} ms" for name in candidates)
    return PrecisionChoice(_worth(candidates, times), f"the fastest here: {told}, {when}", times)


def _worth(candidates: Sequence[str], times: Mapping[str, float]) -> str:
    """The fastest; but each less exact one must gain enough on what would be taken without it."""
    best, *others = sorted(candidates, key=EXACT.index)
    for name in others:
        if times[name] <= WORTH * times[best]:
            best = name
    return best


def _measure(candidates: Sequence[str], time_ms: Callable[[str], float]) -> dict[str, float]:
    """In turns, so that a burst of other work on the machine falls on all of them; the least counts."""
    rounds = [{name: time_ms(name) for name in candidates} for _ in range(ROUNDS)]
    return {name: min(times[name] for times in rounds) for name in candidates}


def _recall(memo: Path | None) -> dict[str, dict[str, float]]:
    if memo is None:
        return {}
    try:
        known = json.loads(memo.read_text(encoding="utf-8"))
        return {key: {n: float(t) for n, t in times.items()} for key, times in known.items()}
    except FileNotFoundError:
        return {}
    except (OSError, ValueError, AttributeError, TypeError) as error:
        _LOG.warning("%s: cannot be read (%s); measuring again", memo, error)
        return {}


def _remember(memo: Path, key: str, times: dict[str, float]) -> None:
    try:
        memo.parent.mkdir(parents=True, exist_ok=True)
        write_whole(memo, [json.dumps({**_recall(memo), key: times}, indent=1).encode()])
    except OSError as error:
        _LOG.warning("%s: cannot be written (%s); measuring again next time", memo, error.strerror or error)
