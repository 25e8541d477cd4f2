"""What any opened source must do: PyAV's and the scripted one alike."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from streamseg.capture.decoder import DecoderFactory, VideoDecoder
from streamseg.capture.pyav import open_video
from streamseg.capture.source import describe
from streamseg.config.schema import SourceConfig
from streamseg.errors import SourceError, SourceFault
from tests.fakes.source import FakeSource, Refusal

SOURCE = SourceConfig(url="lavfi:testsrc2=size=96x64:rate=25:duration=0.2")
MISSING = SourceConfig(url="/no/such/clip.mp4")

KINDS: dict[str, Callable[[], DecoderFactory]] = {
    "pyav": lambda: open_video,
    "fake": lambda: FakeSource([[5]], finite=True, size_wh=(96, 64)),
}


@pytest.fixture(params=KINDS)
def video(request: pytest.FixtureRequest) -> VideoDecoder:
    """A source of five frames, 96×64, 25 a second."""
    return KINDS[request.param]()(SOURCE, describe(SOURCE))


def test_it_says_how_it_runs(video: VideoDecoder) -> None:
    assert video.finite
    assert video.frame_s == pytest.approx(0.04)
    video.close()


def test_it_gives_its_frames_and_ends(video: VideoDecoder) -> None:
    frames = list(video.frames())
    video.close()
    assert [frame.pts_s for frame in frames] == pytest.approx([0.0, 0.04, 0.08, 0.12, 0.16])
    arrived = [frame.arrived_mono_s for frame in frames]
    assert arrived == sorted(arrived)
    assert all(frame.picture().size_wh == (96, 64) for frame in frames)
    assert all(frame.decode_ms >= 0 for frame in frames)


def test_pictures_may_be_made_late_and_after_the_close(video: VideoDecoder) -> None:
    frames = list(video.frames())
    video.close()
    first, last = frames[0].picture(), frames[-1].picture()
    assert first.planes[0].shape == last.planes[0].shape == (64, 96)
    assert (first.planes[0] != last.planes[0]).any()


def test_it_closes_twice(video: VideoDecoder) -> None:
    video.close()
    video.close()


@pytest.mark.parametrize(
    "opener",
    [open_video, FakeSource([Refusal(SourceError(SourceFault.NOT_FOUND, "no such clip"))])],
    ids=["pyav", "fake"],
)
def test_what_cannot_be_opened_says_why(opener: DecoderFactory) -> None:
    with pytest.raises(SourceError) as caught:
        opener(MISSING, describe(MISSING))
    assert caught.value.reason is SourceFault.NOT_FOUND
