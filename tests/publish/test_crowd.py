"""More peers than the process may open files, in a process of its own."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from streamseg.wire.topics import Kind
from tests.publish.conftest import Subscribe
from tests.waiting import time_limit, wait_for

FEW_FILES = """
import logging, os, resource, sys
resource.setrlimit(resource.RLIMIT_NOFILE, (80, 80))
from streamseg.concurrency.deadline import Deadline
from streamseg.publish.publisher import Publisher
from tests.publish.conftest import make_segmentation

def free():
    try:
        os.close(os.open("/dev/null", os.O_RDONLY))
    except OSError:
        return "full"
    return "free"

logging.basicConfig(stream=sys.stderr)
publisher = Publisher(["tcp://127.0.0.1:0"])
publisher.start()
print(publisher.addresses[0], flush=True)
for line in sys.stdin:
    publisher.offer(make_segmentation(), "raw")
    print(free(), publisher.wanted("gate"), flush=True)
publisher.stop()
assert publisher.join(Deadline(60))
"""


def test_a_crowd_of_peers_leaves_file_descriptors_for_others(subscribe: Subscribe, tmp_path: Path) -> None:
    """All of them would be more than the 80 files there may be; they come again and again, as libzmq does."""
    log = tmp_path / "log"
    with (
        log.open("w") as errors,
        subprocess.Popen(
            [sys.executable, "-c", FEW_FILES],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=errors,
            text=True,
        ) as process,
    ):
        assert process.stdin is not None
        assert process.stdout is not None
        address = process.stdout.readline().strip()

        def told() -> str:
            """Whether a file can be opened there, and whether masks are wanted."""
            print(file=process.stdin, flush=True)
            return process.stdout.readline().strip()  # type: ignore[union-attr]

        subscriber = subscribe(address, "seg/1/gate/mask")
        wait_for(lambda: told() == "free True", what="a subscription")
        for number in range(100):
            subscribe(address, f"seg/1/crowd{number}/")
        wait_for(lambda: "20 are connected, and no more" in log.read_text(), what="the first to be refused")
        wait_for(lambda: told() == "free True", what="a free descriptor")
        assert subscriber.next(Kind.MASK).header.stream == "gate"
        process.stdin.close()
        assert process.wait(time_limit(60)) == 0
