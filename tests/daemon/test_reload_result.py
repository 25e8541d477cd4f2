"""What a reload came to reaches the process that asked for it."""

from __future__ import annotations

from pathlib import Path

import pytest

from streamseg.daemon.reload_result import (
    FILE_NAME,
    ReloadResult,
    now_s,
    read_result,
    result_file,
    write_result,
)


def test_it_lies_in_the_runtime_directory() -> None:
    assert result_file({"RUNTIME_DIRECTORY": "/run/streamseg"}) == Path("/run/streamseg") / FILE_NAME
    assert result_file({"RUNTIME_DIRECTORY": "/run/a:/run/b"}) == Path("/run/a") / FILE_NAME
    assert result_file({}) is None


def test_only_a_result_of_this_process_that_was_asked_for_before_it_began_counts(tmp_path: Path) -> None:
    path = tmp_path / FILE_NAME
    assert read_result(path, 7, 0.0) is None
    result = ReloadResult(7, 10.0, 78, ["c.yaml:3: é"])
    write_result(result, path)
    assert read_result(path, 7, 10.0) == result
    assert read_result(path, 7, 10.1) is None, "it may have read the file before it was changed"
    assert read_result(path, 8, 10.0) is None, "an earlier daemon's"
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize("text", ["", "{", "[]", "7", '{"pid": 7}', '{"other": 1}', "\x00"])
def test_what_is_no_result_is_none(tmp_path: Path, text: str) -> None:
    path = tmp_path / FILE_NAME
    path.write_text(text, encoding="utf-8")
    assert read_result(path, 7, 0.0) is None


def test_a_folder_that_cannot_be_written_costs_a_line(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    write_result(ReloadResult(7, now_s()), tmp_path / "gone" / FILE_NAME)
    assert "will not learn what it came to" in caplog.text
