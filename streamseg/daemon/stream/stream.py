"""One stream of the daemon: its state, its capture, its mailbox, its pipeline."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from streamseg.capture.capture import Capture
from streamseg.capture.source import check_file, describe, overflow_for
from streamseg.concurrency.deadline import Deadline
from streamseg.concurrency.mailbox import Mailbox, Overflow
from streamseg.config.schema import SourceConfig, StreamConfig
from streamseg.daemon.engine.recovery import RestartPolicy
from streamseg.daemon.events import Events
from streamseg.daemon.stream.pipeline import Pipeline, View
from streamseg.daemon.stream.state import Lifecycle
from streamseg.errors import SourceError, StreamFault
from streamseg.inference.engine import InferenceEngine
from streamseg.status.snapshot import Tally
from streamseg.temporal.reset import ResetLimits
from streamseg.temporal.stage import TemporalStage, make_stage
from streamseg.types import Frame, StateChange, StreamState


@dataclass(frozen=True, slots=True)
class _Parts:
    """What one run of a stream has of its own; exchanged at once, since others ask what it counts.

    Attributes:
        mailbox: Where its newest frame waits.
        capture: What fills it.
        dropped: Frames that the runs before it dropped.
        reconnects: Attempts of the runs before it, and each new beginning.
    """

    mailbox: Mailbox[Frame]
    capture: Capture
    dropped: int = 0
    reconnects: int = 0


class Stream:
    """Assembles what a stream needs; the daemon starts, renews and stops it, on one thread.

    Attributes:
        name: Its name.
        config: What the user said.
        mode: How its masks are steadied by the engine in use.
        life: Its state.
        restarts: How often it was restarted.
        live: Its source plays on without us; a file waits.

    Args:
        wake: Called with every frame that waits; on the capture's thread.
        events: Who hears of its states and of captures that crash.
        runs: See `Lifecycle`.
    """

    def __init__(
        self,
        name: str,
        config: StreamConfig,
        wake: Callable[[], None],
        events: Events | None = None,
        runs: Iterator[int] | None = None,
    ) -> None:
        self.name, self.config = name, config
        self.mode = config.temporal
        self._events = events or Events()
        self.life = Lifecycle(name, self._events.stream_state, runs=runs)
        self.restarts = RestartPolicy()
        self._left: list[Capture] = []  # captures before this one that FFmpeg may still hold
        self._parts = _Parts(*self._make_parts(wake, self.life.run, first_seq=0))

    def renew(self, config: StreamConfig, wake: Callable[[], None]) -> None:
        """Begin anew, with a new capture and mailbox; the old ones were stopped. Frames are counted on."""
        self._left = [capture for capture in (*self._left, self.capture) if capture.held]
        self.config = config
        made = self._make_parts(wake, self.life.begin(), self.capture.captured)
        self._parts = _Parts(*made, self.dropped, self.reconnects + 1)

    def _make_parts(
        self, wake: Callable[[], None], run: int, first_seq: int
    ) -> tuple[Mailbox[Frame], Capture]:
        self.live, overflow = _nature(self.config.source)
        mailbox: Mailbox[Frame] = Mailbox(1, overflow, on_put=self._events.frame_queued.to(wake))
        capture = Capture(
            self.name,
            self.config.source,
            mailbox,
            self._events.capture_state.to(lambda change: self._heard(run, change)),
            first_seq=first_seq,
            max_fps=self.config.max_fps,
        )
        return mailbox, capture

    def _heard(self, run: int, change: StateChange) -> None:
        if change.state is StreamState.FAILED and change.reason == StreamFault.CRASH:
            self._events.capture_crashed(self.name, run, change.message)  # what becomes of it, others decide
        else:
            self.life.heard(run, change)

    @property
    def mailbox(self) -> Mailbox[Frame]:
        """Where its newest frame waits."""
        return self._parts.mailbox

    @property
    def capture(self) -> Capture:
        """What fills the mailbox."""
        return self._parts.capture

    @property
    def dropped(self) -> int:
        """Frames dropped before inference so far."""
        parts = self._parts
        return parts.dropped + parts.mailbox.dropped

    @property
    def reconnects(self) -> int:
        """Attempts to open its source after the first, so far."""
        parts = self._parts
        return parts.reconnects + parts.capture.reconnects

    @property
    def held(self) -> bool:
        """Whether a thread of its is inside FFmpeg, which nothing can interrupt."""
        return any(capture.held for capture in (*self._left, self.capture))

    @property
    def unusable(self) -> bool:
        """Whether its source cannot be had, as far as that can be told without opening it."""
        try:
            describe(self.config.source)
            check_file(self.config.source)
        except SourceError:
            return True
        return False

    def pipeline(self, engine: InferenceEngine) -> Pipeline:
        """What the engine's thread does with each frame.

        Raises:
            PackageError: The stream wants the ConvGRU, and the package has no stabiliser.
        """
        return Pipeline(engine, self.stage(engine), lambda: self.dropped, self.view, run=self.life.run)

    def stage(self, engine: InferenceEngine) -> TemporalStage:
        """What steadies its masks. Raises PackageError as above."""
        config = self.config
        limits = ResetLimits(config.reset_after_s, config.scene_cut)
        return make_stage(config.temporal, engine, config.motion, ema=config.ema, limits=limits)

    def keep_mode(self) -> None:
        """The engine that was to steady its masks in another way does not come: they are made as before."""
        if self.config.temporal is not self.mode:
            self.config = self.config.model_copy(update={"temporal": self.mode})

    @property
    def view(self) -> View:
        """The part of its pictures that is looked at, and the size of its masks."""
        output = self.config.output
        return View(self.config.roi, output.size_wh if output else None)

    def tally(self, subscribers: int) -> Tally:
        """What its parts count, for the board."""
        return Tally(
            captured=self.capture.captured,
            reconnects=self.reconnects,
            queue_full=self.dropped,
            waiting=len(self.mailbox),
            subscribers=subscribers,
        )

    def stop(self) -> None:
        """Ask the capture to end and take no more frames; returns at once."""
        self.capture.stop()
        self.mailbox.close(discard=True)

    def join(self, deadline: Deadline) -> bool:
        """Wait for the capture's end, no longer than `deadline`; return whether it has come."""
        return self.capture.join(deadline)


def _nature(source: SourceConfig) -> tuple[bool, Overflow]:
    try:
        return describe(source).live, overflow_for(source)
    except SourceError:  # an unsupported source: the capture says so as the stream's state
        return False, Overflow.DROP_OLDEST
