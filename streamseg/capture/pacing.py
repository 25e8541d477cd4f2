"""When a frame is due, and which frames are kept: pure arithmetic on times."""

from __future__ import annotations

from fractions import Fraction

_LATE_S = 1.0  # further behind than this, playing on from now is better than a burst of old frames
_LEAP_S = 10.0  # a longer step between two pts is a break in the file's clock, not a long frame


class Pacer:
    """Turns a file's presentation times into due times, as if it were a camera.

    Loops and breaks in the file's clock go on one frame after the last.

    Args:
        frame_s: How long a frame lasts where the file does not tell, seconds.
    """

    def __init__(self, frame_s: float) -> None:
        self._frame_s = frame_s
        self._pts_s: float | None = None
        self._due_s: float | None = None

    def due(self, pts_s: float | None, now_s: float) -> float:
        """Return when the frame with `pts_s` is due, on the clock of `now_s`; never goes back."""
        step_s = self._step(pts_s)
        due_s = now_s if self._due_s is None else self._due_s + step_s
        if now_s - due_s > _LATE_S:
            due_s = now_s
        self._pts_s, self._due_s = pts_s, due_s
        return due_s

    def _step(self, pts_s: float | None) -> float:
        if pts_s is None or self._pts_s is None:
            return self._frame_s
        step_s = pts_s - self._pts_s
        return step_s if 0.0 <= step_s <= _LEAP_S else self._frame_s


class FrameRateLimiter:
    """Keeps at most `max_fps` frames a second, evenly chosen by their times.

    Time is cut into slots of 1 / max_fps; the first frame of each is kept.
    """

    def __init__(self, max_fps: float | None) -> None:
        self._max_fps = None if max_fps is None else Fraction(max_fps)
        self._slot: int | None = None

    def keep(self, time_s: float) -> bool:
        """Whether the frame of `time_s` is kept."""
        if self._max_fps is None:
            return True
        slot = int((Fraction(time_s) + _SLACK_S) * self._max_fps // 1)
        kept = slot != self._slot
        self._slot = slot
        return kept


_SLACK_S = Fraction(1, 1000)  # times are rounded: containers keep milliseconds
