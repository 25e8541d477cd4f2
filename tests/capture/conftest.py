"""Small clips made on the spot, and a listener for a capture's states."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest
from hypothesis import settings

from streamseg.capture.capture import Capture
from streamseg.capture.decoder import DecoderFactory
from streamseg.capture.pyav import open_video as open_with_pyav
from streamseg.capture.source import overflow_for
from streamseg.concurrency.deadline import Deadline
from streamseg.concurrency.mailbox import Closed, Mailbox, Overflow
from streamseg.config.schema import SourceConfig
from streamseg.types import Frame, StateChange, StreamState
from tests.waiting import time_limit

settings.register_profile("unhurried", deadline=None)  # a busy machine is no failure
settings.load_profile("unhurried")

SOON_S = time_limit(60)  # far more than anything here takes; reached only when a test fails


def write_clip(
    path: Path,
    *,
    frames: int = 10,
    size_wh: tuple[int, int] = (64, 48),
    rate_hz: int = 25,
    codec: str = "mpeg4",
    pix_fmt: str = "yuv420p",
    options: dict[str, str] | None = None,
) -> Path:
    """Encode a clip whose n-th frame is grey of about 20 n."""
    with av.open(path, "w") as container:
        stream = container.add_stream(codec, rate=Fraction(rate_hz), options=options or {})
        stream.width, stream.height = size_wh
        stream.pix_fmt = pix_fmt
        stream.codec_context.gop_size = 5
        for number in range(frames):
            grey = np.full((size_wh[1], size_wh[0], 3), (20 * number) % 240, np.uint8)
            container.mux(stream.encode(av.VideoFrame.from_ndarray(grey).reformat(format=pix_fmt)))
        container.mux(stream.encode(None))
    return path


@pytest.fixture
def clip(tmp_path: Path) -> Path:
    """Ten frames of 64×48 at 25 a second."""
    return write_clip(tmp_path / "clip.mp4")


class Listener:
    """Keeps every state a capture tells, and waits for one."""

    def __init__(self) -> None:
        self.changes: list[StateChange] = []
        self._told = threading.Condition()

    def __call__(self, change: StateChange) -> None:
        with self._told:
            self.changes.append(change)
            self._told.notify_all()

    @property
    def states(self) -> list[StreamState]:
        """The states so far."""
        return [change.state for change in list(self.changes)]

    def wait_for(self, state: StreamState, nth: int = 1) -> StateChange:
        """Wait until `state` was told for the `nth` time; return that change."""
        found: list[StateChange] = []

        def told() -> bool:
            found[:] = [change for change in self.changes if change.state is state]
            return len(found) >= nth

        with self._told:
            assert self._told.wait_for(told, SOON_S), f"no {state}; told: {self.states}"
        return found[nth - 1]


class Captured:
    """A capture under test with its mailbox and listener."""

    def __init__(
        self,
        source: SourceConfig,
        open_video: DecoderFactory | None,
        overflow: Overflow | None,
        max_fps: float | None,
    ) -> None:
        self.told = Listener()
        self.mailbox: Mailbox[Frame] = Mailbox(1, overflow or overflow_for(source))
        self.capture = Capture(
            "gate",
            source,
            self.mailbox,
            self.told,
            max_fps=max_fps,
            open_video=open_video or open_with_pyav,
            random=lambda: 0.0,
        )
        self.capture.start()

    def drain(self) -> list[Frame]:
        """Every frame until the capture closes its mailbox."""
        frames = []
        try:
            while True:
                frames.append(self.mailbox.get(SOON_S))
        except Closed:
            return frames

    def take(self, count: int) -> list[Frame]:
        """The next `count` frames."""
        return [self.mailbox.get(SOON_S) for _ in range(count)]

    def stop(self) -> bool:
        """Stop it; return whether it ended in time."""
        self.capture.stop()
        return self.capture.join(Deadline(SOON_S))


StartCapture = Callable[..., Captured]


@pytest.fixture
def capture() -> Iterator[StartCapture]:
    """Starts captures: `capture(url, open_video=…, max_fps=…, **source_fields)`; stops them at the end."""
    started: list[Captured] = []

    def start(
        url: str | Path,
        open_video: DecoderFactory | None = None,
        overflow: Overflow | None = None,
        max_fps: float | None = None,
        **fields: float | str | bool | None,
    ) -> Captured:
        source = SourceConfig.model_validate({"url": str(url), **fields})
        started.append(Captured(source, open_video, overflow, max_fps))
        return started[-1]

    yield start
    for captured in started:
        assert captured.stop()
