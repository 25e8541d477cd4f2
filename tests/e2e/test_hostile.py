"""A daemon at work, told to take packages that are up to no good: it says so in a line, and serves on."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from examples.daemon import Daemon, running
from streamseg.client.subscription import subscribe
from tests.e2e.conftest import Start
from tests.fakes.hostile import LOADED, make_hostile
from tests.fakes.packages import make_package
from tests.waiting import time_limit, wait_for

KINDS = ["laughs", "manifest-fifo", "escapes", "long-names", "graph-fifo", "graph-sparse", "graph-elsewhere"]
KINDS += sorted(LOADED)


def config(folder: Path, package: Path) -> dict[str, Any]:
    return {
        "engine": {"model": str(package), "backend": "openvino", "cache_dir": str(folder / "cache")},
        "publish": {"bind": f"ipc://{folder}/masks"},
        "streams": {"gate": {"source": {"url": "lavfi:testsrc2=size=96x64:rate=10"}}},
    }


@pytest.fixture
def daemon(tmp_path: Path) -> Iterator[Daemon]:
    sound = make_package(tmp_path).path
    with running(config(tmp_path, sound), tmp_path) as found:
        yield found


def test_whatever_it_is_reloaded_onto_it_serves_on(daemon: Daemon, tmp_path: Path) -> None:
    with subscribe(f"ipc://{tmp_path}/masks", stream="gate", latest=False, timeout_s=time_limit(90)) as masks:
        first = next(masks)
        for kind in KINDS:
            path = make_hostile(tmp_path, kind)
            daemon.reload(config(tmp_path, path))
            wait_for(lambda: str(path) in daemon.log.read_text(), 60, f"a word on {kind}")  # noqa: B023
            latest = next(masks)
            until = latest.seq + 3
            while latest.seq < until:
                latest = next(masks)
                assert latest.header.epoch == first.header.epoch, kind
                assert not latest.reset, kind
        assert masks.info is not None
        assert masks.info.name == "tiny"
    assert daemon.stop(60)[0] == 0
    log = daemon.log.read_text()
    assert "Traceback" not in log
    assert log.count("reload: refused; everything goes on as before") == len(set(KINDS) - LOADED)
    assert "\x1b" not in log


@pytest.mark.parametrize("kind", ["laughs", "manifest-fifo", "graph-zero", "no-onnx"])
def test_a_start_with_one_ends_with_78_and_a_line(start: Start, engines: Path, kind: str) -> None:
    path = make_hostile(engines.parent, kind)
    process = start(
        "run",
        "--source",
        "lavfi:testsrc2=size=96x64",
        "--model",
        kind,
        "--bind",
        f"ipc://{engines.parent}/masks",
    )
    _, err = process.communicate(timeout=time_limit(90))
    assert process.returncode == 78
    assert "Traceback" not in err
    last = err.splitlines()[-1]
    assert last.startswith("streamseg: ")
    assert f"{path}/" in last
