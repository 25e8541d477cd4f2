"""A named thread with an owner, a way to be asked to stop, and a join with a deadline."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable

from streamseg.concurrency.deadline import Deadline

logger = logging.getLogger(__name__)


class StoppableThread:
    """Runs `body(stop)` in its own thread, until the body returns.

    The body watches the event it is given and returns soon after it is set; whoever owns the stage also
    wakes whatever the body waits for (closes its mailbox, say). A crash is logged with its traceback,
    kept in `error` and told to `on_crash`, on that thread.

    The thread is a daemon thread: a body stuck in a C library must not keep the process alive past its
    deadline. Who cares about a clean end calls `join`.
    """

    def __init__(
        self,
        name: str,
        body: Callable[[threading.Event], None],
        on_crash: Callable[[BaseException], None] | None = None,
    ) -> None:
        self.name = name
        self.error: BaseException | None = None
        self._body = body
        self._on_crash = on_crash
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)
        self._started = False

    @property
    def alive(self) -> bool:
        """Whether the thread runs."""
        return self._thread.is_alive()

    def start(self) -> None:
        """Start the thread.

        Raises:
            RuntimeError: It was started before.
        """
        self._thread.start()
        self._started = True

    def stop(self) -> None:
        """Ask the body to return; returns at once. Idempotent, also before `start`."""
        self._stop.set()

    def join(self, deadline: Deadline) -> bool:
        """Wait for the thread to end, no longer than `deadline`.

        Returns:
            Whether it has ended; true for a stage that was never started.
        """
        if self._started:
            self._thread.join(deadline.remaining_s)
        return not self.alive

    def _run(self) -> None:
        try:
            self._body(self._stop)
        except BaseException as error:
            logger.exception("thread %s crashed", self.name)
            self.error = error
            if self._on_crash is not None:
                self._on_crash(error)
