"""What a capture needs of an opened source; PyAV's is `capture.pyav`, tests script their own."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Protocol

from streamseg.capture.source import FFmpegInput
from streamseg.config.schema import SourceConfig
from streamseg.types import Picture


@dataclass(frozen=True, slots=True)
class DecodedFrame:
    """One decoded picture, not yet looked at.

    Attributes:
        picture: Makes the `Picture`; called only for frames that are kept.
        pts_s: Presentation time in the source's clock, seconds; None where it gives none.
        arrived_mono_s: `time.monotonic()` when its data had arrived.
        arrived_unix_s: The same moment in wall time.
        camera_unix_s: When the camera says it was taken (RTCP), seconds since 1970; None where it does not.
        decode_ms: Time spent decoding, milliseconds.
    """

    picture: Callable[[], Picture]
    pts_s: float | None
    arrived_mono_s: float
    arrived_unix_s: float
    camera_unix_s: float | None = None
    decode_ms: float = 0.0


class VideoDecoder(Protocol):
    """An opened source. Used by one thread."""

    finite: bool  # it has an end, and is read at our pace; else it plays on without us
    frame_s: float  # how long a frame lasts by the source's word, seconds

    def frames(self) -> Iterator[DecodedFrame]:
        """Yield frames until the source ends; waits for them.

        Raises:
            SourceError: Reading failed; `stalled` when nothing came for `stall_after_s`.
        """
        ...

    def close(self) -> None:
        """Let the source go. Idempotent."""
        ...


DecoderFactory = Callable[[SourceConfig, FFmpegInput], VideoDecoder]  # raises SourceError
