"""An engine is made on another thread, or it is said why not."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from streamseg.config.schema import EngineConfig
from streamseg.daemon import loading
from streamseg.daemon.loading import Loading
from streamseg.errors import EngineError, StreamsegError
from streamseg.inference.engine import InferenceEngine
from tests.fakes.engine import FakeEngine, fake_package
from tests.fakes.packages import make_package
from tests.waiting import wait_for

WANTED = EngineConfig(backend="onnxruntime", precision="f32", threads=1)


def outcome(
    package: Any, without: str | None = None
) -> tuple[list[InferenceEngine], list[StreamsegError], Loading]:
    engines: list[InferenceEngine] = []
    errors: list[StreamsegError] = []
    made = Loading("main", package, WANTED, engines.append, errors.append, without=without)
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

    monkeypatch.setattr(loading, "load_engine", fail)
    engines, (error,), _ = outcome(fake_package(), without="openvino")
    assert engines == []
    assert str(error) == "fake: no other backend than openvino can run it: no GPU"


def test_an_error_is_handed_over_too(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: Any) -> None:
        raise EngineError("no backend")

    monkeypatch.setattr(loading, "load_engine", fail)
    engines, (error,), _ = outcome(fake_package())
    assert engines == []
    assert str(error) == "no backend"


def test_a_crash_is_a_line_for_the_user_and_a_traceback_in_the_log(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def crash(*_: Any) -> None:
        raise ZeroDivisionError

    monkeypatch.setattr(loading, "load_engine", crash)
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
    monkeypatch.setattr(loading, "load_engine", lambda *_: engine)
    engines, (error,), _ = outcome(fake_package())
    assert engines == []
    assert str(error) == "a graph does not run"
    assert engine.closed
