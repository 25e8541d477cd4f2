from __future__ import annotations

import threading
from typing import Any

import numpy as np
import onnx
import onnxruntime
import pytest

from streamseg.errors import EngineError, PackageError
from streamseg.inference.backend import Settings
from streamseg.inference.backends import ort
from streamseg.inference.packages.package import Package
from streamseg.inference.precision_benchmark import ROUNDS
from tests.fakes.int8 import add_int8
from tests.waiting import time_limit

PICTURE = np.zeros((1, 48, 64, 3), np.uint8)


@pytest.mark.parametrize("precision", ["auto", "f32"])
def test_it_computes_in_f32(package: Package, precision: Any) -> None:
    assert ort.load(package, Settings(precision, 1, None)).info.precision == "f32"


def test_bf16_is_refused(package: Package) -> None:
    with pytest.raises(EngineError, match="onnxruntime computes in f32 or int8, not in bf16; set precision"):
        ort.load(package, Settings("bf16", 1, None))


@pytest.mark.parametrize(("int8_ms", "expected"), [(1.0, "int8"), (1.98, "f32"), (3.0, "f32")])
def test_auto_takes_int8_only_where_it_is_faster(
    package: Package, monkeypatch: pytest.MonkeyPatch, int8_ms: float, expected: str
) -> None:
    times_ms = iter([2.0, int8_ms] * ROUNDS)  # f32 and int8, in turns
    monkeypatch.setattr(ort, "least_ms", lambda _graph, _feeds: next(times_ms))
    info = ort.load(add_int8(package), Settings("auto", 1, None)).info
    assert (info.precision, info.times_ms) == (expected, {"f32": 2.0, "int8": int8_ms})


def test_auto_leaves_int8_that_costs_too_much(package: Package) -> None:
    info = ort.load(add_int8(package, loss=0.6, allowed=0.5), Settings("auto", 1, None)).info
    assert (info.precision, info.times_ms) == ("f32", {})


def test_int8_runs_another_segmenter(package: Package) -> None:
    both = add_int8(package)
    exact, coarse = (ort.load(both, Settings(name, 1, None)) for name in ("f32", "int8"))
    assert coarse.info.precision == "int8"
    difference = np.abs(exact.start(PICTURE).logits() - coarse.start(PICTURE).logits()).max()
    assert 0.0 < difference < 0.5


def test_a_package_without_int8_cannot_run_in_it(package: Package) -> None:
    with pytest.raises(PackageError, match="no graph in int8; make one: streamseg model calibrate tiny"):
        ort.load(package, Settings("int8", 1, None))


def test_a_run_leaves_the_callers_thread_free(package: Package, monkeypatch: pytest.MonkeyPatch) -> None:
    engine = ort.load(package, Settings("f32", 1, None))
    gate = threading.Event()
    run = onnxruntime.InferenceSession.run

    def held(session: Any, *rest: Any) -> Any:
        assert gate.wait(time_limit(60))
        return run(session, *rest)

    monkeypatch.setattr(onnxruntime.InferenceSession, "run", held)
    under_way = engine.start(PICTURE)  # would fail here if it ran on this thread
    gate.set()
    under_way.wait()


def test_a_failing_run_is_an_engine_error(package: Package, monkeypatch: pytest.MonkeyPatch) -> None:
    engine = ort.load(package, Settings("f32", 1, None))

    def fail(*_args: Any) -> Any:
        raise RuntimeError("out of something")

    monkeypatch.setattr(onnxruntime.InferenceSession, "run", fail)
    with pytest.raises(EngineError, match="ONNX Runtime failed: out of something"):
        engine.start(PICTURE).wait()


@pytest.fixture
def ran_on(monkeypatch: pytest.MonkeyPatch) -> set[threading.Thread]:
    """The threads that sessions ran on, which are ours: not what ONNX Runtime has beside them."""
    threads: set[threading.Thread] = set()
    run = onnxruntime.InferenceSession.run

    def noted(session: Any, *rest: Any) -> Any:
        threads.add(threading.current_thread())
        return run(session, *rest)

    monkeypatch.setattr(onnxruntime.InferenceSession, "run", noted)
    return threads


def test_one_graph_by_itself(package: Package, ran_on: set[threading.Thread]) -> None:
    path, settings = package.path / "segmenter.onnx", Settings("f32", 1, None)
    whole = ort.load(package, settings).start(PICTURE).logits()
    ran_on.clear()
    for model in (path, path.read_bytes()):
        with ort.opened(model, path, settings) as graph:
            assert [spec.name for spec in graph.spec.inputs] == ["image"]
            np.testing.assert_array_equal(graph.start({"image": PICTURE}).result()["logits"], whole)
    assert len(ran_on) == 2
    assert not [thread for thread in ran_on if thread.is_alive()]


def test_the_bytes_that_were_hashed_are_those_that_run(package: Package) -> None:
    """The file may have been replaced since the package was opened."""
    path = package.path / "segmenter.onnx"
    path.write_bytes((package.path / "readout.onnx").read_bytes())
    with pytest.raises(PackageError, match=r"segmenter\.onnx: sha256 is "):
        ort.load(package, Settings("f32", 1, None))


def test_what_a_graph_calls_its_nodes_reaches_no_terminal(
    package: Package, capfd: pytest.CaptureFixture[str]
) -> None:
    """ONNX Runtime's own log, which quotes names as they are, is silent; the exceptions have it."""
    model = onnx.load(package.path / "readout.onnx")
    shape = onnx.helper.make_tensor("shape", onnx.TensorProto.INT64, [4], [7, 5, 12, 16])
    model.graph.initializer.append(shape)
    first = model.graph.node[0]
    first.input[0], before = "reshaped", first.input[0]
    bad = onnx.helper.make_node("Reshape", [before, "shape"], ["reshaped"], name="\x1b[31mred")
    model.graph.node.insert(0, bad)
    settings, feed = Settings("f32", 1, None), np.zeros((1, 5, 12, 16), np.float32)
    with (
        ort.opened(model.SerializeToString(), package.path, settings) as graph,
        pytest.raises(EngineError, match=r"\\x1b\[31mred") as caught,
    ):
        graph.start({"logits": feed}).result()
    assert "\x1b" not in str(caught.value)
    told = capfd.readouterr()
    assert (told.out, told.err) == ("", "")


def test_one_graph_that_is_none_names_its_file(package: Package) -> None:
    path = package.path / "segmenter.onnx"
    with (
        pytest.raises(PackageError, match=r"segmenter\.onnx: ONNX Runtime cannot load it"),
        ort.opened(b"no graph", path, Settings("f32", 1, None)),
    ):
        pass


def test_closing_ends_its_thread(package: Package, ran_on: set[threading.Thread]) -> None:
    engine = ort.load(package, Settings("f32", 1, None))
    for _ in range(3):
        engine.start(PICTURE).wait()
    (thread,) = ran_on
    assert thread.name.startswith("engine-ort")
    assert thread.is_alive()
    engine.close()
    assert not thread.is_alive()
