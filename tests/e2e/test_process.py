"""The daemon as a user runs it: a process of its own, told by signals, judged by exit codes and one line."""

from __future__ import annotations

import signal
import socket
from itertools import pairwise
from pathlib import Path

import pytest

from streamseg.client.subscription import Subscription, subscribe
from streamseg.inference.packages.package import open_package
from tests.capture.servers import closed_port
from tests.e2e.conftest import Start
from tests.waiting import time_limit, wait_for

LIVE = "lavfi:testsrc2=size=96x64:rate=25"


def run(start: Start, *arguments: str) -> tuple[int, str]:
    """Exit code and everything said, of a command that ends by itself."""
    process = start(*arguments)
    out, err = process.communicate(timeout=time_limit(90))
    assert "Traceback" not in err
    return process.returncode, out + err


def masks(address: str) -> Subscription:
    return subscribe(address, stream="gate", latest=False, timeout_s=time_limit(90))


def test_masks_until_sigterm(start: Start, tmp_path: Path) -> None:
    address = f"ipc://{tmp_path}/masks"
    process = start("run", "--source", LIVE, "--name", "gate", "--model", "tiny", "--bind", address)
    with masks(address) as found:
        seen = [next(found) for _ in range(10)]
        assert [mask.seq for mask in seen] == sorted({mask.seq for mask in seen})
        assert seen[-1].labels.shape == (48, 64)
        assert found.info is not None
        assert found.info.name == "tiny"
    process.send_signal(signal.SIGTERM)
    process.communicate(timeout=time_limit(60))
    assert process.returncode == 0
    assert not (tmp_path / "masks").exists()


def test_a_killed_daemon_can_be_started_again(start: Start, tmp_path: Path) -> None:
    address = f"ipc://{tmp_path}/masks"
    arguments = ("run", "--source", LIVE, "--name", "gate", "--model", "tiny", "--bind", address)
    with masks(address) as found:
        first = start(*arguments)
        epoch = next(found).header.epoch
        first.kill()
        first.wait()
        start(*arguments)
        while next(found).header.epoch == epoch:  # ends with the first mask of the second daemon
            pass


def test_a_file_that_ends_ends_the_daemon(start: Start, tmp_path: Path) -> None:
    address = f"ipc://{tmp_path}/masks"
    clip = "lavfi:testsrc2=size=96x64:rate=25:duration=2"
    with masks(address) as found:
        process = start("run", "--source", clip, "--name", "gate", "--model", "tiny", "--bind", address)
        last = next(found)
        while last.header.frame_seq < 49:
            last = next(found)
    process.communicate(timeout=time_limit(60))
    assert process.returncode == 0


def test_an_unreachable_camera_is_retried_and_its_password_never_told(start: Start, tmp_path: Path) -> None:
    address = f"ipc://{tmp_path}/masks"
    with closed_port() as port, subscribe(address, stream="gate", timeout_s=0.3) as found:
        source = f"rtsp://user:secret@127.0.0.1:{port}/live"
        process = start("run", "--source", source, "--name", "gate", "--model", "tiny", "--bind", address)

        def told() -> bool:
            with pytest.raises(TimeoutError):
                next(found)
            return "gate" in found.statuses and found.statuses["gate"].state == "backoff"

        wait_for(told, 90, "the camera's refusal")
        assert found.statuses["gate"].reason == "refused"
        assert "secret" not in found.statuses["gate"].message
    assert process.poll() is None
    process.send_signal(signal.SIGTERM)
    out, err = process.communicate(timeout=time_limit(60))
    assert process.returncode == 0
    assert "secret" not in out + err
    assert "Traceback" not in err


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--source", "/nowhere.mp4"], "there is no such file"),
        (["--source", LIVE, "--model", "teeny"], "tiny"),
        (["--source", LIVE, "--bind", "tcp://0.0.0.0:0"], "insecure"),
        (["--source", LIVE, "--bind", "nonsense"], "nonsense"),
        (["--source", "gopher://x/y"], "not a kind of source"),
    ],
)
def test_a_users_mistake_is_one_clear_line(start: Start, arguments: list[str], said: str) -> None:
    bind = [] if "--bind" in arguments else ["--bind", "tcp://127.0.0.1:0"]
    engine = [] if "--model" in arguments else ["--model", "tiny"]
    code, text = run(start, "run", *arguments, *bind, *engine)
    assert code == 78
    assert said in text


def test_a_file_that_is_no_video(start: Start, tmp_path: Path) -> None:
    (tmp_path / "notes.bin").write_bytes(bytes(range(256)) * 20)
    source = str(tmp_path / "notes.bin")
    code, text = run(start, "run", "--source", source, "--model", "tiny", "--bind", "tcp://127.0.0.1:0")
    assert code == 78
    assert "notes.bin" in text


def test_a_port_in_use(start: Start) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        address = f"tcp://127.0.0.1:{taken.getsockname()[1]}"
        code, text = run(start, "run", "--source", LIVE, "--model", "tiny", "--bind", address)
    assert code == 1
    assert address in text


@pytest.mark.parametrize("graph", ["segmenter.onnx", "stabiliser.onnx"])
@pytest.mark.parametrize("harm", ["flip", "remove"])
def test_a_damaged_package(start: Start, engines: Path, graph: str, harm: str) -> None:
    path = engines / graph
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.unlink()
    if harm == "flip":
        path.write_bytes(data)
    code, text = run(start, "run", "--source", LIVE, "--model", "tiny", "--bind", "tcp://127.0.0.1:0")
    assert code == 78
    assert graph in text


@pytest.mark.data
def test_the_shipped_engine_on_a_real_drive(camvid: Path, start: Start, tmp_path: Path) -> None:
    engine = open_package("camvid-lite0").path  # of the source tree, or of an installed wheel
    address = f"ipc://{tmp_path}/masks"
    clip = camvid / "val-0016E5-15fps.mp4"
    with masks(address) as found:
        where = ("--model", str(engine), "--bind", address)
        start("run", "--source", str(clip), "--no-pace", "--name", "gate", *where)
        seen = [next(found) for _ in range(20)]
        names = {c.name for mask in seen for c in mask.classes}
    assert {"road", "building", "sky", "car"} <= names
    changed = [(a.labels != b.labels).mean() for a, b in pairwise(seen[5:])]
    assert max(changed) < 0.12, "consecutive masks of a drive are alike"
