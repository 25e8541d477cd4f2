"""One stream of the daemon: its capture, its mailbox, its pipeline."""

from __future__ import annotations

from collections.abc import Callable

from streamseg.capture.reader import Capture
from streamseg.capture.source import describe, overflow_for
from streamseg.config.schema import SourceConfig, StreamConfig
from streamseg.daemon.pipeline import Pipeline, View
from streamseg.errors import SourceError
from streamseg.flow.mailbox import Mailbox, Overflow
from streamseg.inference.engine import InferenceEngine
from streamseg.status.snapshot import Tally
from streamseg.temporal.reset import ResetLimits
from streamseg.temporal.stage import make_stage
from streamseg.types import Frame, StateChange


class Stream:
    """Assembles what a stream needs; the daemon starts and stops it.

    Attributes:
        name: Its name.
        config: What the user said.
        live: Its source plays on without us; a file waits.
        mailbox: Where its newest frame waits.
        capture: What fills it.
        failures: Frames in a row that could not be processed.
    """

    def __init__(
        self,
        name: str,
        config: StreamConfig,
        wake: Callable[[], None],
        on_state: Callable[[StateChange], None],
    ) -> None:
        self.name, self.config = name, config
        self.live, overflow = _nature(config.source)
        self.mailbox: Mailbox[Frame] = Mailbox(1, overflow, on_put=wake)
        self.capture = Capture(name, config.source, self.mailbox, on_state, max_fps=config.max_fps)
        self.failures = 0

    def pipeline(self, engine: InferenceEngine) -> Pipeline:
        """What the engine's thread does with each frame.

        Raises:
            PackageError: The stream wants the ConvGRU, and the package has no stabiliser.
        """
        config = self.config
        limits = ResetLimits(config.reset_after_s, config.scene_cut)
        stage = make_stage(config.temporal, engine, config.motion, ema=config.ema, limits=limits)
        return Pipeline(engine, stage, lambda: self.mailbox.dropped, self.view)

    @property
    def view(self) -> View:
        """The part of its pictures that is looked at, and the size of its masks."""
        output = self.config.output
        return View(self.config.roi, output.size_wh if output else None)

    def tally(self, subscribers: int) -> Tally:
        """What its parts count, for the board."""
        return Tally(
            captured=self.capture.captured,
            reconnects=self.capture.reconnects,
            crowded=self.mailbox.dropped,
            waiting=len(self.mailbox),
            subscribers=subscribers,
        )

    def stop(self) -> None:
        """Ask the capture to end and take no more frames; returns at once."""
        self.capture.stop()
        self.mailbox.close(discard=True)


def _nature(source: SourceConfig) -> tuple[bool, Overflow]:
    try:
        return describe(source).live, overflow_for(source)
    except SourceError:  # an unsupported source: the capture says so as the stream's state
        return False, Overflow.DROP_OLDEST
