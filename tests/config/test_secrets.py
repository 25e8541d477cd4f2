"""Secrets in files of their own."""

from __future__ import annotations

from pathlib import Path

import pytest

from streamseg.config.secrets import open_to_others, read_secret
from streamseg.errors import ConfigError


def test_the_white_space_around_it_is_no_part_of_it(tmp_path: Path) -> None:
    (tmp_path / "token").write_text("se cret\n")
    assert read_secret(tmp_path / "token") == "se cret"


@pytest.mark.parametrize(
    ("content", "said"), [(b"", "is empty"), (b" \n", "is empty"), (b"\xff", "not UTF-8")]
)
def test_what_is_none(content: bytes, said: str, tmp_path: Path) -> None:
    (tmp_path / "token").write_bytes(content)
    with pytest.raises(ConfigError, match=said):
        read_secret(tmp_path / "token")


def test_a_missing_file(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="cannot be read: No such file"):
        read_secret(tmp_path / "token")


@pytest.mark.parametrize(("mode", "open_"), [(0o600, False), (0o400, False), (0o640, True), (0o604, True)])
def test_who_may_read_it(mode: int, open_: bool, tmp_path: Path) -> None:
    path = tmp_path / "token"
    path.write_text("x")
    path.chmod(mode)
    assert open_to_others(path) is open_
