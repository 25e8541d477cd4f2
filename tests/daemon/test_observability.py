"""What lets others look in, from a configuration."""

from __future__ import annotations

import sys
import time
from pathlib import Path
from typing import Any

import pytest

from streamseg.concurrency.deadline import Deadline
from streamseg.config.schema import Config, StatusConfig
from streamseg.daemon.observability import Observability, settings
from streamseg.errors import MissingExtraError
from streamseg.status.registry import StatusRegistry
from streamseg.status.web.auth import AccessPolicy
from tests.capture.servers import closed_port
from tests.status.masks import mask
from tests.waiting import time_limit


def test_loopback_without_a_token() -> None:
    made = settings(StatusConfig(bind="127.0.0.1:8600", page=False, jpeg_quality=50))
    assert made.door == AccessPolicy(None, loopback=True)
    assert (made.bind, made.page, made.jpeg_quality) == ("127.0.0.1:8600", False, 50)


@pytest.mark.parametrize("bind", ["0.0.0.0:8600", "[::]:8600", "10.0.0.7:8600"])
def test_what_others_reach_has_a_token(bind: str, tmp_path: Path) -> None:
    file = tmp_path / "token"
    file.write_text("a-token-of-some-length\n")
    config = StatusConfig(bind=bind, token_file=file, allowed_origins=["https://cams.example.org"])
    door = settings(config).door
    assert door == AccessPolicy("a-token-of-some-length", False, ("https://cams.example.org",))


def test_nothing_is_served_unless_asked_for() -> None:
    assert settings(StatusConfig()).bind is None


def showing(**sections: Any) -> Observability:
    config = Config.model_validate({"streams": {"gate": {"source": "a.mp4"}}, **sections})
    return Observability(config, StatusRegistry(time.monotonic, time.time), dict)


@pytest.mark.parametrize("sections", [{}, {"status": {"bind": "127.0.0.1:0"}}])
def test_it_begins_takes_masks_and_ends(sections: dict[str, Any]) -> None:
    begin_and_end(showing(**sections))


def test_a_collector_that_is_not_there_holds_up_nobody() -> None:
    pytest.importorskip("opentelemetry.exporter.otlp.proto.http.trace_exporter")
    with closed_port() as port:
        begin_and_end(showing(daemon={"trace": {"endpoint": f"http://127.0.0.1:{port}"}}))


def begin_and_end(made: Observability) -> None:
    made.start()
    made.offer(mask())
    made.stop()
    made.stop()
    assert made.join(Deadline(time_limit(60)))


def test_traces_without_their_extra_are_an_error_that_names_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "opentelemetry.sdk", None)
    with pytest.raises(MissingExtraError, match="'otel' extra"):
        showing(daemon={"trace": {"endpoint": "http://127.0.0.1:4318"}})
