"""Masks on their way to the page: for nobody nothing, for all once, and never a queue."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

import pytest

from streamseg.status.web.broadcast import MOST_VIEWERS, MOST_VIEWERS_PER_NETWORK, PreviewBroadcaster, Viewer
from streamseg.types import Segmentation
from tests.status.clock import Clock
from tests.status.masks import mask
from tests.waiting import time_limit

EVERY_S = 0.1


class Rig:
    """A hub whose encoding is a word, and what it encoded."""

    def __init__(self) -> None:
        self.clock = Clock()
        self.encoded: list[int] = []
        self.hub = PreviewBroadcaster(self._encode, self.clock, rate_hz=1 / EVERY_S)

    def _encode(self, segmentation: Segmentation) -> bytes:
        self.encoded.append(segmentation.frame.seq)
        return f"{segmentation.frame.stream} {segmentation.frame.seq}".encode()

    def look(self, *streams: str) -> Viewer:
        viewer = self.hub.join()
        assert viewer is not None
        self.hub.watch(viewer, streams)
        return viewer


async def settle() -> None:
    """Lets the hub do what there is to do: in turns of the loop, which no slow machine makes fewer."""
    for _ in range(10):
        await asyncio.sleep(0)


def played(play: Callable[[Rig], Awaitable[None]]) -> Rig:
    """Runs a test's part with a hub at work."""

    async def run() -> Rig:
        rig = Rig()
        working = asyncio.create_task(rig.hub.run())
        await asyncio.sleep(0)
        try:
            await asyncio.wait_for(play(rig), time_limit(60))
        finally:
            working.cancel()
            await asyncio.gather(working, return_exceptions=True)
        return rig

    return asyncio.run(run())


def test_what_nobody_looks_at_is_not_kept() -> None:
    rig = Rig()
    rig.hub.offer(mask())
    assert not rig.hub.wanted("gate")
    assert rig.hub._pending == {}
    rig.look("yard")
    rig.hub.offer(mask())
    assert rig.hub._pending == {}


def test_it_is_encoded_once_for_all() -> None:
    async def play(rig: Rig) -> None:
        viewers = [rig.look("gate"), rig.look("gate", "yard")]
        other = rig.look("yard")
        rig.hub.offer(mask(seq=1))
        assert [await viewer.next() for viewer in viewers] == [b"gate 1"] * 2
        rig.hub.offer(mask("yard", seq=2))
        assert await other.next() == b"yard 2"

    assert played(play).encoded == [1, 2]


def test_a_camera_faster_than_the_page_is_thinned() -> None:
    async def play(rig: Rig) -> None:
        viewer = rig.look("gate")
        for seq in range(10):
            rig.hub.offer(mask(seq=seq))
            rig.clock.now_s += EVERY_S / 4
            await settle()
        assert await viewer.next() == b"gate 8"

    assert played(play).encoded == [0, 4, 8]


def test_each_stream_has_a_turn_of_its_own() -> None:
    async def play(rig: Rig) -> None:
        viewer = rig.look("gate", "yard")
        rig.hub.offer(mask("gate", seq=1))
        rig.hub.offer(mask("yard", seq=2))
        assert {await viewer.next(), await viewer.next()} == {b"gate 1", b"yard 2"}

    played(play)


def test_a_slow_viewer_gets_the_newest_and_texts_first() -> None:
    async def play(rig: Rig) -> None:
        viewer = Viewer()
        for number in range(3):
            viewer.show("gate", b"%d" % number)
            viewer.tell(f"text {number}")
        viewer.show("yard", b"y")
        assert [await viewer.next() for _ in range(3)] == ["text 2", b"2", b"y"]

    played(play)


def test_after_the_last_has_gone_nothing_is_wanted() -> None:
    async def play(rig: Rig) -> None:
        first, second = rig.look("gate"), rig.look("gate")
        rig.hub.leave(first)
        assert rig.hub.wanted("gate")
        rig.hub.offer(mask())
        rig.hub.leave(second)
        assert not rig.hub.wanted("gate")
        await settle()
        assert rig.hub.viewers == ()

    assert played(play).encoded == []


def test_another_wish_takes_the_place_of_the_first() -> None:
    rig = Rig()
    viewer = rig.look("gate")
    rig.hub.watch(viewer, ["yard"])
    assert (rig.hub.wanted("gate"), rig.hub.wanted("yard")) == (False, True)


def test_there_may_be_too_many() -> None:
    rig = Rig()
    viewers = [rig.hub.join(f"10.0.0.{number}") for number in range(MOST_VIEWERS)]
    assert rig.hub.join("10.0.1.1") is None
    assert viewers[0] is not None
    rig.hub.leave(viewers[0])
    assert rig.hub.join("10.0.1.1") is not None


def test_one_address_leaves_room_for_others() -> None:
    rig = Rig()
    for _ in range(MOST_VIEWERS_PER_NETWORK):
        rig.look()
    assert rig.hub.join() is None
    assert rig.hub.join("10.0.0.7") is not None


def test_after_its_end_it_takes_nothing() -> None:
    async def play(rig: Rig) -> None:
        rig.look("gate")

    rig = played(play)
    rig.hub.offer(mask())
    assert rig.encoded == []
    assert not rig.hub.wanted("gate")


def test_an_offer_to_a_loop_that_was_closed_is_harmless() -> None:
    rig = Rig()
    rig.look("gate")
    loop = asyncio.new_event_loop()
    rig.hub._loop, rig.hub._some = loop, asyncio.Event()
    loop.close()
    rig.hub.offer(mask())
    assert rig.encoded == []


@pytest.mark.parametrize("rate_hz", [1.0, 10.0])
def test_the_rate_is_a_bound(rate_hz: float) -> None:
    clock = Clock()
    hub = PreviewBroadcaster(lambda _: b"", clock, rate_hz=rate_hz)
    viewer = hub.join()
    assert viewer is not None
    hub.watch(viewer, ["gate"])
    taken = 0
    for _ in range(100):
        hub.offer(mask())
        taken += len(hub._pending)
        hub._pending.clear()
        clock.now_s += 0.01
    assert taken <= rate_hz
    assert taken > 0.8 * rate_hz


def test_a_mask_that_cannot_be_shown_costs_that_picture_alone(caplog: pytest.LogCaptureFixture) -> None:
    shown: list[str | bytes] = []

    async def play(rig: Rig) -> None:
        viewer = rig.look("gate")
        real, rig.hub._encode = rig.hub._encode, broken
        for seq in range(3):
            rig.hub.offer(mask("gate", seq=seq))
            await settle()
            rig.clock.now_s += EVERY_S
        rig.hub._encode = real
        rig.hub.offer(mask("gate", seq=3))
        shown.append(await viewer.next())

    def broken(_: Segmentation) -> bytes:
        raise ZeroDivisionError("a bug")

    played(play)
    assert shown == [b"gate 3"]
    (record,) = caplog.records
    assert "a mask of gate cannot be shown" in record.getMessage()
    assert record.exc_info is not None
