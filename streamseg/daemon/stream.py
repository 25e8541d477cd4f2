"""One stream of the daemon: its capture, its mailbox, its pipeline."""

from __future__ import annotations

from collections.abc import Callable

from streamseg.capture.reader import Capture
from streamseg.capture.source import overflow_for
from streamseg.config.schema import StreamConfig
from streamseg.daemon.pipeline import Pipeline
from streamseg.errors import SourceError
from streamseg.flow.mailbox import Mailbox, Overflow
from streamseg.inference.engine import InferenceEngine
from streamseg.temporal.reset import ResetLimits
from streamseg.temporal.stage import make_stage
from streamseg.types import Frame, StateChange


class Stream:
    """Assembles what a stream needs; the daemon starts and stops it.

    Attributes:
        name: Its name.
        config: What the user said.
        mailbox: Where its newest frame waits.
        capture: What fills it.
        pipeline: What the engine's thread does with each frame.
        failures: Frames in a row that could not be processed.
    """

    def __init__(
        self,
        name: str,
        config: StreamConfig,
        engine: InferenceEngine,
        wake: Callable[[], None],
        on_state: Callable[[StateChange], None],
    ) -> None:
        """Assemble.

        Raises:
            PackageError: The stream wants the ConvGRU, and the package has no stabiliser.
        """
        self.name, self.config = name, config
        self.mailbox: Mailbox[Frame] = Mailbox(1, _overflow(config), on_put=wake)
        self.capture = Capture(name, config.source, self.mailbox, on_state)
        limits = ResetLimits(config.reset_after_s, config.scene_cut)
        stage = make_stage(config.temporal, engine, config.motion, ema=config.ema, limits=limits)
        self.pipeline = Pipeline(engine, stage, lambda: self.mailbox.dropped)
        self.failures = 0

    def stop(self) -> None:
        """Ask the capture to end and take no more frames; returns at once."""
        self.capture.stop()
        self.mailbox.close(discard=True)


def _overflow(config: StreamConfig) -> Overflow:
    try:
        return overflow_for(config.source)
    except SourceError:  # an unsupported source: the capture says so as the stream's state
        return Overflow.DROP_OLDEST
