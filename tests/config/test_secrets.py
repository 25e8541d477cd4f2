"""Secrets in files of their own."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
import yaml

from streamseg.config import load, parse
from streamseg.config.schema import Config
from streamseg.config.secrets import (
    MOST_BYTES,
    FoundSecrets,
    open_to_others,
    put_secrets,
    read_secret,
)
from streamseg.errors import ConfigError


def test_the_white_space_around_it_is_no_part_of_it(tmp_path: Path) -> None:
    (tmp_path / "token").write_text("se cret\n")
    assert read_secret(tmp_path / "token") == "se cret"


@pytest.mark.parametrize(
    ("content", "said"), [(b"", "is empty"), (b" \n", "is empty"), (b"\xff", "not UTF-8")]
)
def test_what_is_none(content: bytes, said: str, tmp_path: Path) -> None:
    (tmp_path / "token").write_bytes(content)
    with pytest.raises(ConfigError, match=said):
        read_secret(tmp_path / "token")


def test_a_missing_file(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="cannot be read: No such file"):
        read_secret(tmp_path / "token")


def test_a_fifo_is_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "token")
    with pytest.raises(ConfigError, match="cannot be read: it is a FIFO, not a regular file"):
        read_secret(tmp_path / "token")


def test_a_secret_is_not_cut_off(tmp_path: Path) -> None:
    (tmp_path / "token").write_bytes(b"x" * (MOST_BYTES + 1))
    with pytest.raises(ConfigError, match="it is larger than 64 KB"):
        read_secret(tmp_path / "token")


def test_a_name_that_can_be_none() -> None:
    with pytest.raises(ConfigError, match="cannot be read: its name is not one that a file can have"):
        read_secret(Path("a\0b"))


@pytest.mark.parametrize(("mode", "open_"), [(0o600, False), (0o400, False), (0o640, True), (0o604, True)])
def test_who_may_read_it(mode: int, open_: bool, tmp_path: Path) -> None:
    path = tmp_path / "token"
    path.write_text("x")
    path.chmod(mode)
    assert open_to_others(path) is open_


def test_a_credential_of_systemd_may_have_the_mask_of_its_list(tmp_path: Path) -> None:
    path = tmp_path / "token"
    path.write_text("x")
    path.chmod(0o440)
    assert not open_to_others(path, {"CREDENTIALS_DIRECTORY": str(tmp_path)})
    path.chmod(0o444)
    assert open_to_others(path, {"CREDENTIALS_DIRECTORY": str(tmp_path)})


def secret(path: Path, content: str = "s3cret/@:\n", mode: int = 0o600) -> Path:
    path.write_text(content)
    path.chmod(mode)
    return path


def test_every_secret_may_stand_in_a_file(tmp_path: Path) -> None:
    url = secret(tmp_path / "url", "rtsp://h/live\n")
    password = secret(tmp_path / "pw")
    document = {
        "streams": {
            "gate": {"source": {"url_file": str(url)}},
            "yard": {"source": {"url": "rtsp://u@h", "password_file": str(password)}, "ema": 0.1},
            "odd": {"source": "x"},
            "odder": 3,
        }
    }
    assert put_secrets(document, Config, skip=lambda _: False) == FoundSecrets()
    assert document["streams"] == {
        "gate": {"source": {"url": "rtsp://h/live"}},
        "yard": {"source": {"url": "rtsp://u@h", "password": "s3cret/@:"}, "ema": 0.1},
        "odd": {"source": "x"},
        "odder": 3,
    }


@pytest.mark.parametrize(
    ("source", "said"),
    [
        ({"url_file": "/nowhere"}, "/nowhere: cannot be read: No such file or directory"),
        ({"url_file": 3}, "must be the name of a file"),
        ({"url_file": "/nowhere", "url": "x"}, "stands beside url: keep one of the two"),
    ],
)
def test_a_file_that_will_not_do_is_the_only_complaint(source: dict[str, object], said: str) -> None:
    document = {"streams": {"gate": {"source": source}}}
    with pytest.raises(ConfigError) as caught:
        parse(yaml.safe_dump(document), "c", {})
    (problem,) = caught.value.problems
    assert problem.endswith(f": streams.gate.source.url_file: {said}")


def test_a_file_others_may_read_is_warned_of(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    password = secret(tmp_path / "pw", mode=0o644)
    text = f"streams: {{gate: {{source: {{url: 'rtsp://u@h/x', password_file: {password}}}}}}}"
    path = tmp_path / "c.yaml"
    path.write_text(text)
    assert load(path, {}).streams["gate"].source.location == "rtsp://u:s3cret%2F%40%3A@h/x"
    (record,) = caplog.records
    where = f"{path}:1: streams.gate.source.password_file"
    said = f"{password}: others may read it: chmod 600 {password}"
    assert record.getMessage() == f"configuration: {where}: {said}"


def test_a_file_that_is_not_to_be_read_is_not(tmp_path: Path) -> None:
    source = {"url": "rtsp://u@h/x", "password_file": str(tmp_path / "missing")}
    document = {"streams": {"gate": {"source": source}}}
    found = put_secrets(document, Config, skip=lambda _: True)
    assert found == FoundSecrets(unread=[("streams", "gate", "source", "password_file")])
    assert source == {"url": "rtsp://u@h/x", "password": "-"}
