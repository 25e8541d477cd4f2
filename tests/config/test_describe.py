"""What is said of a key beside its default."""

from __future__ import annotations

import pytest
from pydantic import BaseModel

from streamseg.config.describe import about, choices
from streamseg.config.schema import Config, EngineConfig, RoiConfig, SourceConfig, StreamDefaults


@pytest.mark.parametrize(
    ("section", "name", "said"),
    [
        (SourceConfig, "open_timeout_s", "longest wait … (s, above 0 up to 120; reload: stream)"),
        (SourceConfig, "transport", "RTSP media transport (tcp, udp; reload: stream)"),
        (SourceConfig, "loop", "start a file again at its end (reload: stream)"),
        (RoiConfig, "x", "left edge (share of the width, from 0 below 1; reload: live)"),
        (StreamDefaults, "temporal", "what steadies the masks (convgru, ema, none; reload: live)"),
        (EngineConfig, "max_batch", "frames of … (frames, from 1 up to 64; reload: engine)"),
        (Config, "daemon", "the process"),
        (Config, "streams_dir", "folder … empty: none"),
    ],
)
def test_a_key_in_words(section: type[BaseModel], name: str, said: str) -> None:
    begin, _, end = said.rpartition("…")
    told = about(name, section.model_fields[name])
    assert told.startswith(begin)
    assert told.endswith(end)


def test_a_secret_may_be_in_a_file() -> None:
    assert "password_file: a file that holds it" in about("password", SourceConfig.model_fields["password"])


def test_only_a_choice_has_words() -> None:
    assert choices(EngineConfig.model_fields["precision"])[:2] == ["auto", "f32"]
    assert choices(EngineConfig.model_fields["threads"]) == []
