from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import onnx
import onnxruntime
import pytest
from onnx import TensorProto, helper

from streamseg.errors import EngineError
from streamseg.inference import ort
from streamseg.inference.backend import Settings
from streamseg.inference.package import Package
from streamseg.inference.providers import CPU, OTHERS, PROBE, open_session, why_not

ROOT = Path(__file__).resolve().parents[2]
CUDA = OTHERS["cuda"]
EVERYWHERE = [CPU.library, CUDA.library]


@pytest.fixture
def driverless(monkeypatch: pytest.MonkeyPatch) -> None:
    """ONNX Runtime that lists a provider it cannot start, as its CUDA build does without a driver."""
    monkeypatch.setattr(onnxruntime, "get_available_providers", lambda: EVERYWHERE)


def test_the_probe_is_one_relu() -> None:
    one = [helper.make_tensor_value_info(name, TensorProto.FLOAT, [1]) for name in "xy"]
    graph = helper.make_graph([helper.make_node("Relu", ["x"], ["y"])], "probe", one[:1], one[1:])
    made = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)], ir_version=8)
    assert onnx.load_from_string(PROBE) == made


def test_the_cpu_is_usable() -> None:
    assert why_not(CPU) == ""


@pytest.mark.parametrize("name", sorted(OTHERS))
def test_one_that_is_not_installed_names_what_is_and_what_brings_it(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(onnxruntime, "get_available_providers", lambda: [CPU.library])
    problem = why_not(OTHERS[name])
    assert f"as installed has cpu; {name} comes with {OTHERS[name].package}" in problem


@pytest.mark.usefixtures("driverless")
@pytest.mark.filterwarnings("ignore:Specified provider")
def test_one_that_is_listed_but_does_not_start_is_not_usable() -> None:
    assert why_not(CUDA) == "cuda is installed but does not start: its driver or a library of it is missing"


@pytest.mark.usefixtures("driverless")
@pytest.mark.filterwarnings("ignore:Specified provider")
def test_a_package_never_runs_on_the_cpu_instead(package: Package) -> None:
    with pytest.raises(EngineError, match="cuda is installed but does not start"):
        ort.OnProvider("cuda").load(package, Settings("f32", 1, None))


@pytest.mark.usefixtures("driverless")
@pytest.mark.filterwarnings("ignore:Specified provider")
def test_nor_does_the_part_of_it_that_a_provider_cannot_run(
    package: Package, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ort, "why_not", lambda _provider: "")  # it starts, and then leaves nodes to the CPU
    with pytest.raises(EngineError, match=r"segmenter\.onnx: onnxruntime-cuda cannot run all of it: "):
        ort.OnProvider("cuda").load(package, Settings("f32", 1, None))


@pytest.mark.usefixtures("driverless")
def test_a_session_that_fell_back_all_the_same_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    class Fallen:
        def __init__(self, *_: Any, **__: Any) -> None: ...

        def get_providers(self) -> list[str]:
            return [CPU.library]

    monkeypatch.setattr(onnxruntime, "InferenceSession", Fallen)
    with pytest.raises(EngineError, match=r"onnxruntime-cuda did not start: .* fell back to CPUExecution"):
        open_session(PROBE, onnxruntime.SessionOptions(), CUDA)


def test_one_that_works_loads_under_its_own_name(package: Package, monkeypatch: pytest.MonkeyPatch) -> None:
    """The CPU in the part of another provider: the way there is the same."""
    monkeypatch.setitem(OTHERS, "odd", type(CPU)("odd", CPU.library, "none"))
    backend = ort.OnProvider("odd")
    monkeypatch.setattr(onnxruntime.SessionOptions, "add_session_config_entry", lambda *_: None)
    report, info = backend.report(), backend.load(package, Settings("f32", 1, None)).info
    assert (report.name, report.usable, report.precisions[0]) == ("onnxruntime-odd", True, "f32")
    assert (info.backend, info.device) == ("onnxruntime-odd", "odd")


@pytest.mark.real
def test_another_builds_provider_runs_and_is_listed(tmp_path: Path) -> None:
    """The OpenVINO build of ONNX Runtime, laid before the installed one on the path of another process."""
    pip = [sys.executable, "-m", "pip", "install", "-q", "--no-deps", "--target", str(tmp_path)]
    subprocess.run([*pip, "onnxruntime-openvino"], check=True, timeout=300)
    env = {**os.environ, "PYTHONPATH": f"{tmp_path}{os.pathsep}{ROOT}", "XDG_CACHE_HOME": str(tmp_path)}
    doctor = [sys.executable, "-m", "streamseg", "doctor"]
    told = subprocess.run(doctor, env=env, capture_output=True, text=True, check=True, timeout=120).stdout
    lines = dict(line.removeprefix("backend ").split(maxsplit=1) for line in told.splitlines())
    assert ", f32" in lines["onnxruntime-openvino"]
    assert "has cpu, openvino; cuda comes with onnxruntime-gpu" in lines["onnxruntime-cuda"]
