"""Who listens to what, as XPUB tells it."""

from __future__ import annotations

from collections.abc import Mapping

from streamseg.wire.topics import TOPIC_BYTES

MOST_FILTERS = 4096  # a bound for peers that subscribe to ever new things; past it all topics count as wanted

PICTURES = b"pic/"

_ADD, _DROP = 1, 0


class Subscriptions:
    """The filters in force. Changed by one thread, read by any."""

    def __init__(self) -> None:
        self._filters: Mapping[bytes, int] = {}  # how often each is asked for; replaced, never changed
        self._overflown = False

    def take(self, message: bytes) -> bytes | None:
        """Take in what XPUB received: a byte 1 (subscribe) or 0 (unsubscribe), then the filter.

        Returns:
            The filter somebody has just subscribed to, which others may have before; None for all else.
        """
        if not message or message[0] not in (_ADD, _DROP) or len(message) > TOPIC_BYTES + 1:
            return None  # not a subscription, or one that no topic can match
        wanted = message[1:]
        held = self._filters.get(wanted, 0)
        if message[0] == _DROP:
            self._hold(wanted, held - 1)
            return None
        if held or len(self._filters) < MOST_FILTERS:
            self._hold(wanted, held + 1)
        else:
            self._overflown = True
        return wanted

    def want(self, topic: bytes) -> bool:
        """Whether somebody asks for messages of that topic; for a picture, by a filter that names pictures.

        Who subscribes to everything wants masks: pictures are neither encoded for him nor sent.
        """
        filters = self._filters
        if topic.startswith(PICTURES):
            return topic.startswith(tuple(wanted for wanted in filters if wanted.startswith(PICTURES)))
        return self._overflown or topic.startswith(tuple(filters))

    def count(self, topic: bytes) -> int:
        """How many subscriptions match a topic; of those past the bound nothing is known."""
        return sum(held for wanted, held in self._filters.items() if topic.startswith(wanted))

    def _hold(self, wanted: bytes, times: int) -> None:
        others = {known: held for known, held in self._filters.items() if known != wanted}
        self._filters = {**others, wanted: times} if times > 0 else others
