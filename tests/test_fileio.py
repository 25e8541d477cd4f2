"""Regular files of bounded size, and nothing else: a FIFO is not waited for, a device not read."""

from __future__ import annotations

import os
import socket
from pathlib import Path

import pytest

from streamseg.fileio import check_regular_file, open_regular_file, read_regular_file, replace_file


def why(path: Path, max_bytes: int = 100) -> str:
    with pytest.raises(OSError, match=r"\w") as caught:
        read_regular_file(path, max_bytes)
    with pytest.raises(OSError, match=r"\w") as checked:
        check_regular_file(path, max_bytes)
    assert str(checked.value.strerror) == str(caught.value.strerror)
    return str(caught.value.strerror)


def test_a_file_is_read_to_the_last_byte(tmp_path: Path) -> None:
    path = tmp_path / "a"
    path.write_bytes(b"x" * 100)
    (tmp_path / "link").symlink_to(path)
    assert read_regular_file(tmp_path / "link", 100) == b"x" * 100
    assert check_regular_file(path, 100) == 100
    assert why(path, 99) == "it is larger than 99 bytes"


def test_a_bound_is_told_in_a_unit(tmp_path: Path) -> None:
    with (tmp_path / "sparse").open("wb") as file:
        file.truncate(40 << 30)
    assert why(tmp_path / "sparse", 512 << 10) == "it is larger than 512 KB"
    assert why(tmp_path / "sparse", 1 << 30) == "it is larger than 1 GB"


def test_a_fifo_is_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "fifo")
    assert why(tmp_path / "fifo") == "it is a FIFO, not a regular file"


def test_what_is_no_file(tmp_path: Path) -> None:
    with socket.socket(socket.AF_UNIX) as bound:
        bound.bind(str(tmp_path / "s"))
        assert why(tmp_path / "s") == "it is a socket, not a regular file"
    (tmp_path / "zero").symlink_to("/dev/zero")
    assert why(tmp_path / "zero") == "it is a device, not a regular file"
    assert why(tmp_path) == "Is a directory"
    assert why(tmp_path / "absent") == "No such file or directory"
    assert why(tmp_path / "a\0b") == "its name is not one that a file can have"
    assert why(tmp_path / "\ud800") == "its name is not one that a file can have"


def test_what_grows_while_it_is_read_is_refused(tmp_path: Path) -> None:
    """Files of /proc say that they hold nothing, and hold more."""
    with pytest.raises(OSError, match="larger than 3 bytes"):
        read_regular_file(Path("/proc/self/status"), 3)


def test_what_takes_a_files_place_before_it_is_opened_is_not_waited_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "a"
    path.write_bytes(b"x")
    opened = os.open

    def swapped(name: Path, flags: int) -> int:
        path.unlink()
        os.mkfifo(path)
        return opened(name, flags)

    monkeypatch.setattr(os, "open", swapped)
    with pytest.raises(OSError, match="it is a FIFO"):
        open_regular_file(path, 100)


def test_a_file_is_replaced_and_no_part_is_left(tmp_path: Path) -> None:
    path = tmp_path / "a.json"
    for content in (b"one", b"other"):
        replace_file(path, content)
        assert path.read_bytes() == content
    assert [one.name for one in tmp_path.iterdir()] == ["a.json"]


def test_what_cannot_be_replaced_stays(tmp_path: Path) -> None:
    path = tmp_path / "folder"
    path.mkdir()
    with pytest.raises(OSError, match="directory"):
        replace_file(path, b"x")
    assert [one.name for one in tmp_path.iterdir()] == ["folder"]
