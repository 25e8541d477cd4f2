"""What is answered."""

from __future__ import annotations

import pytest

from streamseg.status.web.app import KEEP_S, MOST_FORM_BYTES, Recent
from streamseg.status.web.auth import COOKIE
from streamseg.types import StateChange, StreamState
from tests.status.clock import Clock
from tests.status.site import LOCKED, TOKEN, Served

FORM = {"content-type": "application/x-www-form-urlencoded"}


def test_alive_while_every_part_is() -> None:
    served = Served()
    assert served.client.get("/healthz").json() == {"alive": True, "parts": {"engine": True}}
    served.parts = {"engine": False, "publisher": True}
    answer = served.client.get("/healthz")
    assert (answer.status_code, answer.json()["alive"]) == (503, False)


def test_ready_while_every_required_stream_gives_masks() -> None:
    served = Served()
    answer = served.client.get("/readyz")
    assert (answer.status_code, answer.json()) == (200, {"ready": True, "missing": {}})
    served.board.changed(StateChange("gate", StreamState.STALLED, 1.0, "stalled", "no frame for 3 s"))
    answer = served.client.get("/readyz")
    assert answer.status_code == 503
    assert answer.json() == {"ready": False, "missing": {"gate": "stalled: no frame for 3 s"}}


@pytest.mark.parametrize("accept", ["*/*", "text/plain;version=1.0.0", "", "application/json"])
def test_metrics_are_text_that_prometheus_takes(accept: str) -> None:
    answer = Served().client.get("/metrics", headers={"accept": accept})
    assert answer.headers["content-type"] == "text/plain; version=0.0.4; charset=utf-8"
    assert 'streamseg_stream_ready{stream="gate"} 1.0' in answer.text


@pytest.mark.parametrize("version", ["", ";version=1.0.0", ";version=0.0.1", ";version=nonsense"])
def test_metrics_are_openmetrics_where_the_client_takes_it(version: str) -> None:
    accept = f"application/openmetrics-text{version};q=0.6,text/plain;version=0.0.4;q=0.3"
    answer = Served().client.get("/metrics", headers={"accept": accept})
    assert answer.headers["content-type"] == "application/openmetrics-text; version=1.0.0; charset=utf-8"
    assert answer.text.endswith("# EOF\n")


def test_streams_as_json() -> None:
    client = Served().client
    assert [one["name"] for one in client.get("/api/streams").json()["streams"]] == ["gate", "yard"]
    gate = client.get("/api/streams/gate").json()
    assert [one["name"] for one in gate["streams"]] == ["gate"]
    assert [event["what"] for event in gate["events"]] == ["running", "model"]
    assert client.get("/api/streams/none").status_code == 404


@pytest.mark.parametrize(("path", "title"), [("/", 'id="wall"'), ("/streams/gate", 'id="detail"')])
def test_the_page(path: str, title: str) -> None:
    answer = Served().client.get(path)
    assert answer.headers["content-type"].startswith("text/html")
    assert title in answer.text


def test_a_file_that_has_not_changed_is_not_sent_again() -> None:
    client = Served().client
    first = client.get("/static/style.css")
    again = client.get("/static/style.css", headers={"if-none-match": first.headers["etag"]})
    assert (first.status_code, again.status_code, again.content) == (200, 304, b"")


@pytest.mark.parametrize("name", ["none.js", "..%2f..%2fdoor.py", "__init__.py"])
def test_no_other_file_is_served(name: str) -> None:
    assert Served().client.get(f"/static/{name}").status_code == 404


def test_health_and_metrics_without_the_page() -> None:
    client = Served(page=False).client
    assert "status.page is off" in client.get("/").text
    assert client.get("/metrics").status_code == 200
    assert {client.get(path).status_code for path in ("/static/wall.js", "/streams/gate", "/login")} == {404}


def test_the_token_opens_and_a_cookie_is_left() -> None:
    client = Served(LOCKED).client
    assert 'name="token"' in client.get("/login").text
    answer = client.post("/login", content=f"token={TOKEN}", headers=FORM)
    assert (answer.status_code, answer.headers["location"]) == (303, "/")
    left = answer.headers["set-cookie"].lower()
    assert left.startswith(COOKIE)
    assert all(word in left for word in ("httponly", "samesite=strict", "path=/", "max-age="))
    assert client.get("/").status_code == 200  # with the cookie, as a browser would


@pytest.mark.parametrize(
    "form", ["", "token=", "token=wrong", f"tok={TOKEN}", "\xff\xfe", "token=" + "x" * MOST_FORM_BYTES]
)
def test_anything_else_opens_nothing(form: str) -> None:
    client = Served(LOCKED).client
    answer = client.post("/login", content=form.encode("latin-1"), headers=FORM)
    assert (answer.status_code, answer.headers["location"]) == (303, "/login?wrong")
    assert "set-cookie" not in answer.headers


def test_where_no_token_is_asked_for_there_is_nothing_to_log_in_to() -> None:
    assert Served().client.get("/login").headers["location"] == "/"


def test_an_answer_is_made_anew_once_it_is_old() -> None:
    made = iter([b"1", b"2", b"3"])
    clock = Clock()
    recent = Recent(lambda: next(made), clock=clock)
    assert [recent() for _ in range(100)] == [b"1"] * 100
    clock.now_s += KEEP_S
    assert [recent(), recent()] == [b"2"] * 2
