"""What a reload would do, before it does it."""

from __future__ import annotations

from typing import Any

import pytest

from streamseg.config.schema import Config
from streamseg.daemon.reload import lines, make_plan, read_plan
from streamseg.errors import ConfigError, PackageError
from tests.fakes.packages import Tiny, make_package


@pytest.fixture(scope="module")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> str:
    return str(make_package(tmp_path_factory.mktemp("tiny")).path)


@pytest.fixture(scope="module")
def bare(tmp_path_factory: pytest.TempPathFactory) -> str:
    return str(make_package(tmp_path_factory.mktemp("bare"), Tiny(stabiliser=False)).path)


def config(package: str, **more: Any) -> Config:
    streams = {"gate": {"source": "rtsp://h/a"}, "yard": {"source": "rtsp://h/b"}}
    return Config.model_validate({"engine": {"model": package}, "streams": streams, **more})


def models(package: str) -> dict[str, str]:
    return {"default": make_plan(config(package), config(package), {}).packages["default"].sha256}


def test_nothing_differs(tiny: str) -> None:
    plan = make_plan(config(tiny), config(tiny), models(tiny))
    assert not plan.changes
    assert list(lines(plan.changes)) == ["nothing differs"]


def test_what_differs_is_told_and_what_must_wait_is_kept(tiny: str) -> None:
    streams = {
        "gate": {"source": "rtsp://h/other"},
        "hall": {"source": "rtsp://h/c"},
    }
    wanted = config(tiny, streams=streams, publish={"hwm": 9}, daemon={"log_level": "debug"})
    plan = make_plan(config(tiny), wanted, models(tiny))
    assert plan.changes.daemon == ("publish.hwm",)
    assert (plan.config.publish.hwm, plan.config.daemon.log_level) == (4, "debug")
    assert list(lines(plan.changes)) == [
        "stream hall is new",
        "stream yard is taken out",
        "stream gate is started again: source.url",
        "daemon.log_level: from now on",
    ]


def test_a_live_key_of_a_stream_and_another_engine(tiny: str, bare: str) -> None:
    streams = {
        "gate": {"source": "rtsp://h/a", "temporal": "none"},
        "yard": {"source": "rtsp://h/b", "ema": 0.9},
    }
    before = config(tiny, defaults={"temporal": "ema"})
    plan = make_plan(before, config(bare, streams=streams, defaults={"temporal": "ema"}), models(tiny))
    assert list(lines(plan.changes)) == [
        "engine default is built anew: model",
        "stream gate goes on with another temporal",
        "stream yard goes on with another ema",
    ]


def test_a_package_that_was_exchanged_under_its_name(tiny: str) -> None:
    """The configuration is the same, the model is not."""
    plan = make_plan(config(tiny), config(tiny), {"default": "another"})
    assert list(lines(plan.changes)) == ["engine default is built anew: model"]
    live = config(tiny, engine={"model": tiny, "fallback": False})
    plan = make_plan(config(tiny), live, {"default": "another"})
    assert plan.changes.engines.renewed == {"default": ("model",)}
    assert plan.changes.engines.updated == {}


def test_what_cannot_be_is_refused_as_a_whole(tiny: str, bare: str) -> None:
    with pytest.raises(PackageError, match=r"stream gate: .*use ema or none"):
        make_plan(config(tiny), config(bare), models(tiny))
    with pytest.raises(PackageError, match="no model package there"):
        make_plan(config(tiny), config(f"{tiny}/nowhere"), models(tiny))


def test_a_fault_of_our_own_refuses_the_reload_and_leaves_its_traceback(
    tiny: str, caplog: pytest.LogCaptureFixture
) -> None:
    def broken() -> Config:
        raise RecursionError("far too deep")

    with pytest.raises(ConfigError, match="please report it"):
        read_plan(config(tiny), broken, models(tiny))
    assert "RecursionError: far too deep" in caplog.text


def test_a_mistake_in_what_is_read_is_passed_on(tiny: str) -> None:
    def mistaken() -> Config:
        raise ConfigError(["streams: is required but missing"])

    with pytest.raises(ConfigError, match="is required but missing"):
        read_plan(config(tiny), mistaken, models(tiny))
