"""Redaction: no credential gets through, the rest of the text does."""

from __future__ import annotations

import string

import pytest
from hypothesis import given
from hypothesis import strategies as st

from streamseg.capture.redact import redact

# What one may type without escaping it, even wrongly: @, :, / and ? in a password are common mistakes.
secrets = st.text(string.ascii_letters + string.digits + "@:/?#!$%&*+=-_.~", min_size=6, max_size=20)


@pytest.mark.parametrize(
    ("text", "clean"),
    [
        ("rtsp://admin:secret@10.0.0.7:554/h264", "rtsp://***@10.0.0.7:554/h264"),
        ("rtsp://admin@10.0.0.7/h264", "rtsp://***@10.0.0.7/h264"),
        ("rtsp://10.0.0.7/h264", "rtsp://10.0.0.7/h264"),
        ("rtsp://u:p@ss@cam/x", "rtsp://***@cam/x"),
        ("rtsp://u:p/ss@cam/x", "rtsp://***@cam/x"),
        (
            "http://cam/video?user=me&password=abc&channel=2",
            "http://cam/video?user=***&password=***&channel=2",
        ),
        ("https://h/x.m3u8?api_key=abc&t=1", "https://h/x.m3u8?api_key=***&t=1"),
        ("https://h/x.m3u8?Expires=9&Signature=ab~c", "https://h/x.m3u8?Expires=9&Signature=***"),
        ("http://cam/video.cgi?usr=me&loginpas=abc", "http://cam/video.cgi?usr=***&loginpas=***"),
        ("'rtsp://u:p@a/x' and http://q:w@b/y failed", "'rtsp://***@a/x' and http://***@b/y failed"),
        ("/videos/me@home.mp4", "/videos/me@home.mp4"),
        ("nothing to hide", "nothing to hide"),
    ],
)
def test_only_credentials_go(text: str, clean: str) -> None:
    assert redact(text) == clean


@given(user=secrets, password=secrets)
def test_no_password_gets_through(user: str, password: str) -> None:
    clean = redact(f"cannot open rtsp://{user}:{password}@camera.local:554/stream1: refused")
    assert clean == "cannot open rtsp://***@camera.local:554/stream1: refused"


@given(st.text())
def test_it_takes_any_text_and_has_nothing_to_do_twice(text: str) -> None:
    assert redact(redact(text)) == redact(text)
