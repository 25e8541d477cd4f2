"""Socket files: removed on close, and only one's own."""

from __future__ import annotations

from pathlib import Path

from streamseg.publish.socket_file import SocketFile


def test_a_file_is_removed_once(tmp_path: Path) -> None:
    path = tmp_path / "masks"
    path.touch()
    file = SocketFile.of(f"ipc://{path}")
    assert file is not None
    file.remove()
    assert not path.exists()
    file.remove()


def test_a_file_that_is_anothers_by_now_stays(tmp_path: Path) -> None:
    path = tmp_path / "masks"
    path.touch()
    file = SocketFile.of(f"ipc://{path}")
    assert file is not None
    other = tmp_path / "other"
    other.write_text("another daemon's")
    other.replace(path)
    file.remove()
    assert path.read_text() == "another daemon's"


def test_addresses_without_a_file_have_none() -> None:
    assert SocketFile.of("tcp://127.0.0.1:5555") is None
    assert SocketFile.of("ipc://@abstract") is None
