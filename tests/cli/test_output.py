"""What is printed does nothing to a terminal."""

from __future__ import annotations

import pytest

from streamseg.cli.output import say


def test_lines_stay_and_all_else_shows_itself(capsys: pytest.CaptureFixture[str]) -> None:
    say("one\ntwo \x1b[2J\u202e\r\ud800")
    say("why\x07", err=True)
    told = capsys.readouterr()
    assert told.out == "one\ntwo \\x1b[2J\\u202e\\r\\ud800\n"
    assert told.err == "why\\x07\n"
