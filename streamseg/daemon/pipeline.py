"""From a frame to its segmentation: the steps of one stream, on the engine's thread."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable

from streamseg.capture.convert import luma, to_rgb
from streamseg.daemon import logs
from streamseg.errors import EngineError
from streamseg.inference.engine import InferenceEngine
from streamseg.temporal.memory import Memory
from streamseg.temporal.motion import luma_size
from streamseg.temporal.reset import ResetReason
from streamseg.temporal.stage import TemporalStage
from streamseg.types import Frame, Segmentation

_TOLD = {
    ResetReason.NOT_FINITE: logging.WARNING,
    ResetReason.SIZE: logging.INFO,
    ResetReason.GAP: logging.DEBUG,
    ResetReason.SCENE_CUT: logging.DEBUG,
}


class Pipeline:
    """Steadies one stream's masks with an engine that may serve others too.

    Args:
        engine: Used on the calling thread alone.
        stage: What steadies the masks.
        dropped: How many frames of the stream were dropped before inference so far.
        clock: Monotonic seconds, the clock of `Frame.captured_mono_s`.
    """

    def __init__(
        self,
        engine: InferenceEngine,
        stage: TemporalStage,
        dropped: Callable[[], int],
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._engine, self._stage, self._dropped, self._clock = engine, stage, dropped, clock
        self._size_wh = engine.package.manifest.size_wh
        self._luma_wh = luma_size(self._size_wh)
        self._memory: Memory | None = None

    def process(self, frame: Frame) -> Segmentation:
        """Segment a frame and take it into the stream's memory.

        Raises:
            EngineError: The engine failed, or gave NaN or infinity; the memory is let go.
        """
        began_s = self._clock()
        rgb = to_rgb(frame.picture, self._size_wh)
        run = self._engine.start(rgb[None])
        brightness = luma(frame.picture, self._luma_wh)  # while the segmenter runs
        try:
            masks, self._memory = self._stage.step(run, frame, brightness, self._memory)
        except EngineError:
            self._memory = None
            raise
        self._tell(frame.stream, self._memory.reset)
        spent_ms = (self._clock() - began_s) * 1e3
        return Segmentation(
            frame=frame,
            labels=masks.labels[0],
            confidence=None if masks.confidence is None else masks.confidence[0],
            rgb=rgb,
            mode=self._stage.mode,
            reset=self._memory.reset is not None,
            ms={
                "decode": frame.decode_ms,
                "wait": max((began_s - frame.captured_mono_s) * 1e3, 0.0),
                "infer": run.infer_ms,
                "stabilise": max(spent_ms - run.infer_ms, 0.0),
            },
            capture_drops=self._dropped(),
        )

    def _tell(self, stream: str, reset: ResetReason | None) -> None:
        """Say why the past was let go, where it is no matter of course."""
        if reset in _TOLD:
            logs.stream_logger(__name__, stream).log(_TOLD[reset], "memory let go: %s", reset.value)
