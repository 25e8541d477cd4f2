"""Signals at bad moments: before the daemon can hear them, and while readers do not read."""

from __future__ import annotations

import contextlib
import json
import re
import signal
import socket
import subprocess
from pathlib import Path

import pytest
import zmq
from websockets.sync.client import connect

from streamseg.client.subscription import subscribe
from tests.e2e.conftest import Start
from tests.waiting import time_limit, wait_for

HUP_BIT, USR1_BIT = 1 << (signal.SIGHUP - 1), 1 << (signal.SIGUSR1 - 1)


def blocked(process: subprocess.Popen[str]) -> int:
    """The signals that a process keeps waiting, a bit each (proc(5), SigBlk)."""
    status = Path(f"/proc/{process.pid}/status").read_text(encoding="ascii")
    found = re.search(r"^SigBlk:\s*([0-9a-f]+)$", status, re.MULTILINE)
    assert found is not None
    return int(found[1], 16)


def write(folder: Path, **more: object) -> tuple[Path, str]:
    """A configuration of one stream, and where its masks are."""
    path, address = folder / "c.yaml", f"ipc://{folder}/masks"
    streams = {"gate": {"source": "lavfi:testsrc2=size=96x64:rate=25"}}
    document = {"engine": {"model": "tiny"}, "publish": {"bind": address}, "streams": streams, **more}
    path.write_text(json.dumps(document), encoding="utf-8")
    return path, address


def test_a_reload_and_a_look_that_are_asked_for_before_it_can_hear_wait_for_it(
    start: Start, tmp_path: Path
) -> None:
    path, address = write(tmp_path)
    process = start("run", str(path))
    wait_for(lambda: blocked(process) & HUP_BIT != 0, 60, "the first line of the program")
    assert blocked(process) & USR1_BIT
    process.send_signal(signal.SIGHUP)
    process.send_signal(signal.SIGUSR1)
    with subscribe(address, timeout_s=time_limit(90)) as found:
        next(found)
    assert blocked(process) & (HUP_BIT | USR1_BIT) == 0
    process.send_signal(signal.SIGTERM)
    _, said = process.communicate(timeout=time_limit(60))
    assert process.returncode == 0
    assert "reload: nothing differs" in said
    assert "thread MainThread is at: " in said


@pytest.mark.parametrize("command", [["watch", "tcp://127.0.0.1:1"]])
def test_other_commands_end_with_their_terminal(start: Start, command: list[str]) -> None:
    process = start(*command)
    process.send_signal(signal.SIGHUP)
    process.communicate(timeout=time_limit(60))
    assert process.returncode == -signal.SIGHUP


def test_the_end_is_clean_though_nobody_reads(start: Start, tmp_path: Path) -> None:
    """Subscribers that never take a message, web sockets that never read, and half a request."""
    path, address = write(tmp_path, status={"bind": "127.0.0.1:0"})
    process = start("run", str(path))
    assert process.stderr is not None
    port = 0
    for line in process.stderr:
        if found := re.search(r"http://127\.0\.0\.1:(\d+)", line):
            port = int(found[1])
            break
    with contextlib.ExitStack() as left_open:
        context: zmq.Context[zmq.Socket[bytes]] = zmq.Context()
        left_open.callback(context.term)
        for _ in range(4):
            deaf = context.socket(zmq.SUB)
            left_open.callback(deaf.close, linger=0)
            deaf.setsockopt(zmq.RCVHWM, 1)
            deaf.setsockopt(zmq.SUBSCRIBE, b"")
            deaf.connect(address)
            page = left_open.enter_context(
                connect(f"ws://127.0.0.1:{port}/live", max_queue=1, open_timeout=time_limit(60))
            )
            page.send(json.dumps({"streams": ["gate"]}))
        half = left_open.enter_context(socket.create_connection(("127.0.0.1", port)))
        half.sendall(b"GET /metrics HTTP/1.1\r\nHost: ")
        with subscribe(address, timeout_s=time_limit(90)) as masks:
            while next(masks).seq < 20:
                pass
        process.send_signal(signal.SIGTERM)
        _, said = process.communicate(timeout=time_limit(60))
    assert process.returncode == 0
    assert "Traceback" not in said
    assert not (tmp_path / "masks").exists()
