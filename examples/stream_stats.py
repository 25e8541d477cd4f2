"""What a subscriber can say of a stream of masks: how many, how old, what was lost, what was seen."""

from __future__ import annotations

import math
import time
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from streamseg.client.subscription import Mask

WORTH_NAMING = 0.005  # of the pixels: every map has specks of something


@dataclass(frozen=True, slots=True)
class Seen:
    """One mask as the tally counts it.

    Attributes:
        at_mono_s: When it arrived, monotonic seconds.
        age_s: How old its frame was then, seconds.
        infer_ms: Time in the networks, milliseconds.
        gaps: Masks lost between the last one and this one.
        drops: Frames and masks the daemon dropped since it started.
        classes: Names of the classes that cover at least `WORTH_NAMING` of it, the largest first.
    """

    at_mono_s: float
    age_s: float
    infer_ms: float
    gaps: int
    drops: int
    classes: tuple[str, ...]


def seen(mask: Mask) -> Seen:
    """Counts a mask that has just arrived."""
    header = mask.header
    share = dict(zip(header.present, header.fraction, strict=True))
    return Seen(
        at_mono_s=time.monotonic(),
        age_s=mask.age_s,
        infer_ms=header.ms.get("infer", 0.0) + header.ms.get("stabilise", 0.0),
        gaps=mask.gaps,
        drops=header.drops.capture + header.drops.publish,
        classes=tuple(found.name for found in mask.classes if share[found.id] >= WORTH_NAMING),
    )


def quantile(values: Sequence[float], q: float) -> float:
    """The q-quantile; nan of nothing."""
    return float(np.quantile(values, q)) if values else math.nan


@dataclass(slots=True)
class Tally:
    """All masks of one stream so far."""

    seen: list[Seen] = field(default_factory=list)

    def add(self, mask: Seen) -> None:
        """Counts a mask."""
        self.seen.append(mask)

    @property
    def seconds(self) -> float:
        """From the first mask to the last."""
        return self.seen[-1].at_mono_s - self.seen[0].at_mono_s if self.seen else 0.0

    @property
    def fps(self) -> float:
        """Masks a second; 0 before the second one."""
        return (len(self.seen) - 1) / self.seconds if self.seconds > 0 else 0.0

    def age_ms(self, q: float) -> float:
        """The q-quantile of age, milliseconds."""
        return quantile([mask.age_s * 1e3 for mask in self.seen], q)

    @property
    def infer_ms(self) -> float:
        """Median time in the networks, milliseconds."""
        return quantile([mask.infer_ms for mask in self.seen], 0.5)

    @property
    def gaps(self) -> int:
        """Masks lost on the way."""
        return sum(mask.gaps for mask in self.seen)

    @property
    def drops(self) -> int:
        """What the daemon dropped since it started."""
        return self.seen[-1].drops if self.seen else 0

    def since(self, mono_s: float) -> Tally:
        """The masks that arrived after a moment."""
        return Tally([mask for mask in self.seen if mask.at_mono_s > mono_s])

    @property
    def classes(self) -> list[str]:
        """Names of the classes seen, in the order in which they first appeared."""
        return list(dict.fromkeys(name for mask in self.seen for name in mask.classes))

    def line(self, elapsed_s: float, window_s: float = 1.0) -> str:
        """One line for a terminal about the last second: rate, ages and classes; gaps and drops in all."""
        last = self.since(self.seen[-1].at_mono_s - window_s) if self.seen else self
        return (
            f"{elapsed_s:4.0f} s  {len(last.seen) / window_s:4.1f} fps"
            f"  age p50 {last.age_ms(0.5):3.0f} p95 {last.age_ms(0.95):3.0f} ms"
            f"  gaps {self.gaps}  drops {self.drops}  {', '.join(last.classes)}"
        )
