"""The end of a clip as a subscriber sees it, and what is said of files that cannot be used."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import pairwise
from pathlib import Path

import pytest

from streamseg.client.subscription import Mask, subscribe
from tests.capture.conftest import write_clip
from tests.e2e.conftest import Start
from tests.waiting import time_limit

RATE_HZ = 10  # slow enough for a busy machine: the newest mask wins, and these tests want most of them


def until(address: str, enough: Callable[[Mask], bool], stream: str = "gate") -> Iterator[Mask]:
    """Masks up to the first that is enough; the subscription waits for a daemon that is still to come."""
    with subscribe(address, stream=stream, latest=False, timeout_s=time_limit(60)) as found:
        for mask in found:
            yield mask
            if enough(mask):
                return


def arguments(source: str | Path, address: str) -> list[str]:
    return ["run", "--source", str(source), "--name", "gate", "--model", "tiny", "--bind", address]


def watch(start: Start, source: str | Path, address: str, last: int) -> tuple[list[Mask], str]:
    """The masks of a source up to frame `last`, and what the daemon said until it ended by itself."""
    process = start(*arguments(source, address))
    masks = list(until(address, lambda mask: mask.header.frame_seq >= last))
    out, err = process.communicate(timeout=time_limit(60))
    assert process.returncode == 0, err
    assert "Traceback" not in out + err
    return masks, err


def run(start: Start, *given: str) -> tuple[int, str]:
    """Exit code and everything said, of a command that ends by itself."""
    process = start(*given)
    out, err = process.communicate(timeout=time_limit(90))
    assert "Traceback" not in out + err
    return process.returncode, out + err


@pytest.fixture
def address(tmp_path: Path) -> str:
    return f"ipc://{tmp_path}/masks"


def test_the_last_mask_of_a_clip_is_delivered_before_the_end(
    start: Start, tmp_path: Path, address: str
) -> None:
    clip = write_clip(tmp_path / "clip.mp4", frames=30, rate_hz=RATE_HZ)
    masks, _ = watch(start, clip, address, 29)
    assert masks[-1].header.frame_seq == 29
    assert all(a.seq < b.seq and a.header.frame_seq < b.header.frame_seq for a, b in pairwise(masks))
    assert all(a.header.time.capture < b.header.time.capture for a, b in pairwise(masks))
    assert {mask.header.frame_wh for mask in masks} == {(64, 48)}


def test_a_bad_configuration_tells_every_mistake_at_once(start: Start, tmp_path: Path) -> None:
    path = tmp_path / "c.yaml"
    path.write_text("streams:\n  gate:\n    sorce: rtsp://u:secret@h\nengine: {threads: -1}\n")
    code, text = run(start, "run", str(path))
    assert code == 78
    assert f"{path}:3: streams.gate.sorce: is not a known key" in text
    assert f"{path}:4: engine.threads" in text
    assert "secret" not in text


def test_a_missing_configuration(start: Start, tmp_path: Path) -> None:
    code, text = run(start, "run", str(tmp_path / "none.yaml"))
    assert (code, text.count("\n")) == (78, 1)
    assert "cannot be read: No such file" in text


def test_text_in_a_file_with_a_videos_name(start: Start, tmp_path: Path, address: str) -> None:
    (tmp_path / "notes.mp4").write_text("no video here\n" * 100)
    code, text = run(start, *arguments(tmp_path / "notes.mp4", address))
    assert code == 78
    assert "notes.mp4: not a video file" in text.splitlines()[-1]
