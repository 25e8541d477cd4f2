from __future__ import annotations

import threading
from typing import Any

import numpy as np
import onnxruntime
import pytest

from streamseg.errors import EngineError, PackageError
from streamseg.inference import ort
from streamseg.inference.backend import Settings
from streamseg.inference.package import Package

PICTURE = np.zeros((1, 48, 64, 3), np.uint8)


@pytest.mark.parametrize("precision", ["auto", "f32"])
def test_it_computes_in_f32(package: Package, precision: Any) -> None:
    assert ort.load(package, Settings(precision, 1, None)).info.precision == "f32"


def test_bf16_is_refused(package: Package) -> None:
    with pytest.raises(EngineError, match="onnxruntime computes in f32 on a CPU; set precision"):
        ort.load(package, Settings("bf16", 1, None))


def test_a_run_leaves_the_callers_thread_free(package: Package, monkeypatch: pytest.MonkeyPatch) -> None:
    engine = ort.load(package, Settings("f32", 1, None))
    gate, where = threading.Event(), []
    run = onnxruntime.InferenceSession.run

    def held(session: Any, *rest: Any) -> Any:
        where.append(threading.current_thread().name)
        assert gate.wait(30)
        return run(session, *rest)

    monkeypatch.setattr(onnxruntime.InferenceSession, "run", held)
    under_way = engine.start(PICTURE)  # would hang here if it ran on this thread
    gate.set()
    under_way.wait()
    assert where[0].startswith("engine-ort")


def test_a_failing_run_is_an_engine_error(package: Package, monkeypatch: pytest.MonkeyPatch) -> None:
    engine = ort.load(package, Settings("f32", 1, None))

    def fail(*_args: Any) -> Any:
        raise RuntimeError("out of something")

    monkeypatch.setattr(onnxruntime.InferenceSession, "run", fail)
    with pytest.raises(EngineError, match="ONNX Runtime failed: out of something"):
        engine.start(PICTURE).wait()


def test_one_graph_by_itself(package: Package) -> None:
    path, settings = package.path / "segmenter.onnx", Settings("f32", 1, None)
    whole = ort.load(package, settings).start(PICTURE).logits()
    before = set(threading.enumerate())
    for model in (path, path.read_bytes()):
        with ort.opened(model, path, settings) as graph:
            assert [spec.name for spec in graph.spec.inputs] == ["image"]
            np.testing.assert_array_equal(graph.start({"image": PICTURE}).result()["logits"], whole)
    assert set(threading.enumerate()) <= before


def test_one_graph_that_is_none_names_its_file(package: Package) -> None:
    path = package.path / "segmenter.onnx"
    with (
        pytest.raises(PackageError, match=r"segmenter\.onnx: ONNX Runtime cannot load it"),
        ort.opened(b"no graph", path, Settings("f32", 1, None)),
    ):
        pass


def test_closing_ends_its_thread(package: Package) -> None:
    before = set(threading.enumerate())
    engine = ort.load(package, Settings("f32", 1, None))
    engine.start(PICTURE).wait()
    started = set(threading.enumerate()) - before
    assert [thread.name for thread in started] == ["engine-ort_0"]
    engine.close()
    assert not started & set(threading.enumerate())
