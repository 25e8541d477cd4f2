"""Several streams through one engine in batches: fast ones, a slow one, one that never comes."""

from __future__ import annotations

from contextlib import ExitStack
from pathlib import Path

import pytest
import yaml

from streamseg.client.subscription import subscribe
from tests.capture.servers import closed_port
from tests.e2e.conftest import Start
from tests.waiting import time_limit

RATES = {"fast": 30, "middle": 20, "slow": 5}


@pytest.mark.parametrize("wait_ms", [0, 20])
def test_each_stream_gets_its_masks(start: Start, engines: Path, tmp_path: Path, wait_ms: float) -> None:
    address = f"ipc://{tmp_path}/masks"
    streams = {name: {"source": f"lavfi:testsrc2=size=96x64:rate={rate}"} for name, rate in RATES.items()}
    stack = ExitStack()
    streams["dead"] = {"source": f"rtsp://127.0.0.1:{stack.enter_context(closed_port())}/nobody"}
    config = {
        "engine": {"model": str(engines), "max_batch": 3, "max_batch_wait_ms": wait_ms},
        "publish": {"bind": address},
        "streams": streams,
    }
    path = tmp_path / "streamseg.yaml"
    path.write_text(yaml.safe_dump(config), encoding="utf-8")
    start("run", str(path))
    with stack:
        seen = {
            name: stack.enter_context(subscribe(address, stream=name, latest=False, timeout_s=time_limit(90)))
            for name in RATES
        }
        for name, masks in seen.items():
            got = [next(masks) for _ in range(5)]
            assert {mask.header.stream for mask in got} == {name}
            assert [mask.seq for mask in got] == sorted({mask.seq for mask in got})
