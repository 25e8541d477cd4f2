"""The demo end to end on a made clip and a tiny package: a real daemon in a process of its own."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from examples import demo
from examples.clips import ClipError
from examples.demo import Asked, config, main
from streamseg.config import load
from tests.examples.test_report import KEYS
from tests.waiting import time_limit


def asked(source: object, engine: object, out: Path) -> list[str]:
    return [str(source), "--model", str(engine), "--seconds", str(time_limit(3)), "--out", str(out)]


def test_it_shows_masks_and_leaves_three_files(
    made_clip: Path, tiny_package: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(asked(made_clip, tiny_package, tmp_path / "demo")) == 0
    found = json.loads((tmp_path / "demo" / "summary.json").read_text())
    assert list(found) == KEYS
    assert found["masks"] >= 1
    assert found["exit_code"] == 0
    assert found["model"] == "tiny"
    assert {path.name for path in (tmp_path / "demo").iterdir()} == {
        "overlay.mp4",
        "contact-sheet.png",
        "summary.json",
    }
    printed = capsys.readouterr().out
    assert "fps  age p50" in printed
    assert "overlay.mp4" in printed


def test_a_source_that_is_not_there_is_one_line(
    tiny_package: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    stale = tmp_path / "demo" / "overlay.mp4"
    stale.parent.mkdir()
    stale.touch()
    assert main(asked(tmp_path / "no.mp4", tiny_package, stale.parent)) == 1
    complaint = capsys.readouterr().err
    assert complaint.startswith("demo: the daemon ended with exit code 1: ")
    assert "no.mp4: there is no such file" in complaint
    assert complaint.count("\n") == 1
    assert not stale.exists()


def test_a_daemon_that_cannot_start_is_quoted(
    made_clip: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(asked(made_clip, "nonesuch", tmp_path)) == 1
    complaint = capsys.readouterr().err
    assert "exit code 78" in complaint
    assert "nonesuch" in complaint


def test_a_file_is_looped_and_paced_and_a_camera_is_not(made_clip: Path, tmp_path: Path) -> None:
    path = tmp_path / "daemon.yaml"
    for source, looped in ((str(made_clip), True), ("rtsp://camera/live", False)):
        wanted = config(Asked(source, 20.0, "camvid-lite0", tmp_path), "tcp://127.0.0.1:5599")
        path.write_text(json.dumps(wanted))  # JSON is YAML
        read = load(path, {})
        assert read.streams["demo"].source.loop is looped
        assert read.streams["demo"].source.pace
        assert read.publish.pictures


def test_no_sample_clip_says_what_to_do(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def none() -> Path:
        raise ClipError("no sample clip: give one with SOURCE=clip.mp4")

    monkeypatch.setattr(demo, "sample_clip", none)
    assert main([]) == 1
    assert "SOURCE=" in capsys.readouterr().err


def test_ctrl_c_is_no_error_to_explain(monkeypatch: pytest.MonkeyPatch, made_clip: Path) -> None:
    def interrupted(_: Asked) -> int:
        raise KeyboardInterrupt

    monkeypatch.setattr(demo, "show", interrupted)
    assert main([str(made_clip)]) == 130
