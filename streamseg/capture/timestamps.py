"""When a frame was captured, and how far that can be trusted."""

from __future__ import annotations

from dataclasses import dataclass

from streamseg.capture.decoder import DecodedFrame
from streamseg.types import Clock

TRUST_S = 10.0
"""A camera's clock further from this host's than this is not set; its times would make every age nonsense."""


@dataclass(frozen=True, slots=True)
class CaptureTime:
    """Capture time of a frame on the monotonic and the wall clock, seconds, and what the latter rests on."""

    mono_s: float
    unix_s: float
    clock: Clock


def live_stamp(decoded: DecodedFrame) -> CaptureTime:
    """Return the camera's own time where it tells one that can be true, else that of arrival."""
    camera_s = decoded.camera_unix_s
    if camera_s is None or abs(camera_s - decoded.arrived_unix_s) > TRUST_S:
        return CaptureTime(decoded.arrived_mono_s, decoded.arrived_unix_s, Clock.HOST)
    return CaptureTime(decoded.arrived_mono_s, camera_s, Clock.RTCP)


def file_stamp(decoded: DecodedFrame, due_mono_s: float) -> CaptureTime:
    """Return the time at which the pace makes a file's frame due."""
    return CaptureTime(due_mono_s, decoded.arrived_unix_s + due_mono_s - decoded.arrived_mono_s, Clock.FILE)
