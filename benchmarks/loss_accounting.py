"""Books on every stream's masks: what is missing, and whether the daemon said why.

A mask is missing where `seq` has a gap, a frame where `frame_seq` has one. Both are explained as far as the
header's `drops` grew meanwhile. A silence is explained by a change of the stream's state in it.
"""

from __future__ import annotations

from dataclasses import dataclass

from streamseg.wire.header import MaskHeader

INCIDENTS = 50  # that are kept
SLACK = 5  # frames: drops are counted when a mask is made, and by then newer frames may be among them
SILENCE_S = 3.0  # without a mask: longer than it takes to notice a reconnect, or to swap an engine


@dataclass(slots=True)
class Account:
    """One stream.

    Attributes:
        masks: Masks that came.
        masks_missing, masks_unexplained: Gaps in `seq`, and what of them no drop explains.
        frames_missing, frames_unexplained: The same of `frame_seq`.
        silences, silences_unexplained: Pauses longer than `SILENCE_S`, and those without a change of state.
        longest_s: The longest pause.
        restarts: How often counting began anew: another epoch, or the stream was started again.
        changes: Changes of state.
    """

    masks: int = 0
    masks_missing: int = 0
    masks_unexplained: int = 0
    frames_missing: int = 0
    frames_unexplained: int = 0
    silences: int = 0
    silences_unexplained: int = 0
    longest_s: float = 0.0
    restarts: int = 0
    changes: int = 0

    @property
    def unexplained(self) -> int:
        """All that nothing explains."""
        return self.masks_unexplained + self.frames_unexplained + self.silences_unexplained


@dataclass(slots=True)
class _Last:
    header: MaskHeader
    at_s: float
    owed: int = 0  # frames that are missing and not among the drops, since counting began
    told: int = 0  # the most of it so far


class Ledger:
    """Takes every mask and every change of state in, in the order they come.

    Attributes:
        accounts: By stream.
        incidents: What nothing explains, a line each, the first ones.
    """

    def __init__(self) -> None:
        self.accounts: dict[str, Account] = {}
        self.incidents: list[str] = []
        self._last: dict[str, _Last] = {}
        self._changed_s: dict[str, float] = {}

    def state(self, stream: str, at_s: float) -> None:
        """A stream entered a state."""
        self._account(stream).changes += 1
        self._changed_s[stream] = at_s

    def mask(self, header: MaskHeader, at_s: float) -> None:
        """A mask came."""
        account, last = self._account(header.stream), self._last.get(header.stream)
        account.masks += 1
        now = self._last[header.stream] = _Last(header, at_s)
        if last is not None:
            self._compare(account, last, now)

    def _account(self, stream: str) -> Account:
        return self.accounts.setdefault(stream, Account())

    def _compare(self, account: Account, last: _Last, latest: _Last) -> None:
        before, now = last.header, latest.header
        self._pause(account, last.at_s, latest)
        if now.epoch != before.epoch or now.frame_seq <= before.frame_seq:
            account.restarts += 1
            return
        masks = now.seq - before.seq - 1
        account.masks_missing += masks
        unexplained = max(0, masks - (now.drops.publish - before.drops.publish))
        account.masks_unexplained += unexplained
        self._note(unexplained, "masks", latest)
        frames = now.frame_seq - before.frame_seq - 1
        account.frames_missing += frames
        # a frame whose mask is missing was not dropped before inference
        latest.owed = last.owed + frames - masks - (now.drops.capture - before.drops.capture)
        latest.told = max(last.told, latest.owed - SLACK)
        account.frames_unexplained += latest.told - last.told
        self._note(latest.told - last.told, "frames", latest)

    def _note(self, count: int, what: str, latest: _Last) -> None:
        if count and len(self.incidents) < INCIDENTS:
            header = latest.header
            where = f"{header.stream} seq {header.seq}, frame {header.frame_seq}"
            self.incidents.append(f"{latest.at_s:.2f} s: {where}: {count} {what} before it are missing")

    def _pause(self, account: Account, since_s: float, latest: _Last) -> None:
        pause_s = latest.at_s - since_s
        account.longest_s = max(account.longest_s, pause_s)
        if pause_s <= SILENCE_S:
            return
        account.silences += 1
        if self._changed_s.get(latest.header.stream, -SILENCE_S) < since_s - 1:
            account.silences_unexplained += 1
            self._note(round(pause_s), "seconds", latest)
