"""The daemon as a service: when systemd is told that it is ready, alive, or what it does."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Mapping

from streamseg.daemon.process.notify import Notifier
from streamseg.daemon.process.progress import Progress, Pulse, readiness

TELL_S = 2.0  # between two status lines

_LOG = logging.getLogger(__name__)


class Service:
    """What systemd hears of the daemon; for the main thread, whose silence is news too.

    Args:
        notifier: Where it is told.
        watchdog_s: Within how many seconds a sign of life is wanted; None: never.
        clock: Monotonic seconds.
    """

    def __init__(
        self, notifier: Notifier, watchdog_s: float | None, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._notifier, self._watchdog_s, self._clock = notifier, watchdog_s, clock
        self._began_s = self._told_s = clock()
        self._ready, self._line, self._hangs = False, "", False
        self._pulse = Pulse()

    def look(self, seen: Mapping[str, Progress], line: str, ready_timeout_s: float) -> None:
        """Tell what there is to tell.

        Args:
            seen: What each stream does.
            line: All of it in a line.
            ready_timeout_s: After so many seconds without a mask the start is through, and degraded.
        """
        now_s = self._clock()
        if not self._ready:
            self._get_ready(seen, line, now_s - self._began_s, ready_timeout_s)
        self._live(self._pulse.beats(seen, now_s))
        if line != self._line and now_s - self._told_s >= TELL_S:
            self._line, self._told_s = line, now_s
            self._notifier.status(line)

    def reloading(self) -> None:
        """A reload begins."""
        self._notifier.reloading()

    def reloaded(self, line: str) -> None:
        """It is through, whatever became of it."""
        if self._ready:
            self._notifier.ready(line)
        else:
            self._notifier.status(line)

    def stopping(self) -> None:
        """The end begins."""
        self._notifier.stopping()

    def _get_ready(self, seen: Mapping[str, Progress], line: str, waited_s: float, timeout_s: float) -> None:
        came_to = readiness(seen.values(), waited_s, timeout_s)
        if came_to is None:
            return
        self._ready = True
        level = logging.WARNING if came_to.startswith("degraded") else logging.INFO
        _LOG.log(level, "%s after %.1f s; %s", came_to, waited_s, line)
        self._notifier.ready(line)

    def _live(self, beats: bool) -> None:
        if beats and self._watchdog_s is not None:
            self._notifier.watchdog()
        if not beats and not self._hangs:
            _LOG.error("frames wait, and no stream gets on; systemd gets no more signs of life")
        self._hangs = not beats
