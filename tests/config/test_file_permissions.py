"""Passwords in files that others may read."""

from __future__ import annotations

import grp
import os
import pwd
from pathlib import Path
from types import SimpleNamespace

import pytest

from streamseg.config.file_permissions import readers
from streamseg.config.parsed_config import ReadOptions, read_draft

IN_URL = "rtsp://viewer:s3cret@192.168.0.20/live"


def warnings(path: Path) -> list[str]:
    draft = read_draft(path, ReadOptions({"PW": "s3cret"}))
    draft.accept()
    return [str(warning) for warning in sorted(draft.warnings)]


def write(path: Path, text: str, mode: int) -> Path:
    path.write_text(text)
    path.chmod(mode)
    return path


@pytest.mark.parametrize(
    "source",
    [
        IN_URL,
        f"{{url: '{IN_URL}'}}",
        "{url: 'rtsp://u@h', password: s3cret}",
        "'http://h/video?token=s3cret'",
    ],
)
def test_a_password_in_a_file_for_everybody(source: str, tmp_path: Path) -> None:
    path = write(tmp_path / "c.yaml", f"streams:\n  gate:\n    source: {source}\n", 0o644)
    (said,) = warnings(path)
    assert said.startswith(f"{path}:3: streams.gate.source")
    assert f"holds a password, and everybody on this machine may read the file: chmod o= {path}" in said
    assert "s3cret" not in said
    path.chmod(0o600)
    assert warnings(path) == []


@pytest.mark.parametrize(
    "source", ["'rtsp://u:${PW}@h'", "{url: 'rtsp://u@h', password: '${PW}'}", "rtsp://h/x"]
)
def test_what_holds_none(source: str, tmp_path: Path) -> None:
    assert warnings(write(tmp_path / "c.yaml", f"streams: {{gate: {{source: {source}}}}}", 0o644)) == []


def test_once_for_each_file(tmp_path: Path) -> None:
    text = f"streams:\n  a: {{source: '{IN_URL}'}}\n  b: {{source: '{IN_URL}'}}\n"
    path = write(tmp_path / "c.yaml", text, 0o644)
    (tmp_path / "streams.d").mkdir()
    more = write(tmp_path / "streams.d" / "a.yaml", f"c: {{source: '{IN_URL}'}}", 0o644)
    first, second = warnings(path)
    assert first.startswith(f"{path}:2: ")
    assert second.startswith(f"{more}:1: streams.c.source: ")


def test_other_members_of_its_group(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The group of the service has nobody else in it, and then is none of those that are warned of."""
    users = [
        SimpleNamespace(pw_name="root", pw_uid=0, pw_gid=0),
        SimpleNamespace(pw_name="me", pw_uid=os.geteuid(), pw_gid=50_000),
        SimpleNamespace(pw_name="streamseg", pw_uid=50_001, pw_gid=50_000),
        SimpleNamespace(pw_name="alice", pw_uid=50_002, pw_gid=50_002),
        SimpleNamespace(pw_name="bob", pw_uid=50_003, pw_gid=os.getegid()),
    ]
    monkeypatch.setattr(pwd, "getpwall", lambda: users)
    members = ["root", "streamseg", "alice"]
    monkeypatch.setattr(grp, "getgrgid", lambda _: SimpleNamespace(gr_name="streamseg", gr_mem=members))
    path = write(tmp_path / "c.yaml", f"streams: {{gate: {{source: '{IN_URL}'}}}}", 0o640)
    (said,) = warnings(path)
    assert "other members of its group (alice, bob) may read the file: chmod g= " in said
    members.clear()
    del users[-1]
    assert warnings(path) == []


def test_a_file_that_is_gone_has_no_readers(tmp_path: Path) -> None:
    assert readers(tmp_path / "gone") == ""
    assert readers(Path("a\0b")) == ""
