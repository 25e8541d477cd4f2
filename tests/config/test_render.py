"""A configuration as it holds."""

from __future__ import annotations

from pathlib import Path

import yaml
from hypothesis import given

from streamseg.config import parse
from streamseg.config.render import STARS, shown
from streamseg.config.schema import Config
from tests.config.made import CONFIGS, FEW

TEXT = """\
defaults: {ema: 0.25}
status: {bind: 127.0.0.1:8600}
streams:
  gate:
    source: {url: "rtsp://viewer@h/live?token=hush", password: "hush"}
    roi: {w: 0.5}
  yard: {source: 'rtsp://viewer:${PASSWORD}@h/live', temporal: ema}
daemon: {trace: {endpoint: "http://me:hush@h"}}
"""


@FEW
@given(CONFIGS)
def test_what_is_shown_means_the_same_but_for_its_secrets(config: Config) -> None:
    again = Config.model_validate(yaml.safe_load(shown(config)))
    starred = {
        name: stream.model_copy(update={"source": stream.source.model_copy(update={"password": STARS})})
        if stream.source.password
        else stream
        for name, stream in config.streams.items()
    }
    rest = {name: Config.model_fields[name].default for name in ("defaults", "streams_dir")}
    assert again == config.model_copy(update={"streams": starred, **rest})


def test_what_holds_is_written_at_every_stream() -> None:
    text = shown(parse(TEXT, "c", {"PASSWORD": "hush"}))
    again = parse(text, "c", {})
    assert again.streams["yard"].ema == again.streams["gate"].ema == 0.25
    assert again.status.bind == "127.0.0.1:8600"
    assert "defaults" not in text


def test_secrets_are_stars() -> None:
    text = shown(parse(TEXT, "c", {"PASSWORD": "hush"}))
    assert "hush" not in text
    assert "url: rtsp://********@h/live?token=********" in text
    assert "password: '********'" in text
    assert "endpoint: http://********@h" in text


def test_a_secret_out_of_a_file_is_stars(tmp_path: Path) -> None:
    (tmp_path / "pw").write_text("hush")
    (tmp_path / "pw").chmod(0o600)
    text = f"streams: {{a: {{source: {{url: 'rtsp://u@h', password_file: {tmp_path}/pw}}}}}}"
    assert "hush" not in shown(parse(text, "c", {}))
