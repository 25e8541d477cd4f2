"""What may happen to a running daemon: other picture sizes, networks that give NaN, a stop at any moment."""

from __future__ import annotations

import json
import signal
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path

import pytest

from streamseg.client.subscription import Mask, Subscription, subscribe
from tests.capture.conftest import write_clip
from tests.e2e.conftest import Start
from tests.waiting import time_limit

SIZES = [(96, 64), (64, 96), (96, 64)]
WHITE = 2  # of ten frames; for these the tiny package gives NaN
FLASHES = f"lavfi:testsrc2=size=96x64:rate=25,drawbox=color=white:t=fill:enable='lt(mod(n,10),{WHITE})'"


@pytest.fixture
def resized(tmp_path: Path) -> Path:
    """A video whose pictures change their size on the way, and back."""
    path = tmp_path / "resized.h264"
    with path.open("wb") as whole:
        for size_wh in SIZES:
            part = write_clip(tmp_path / "part.h264", frames=10, size_wh=size_wh, codec="libx264")
            whole.write(part.read_bytes())
    return path


def masks(address: str, stream: str | None = "gate") -> Subscription:
    return subscribe(address, stream=stream, latest=False, timeout_s=time_limit(90))


def arguments(source: str | Path, address: str, *more: str) -> tuple[str, ...]:
    return ("run", "--source", str(source), "--name", "gate", "--model", "tiny", "--bind", address, *more)


def neighbours(found: Subscription) -> Iterator[tuple[Mask, Mask]]:
    """Pairs of masks that were made one right after the other."""
    return (pair for pair in pairwise(found) if pair[1].gaps == 0)


def test_another_picture_size_lets_the_memory_go_and_nothing_else(
    start: Start, tmp_path: Path, resized: Path
) -> None:
    address, changes = f"ipc://{tmp_path}/masks", 0
    with masks(address) as found:
        process = start(*arguments(resized, address, "--loop"))
        for before, now in neighbours(found):
            width, height = now.header.frame_wh
            assert now.labels.shape == (48, 64)
            assert (now.to_frame[0], now.to_frame[4]) == (width / 64, height / 48)
            if before.header.frame_wh != now.header.frame_wh:
                assert now.reset
                changes += 1
            if changes == 4:
                break
    assert process.poll() is None


def test_nan_costs_its_frames_and_the_memory(start: Start, tmp_path: Path) -> None:
    address, flashes = f"ipc://{tmp_path}/masks", 0
    with masks(address) as found:
        process = start(*arguments(FLASHES, address, "--no-pace"))  # unpaced: no frame is dropped
        for before, now in neighbours(found):
            assert now.header.frame_seq % 10 >= WHITE, "a white frame has no mask"
            if before.header.frame_seq % 10 == 9:
                assert now.header.frame_seq == before.header.frame_seq + WHITE + 1
                assert now.reset
                flashes += 1
            if flashes == 3:
                break
    process.send_signal(signal.SIGTERM)
    _, told = process.communicate(timeout=time_limit(60))
    assert process.returncode == 0
    assert "NaN" in told
    assert "Traceback" not in told


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_stop_in_the_middle_of_the_start(start: Start, tmp_path: Path, number: signal.Signals) -> None:
    process = start(*arguments("lavfi:testsrc2=size=96x64:rate=25", f"ipc://{tmp_path}/masks"))
    assert process.stderr is not None
    while "masks at" not in process.stderr.readline():
        assert process.poll() is None
    process.send_signal(number)
    _, told = process.communicate(timeout=time_limit(60))
    assert process.returncode == 0
    assert "Traceback" not in told
    assert not (tmp_path / "masks").exists()


def test_two_streams_from_a_file(start: Start, tmp_path: Path) -> None:
    address = f"ipc://{tmp_path}/masks"
    source = "lavfi:testsrc2=size=96x64:rate=${RATE:-10}"
    document = {
        "engine": {"model": "tiny"},
        "publish": {"bind": address},
        "streams": {"gate": {"source": source}, "yard": {"source": source, "temporal": "ema"}},
    }
    (tmp_path / "two.yaml").write_text(json.dumps(document), encoding="utf-8")
    seen: dict[str, str] = {}
    with masks(address, stream=None) as found:
        start("run", str(tmp_path / "two.yaml"))
        while seen.keys() != {"gate", "yard"}:
            mask = next(found)
            seen[mask.stream] = mask.header.mode
    assert seen == {"gate": "convgru", "yard": "ema"}
