"""Cameras that refuse, fall silent or break off: named states for subscribers, no password, a prompt end."""

from __future__ import annotations

import contextlib
import signal
import subprocess
import threading
from pathlib import Path

import av
import numpy as np
import pytest

from streamseg.client.subscription import Subscription, subscribe
from streamseg.types import StreamState
from streamseg.wire.control_headers import StatusHeader
from tests.capture.servers import Answer, http_server, refuses, sends_jpegs, silent_server
from tests.e2e.conftest import Start
from tests.waiting import time_limit, wait_for


def begin(
    start: Start, source: str, tmp_path: Path, **options: object
) -> tuple[subprocess.Popen[str], Subscription]:
    """A daemon of one stream with this source, and a subscription that follows its states."""
    address = f"ipc://{tmp_path}/masks"
    config = tmp_path / "c.yaml"
    lines = "".join(f", {key}: {value}" for key, value in options.items())
    config.write_text(
        f"engine: {{model: tiny}}\npublish: {{bind: '{address}'}}\n"
        f"streams: {{gate: {{source: {{url: '{source}'{lines}}}}}}}\n"
    )
    process = start("run", str(config))
    return process, subscribe(address, timeout_s=0.1)


def follow(found: Subscription, state: StreamState) -> StatusHeader:
    """Waits until the daemon tells this state."""

    def told() -> bool:
        with contextlib.suppress(TimeoutError):
            next(found)
        change = found.statuses.get("gate")
        return change is not None and change.state == state

    wait_for(told, 60, f"state {state}")
    return found.statuses["gate"]


def stop(process: subprocess.Popen[str]) -> str:
    """Ends the daemon with SIGTERM; gives what it said."""
    assert process.poll() is None
    process.send_signal(signal.SIGTERM)
    _, said = process.communicate(timeout=time_limit(60))
    assert process.returncode == 0
    assert "secret" not in said
    assert "Traceback" not in said
    return said


def jpegs(count: int) -> list[bytes]:
    """Pictures of 96×64 as a camera sends them."""
    codec = av.CodecContext.create("mjpeg", "w")
    codec.width, codec.height, codec.pix_fmt = 96, 64, "yuvj420p"
    codec.framerate = 25
    frames = [np.full((64, 96, 3), 8 * index, np.uint8) for index in range(count)]
    made = [av.VideoFrame.from_ndarray(frame).reformat(format="yuvj420p") for frame in frames]
    return [bytes(packet) for frame in made for packet in codec.encode(frame)]


@pytest.mark.parametrize(
    ("answer", "reason"),
    [(refuses(401), "auth"), (refuses(403), "auth"), (refuses(404), "not_found"), (refuses(500), "refused")],
    ids=["401", "403", "404", "500"],
)
def test_a_refusal_has_a_name(start: Start, tmp_path: Path, answer: Answer, reason: str) -> None:
    with http_server(answer) as url:
        process, found = begin(start, url.replace("//", "//user:secret@") + "/live", tmp_path)
        with found:
            change = follow(found, StreamState.BACKOFF)
        assert change.reason == reason
        assert change.retry_in_s is not None
        assert "secret" not in change.message
        assert "backoff" in stop(process)


def test_a_server_that_never_answers(start: Start, tmp_path: Path) -> None:
    with silent_server() as port:
        process, found = begin(start, f"rtsp://127.0.0.1:{port}/live", tmp_path, open_timeout_s=0.5)
        with found:
            assert follow(found, StreamState.BACKOFF).reason == "timeout"
        stop(process)


def test_a_stop_while_a_server_keeps_us_waiting(start: Start, tmp_path: Path) -> None:
    with silent_server() as port:
        process, found = begin(start, f"rtsp://127.0.0.1:{port}/live", tmp_path, open_timeout_s=60)
        with found:
            follow(found, StreamState.CONNECTING)
        stop(process)
    assert not (tmp_path / "masks").exists()


def test_a_camera_that_falls_silent_is_opened_again(start: Start, tmp_path: Path) -> None:
    silence = threading.Event()
    with http_server(sends_jpegs(jpegs(20), then=silence)) as url:
        process, found = begin(start, f"{url}/live.mjpeg", tmp_path, stall_after_s=0.5, reconnect_max_s=0.2)
        starts: list[int] = []  # frames that began without a past
        with found:
            while len(starts) < 2:
                with contextlib.suppress(TimeoutError):
                    mask = next(found)
                    starts += [mask.header.frame_seq] * mask.reset
        said = stop(process)
        silence.set()
    assert "stalled" in said
    assert starts[1] > starts[0], "frames are counted on"
