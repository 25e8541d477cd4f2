from __future__ import annotations

import logging
from pathlib import Path

import pytest

from streamseg.inference.cache.folder import cache_folder


def test_the_configured_folder_comes_first(tmp_path: Path) -> None:
    env = {
        "CACHE_DIRECTORY": str(tmp_path / "systemd"),
        "XDG_CACHE_HOME": str(tmp_path / "xdg"),
        "HOME": str(tmp_path),
    }
    assert cache_folder(tmp_path / "asked", env) == tmp_path / "asked"
    assert [path.name for path in tmp_path.iterdir()] == ["asked"]


def test_then_systemds_then_the_users(tmp_path: Path) -> None:
    env = {
        "CACHE_DIRECTORY": f"{tmp_path}/one:{tmp_path}/two",
        "XDG_CACHE_HOME": f"{tmp_path}/xdg",
        "HOME": f"{tmp_path}",
    }
    assert cache_folder(None, env) == tmp_path / "one"
    del env["CACHE_DIRECTORY"]
    assert cache_folder(None, env) == tmp_path / "xdg" / "streamseg"
    del env["XDG_CACHE_HOME"]
    assert cache_folder(None, env) == tmp_path / ".cache" / "streamseg"


def test_it_is_made_for_the_user_alone(tmp_path: Path) -> None:
    folder = cache_folder(tmp_path / "a" / "b", {})
    assert folder is not None
    assert folder.stat().st_mode & 0o077 == 0
    assert list(folder.iterdir()) == []


@pytest.mark.parametrize("blocked", ["in the way", "sealed"])
def test_one_that_cannot_be_written_is_done_without(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, blocked: str
) -> None:
    place = tmp_path / "file"
    place.touch()
    folder = place / "cache" if blocked == "in the way" else Path("/proc/self/cache")
    with caplog.at_level(logging.WARNING):
        assert cache_folder(folder, {}) is None
    assert f"no cache for compiled models in {folder}: " in caplog.text


def test_no_home_at_all(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING):
        assert cache_folder(None, {}) is None
    assert "neither engine.cache_dir nor HOME" in caplog.text
