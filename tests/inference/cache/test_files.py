"""Only what is ours is read; what is written is there as a whole or not at all."""

from __future__ import annotations

import errno
import os
from pathlib import Path

import pytest

from streamseg.inference.cache.files import make_folder, read_ours, write_whole


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def test_what_is_written_is_read_and_is_this_users_alone(tmp_path: Path) -> None:
    path = tmp_path / "a.plan"
    write_whole(path, [b"one", b"two"])
    write_whole(path, [b"three"])
    assert read_ours(path) == b"three"
    assert path.stat().st_mode & 0o777 == 0o600
    assert names(tmp_path) == ["a.plan"]


@pytest.mark.parametrize("call", ["fsync", "replace"])
def test_a_full_disk_leaves_what_was_there(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, call: str
) -> None:
    path = tmp_path / "a.plan"
    write_whole(path, [b"old"])

    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(Path if call == "replace" else os, call, full)
    with pytest.raises(OSError, match="No space left"):
        write_whole(path, [b"new"])
    assert path.read_bytes() == b"old"
    assert names(tmp_path) == ["a.plan"]


@pytest.mark.parametrize("mode", [0o620, 0o602, 0o666])
def test_a_file_that_others_may_write_is_not_read(tmp_path: Path, mode: int) -> None:
    path = tmp_path / "a.plan"
    write_whole(path, [b"x"])
    path.chmod(mode)
    with pytest.raises(PermissionError, match=f"others may write it .mode {mode:04o}"):
        read_ours(path)


def test_a_file_of_another_user_is_not_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "a.plan"
    write_whole(path, [b"x"])
    owner = path.stat().st_uid
    monkeypatch.setattr(os, "geteuid", lambda: owner + 1)
    with pytest.raises(PermissionError, match=f"belongs to user {owner}, not to {owner + 1}"):
        read_ours(path)


def test_a_link_and_a_pipe_are_not_read(tmp_path: Path) -> None:
    write_whole(tmp_path / "a.plan", [b"x"])
    (tmp_path / "link").symlink_to(tmp_path / "a.plan")
    with pytest.raises(OSError, match="symbolic links"):
        read_ours(tmp_path / "link")
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(PermissionError, match="not a file"):
        read_ours(tmp_path / "pipe")


def test_a_folder_is_made_for_this_user_alone(tmp_path: Path) -> None:
    make_folder(tmp_path / "a" / "b")
    make_folder(tmp_path / "a" / "b")
    assert (tmp_path / "a" / "b").stat().st_mode & 0o777 == 0o700


def test_a_folder_that_is_open_to_others_or_a_link_is_refused(tmp_path: Path) -> None:
    (tmp_path / "open").mkdir()
    (tmp_path / "open").chmod(0o777)
    with pytest.raises(PermissionError, match="others may write it"):
        make_folder(tmp_path / "open")
    (tmp_path / "link").symlink_to(tmp_path)
    with pytest.raises(PermissionError, match="not a folder"):
        make_folder(tmp_path / "link")
