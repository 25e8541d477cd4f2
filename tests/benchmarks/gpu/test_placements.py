from __future__ import annotations

from pathlib import Path

import pytest

from benchmarks.gpu import placements as module
from benchmarks.gpu.placements import CPU, parse, placements
from tests.fakes.packages import make_package

LOG = """
2026 [V:onnxruntime:, session_state.cc:1] Node(s) placed on [CPUExecutionProvider]. Number of nodes: 2
2026 [V:onnxruntime:, session_state.cc:2]   Shape (/Shape)
2026 [V:onnxruntime:, session_state.cc:2]   Gather (/Gather)
2026 [V:onnxruntime:, session_state.cc:1] Node(s) placed on [CUDAExecutionProvider]. Number of nodes: 1
2026 [V:onnxruntime:, session_state.cc:2]   Conv (/Conv)
"""


def test_the_log_tells_what_stays_on_the_cpu() -> None:
    assert parse(LOG) == ({CPU: 2, "CUDAExecutionProvider": 1}, {"Shape": 1, "Gather": 1})


def test_a_graph_with_its_batch_fixed_has_fewer_nodes(tmp_path: Path) -> None:
    package = make_package(tmp_path)
    graph = package.path / next(iter(package.running("f32").values())).file
    found = {n: placements(graph, n, CPU) for n in ("open", "1")}
    assert all(one["error"] == "" and set(one["nodes"]) == {CPU} for one in found.values())
    assert found["1"]["nodes"][CPU] <= found["open"]["nodes"][CPU]


def test_a_provider_that_takes_nothing_fails(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("sys.argv", ["placements", "NoSuchExecutionProvider"])
    with pytest.raises(SystemExit, match="does not take all of"):
        module.main()
    assert '"N": "1"' in capsys.readouterr().out
