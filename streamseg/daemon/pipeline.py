"""From a frame to its segmentation: the steps of one stream, on the engine's thread."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from dataclasses import dataclass, replace

from streamseg.capture.convert import luma, to_rgb
from streamseg.capture.crop import crop, region_of
from streamseg.config.schema import RoiConfig
from streamseg.daemon import logs
from streamseg.errors import EngineError
from streamseg.inference.engine import InferenceEngine, model_info
from streamseg.temporal.memory import Memory
from streamseg.temporal.motion import luma_size
from streamseg.temporal.reset import ResetReason
from streamseg.temporal.stage import TemporalStage
from streamseg.types import Frame, ModelInfo, Region, Segmentation

_TOLD = {
    ResetReason.NOT_FINITE: logging.WARNING,
    ResetReason.SIZE: logging.INFO,
    ResetReason.GAP: logging.DEBUG,
    ResetReason.SCENE_CUT: logging.DEBUG,
}


@dataclass(frozen=True, slots=True)
class View:
    """What is looked at, and what is shown of it.

    Attributes:
        roi: The part of each picture that is looked at; None for all of it.
        output_wh: Width and height of the published masks, pixels; None for those of the network's picture.
    """

    roi: RoiConfig | None = None
    output_wh: tuple[int, int] | None = None


class Pipeline:
    """Steadies one stream's masks with an engine that may serve others too.

    Args:
        engine: Used on the calling thread alone.
        stage: What steadies the masks.
        dropped: How many frames of the stream were dropped before inference so far.
        view: The part of the pictures that is looked at, and the size of the masks.
        clock: Monotonic seconds, the clock of `Frame.captured_mono_s`.
    """

    def __init__(
        self,
        engine: InferenceEngine,
        stage: TemporalStage,
        dropped: Callable[[], int],
        view: View | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._engine, self._stage, self._dropped, self._clock = engine, stage, dropped, clock
        self._view = view or View()
        self._size_wh = engine.package.manifest.size_wh
        self._luma_wh = luma_size(self._size_wh)
        self._memory: Memory | None = None

    @property
    def model(self) -> ModelInfo:
        """What subscribers are told of the model, and of the masks' size."""
        info = model_info(self._engine)
        return replace(info, mask_wh=self._view.output_wh or info.mask_wh)

    def look(self, view: View) -> None:
        """Look at another part, or show it in another size, from the next frame on; on `process`'s thread.

        What is remembered of another part of the picture is let go.
        """
        if view.roi != self._view.roi:
            self._memory = None
        self._view = view

    def restage(self, stage: TemporalStage) -> None:
        """Steady the masks in another way from the next frame on; on the thread that calls `process`.

        The memory goes on where the new stage can use it, and is let go where it cannot.
        """
        self._stage = stage

    def process(self, frame: Frame) -> Segmentation:
        """Segment a frame and take it into the stream's memory.

        Raises:
            EngineError: The engine failed, or gave NaN or infinity; the memory is let go.
        """
        began_s = self._clock()
        seen, region = self._seen(frame)
        rgb = to_rgb(seen.picture, self._size_wh)
        run = self._engine.start(rgb[None])
        brightness = luma(seen.picture, self._luma_wh)  # while the segmenter runs
        try:
            masks, self._memory = self._stage.step(run, seen, brightness, self._memory)
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
            region=region,
            output_wh=self._view.output_wh,
        )

    def _seen(self, frame: Frame) -> tuple[Frame, Region | None]:
        """The frame as far as it is looked at, and which part of it that is."""
        if self._view.roi is None:
            return frame, None
        region = region_of(self._view.roi, frame.picture.size_wh)
        return replace(frame, picture=crop(frame.picture, region)), region

    def _tell(self, stream: str, reset: ResetReason | None) -> None:
        """Say why the past was let go, where it is no matter of course."""
        if reset in _TOLD:
            logs.stream_logger(__name__, stream).log(_TOLD[reset], "memory let go: %s", reset.value)
