"""A video source by script: what each attempt to open it brings, frame by frame."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

import numpy as np

from streamseg.capture.decoder import DecodedFrame
from streamseg.capture.source import FFmpegInput
from streamseg.config.schema import SourceConfig
from streamseg.errors import SourceError, SourceFault
from streamseg.types import Clock, Frame, Picture, PixelLayout
from tests.waiting import time_limit

PATIENCE_S = time_limit(600.0)  # longer than any test waits: one that waits for a silence to end fails
FRAME_S = 0.04


@dataclass(frozen=True)
class Silence:
    """The source stays open and sends nothing, until the fake's `release`."""


@dataclass(frozen=True)
class Refusal:
    """The source cannot be opened."""

    error: SourceError


Step = (
    int | Silence | SourceError
)  # so many frames, a silence, a failing read; the end of a script is the end
Script = Sequence[Step] | Refusal


@dataclass
class FakeSource:
    """An `OpenVideo`: the n-th attempt follows the n-th script, the last one for good.

    Attributes:
        scripts: What each attempt brings.
        finite: What the opened videos say of themselves.
        picture: The picture of every frame; its luma is the frame's number within its connection.
        opened: Attempts so far.
        closed: Videos closed so far.
        release: Ends every silence, as FFmpeg's time limit would.
    """

    scripts: Sequence[Script]
    finite: bool = False
    size_wh: tuple[int, int] = (32, 16)
    opened: int = 0
    closed: int = 0
    release: threading.Event = field(default_factory=threading.Event)

    def __call__(self, source: SourceConfig, target: FFmpegInput) -> FakeVideo:
        script = self.scripts[min(self.opened, len(self.scripts) - 1)]
        self.opened += 1
        if isinstance(script, Refusal):
            raise script.error
        return FakeVideo(self, script)


class FakeVideo:
    """One opened source; implements `Video`."""

    def __init__(self, fake: FakeSource, script: Sequence[Step]) -> None:
        self.finite = fake.finite
        self.frame_s = FRAME_S
        self._fake = fake
        self._script = script
        self._open = True

    def frames(self) -> Iterator[DecodedFrame]:
        """Follow the script."""
        count = 0
        for step in self._script:
            if isinstance(step, SourceError):
                raise step
            if isinstance(step, Silence):
                self._fake.release.wait(PATIENCE_S)
                raise SourceError(SourceFault.STALLED, "fake: no data for a while")
            for _ in range(step):
                yield self._decoded(count)
                count += 1

    def close(self) -> None:
        """Let the source go. Idempotent."""
        self._fake.closed += self._open
        self._open = False

    def _decoded(self, count: int) -> DecodedFrame:
        return DecodedFrame(
            picture=lambda: make_picture(self._fake.size_wh, y=count % 256),
            pts_s=count * FRAME_S,
            arrived_mono_s=time.monotonic(),
            arrived_unix_s=time.time(),
            decode_ms=1.0,
        )


def make_picture(size_wh: tuple[int, int] = (32, 16), y: int = 128, u: int = 128, v: int = 128) -> Picture:
    """A plain 4:2:0 picture of one colour."""
    width, height = size_wh
    half = (height + 1) // 2, (width + 1) // 2
    planes = (np.full((height, width), y, np.uint8), np.full(half, u, np.uint8), np.full(half, v, np.uint8))
    return Picture(PixelLayout.YUV420, planes, size_wh)


def make_frame(
    stream: str = "gate", seq: int = 0, picture: Picture | None = None, *, discontinuity: bool = False
) -> Frame:
    """A frame captured just now."""
    return Frame(
        stream=stream,
        seq=seq,
        pts_s=seq * FRAME_S,
        captured_mono_s=time.monotonic(),
        captured_unix_s=time.time(),
        clock=Clock.HOST,
        picture=picture or make_picture(),
        discontinuity=discontinuity,
    )
