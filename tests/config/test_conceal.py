"""No credentials in a text about a configuration."""

from __future__ import annotations

import pytest

from streamseg.config.conceal import STARS, conceal


@pytest.mark.parametrize(
    ("text", "concealed"),
    [
        ("rtsp://user:secret@h/live", "rtsp://***@h/live"),
        ("rtsp://user:a/b@c@h", "rtsp://***@h"),
        ("http://h/?user=admin&password=secret&x=1", "http://h/?user=***&password=***&x=1"),
        ("http://h/user=admin/x", "http://h/user=***/x"),
        ("lavfi:testsrc2=size=64x48", "lavfi:testsrc2=size=64x48"),
        ("a@b", "a@b"),
    ],
)
def test_a_text(text: str, concealed: str) -> None:
    assert conceal(text) == concealed


def test_as_many_stars_as_wanted() -> None:
    assert conceal("rtsp://u:p@h/?token=x", STARS) == "rtsp://********@h/?token=********"
