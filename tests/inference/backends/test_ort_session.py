from __future__ import annotations

from pathlib import Path
from typing import Any

import onnxruntime
import pytest

from streamseg.errors import EngineError, PackageError
from streamseg.inference.backend import Settings
from streamseg.inference.backends import ort_session
from streamseg.inference.backends.execution_providers import OTHERS, Gpu
from streamseg.inference.backends.ort_session import gpu_of, read_model, read_session, session_options
from streamseg.inference.packages.contract import ANY, TensorSpec
from streamseg.inference.packages.package import Package
from tests.fakes.provider import HOST

SETTINGS = Settings("f32", 3, None, gpu=1, gpu_memory_limit_mb=512)


def test_the_settings_name_the_gpu() -> None:
    assert gpu_of(SETTINGS) == Gpu(1, 512)


def test_the_threads_are_the_engines_and_do_not_spin() -> None:
    options = session_options(SETTINGS)
    assert (options.intra_op_num_threads, options.inter_op_num_threads) == (3, 1)
    assert options.get_session_config_entry("session.intra_op.allow_spinning") == "0"


def test_what_is_in_a_file_is_read_as_it_is(package: Package) -> None:
    path = package.path / "segmenter.onnx"
    model = read_model(path.read_bytes(), path, SETTINGS)
    assert model.names == {"image": ("N", 48, 64, 3)}
    assert model.spec.inputs == (TensorSpec("image", "uint8", (ANY, 48, 64, 3)),)


def test_a_session_has_the_options_it_is_given(package: Package) -> None:
    options = session_options(SETTINGS)
    options.add_free_dimension_override_by_name("N", 2)
    path = package.path / "segmenter.onnx"
    session = read_session(path, path, SETTINGS, HOST, options)
    assert session.get_inputs()[0].shape == [2, 48, 64, 3]


def test_the_provider_is_told_the_gpu(package: Package, monkeypatch: pytest.MonkeyPatch) -> None:
    told: list[Any] = []
    monkeypatch.setattr(ort_session, "open_session", lambda *given: told.append(given))
    read_session(b"", Path("segmenter.onnx"), SETTINGS, OTHERS["cuda"])
    assert told[0][2:] == (OTHERS["cuda"], Gpu(1, 512))


def test_the_cpu_blames_the_file_and_another_provider_itself(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: Any) -> Any:
        raise onnxruntime.capi.onnxruntime_pybind11_state.Fail("CUDA failure 46: all devices are busy")

    path = Path("segmenter.onnx")
    monkeypatch.setattr(ort_session, "open_session", refuse)
    with pytest.raises(PackageError, match=r"^segmenter\.onnx: ONNX Runtime cannot load it: CUDA failure 46"):
        read_session(path, path, SETTINGS)
    words = r"^segmenter\.onnx: onnxruntime-cuda cannot run all of it: the GPU is taken"
    with pytest.raises(EngineError, match=words):
        read_session(path, path, SETTINGS, OTHERS["cuda"])
