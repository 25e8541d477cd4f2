"""From a frame to its segmentation: the steps of one stream, on the engine's thread."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from dataclasses import dataclass, replace

from streamseg.capture.convert import luma, to_rgb
from streamseg.capture.crop import crop, region_of
from streamseg.config.schema import RoiConfig
from streamseg.daemon.process import log_setup
from streamseg.errors import EngineError
from streamseg.inference.engine import InferenceEngine, Masks, model_info
from streamseg.temporal.batch import Part
from streamseg.temporal.memory import Memory
from streamseg.temporal.optical_flow import luma_size
from streamseg.temporal.reset import ResetReason
from streamseg.temporal.stage import TemporalStage
from streamseg.types import U8, Frame, ModelInfo, Region, Segmentation, TemporalMode

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


@dataclass(frozen=True, slots=True)
class Sight:
    """A frame, what is looked at of it, and that as the network takes it."""

    frame: Frame
    seen: Frame
    region: Region | None
    rgb: U8
    began_s: float


class Pipeline:
    """Steadies one stream's masks with an engine that may serve others too.

    Args:
        engine: Used on the calling thread alone.
        stage: What steadies the masks.
        dropped: How many frames of the stream were dropped before inference so far.
        view: The part of the pictures that is looked at, and the size of the masks.
        clock: Monotonic seconds, the clock of `Frame.captured_mono_s`.
        run: The run of its stream (`lifecycle`).

    Attributes:
        run: As above.
    """

    def __init__(
        self,
        engine: InferenceEngine,
        stage: TemporalStage,
        dropped: Callable[[], int],
        view: View | None = None,
        clock: Callable[[], float] = time.monotonic,
        run: int = 0,
    ) -> None:
        self.run = run
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

    @property
    def recurrent(self) -> bool:
        """Whether the package's stabiliser steadies its masks."""
        return self._stage.mode is TemporalMode.CONVGRU

    def process(self, frame: Frame) -> Segmentation:
        """Segment a frame and take it into the stream's memory.

        Raises:
            EngineError: The engine failed, or gave NaN or infinity; the memory is let go.
        """
        sight = self.look_at(frame)
        run = self._engine.start(sight.rgb[None])
        try:
            part = self.part(sight)  # while the segmenter runs
            masks, memory = self._stage.step(run, part.frame, part.luma, part.memory)
        except EngineError:
            self._memory = None
            raise
        return self.conclude(sight, masks, memory, run.infer_ms)

    def look_at(self, frame: Frame) -> Sight:
        """The frame as far as it is looked at, and that as the network takes it."""
        began_s = self._clock()
        seen, region = frame, None
        if self._view.roi is not None:
            region = region_of(self._view.roi, frame.picture.size_wh)
            seen = replace(frame, picture=crop(frame.picture, region))
        return Sight(frame, seen, region, to_rgb(seen.picture, self._size_wh), began_s)

    def part(self, sight: Sight) -> Part:
        """What steadying its masks takes."""
        return Part(self._stage, sight.seen, luma(sight.seen.picture, self._luma_wh), self._memory)

    def conclude(self, sight: Sight, masks: Masks, memory: Memory, infer_ms: float) -> Segmentation:
        """Take a frame into the stream's memory, and say all that is known of it."""
        self._memory = memory
        frame = sight.frame
        self._tell(frame.stream, memory.reset)
        spent_ms = (self._clock() - sight.began_s) * 1e3
        return Segmentation(
            frame=frame,
            labels=masks.labels[0],
            confidence=None if masks.confidence is None else masks.confidence[0],
            rgb=sight.rgb,
            mode=self._stage.mode,
            reset=memory.reset is not None,
            ms={
                "decode": frame.decode_ms,
                "wait": max((sight.began_s - frame.captured_mono_s) * 1e3, 0.0),
                "infer": infer_ms,
                "stabilise": max(spent_ms - infer_ms, 0.0),
            },
            capture_drops=self._dropped(),
            region=sight.region,
            output_wh=self._view.output_wh,
            reset_reason="" if memory.reset is None else memory.reset.value,
        )

    def _tell(self, stream: str, reset: ResetReason | None) -> None:
        """Say why the past was let go, where it is no matter of course."""
        if reset in _TOLD:
            log_setup.stream_logger(__name__, stream).log(_TOLD[reset], "memory let go: %s", reset.value)
