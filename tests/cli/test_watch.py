"""`streamseg watch`, with the real publisher at the other end."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from streamseg.cli import main
from streamseg.flow.deadline import Deadline
from streamseg.publish.publisher import Publisher
from streamseg.types import StateChange, StreamState
from tests.publish.conftest import make_segmentation


@pytest.fixture
def address() -> Iterator[str]:
    """Where masks of `gate` are published, one every few milliseconds."""
    publisher, stop = Publisher(["tcp://127.0.0.1:0"]), threading.Event()
    publisher.start()

    def publish() -> None:
        seq = 0
        while not stop.wait(0.02):
            publisher.offer(make_segmentation(seq), "zstd")
            seq += 1

    thread = threading.Thread(target=publish)
    thread.start()
    yield publisher.addresses[0]
    stop.set()
    thread.join()
    publisher.stop()
    assert publisher.join(Deadline(20))


def test_json_is_one_object_a_mask(address: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["watch", address, "--stream", "gate", "--json", "--count", "3"]) == 0
    masks = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert len(masks) == 3
    assert all(mask["stream"] == "gate" and mask["v"] == 1 and mask["age_ms"] > 0 for mask in masks)
    assert [mask["seq"] for mask in masks] == sorted(mask["seq"] for mask in masks)


def test_a_line_for_people(address: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["watch", address, "--count", "2"]) == 0
    line = capsys.readouterr().out
    assert line.startswith("gate ")
    assert all(part in line for part in ("fps", "age p50", "gaps 0", "drops"))


def test_save_writes_each_mask(address: str, tmp_path: Path) -> None:
    assert main(["watch", address, "--count", "2", "--save", str(tmp_path / "out")]) == 0
    assert len(list((tmp_path / "out").glob("gate-*.png"))) == 2


def test_silence_is_said_and_ends_by_timeout(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["watch", "tcp://127.0.0.1:9", "--timeout", "2"]) == 1
    error = capsys.readouterr().err
    assert "is the daemon running?" in error
    assert "no mask from tcp://127.0.0.1:9 within 2 s" in error


def test_a_silent_stream_is_explained(capsys: pytest.CaptureFixture[str]) -> None:
    publisher = Publisher(["tcp://127.0.0.1:0"])
    publisher.start()
    publisher.status(StateChange("gate", StreamState.BACKOFF, 1.0, "refused", "camera: refused"))
    assert main(["watch", publisher.addresses[0], "--timeout", "3"]) == 1
    publisher.stop()
    assert publisher.join(Deadline(20))
    assert "gate is backoff (camera: refused)" in capsys.readouterr().err


def test_a_folder_that_cannot_be_made(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "file").write_text("")
    assert main(["watch", "--save", str(tmp_path / "file" / "out")]) == 1
    assert "cannot be made" in capsys.readouterr().err
