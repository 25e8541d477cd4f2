"""The sections of the process and its sockets."""

from __future__ import annotations

import pytest
from pydantic import ValidationError

from streamseg.config.schema_daemon import DaemonConfig, PublishConfig, StatusConfig


def test_one_address_may_stand_alone() -> None:
    assert PublishConfig.model_validate({"bind": "ipc:///run/masks"}).bind == ["ipc:///run/masks"]
    assert StatusConfig.model_validate({"allowed_origins": "https://h"}).allowed_origins == ["https://h"]


def test_nothing_listens_beyond_loopback_unless_asked() -> None:
    assert PublishConfig().bind == ["tcp://127.0.0.1:5555"]
    assert StatusConfig().bind is None


@pytest.mark.parametrize(
    "keys", [{"max_rss_mb": 63}, {"stop_timeout_s": 0}, {"restart_limit": -1}, {"trace": 3}]
)
def test_limits_have_limits(keys: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        DaemonConfig.model_validate(keys)
