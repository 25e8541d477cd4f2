"""What is wrong between keys, each told at its line."""

from __future__ import annotations

from pathlib import Path

import pytest

from streamseg.config import parse
from streamseg.errors import MAX_PROBLEMS, ConfigError

STREAM = "streams: {gate: {source: x}}\n"


def problems(text: str) -> list[str]:
    with pytest.raises(ConfigError) as caught:
        parse(text, "c.yaml", {})
    return caught.value.problems


def test_what_all_streams_inherit_is_told_once() -> None:
    text = "engines: {a: {}, b: {}}\ndefaults:\n  engine: c\nstreams:\n  x: {source: x}\n  y: {source: y}\n"
    assert problems(text) == ["c.yaml:3: defaults.engine: there is no engine 'c'; known: a, b"]


def test_an_engine_that_is_not_there() -> None:
    text = "engines: {a: {}, b: {}}\nstreams:\n  gate: {source: x, engine: a}\n  yard: {source: x}\n"
    assert problems(text) == ["c.yaml:4: streams.yard.engine: there is no engine 'default'; known: a, b"]


@pytest.mark.parametrize(
    "url", ["rtsp://10.0.0.7/live", "rtsp://u:p@10.0.0.7/live", "clip.mp4", "rtsp://[u@h"]
)
def test_a_password_needs_a_user(url: str) -> None:
    (problem,) = problems(f"streams:\n  gate:\n    source:\n      url: '{url}'\n      password: secret\n")
    assert problem.startswith("c.yaml:4: streams.gate.source.url: ")
    assert "secret" not in problem


@pytest.mark.parametrize(
    ("bind", "said"),
    [
        ("0.0.0.0:8600", "needs a token_file"),
        ("gate.example:8600", "needs a token_file"),
        ("'[::]:8600'", "needs a token_file"),
        ("':8600'", "must be host:port"),
        ("127.0.0.1:70000", "must be host:port"),
        ("'127.0.0.1:'", "must be host:port"),
    ],
)
def test_an_address_for_the_status_that_will_not_do(bind: str, said: str) -> None:
    (problem,) = problems(f"{STREAM}status:\n  bind: {bind}\n")
    assert problem.startswith("c.yaml:3: status.bind: ")
    assert said in problem


@pytest.mark.parametrize("bind", ["127.0.0.1:8600", "localhost:0", "'[::1]:8600'"])
def test_loopback_needs_no_token(bind: str) -> None:
    assert parse(f"{STREAM}status: {{bind: {bind}}}", "c", {}).status.bind


@pytest.mark.parametrize(
    "origin", ["http://[x", "cams.example.org", "https://cams.example.org/", "https://Cams.example.org", "*"]
)
def test_an_origin_that_no_browser_sends(origin: str) -> None:
    (problem,) = problems(f"status:\n  allowed_origins: ['https://a.example:8443', '{origin}']\n{STREAM}")
    assert problem.startswith("c.yaml:2: status.allowed_origins: must be as https://host")


def test_a_token_others_may_read(tmp_path: Path) -> None:
    token = tmp_path / "token"
    token.write_text("correct-horse-battery")
    token.chmod(0o644)
    text = f"{STREAM}status:\n  bind: 0.0.0.0:8600\n  token_file: {token}\n"
    (problem,) = problems(text)
    assert problem == f"c.yaml:4: status.token_file: {token}: others may read it: chmod 600 {token}"
    token.chmod(0o600)
    assert parse(text, "c", {}).status.token_file == token


def test_a_token_that_can_be_guessed(tmp_path: Path) -> None:
    token = tmp_path / "token"
    token.write_text("secret\n")
    token.chmod(0o600)
    (problem,) = problems(f"{STREAM}status: {{token_file: {token}}}\n")
    assert problem.endswith("token: 6 characters can be guessed: 16 at least")
    assert "secret" not in problem


def test_a_token_that_is_not_there(tmp_path: Path) -> None:
    (problem,) = problems(f"{STREAM}status: {{token_file: {tmp_path}/token}}\n")
    assert "token: cannot be read: No such file" in problem


@pytest.mark.parametrize("key", ["gpu", "gpu_memory_limit_mb"])
def test_a_gpu_is_chosen_for_a_backend_that_can_be_told(key: str) -> None:
    text = f"engine: {{backend: BACKEND, {key}: 1}}\n{STREAM}"
    for backend in ("onnxruntime-cuda", "onnxruntime-tensorrt"):
        assert getattr(parse(text.replace("BACKEND", backend), "c", {}).engines["default"], key) == 1
    for backend in ("auto", "tensorrt", "openvino"):
        assert problems(text.replace("BACKEND", backend)) == [
            f"c.yaml:1: engine.{key}: is for backend onnxruntime-cuda and onnxruntime-tensorrt, not {backend}"
        ]


def test_of_very_many_the_first_are_told_and_of_very_many_engines_some_are_named() -> None:
    engines = "".join(f"  e{i}: {{}}\n" for i in range(300))
    streams = "".join(f"  s{i}: {{source: x}}\n" for i in range(300))
    first, *more = problems(f"engines:\n{engines}streams:\n{streams}")
    assert first.endswith("there is no engine 'default'; known: " + ", ".join(f"e{i}" for i in range(20)))
    assert len(more) == MAX_PROBLEMS - 1
