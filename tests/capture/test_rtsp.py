"""Captures from a real RTSP server: over TCP and UDP, frozen, killed, restarted, with a wrong password."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from streamseg.concurrency.deadline import Deadline
from streamseg.types import Clock, Frame, StreamState
from tests.capture.conftest import Captured, StartCapture, write_clip
from tests.parts.rtsp import RtspServer, missing
from tests.waiting import time_limit

pytestmark = [pytest.mark.real, pytest.mark.skipif(bool(missing()), reason=missing() or "-")]

ROOT = Path(__file__).parents[2]
SOON_S = time_limit(60)
FIELDS = {"open_timeout_s": 1.0, "stall_after_s": 1.0, "reconnect_initial_s": 0.1, "reconnect_max_s": 0.5}
X264 = {"preset": "ultrafast", "bf": "0"}
X265 = {"preset": "ultrafast", "x265-params": "log-level=none:bframes=0"}


@pytest.fixture(scope="module")
def clips(tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    """The server's arguments for an H.264 clip at `cam` and an H.265 clip at `cam265`."""
    folder = tmp_path_factory.mktemp("clips")
    size_wh = (160, 120)
    avc = write_clip(folder / "avc.mp4", frames=50, size_wh=size_wh, codec="libx264", options=X264)
    hevc = write_clip(folder / "hevc.mp4", frames=50, size_wh=size_wh, codec="libx265", options=X265)
    return ["--clip", f"cam={avc}", "--clip", f"cam265={hevc}"]


@pytest.fixture
def server(clips: list[str]) -> Iterator[RtspServer]:
    with RtspServer(*clips) as running:
        yield running


@pytest.mark.parametrize("transport", ["tcp", "udp"])
@pytest.mark.parametrize("mount", ["cam", "cam265"])
def test_frames_come(mount: str, transport: str, server: RtspServer, capture: StartCapture) -> None:
    captured = capture(server.url(mount), transport=transport, **FIELDS)
    frames = captured.take(20)
    assert frames[0].discontinuity
    assert {frame.picture.size_wh for frame in frames} == {(160, 120)}
    assert captured.told.states == [StreamState.CONNECTING, StreamState.RUNNING]


def test_the_cameras_own_clock_is_used_once_it_tells_it(server: RtspServer, capture: StartCapture) -> None:
    captured = capture(server.url("cam"), **FIELDS)
    frame = next_with(captured, lambda frame: frame.clock is Clock.RTCP)
    assert (
        abs(frame.captured_unix_s - now_unix_s(frame)) < 1.0
    )  # server and capture share this machine's clock


def test_a_frozen_server_is_stalled_then_comes_back(server: RtspServer, capture: StartCapture) -> None:
    captured = capture(server.url("cam"), **FIELDS)
    before = captured.take(5)[-1].seq
    server.freeze()
    change = captured.told.wait_for(StreamState.STALLED)
    assert (change.reason, change.message.count("\n")) == ("stalled", 0)
    assert captured.told.wait_for(StreamState.BACKOFF).reason == "timeout"  # it accepts and does not answer
    server.thaw()
    captured.told.wait_for(StreamState.RUNNING, nth=2)
    next_with(captured, lambda frame: frame.discontinuity and frame.seq > before)


@pytest.mark.parametrize("transport", ["tcp", "udp"])
def test_a_killed_server_is_waited_for(transport: str, server: RtspServer, capture: StartCapture) -> None:
    captured = capture(server.url("cam"), transport=transport, **FIELDS)
    before = captured.take(5)[-1].seq
    server.kill()
    wait_for_reason(captured, "refused")
    server.start()
    captured.told.wait_for(StreamState.RUNNING, nth=2)
    next_with(captured, lambda frame: frame.discontinuity and frame.seq > before)
    assert captured.capture.reconnects >= 2


def test_a_restart_in_between_is_survived(server: RtspServer, capture: StartCapture) -> None:
    captured = capture(server.url("cam"), **FIELDS)
    captured.take(5)
    server.restart()
    captured.told.wait_for(StreamState.RUNNING, nth=2)


@pytest.mark.parametrize("digest", [[], ["--digest"]], ids=["basic", "digest"])
def test_the_password(digest: list[str], clips: list[str], capture: StartCapture) -> None:
    with RtspServer(*clips, "--user", "me", "--password", "secret", *digest) as server:
        wrong = capture(server.url("cam", "me:guess-this@"), **FIELDS)
        right = capture(server.url("cam", "me:secret@"), **FIELDS)
        change = wrong.told.wait_for(StreamState.BACKOFF, nth=2)
        assert (change.reason, change.retry_in_s is not None) == ("auth", True)
        assert not any("guess-this" in told.message for told in wrong.told.changes)
        assert right.take(3)


def test_a_password_of_its_own_is_taken_as_it_is(clips: list[str], capture: StartCapture) -> None:
    hard = "a/b@c:d %20é#?"
    with RtspServer(*clips, "--user", "me", "--password", hard, "--digest") as server:
        assert capture(server.url("cam", "me@"), password=hard, **FIELDS).take(3)


def test_a_mount_that_is_not_there(server: RtspServer, capture: StartCapture) -> None:
    captured = capture(server.url("nothing"), **FIELDS)
    assert captured.told.wait_for(StreamState.BACKOFF).reason == "not_found"


def test_stop_while_the_server_is_frozen_is_quick(server: RtspServer, capture: StartCapture) -> None:
    captured = capture(server.url("cam"), stall_after_s=120.0)
    captured.take(5)
    server.freeze()
    while captured.mailbox.poll() is not None:
        pass
    captured.capture.stop()
    assert captured.capture.join(Deadline(time_limit(60)))  # the read itself would go on for 120 s


LEAVE_A_BLOCKED_READ = """
import sys
from streamseg.capture.capture import Capture
from streamseg.config.schema import SourceConfig
from streamseg.concurrency.deadline import Deadline
from streamseg.concurrency.mailbox import Mailbox, Overflow
from tests.waiting import time_limit

mailbox = Mailbox(1, Overflow.DROP_OLDEST)
source = SourceConfig(url=sys.argv[1], stall_after_s=120)
capture = Capture("gate", source, mailbox, lambda change: None)
capture.start()
mailbox.get()
print("RUNNING", flush=True)
sys.stdin.readline()
capture.stop()
sys.exit(0 if capture.join(Deadline(time_limit(60))) else 3)
"""


def test_a_process_leaves_with_a_read_that_still_blocks(server: RtspServer) -> None:
    command = [sys.executable, "-c", LEAVE_A_BLOCKED_READ, server.url("cam")]
    with subprocess.Popen(
        command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "RUNNING\n"
        server.freeze()
        process.communicate("\n", timeout=2 * SOON_S)
    assert process.returncode == 0


def next_with(captured: Captured, wanted: Callable[[Frame], bool]) -> Frame:
    """The next frame that is `wanted`."""
    limit = Deadline(SOON_S)
    while not limit.expired:
        frame = captured.mailbox.get(limit.remaining_s)
        if wanted(frame):
            return frame
    raise AssertionError("no such frame came")


def wait_for_reason(captured: Captured, reason: str) -> None:
    """Wait for a backoff with `reason`."""
    for nth in range(1, 50):
        if captured.told.wait_for(StreamState.BACKOFF, nth).reason == reason:
            return
    raise AssertionError(f"no backoff for {reason}")


def now_unix_s(frame: Frame) -> float:
    """The host's wall time at which the frame arrived."""
    return time.time() - (time.monotonic() - frame.captured_mono_s)
