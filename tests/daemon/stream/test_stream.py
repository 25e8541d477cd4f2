"""A stream's parts fit together."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from streamseg.capture.capture import Capture
from streamseg.concurrency.mailbox import Closed, Overflow
from streamseg.config.schema import RoiConfig, StreamConfig
from streamseg.daemon.stream.pipeline import View
from streamseg.daemon.stream.stream import Stream
from streamseg.errors import PackageError
from streamseg.status.snapshot import Tally
from streamseg.types import TemporalMode
from tests.fakes.engine import FakeEngine, fake_package
from tests.fakes.source import make_frame


def make(**stream: object) -> Stream:
    config = StreamConfig.model_validate({"source": "clip.mp4", **stream})
    return Stream("gate", config, lambda: None)


@pytest.mark.parametrize(
    ("source", "overflow"),
    [
        ({"url": "rtsp://h/x"}, Overflow.DROP_OLDEST),
        ({"url": "clip.mp4"}, Overflow.DROP_OLDEST),
        ({"url": "clip.mp4", "pace": False}, Overflow.BLOCK),
        ({"url": "gopher://x"}, Overflow.DROP_OLDEST),
    ],
)
def test_only_what_has_no_clock_waits(source: dict[str, object], overflow: Overflow) -> None:
    assert make(source=source).mailbox.overflow is overflow


def test_its_parts_are_asked_what_they_count() -> None:
    stream = make()
    for seq in range(3):
        stream.mailbox.put(make_frame(seq=seq))
    assert stream.tally(subscribers=4) == Tally(queue_full=2, waiting=1, subscribers=4)


def test_what_is_counted_holds_while_it_begins_anew(monkeypatch: pytest.MonkeyPatch) -> None:
    stream, seen = make(), list[Tally]()
    for seq in range(3):
        stream.mailbox.put(make_frame(seq=seq))
    stream.stop()
    before = stream.tally(subscribers=0)

    class Asking(Capture):
        def __init__(self, *given: Any, **named: Any) -> None:
            super().__init__(*given, **named)
            seen.append(stream.tally(subscribers=0))

    monkeypatch.setattr("streamseg.daemon.stream.stream.Capture", Asking)
    stream.renew(stream.config, lambda: None)
    assert (before.queue_full, seen) == (3, [before])
    assert stream.tally(subscribers=0) == replace(before, reconnects=1)


def test_stop_takes_no_more_frames() -> None:
    stream = make()
    stream.mailbox.put(make_frame())
    stream.stop()
    stream.stop()
    with pytest.raises(Closed):
        stream.mailbox.poll()


def test_convgru_needs_a_stabiliser() -> None:
    engine = FakeEngine(fake_package(stabiliser=False))
    with pytest.raises(PackageError, match="use ema or none"):
        make().pipeline(engine)


def test_its_pipeline_does_what_was_asked() -> None:
    made = make(temporal="ema").pipeline(FakeEngine()).process(make_frame())
    assert made.mode is TemporalMode.EMA


def test_its_view_is_what_was_asked() -> None:
    assert make().view == View()
    asked = make(roi={"x": 0.5, "w": 0.25}, output={"width": 32, "height": 24})
    assert asked.view == View(RoiConfig(x=0.5, w=0.25), (32, 24))


@pytest.mark.parametrize(
    ("source", "live"),
    [
        ("rtsp://h/x", True),
        ("/dev/video0", True),
        ("a.mp4", False),
        ("lavfi:x", False),
        ("gopher://x", False),
    ],
)
def test_files_are_told_from_cameras(source: str, live: bool) -> None:
    assert make(source=source).live is live
