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


def outcome(package: Any) -> tuple[list[InferenceEngine], list[StreamsegError], Loading]:
    engines: list[InferenceEngine] = []
    errors: list[StreamsegError] = []
    made = Loading(package, WANTED, engines.append, errors.append)
    made.start()
    wait_for(lambda: not made.alive)
    return engines, errors, made


def test_the_engine_is_handed_over_warm(tmp_path: Path) -> None:
    (engine,), errors, made = outcome(make_package(tmp_path))
    assert errors == []
    assert engine.info.backend == "onnxruntime"
    made.close()
    made.close()


def test_an_error_is_handed_over_too(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: Any) -> None:
        raise EngineError("no backend")

    monkeypatch.setattr(loading, "load_engine", fail)
    engines, (error,), made = outcome(fake_package())
    assert engines == []
    assert str(error) == "no backend"
    made.close()


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


def test_one_at_work_is_left_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    engine = FakeEngine()
    monkeypatch.setattr(loading, "load_engine", lambda *_: engine)
    made = Loading(fake_package(), WANTED, lambda _: made.close(), lambda _: None)
    made.start()
    wait_for(lambda: not made.alive)
    engine.warm_up()  # would fail, were it closed
    made.close()
    with pytest.raises(EngineError, match="closed"):
        engine.warm_up()
