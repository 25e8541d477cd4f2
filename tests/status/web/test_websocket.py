"""The page's WebSocket."""

from __future__ import annotations

import json

import pytest
from starlette.websockets import WebSocketDisconnect

from streamseg.status.web import websocket
from streamseg.status.web.broadcast import MOST_VIEWERS
from streamseg.status.web.websocket import (
    MOST_STREAMS,
    NOT_UNDERSTOOD,
    POLICY,
    TRY_AGAIN_LATER,
    ViewRequest,
    read_wish,
)
from tests.status.site import Served
from tests.waiting import wait_for


def test_a_wish() -> None:
    assert read_wish({"text": '{"streams": ["gate"], "detail": "yard"}'}) == ViewRequest(
        frozenset({"gate"}), "yard"
    )
    assert read_wish({"text": '{"streams": []}'}) == ViewRequest(frozenset(), "")


@pytest.mark.parametrize(
    "text",
    [
        None,
        "",
        "nonsense",
        "[]",
        "null",
        "{}",
        '{"streams": "gate"}',
        '{"streams": [1]}',
        '{"streams": [], "detail": 7}',
        json.dumps({"streams": ["x"] * (MOST_STREAMS + 1)}),
        "[" * 20000,
    ],
)
def test_what_is_no_wish(text: str | None) -> None:
    assert read_wish({"text": text}) is None


def test_a_page_comes_looks_and_goes() -> None:
    served = Served()
    with served.look() as page:
        wait_for(lambda: len(served.hub.viewers) == 1)
        page.send_json({"streams": ["gate"], "detail": "gate"})
        wait_for(lambda: served.hub.wanted("gate"))
        (viewer,) = served.hub.viewers
        assert viewer.detail == "gate"
    wait_for(lambda: not served.hub.viewers)
    assert not served.hub.wanted("gate")


@pytest.mark.parametrize("bad", ["nonsense", b"\x00"])
def test_who_speaks_nonsense_is_sent_away(bad: str | bytes) -> None:
    served = Served()
    with served.look() as page:
        page.send_text(bad) if isinstance(bad, str) else page.send_bytes(bad)
        with pytest.raises(WebSocketDisconnect) as closed:
            page.receive_text()
    assert closed.value.code == NOT_UNDERSTOOD
    wait_for(lambda: not served.hub.viewers)


def test_one_too_many_is_told_to_come_later() -> None:
    served = Served()
    for number in range(MOST_VIEWERS):
        served.hub.join(f"10.0.0.{number}")
    with served.look() as page, pytest.raises(WebSocketDisconnect) as closed:
        page.receive_text()
    assert closed.value.code == TRY_AGAIN_LATER


def test_who_never_says_what_it_shows_takes_no_place(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(websocket.serve, "__defaults__", (0.01,))
    served = Served()
    with served.look() as page, pytest.raises(WebSocketDisconnect) as closed:
        page.receive_text()
    assert closed.value.code == POLICY
    wait_for(lambda: not served.hub.viewers)
