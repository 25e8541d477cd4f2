"""An engine is made on another thread, or it is said why not."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import Any

import pytest

from streamseg.config.schema import EngineConfig
from streamseg.daemon.engine import loader
from streamseg.daemon.engine.loader import EngineLoader
from streamseg.errors import EngineError, StreamsegError
from streamseg.inference import build_process
from streamseg.inference.backend import BackendName
from streamseg.inference.backends.registry import CPU, load_engine
from streamseg.inference.engine import InferenceEngine
from streamseg.inference.packages.package import Package
from tests.fakes import slow as slow_backend
from tests.fakes.engine import FakeEngine, fake_package
from tests.fakes.packages import make_package
from tests.waiting import wait_for

WANTED = EngineConfig(backend="onnxruntime", precision="f32", threads=1)


def outcome(
    package: Any, without: str | None = None
) -> tuple[list[InferenceEngine], list[StreamsegError], EngineLoader]:
    engines: list[InferenceEngine] = []
    errors: list[StreamsegError] = []
    made = EngineLoader("main", package, WANTED, engines.append, errors.append, without=without)
    made.start()
    wait_for(lambda: not made.alive)
    return engines, errors, made


def test_the_engine_is_handed_over_warm(tmp_path: Path) -> None:
    (engine,), errors, made = outcome(make_package(tmp_path))
    assert errors == []
    assert engine.info.backend == "onnxruntime"
    assert made.wanted is WANTED


def test_another_backend_than_the_one_that_failed(tmp_path: Path) -> None:
    (engine,), errors, _ = outcome(make_package(tmp_path), without="onnxruntime")
    assert errors == []
    assert engine.info.backend == "openvino"


def test_there_may_be_no_other(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: Any) -> None:
        raise EngineError("no GPU")

    monkeypatch.setattr(loader, "load_engine", fail)
    engines, (error,), _ = outcome(fake_package(), without="openvino")
    assert engines == []
    assert str(error) == "fake: no other backend than openvino can run it: no GPU"


def test_an_error_is_handed_over_too(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: Any) -> None:
        raise EngineError("no backend")

    monkeypatch.setattr(loader, "load_engine", fail)
    engines, (error,), _ = outcome(fake_package())
    assert engines == []
    assert str(error) == "no backend"


def test_a_crash_is_a_line_for_the_user_and_a_traceback_in_the_log(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def crash(*_: Any) -> None:
        raise ZeroDivisionError

    monkeypatch.setattr(loader, "load_engine", crash)
    _, (error,), _ = outcome(fake_package())
    assert isinstance(error, EngineError)
    assert "fake" in str(error)
    assert "Traceback" in caplog.text


def test_one_that_does_not_run_is_freed(monkeypatch: pytest.MonkeyPatch) -> None:
    class Cold(FakeEngine):
        closed = False

        def warm_up(self) -> None:
            raise EngineError("a graph does not run")

        def close(self) -> None:
            self.closed = True

    engine = Cold()
    monkeypatch.setattr(loader, "load_engine", lambda *_: engine)
    engines, (error,), _ = outcome(fake_package())
    assert engines == []
    assert str(error) == "a graph does not run"
    assert engine.closed


@pytest.fixture
def slow(monkeypatch: pytest.MonkeyPatch) -> None:
    """A backend whose plans are built by another process."""
    slow_backend.register(monkeypatch)
    monkeypatch.setattr(build_process, "COMMAND", slow_backend.COMMAND)


def load_slowly(package: Package, cache: Path, *, stopgap: bool) -> tuple[Any, Any, EngineLoader]:
    wanted = WANTED.model_copy(update={"backend": slow_backend.NAME, "cache_dir": cache})
    engines: list[InferenceEngine] = []
    errors: list[StreamsegError] = []
    made = EngineLoader("main", package, wanted, engines.append, errors.append, stopgap=stopgap)
    made.start()
    wait_for(lambda: not made.alive, 60)
    return engines, errors, made


def test_what_takes_minutes_to_build_is_not_waited_for(slow: None, tmp_path: Path) -> None:
    (engine,), errors, made = load_slowly(make_package(tmp_path), tmp_path / "cache", stopgap=True)
    assert errors == []
    assert engine.info.backend == "openvino"
    assert made.unbuilt == ("segmenter", "stabiliser", "readout")


def test_beside_one_that_serves_it_is_built_and_then_loaded(
    slow: None, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    package = make_package(tmp_path)
    with caplog.at_level(logging.INFO):
        (engine,), errors, made = load_slowly(package, tmp_path / "cache", stopgap=False)
    assert (errors, made.unbuilt) == ([], ())
    assert isinstance(engine, FakeEngine)
    assert [line for line in caplog.messages if "building" in line] == [
        f"engine main: building {role} for slow" for role in ("segmenter", "stabiliser", "readout")
    ]
    (again,), _, made = load_slowly(package, tmp_path / "cache", stopgap=True)
    assert isinstance(again, FakeEngine)
    assert made.unbuilt == ()


def test_a_builder_that_crashes_is_an_error(
    slow: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SLOW_FATE", "segfault")
    engines, (error,), _ = load_slowly(make_package(tmp_path), tmp_path / "cache", stopgap=False)
    assert engines == []
    assert str(error).startswith("tiny: the builder crashed (SIGSEGV)")


def test_where_no_cpu_can_stand_in_it_is_waited_for(
    slow: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def picky(package: Package, backend: BackendName, *rest: Any) -> InferenceEngine:
        if backend in CPU:
            raise EngineError(f"not on {backend}")
        return load_engine(package, backend, *rest)

    monkeypatch.setattr(loader, "load_engine", picky)
    (engine,), errors, made = load_slowly(make_package(tmp_path), tmp_path / "cache", stopgap=True)
    assert (errors, made.unbuilt) == ([], ())
    assert isinstance(engine, FakeEngine)
    assert "nothing serves until it is built: not on openvino; not on onnxruntime" in caplog.text


def test_one_that_is_cancelled_is_not_built(slow: None, tmp_path: Path) -> None:
    wanted = WANTED.model_copy(update={"backend": slow_backend.NAME, "cache_dir": tmp_path / "cache"})
    errors: list[StreamsegError] = []
    made = EngineLoader("main", make_package(tmp_path), wanted, lambda _: None, errors.append)
    made.cancel()
    made.start()
    wait_for(lambda: not made.alive)
    assert [str(error) for error in errors] == ["tiny: building it was stopped"]
