"""What is kept of one stream: counted by the threads that know, read by those that tell."""

from __future__ import annotations

import math
import threading
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import replace

from prometheus_client import Histogram

from streamseg.concurrency.meters import Quantiles, RateMeter
from streamseg.status.flicker import FlickerMeter, confidence
from streamseg.status.snapshot import FRESH_S, STAGES, Event, Mean, StreamSnapshot, Tally
from streamseg.types import ModelInfo, Segmentation, StateChange

WINDOW_S = 5.0  # of the rate
SAMPLES = 300  # of the ages and times
STEADY_SAMPLES = 60  # of flicker and confidence
EVENTS = 50  # that are remembered
# by the values of `temporal.reset.ResetReason`
RESET_TEXTS = {
    "start": "reset: first frame",
    "reconnect": "reset: the source was opened again, or its file began again",
    "size": "reset: the picture's size changed",
    "gap": "reset: too long since the frame before",
    "scene_cut": "reset: scene cut",
    "not_finite": "reset: not a number in the memory",
    "model": "reset: another model or mode",
}


class _Lately:
    """A sum since the start, and the mean of the last values."""

    def __init__(self) -> None:
        self.all = Mean()
        self._last: deque[float] = deque(maxlen=STEADY_SAMPLES)

    def add(self, value: float | None) -> None:
        if value is not None:
            self.all = self.all.plus(value)
            self._last.append(value)

    @property
    def mean(self) -> float:
        return sum(self._last) / len(self._last) if self._last else math.nan


class StreamStats:
    """One stream; every method may be called from any thread.

    Args:
        change: Its first state.
        tally: Asks its parts what they count.
        age, stages: Histograms of the age of its masks, and of the time by stage; seconds.
        clock: Monotonic seconds.
        wall: Seconds since 1970.
    """

    def __init__(
        self,
        change: StateChange,
        tally: Callable[[], Tally],
        age: Histogram,
        stages: Mapping[str, Histogram],
        clock: Callable[[], float],
        wall: Callable[[], float],
    ) -> None:
        self._clock, self._wall = clock, wall
        self._lock = threading.Lock()
        self._change, self._tally = change, tally
        self._required, self._fresh_s = True, FRESH_S
        self._engine = ""
        self._model: ModelInfo | None = None
        self._rate = RateMeter(WINDOW_S, clock)
        self._ages_ms = Quantiles(SAMPLES)
        self._lately_ms = {stage: Quantiles(SAMPLES) for stage in STAGES}
        self._age, self._stages = age, stages
        self._ages_s = Mean()
        self._steadiness = FlickerMeter()
        self._flickers, self._confidences = _Lately(), _Lately()
        self._events: deque[Event] = deque(maxlen=EVENTS)
        self._masks = self._resets = self._failures = self._published = self._superseded = 0
        self._newest_s: float | None = None

    def require(self, required: bool, fresh_s: float = FRESH_S) -> None:
        """Take in whether the whole is ready without it, and for how many seconds a mask counts as fresh."""
        with self._lock:
            self._required, self._fresh_s = required, fresh_s

    def changed(self, change: StateChange) -> None:
        """Take in its new state."""
        with self._lock:
            self._change = change
            self._tell(Event(change.since_unix_s, change.state.value, change.message))

    def serve(self, engine: str, model: ModelInfo) -> None:
        """Take in what makes its masks."""
        with self._lock:
            self._engine, self._model = engine, model
            text = f"{model.name} {model.version} on {model.backend} in {model.precision}"
            self._tell(Event(self._wall(), "model", text))

    def mask(self, segmentation: Segmentation) -> None:
        """Take in a mask that was just made."""
        now_s = self._clock()
        age_s = now_s - segmentation.frame.captured_mono_s
        with self._lock:
            self._masks += 1
            self._newest_s = now_s
            self._rate.tick()
            self._age.observe(age_s)
            self._ages_s = self._ages_s.plus(age_s)
            self._ages_ms.add(age_s * 1e3)
            for stage, spent_ms in segmentation.ms.items():
                self._spent(stage, spent_ms)
            self._flickers.add(self._steadiness.flicker(segmentation))
            self._confidences.add(confidence(segmentation))
            if segmentation.reset:
                self._resets += 1
                reason = segmentation.reset_reason
                self._tell(Event(self._wall(), "memory", RESET_TEXTS.get(reason, f"reset {reason}".strip())))

    def failed(self, text: str = "") -> None:
        """Take in that a frame could not be processed."""
        with self._lock:
            self._failures += 1
            self._tell(Event(self._wall(), "failed", text))

    def published(self, encode_ms: float, superseded: int) -> None:
        """Take in that a mask was sent, what encoding it took, and how many newer ones replaced so far."""
        with self._lock:
            self._published += 1
            self._superseded = superseded
            self._spent("encode", encode_ms)

    def snapshot(self, *, lately: bool = True) -> StreamSnapshot:
        """What is known of it now; unless `lately`, rate and quantiles, which take longest, are nan."""
        tally = self._tally()
        with self._lock:
            newest_s = self._newest_s
            seen = StreamSnapshot(
                change=self._change,
                masks=self._masks,
                fps=math.nan,
                age_ms_p50=math.nan,
                age_ms_p95=math.nan,
                infer_ms_p50=math.nan,
                drops=tally.queue_full,
                resets=self._resets,
                failures=self._failures,
                required=self._required,
                fresh_s=self._fresh_s,
                engine=self._engine,
                model=self._model,
                published=self._published,
                superseded=self._superseded,
                stages_ms={},
                flicker=self._flickers.mean,
                confidence=self._confidences.mean,
                silent_s=None if newest_s is None else self._clock() - newest_s,
                ages_s=self._ages_s,
                flickers=self._flickers.all,
                confidences=self._confidences.all,
                tally=tally,
            )
        return self._lately(seen) if lately else seen

    @property
    def events(self) -> tuple[Event, ...]:
        """What happened to it lately, the newest last."""
        with self._lock:
            return tuple(self._events)

    def _lately(self, seen: StreamSnapshot) -> StreamSnapshot:
        """Sorting is done without the lock, which the engine's thread takes for every mask."""
        medians = {stage: lately.quantile(0.5) for stage, lately in self._lately_ms.items()}
        return replace(
            seen,
            fps=self._rate.per_s,
            age_ms_p50=self._ages_ms.quantile(0.5),
            age_ms_p95=self._ages_ms.quantile(0.95),
            infer_ms_p50=medians["infer"],
            stages_ms={stage: median for stage, median in medians.items() if not math.isnan(median)},
        )

    def _spent(self, stage: str, spent_ms: float) -> None:
        if stage in self._stages:
            self._stages[stage].observe(spent_ms / 1e3)
            self._lately_ms[stage].add(spent_ms)

    def _tell(self, event: Event) -> None:
        """The same again is counted, so that a stream in trouble does not push out what came before it."""
        if self._events and (last := self._events[-1]).what == event.what and last.text == event.text:
            self._events[-1] = replace(event, count=last.count + 1)
        else:
            self._events.append(event)
