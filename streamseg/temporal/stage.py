"""What every temporal stage is: masks of a run and the stream's memory in, steadier masks and memory out.

masks, memory = stage.step(engine.start(rgb), frame, luma, memory)   # memory: None for a new stream
memory.reset                                                         # why the past was let go, or None
"""

from __future__ import annotations

from typing import Protocol

from streamseg.errors import PackageError
from streamseg.inference.engine import InferenceEngine, Masks, Run
from streamseg.inference.packages.manifest import Manifest
from streamseg.temporal.convgru import ConvGruStage
from streamseg.temporal.ema import EmaStage
from streamseg.temporal.memory import Memory
from streamseg.temporal.optical_flow import MotionMode, OpticalFlow, luma_size
from streamseg.temporal.passthrough import PassthroughStage
from streamseg.temporal.reset import ResetLimits
from streamseg.types import U8, Frame, TemporalMode


class TemporalStage(Protocol):
    """Steadies the masks of any number of streams; keeps nothing of them itself."""

    @property
    def mode(self) -> TemporalMode:
        """What it does."""

    def step(self, run: Run, frame: Frame, luma: U8, memory: Memory | None) -> tuple[Masks, Memory]:
        """Masks of a frame, given the past of its stream.

        Computes the motion first, while the segmenter still runs, then waits for it.

        Args:
            run: The frame on its way through the segmenter, just started (batch of 1).
            frame: Identity and times of the frame; its picture is only asked for its size.
            luma: Luma of the frame `[h, w]` uint8, the same size for all frames.
            memory: What the stream's last step returned; None for none. Left untouched.

        Returns:
            The masks and the memory for the stream's next frame; `memory.reset` says whether the past was
            let go.

        Raises:
            EngineError: The backend failed, or this frame gives NaN even without a past. The caller lets
                the stream's memory go (passes None next time).
        """


def make_stage(
    mode: TemporalMode | str,
    engine: InferenceEngine,
    motion: MotionMode | str = MotionMode.FLOW,
    *,
    ema: float = 0.5,
    limits: ResetLimits | None = None,
) -> TemporalStage:
    """The stage for a mode. One serves any number of streams, on one thread.

    Args:
        mode: What steadies the masks.
        engine: The engine whose runs it will be given.
        motion: Whether the past is carried along with the picture.
        ema: Share of the past in the average, for mode `ema`.
        limits: When the past is let go.

    Raises:
        PackageError: Mode `convgru`, but the package has no stabiliser.
    """
    mode, motion, limits = TemporalMode(mode), MotionMode(motion), limits or ResetLimits()
    maker = f"{mode}/{engine.package.sha256}/{engine.info.backend}/{engine.info.precision}"
    match mode:
        case TemporalMode.NONE:
            return PassthroughStage(maker)
        case TemporalMode.EMA:
            still = luma_size(engine.package.manifest.size_wh)
            return EmaStage(engine, OpticalFlow(still, motion), limits, maker, ema)
        case TemporalMode.CONVGRU:
            return ConvGruStage(
                engine, OpticalFlow(_memory_size(engine.package.manifest), motion), limits, maker
            )


def check_mode(mode: TemporalMode | str, manifest: Manifest) -> None:
    """Raises PackageError where a package cannot serve a mode: before anything is compiled."""
    if TemporalMode(mode) is TemporalMode.CONVGRU:
        _memory_size(manifest)


def _memory_size(manifest: Manifest) -> tuple[int, int]:
    if manifest.memory is None or manifest.graphs.stabiliser is None:
        raise PackageError(
            f"{manifest.name}: temporal mode convgru needs a package with a stabiliser; use ema or none"
        )
    return manifest.memory.width, manifest.memory.height
