"""The schema: short forms, defaults and limits."""

from __future__ import annotations

import pytest
from pydantic import ValidationError

from streamseg.config.schema import Config, EngineConfig, RoiConfig, SourceConfig, StreamConfig
from streamseg.types import TemporalMode


def test_a_source_may_be_its_url() -> None:
    stream = StreamConfig.model_validate({"source": "rtsp://camera/live"})
    assert stream.source.url == "rtsp://camera/live"
    assert stream.source.transport == "tcp"
    assert stream.temporal is TemporalMode.CONVGRU


@pytest.mark.parametrize(
    ("url", "password", "location"),
    [
        ("rtsp://viewer@h:554/live", "a/b@c", "rtsp://viewer:a%2Fb%40c@h:554/live"),
        ("rtsp://v%40x@h?a=viewer@h", "p", "rtsp://v%40x:p@h?a=viewer@h"),
        ("rtsp://viewer:own@h", None, "rtsp://viewer:own@h"),
        ("a@b.mp4", None, "a@b.mp4"),
    ],
)
def test_a_password_goes_where_the_url_is_opened_and_nowhere_else(
    url: str, password: str | None, location: str
) -> None:
    source = SourceConfig(url=url, password=password)
    assert source.location == location
    assert "a/b@c" not in repr(source)


@pytest.mark.parametrize("name", ["a/b", "", "x" * 65, "ä", "a b"])
def test_a_name_must_fit_a_topic(name: str) -> None:
    with pytest.raises(ValidationError, match="names are"):
        Config.model_validate({"streams": {name: {"source": "a.mp4"}}})


@pytest.mark.parametrize(
    ("roi", "said"),
    [({"x": 0.5, "w": 0.6}, "x \\+ w = 1.1 reaches"), ({"y": 0.9, "h": 0.2}, "y \\+ h = 1.1 reaches")],
)
def test_a_region_lies_inside_the_picture(roi: dict[str, float], said: str) -> None:
    with pytest.raises(ValidationError, match=said):
        RoiConfig.model_validate(roi)


def test_a_region_may_reach_the_edge() -> None:
    assert RoiConfig(x=0.7, w=0.3).w == 0.3
    assert RoiConfig(x=1 / 3, w=2 / 3).w == 2 / 3


def test_one_engine_is_called_default() -> None:
    config = Config.model_validate({"engine": {"threads": 2}, "streams": {"a": {"source": "x"}}})
    assert config.engines == {"default": EngineConfig(threads=2)}
    assert config.streams["a"].engine == "default"


def test_what_holds_is_a_configuration_of_its_own() -> None:
    config = Config.model_validate(
        {"engine": {}, "defaults": {"max_fps": 5}, "streams": {"a": {"source": "x"}}}
    )
    assert Config.model_validate(config.model_dump()) == config
    assert config.streams["a"].max_fps == 5


def test_nothing_without_a_stream() -> None:
    with pytest.raises(ValidationError):
        Config.model_validate({"streams": {}})


def test_a_precision_may_have_the_name_that_others_give_it() -> None:
    assert EngineConfig.model_validate({"precision": "fp16"}).precision == "f16"
    assert EngineConfig.model_validate({"precision": "fp32"}) == EngineConfig(precision="f32")
