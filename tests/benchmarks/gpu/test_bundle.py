from __future__ import annotations

import tomllib
from pathlib import Path

import pytest

from benchmarks.clip import ROOT
from benchmarks.gpu.bundle import project
from benchmarks.gpu.cuda_wheels import CUDA_LIBRARY, slim_onnxruntime
from benchmarks.gpu.fatbin import entries
from tests.benchmarks.gpu.test_fatbin import library


@pytest.mark.tree
def test_the_project_comes_along_with_one_model_package(tmp_path: Path) -> None:
    folder = project("camvid-lite0", tmp_path) / "project"
    assert tomllib.loads((folder / "pyproject.toml").read_text()) == tomllib.loads(
        (ROOT / "pyproject.toml").read_text()
    )
    assert [path.parent.name for path in folder.glob("engines/*/model.yaml")] == ["camvid-lite0"]
    assert (folder / "benchmarks" / "gpu" / "check.py").exists()


def test_onnx_runtime_keeps_what_a_session_loads(tmp_path: Path) -> None:
    package = tmp_path / "onnxruntime"
    kept = (
        "__init__.py",
        f"capi/{CUDA_LIBRARY}",
        "capi/onnxruntime_pybind11_state.so",
        "capi/_pybind_state.py",
    )
    unused = (
        "transformers/models/gpt.py",
        "capi/libonnxruntime.so.1.31",
        "capi/libonnxruntime_providers_tensorrt.so",
    )
    for name in (*kept, *unused):
        (package / name).parent.mkdir(parents=True, exist_ok=True)
        (package / name).write_bytes(library())
    sizes = slim_onnxruntime(tmp_path, 80)
    left = {str(path.relative_to(package)) for path in package.rglob("*") if path.is_file()}
    assert left == set(kept)
    content = (package / "capi" / CUDA_LIBRARY).read_bytes()
    assert [any(content[one.body]) for one in entries(content)] == [True, False, False, False]
    assert "kept sm_80" in sizes
