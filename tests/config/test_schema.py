"""The schema: short forms, defaults and limits."""

from __future__ import annotations

import pytest
from pydantic import ValidationError

from streamseg.config.schema import (
    Config,
    DaemonConfig,
    EngineConfig,
    PublishConfig,
    SourceConfig,
    StreamConfig,
    StreamDefaults,
)
from streamseg.types import TemporalMode


def test_a_source_may_be_its_url() -> None:
    stream = StreamConfig.model_validate({"source": "rtsp://camera/live"})
    assert stream.source.url == "rtsp://camera/live"
    assert stream.source.transport == "tcp"
    assert stream.temporal is TemporalMode.CONVGRU


def test_one_address_may_stand_alone() -> None:
    assert PublishConfig.model_validate({"bind": "ipc:///run/masks"}).bind == ["ipc:///run/masks"]


@pytest.mark.parametrize("name", ["a/b", "", "x" * 65, "ä", "a b"])
def test_a_name_must_fit_a_topic(name: str) -> None:
    with pytest.raises(ValidationError, match="stream names are"):
        Config.model_validate({"streams": {name: {"source": "a.mp4"}}})


def test_every_field_is_described() -> None:
    sections = (DaemonConfig, EngineConfig, PublishConfig, SourceConfig, StreamConfig, StreamDefaults)
    fields = [(s.__name__, name, field) for s in sections for name, field in s.model_fields.items()]
    assert [(section, name) for section, name, field in fields if not field.description] == []


def test_nothing_without_a_stream() -> None:
    with pytest.raises(ValidationError):
        Config.model_validate({"streams": {}})
