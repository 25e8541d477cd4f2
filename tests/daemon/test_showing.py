"""From the configuration to the door."""

from __future__ import annotations

from pathlib import Path

import pytest

from streamseg.config.schema import StatusConfig
from streamseg.daemon.showing import settings
from streamseg.status.door import Door


def test_loopback_without_a_token() -> None:
    made = settings(StatusConfig(bind="127.0.0.1:8600", page=False, jpeg_quality=50))
    assert made.door == Door(None, loopback=True)
    assert (made.bind, made.page, made.jpeg_quality) == ("127.0.0.1:8600", False, 50)


@pytest.mark.parametrize("bind", ["0.0.0.0:8600", "[::]:8600", "10.0.0.7:8600"])
def test_what_others_reach_has_a_token(bind: str, tmp_path: Path) -> None:
    file = tmp_path / "token"
    file.write_text("a-token-of-some-length\n")
    config = StatusConfig(bind=bind, token_file=file, allowed_origins=["https://cams.example.org"])
    door = settings(config).door
    assert door == Door("a-token-of-some-length", False, ("https://cams.example.org",))


def test_nothing_is_served_unless_asked_for() -> None:
    assert settings(StatusConfig()).bind is None
