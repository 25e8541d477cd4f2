"""How long a wrong token waits for its answer: longer with every one from the same address.

A right token never waits, so that nobody is locked out by the guesses of others behind the same proxy.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable

from streamseg.concurrency.rate_limit import RateLimiter
from streamseg.net import peer_network

FIRST_DELAY_S = 0.25
LONGEST_DELAY_S = 5.0
FORGET_AFTER_S = 300.0  # without another wrong token
MAX_NETWORKS = 1024  # that are remembered; the one that failed longest ago is forgotten first
LOG_EVERY_S = 10.0
_LOG = logging.getLogger(__name__)


class LoginThrottle:
    """Counts wrong tokens by address (IPv6: by /64 network); for one thread.

    Args:
        clock: Monotonic seconds.
        first_delay_s: What the first wrong token waits; each further one twice as long.
    """

    def __init__(
        self, clock: Callable[[], float] = time.monotonic, first_delay_s: float = FIRST_DELAY_S
    ) -> None:
        self._clock, self._first_delay_s = clock, first_delay_s
        self._failures: dict[str, tuple[int, float]] = {}  # count and time of the last, the newest at the end
        self._log = RateLimiter(LOG_EVERY_S, clock)

    def failed(self, address: str) -> float:
        """Count and log a wrong token from `address`.

        Returns:
            How many seconds its answer is to be held back.
        """
        network, now_s = peer_network(address), self._clock()
        count, last_s = self._failures.pop(network, (0, now_s))
        count = 1 if now_s - last_s > FORGET_AFTER_S else count + 1
        self._failures[network] = (count, now_s)
        if len(self._failures) > MAX_NETWORKS:
            del self._failures[next(iter(self._failures))]
        self._tell(address, count)
        return min(self._first_delay_s * 2.0 ** min(count - 1, 32), LONGEST_DELAY_S)

    def _tell(self, address: str, count: int) -> None:
        held = self._log.pass_on()
        if held is not None:
            more = f"; {held} more wrong tokens since the last such line" if held else ""
            _LOG.warning("status: wrong token from %s, number %d from there%s", address, count, more)
