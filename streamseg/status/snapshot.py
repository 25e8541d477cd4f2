"""What is known of a stream at a moment, as plain data that any thread may keep."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field

from streamseg.redact import redact_credentials
from streamseg.types import ModelInfo, StateChange

FRESH_S = 10.0  # a running stream without a mask for longer is not one to rely on
STAGES = ("decode", "wait", "infer", "stabilise", "encode")  # what a mask's time goes to, in order
DEPRECATED_REASONS = {"crowded": "queue_full", "unsent": "superseded"}  # of dropped frames, old and new name


@dataclass(frozen=True, slots=True)
class Tally:
    """What a stream's own parts count; asked of them when somebody wants to know.

    Attributes:
        captured: Frames handed on by its source.
        reconnects: Attempts to open its source after the first.
        queue_full: Frames that newer ones replaced before inference.
        waiting: Frames that wait for the engine now.
        subscribers: Subscriptions that match its masks now.
    """

    captured: int = 0
    reconnects: int = 0
    queue_full: int = 0
    waiting: int = 0
    subscribers: int = 0


@dataclass(frozen=True, slots=True)
class Event:
    """Something worth telling of a stream's past.

    Attributes:
        unix_s: When, seconds since 1970.
        what: A state, or `memory` (what was remembered was let go), `failed` (a frame) or `model`.
        text: One line for a person, or empty.
        count: How often it came in a row.
    """

    unix_s: float
    what: str
    text: str = ""
    count: int = 1

    def __post_init__(self) -> None:
        """No credentials on the page, whoever told of the event."""
        object.__setattr__(self, "text", redact_credentials(self.text))


@dataclass(frozen=True, slots=True)
class Mean:
    """A sum and how many values are in it, since the start."""

    count: int = 0
    total: float = 0.0

    def plus(self, value: float) -> Mean:
        """With one more value."""
        return Mean(self.count + 1, self.total + value)


@dataclass(frozen=True, slots=True)
class StreamSnapshot:
    """What is known of a stream at a moment.

    Attributes:
        change: Its newest state and why.
        required: The whole is not ready while this stream gives no masks.
        fresh_s: For how many seconds its newest mask counts as fresh.
        engine: Name of the engine that serves it; empty before one does.
        model: What makes its masks; None before the engine is there.
        masks: Masks made so far.
        published: Masks sent to subscribers so far.
        fps: Masks a second, lately.
        age_ms_p50, age_ms_p95: From capture to mask, milliseconds, lately; nan before the first.
        infer_ms_p50: The segmenter's share of it.
        stages_ms: Median by stage, lately; without the stages of which nothing is known.
        flicker, confidence: Means lately, 0…1; nan where nothing is known.
        drops: Frames that newer ones replaced before inference.
        superseded: Masks that newer ones replaced before they were sent.
        failures: Frames that could not be processed.
        resets: How often its memory was let go.
        silent_s: Seconds since its newest mask; None before the first.
        ages_s, flickers, confidences: Sums since the start; of ages in seconds.
        tally: What its parts count.
    """

    change: StateChange
    masks: int
    fps: float
    age_ms_p50: float
    age_ms_p95: float
    infer_ms_p50: float
    drops: int
    resets: int
    failures: int
    required: bool = True
    fresh_s: float = FRESH_S
    engine: str = ""
    model: ModelInfo | None = None
    published: int = 0
    superseded: int = 0
    stages_ms: Mapping[str, float] = field(default_factory=dict)
    flicker: float = math.nan
    confidence: float = math.nan
    silent_s: float | None = None
    ages_s: Mean = Mean()
    flickers: Mean = Mean()
    confidences: Mean = Mean()
    tally: Tally = Tally()

    @property
    def dropped(self) -> dict[str, int]:
        """Frames and masks lost since the start, by reason.

        `crowded` and `unsent` repeat `queue_full` and `superseded` for one release: these were their names in
        dashboards and alerts.
        """
        counts = {"queue_full": self.drops, "failed": self.failures, "superseded": self.superseded}
        return counts | {old: counts[new] for old, new in DEPRECATED_REASONS.items()}
