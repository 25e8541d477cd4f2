"""Who subscribes to what: a mirror of the pairs of peer and filter that libzmq holds."""

from __future__ import annotations

from dataclasses import dataclass, field

from streamseg.wire.topics import may_match

PICTURES = b"pic/"

_ADD, _DROP = 1, 0
_END_COST = 8  # what ends a filter in libzmq's trie takes as much memory as about so many of its bytes


@dataclass(slots=True)
class _Peer:
    filters: set[bytes] = field(default_factory=set)
    cost: int = 0


class Subscriptions:
    """The filters in force. Changed by one thread, read by any.

    A peer is a number, unique among the connections that are open. XPUB_VERBOSER passes every subscription
    and unsubscription on; that a peer left is told with `leave`. A pair of peer and filter counts once
    however often the peer subscribes, as in libzmq: so everything is gone when the peer is.

    Attributes:
        cost: What all peers' filters cost, in bytes of filters; see `cost_of`.
    """

    def __init__(self) -> None:
        self._holders: dict[bytes, set[int]] = {}  # only filters that a topic of ours can begin with
        self._peers: dict[int, _Peer] = {}
        self.cost = 0

    def join(self, peer: int) -> None:
        """Take in a new connection; what is left of an older one of the same number goes."""
        self.leave(peer)
        self._peers[peer] = _Peer()

    def leave(self, peer: int) -> None:
        """Let go of all that a peer subscribed to; from here on its messages are ignored. Idempotent."""
        if (left := self._peers.pop(peer, None)) is None:
            return
        self.cost -= left.cost
        for wanted in left.filters:
            self._release(wanted, peer)

    def take(self, message: bytes, peer: int) -> bytes | None:
        """Take in what XPUB received: a byte 1 (subscribe) or 0 (unsubscribe), then the filter.

        Returns:
            The filter that the peer has just subscribed to, where it can match a topic; None for all else.
        """
        known = self._peers.get(peer)
        if known is None or not message or message[0] not in (_ADD, _DROP):
            return None
        wanted = message[1:]
        if message[0] == _DROP:
            self._drop(known, wanted, peer)
            return None
        return self._add(known, wanted, peer)

    def cost_of(self, peer: int) -> int:
        """What a peer's filters cost: the sum of their lengths in bytes, and some for the end of each."""
        known = self._peers.get(peer)
        return known.cost if known else 0

    def costliest(self) -> int | None:
        """The peer whose filters cost most; None where there is no peer."""
        return max(self._peers, key=self.cost_of, default=None)

    def want(self, topic: bytes) -> bool:
        """Whether somebody asks for messages of that topic; for a picture, by a filter that names pictures.

        Who subscribes to everything wants masks: pictures are neither encoded for him nor sent.
        """
        shortest = len(PICTURES) if topic.startswith(PICTURES) else 0
        return any(topic[:end] in self._holders for end in range(shortest, len(topic) + 1))

    def count(self, topic: bytes) -> int:
        """How many pairs of peer and filter match a topic."""
        prefixes = (topic[:end] for end in range(len(topic) + 1))
        return sum(len(self._holders.get(wanted, ())) for wanted in prefixes)

    def _add(self, known: _Peer, wanted: bytes, peer: int) -> bytes | None:
        if wanted not in known.filters:
            known.filters.add(wanted)
            self._charge(known, len(wanted) + _END_COST)
        if not may_match(wanted):
            return None
        self._holders.setdefault(wanted, set()).add(peer)
        return wanted

    def _drop(self, known: _Peer, wanted: bytes, peer: int) -> None:
        if wanted in known.filters:
            known.filters.discard(wanted)
            self._charge(known, -len(wanted) - _END_COST)
            self._release(wanted, peer)

    def _charge(self, known: _Peer, cost: int) -> None:
        known.cost += cost
        self.cost += cost

    def _release(self, wanted: bytes, peer: int) -> None:
        if (holders := self._holders.get(wanted)) is not None:
            holders.discard(peer)
            if not holders:
                del self._holders[wanted]
