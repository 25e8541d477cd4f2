"""Loading: all mistakes at once, each with its line, none with a password."""

from __future__ import annotations

import contextlib
import re
from pathlib import Path

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from streamseg.config import load, parse
from streamseg.errors import MAX_PROBLEMS, ConfigError
from streamseg.types import TemporalMode

CONFIGS = Path(__file__).parents[2] / "configs"
OTHERS = {"classes", "labels", "training", "streams.d"}  # folders of other files
SHIPPED = [path for path in sorted(CONFIGS.rglob("*.yaml")) if not OTHERS & set(path.parts)]

WRONG = """\
engine:
  modle: x
  precision: f8
publish:
  bind: 3
defaults:
  ema: 3
streams:
  gate:
    source: rtsp://user:${PASSWORD}@10.0.0.7/live
  yard:
    sorce: a
    source: {url: "rtsp://user:secret@10.0.0.8", stall_after_s: -1}
"""


def problems(text: str, **env: str) -> list[str]:
    with pytest.raises(ConfigError) as caught:
        parse(text, "c.yaml", env)
    return caught.value.problems


@pytest.mark.tree
def test_some_configurations_ship() -> None:
    assert {path.relative_to(CONFIGS).as_posix() for path in SHIPPED} >= {
        "edge.yaml",
        "files.yaml",
        "many/streamseg.yaml",
        "reference.yaml",
        "service.yaml",
        "streamseg.yaml",
    }


@pytest.mark.parametrize("path", SHIPPED, ids=lambda p: p.name)
def test_shipped_configuration_loads(path: Path, tmp_path: Path) -> None:
    for credential, content in {"gate": "x", "gates": "x", "yard": "https://h/x.m3u8"}.items():
        (tmp_path / credential).write_text(content)
    assert load(path, {"GATE_PASSWORD": "x", "CREDENTIALS_DIRECTORY": str(tmp_path)}).streams


@pytest.mark.tree
def test_the_streams_of_a_shipped_folder_are_in(tmp_path: Path) -> None:
    for credential in ("gates", "yard"):
        (tmp_path / credential).write_text("secret")
    config = load(CONFIGS / "many" / "streamseg.yaml", {"CREDENTIALS_DIRECTORY": str(tmp_path)})
    assert {name: stream.max_fps for name, stream in config.streams.items()} == {
        "gate-north": 5,
        "gate-south": 10,
        "yard": 5,
    }


@pytest.mark.tree
def test_the_documented_configurations_load(tmp_path: Path) -> None:
    page = (CONFIGS.parent / "docs" / "configuration.md").read_text(encoding="utf-8")
    (tmp_path / "gate").write_text("secret")
    (tmp_path / "url").write_text("rtsp://h/x")
    blocks = [block for block in re.findall(r"```yaml\n(.*?)```", page, re.DOTALL) if "streams:" in block]
    assert len(blocks) == 2
    for block in blocks:
        text = block.replace("/etc/streamseg/yard.url", str(tmp_path / "url"))
        assert parse(text, "docs", {"CREDENTIALS_DIRECTORY": str(tmp_path)}).streams


def test_every_mistake_is_told_once_with_its_line() -> None:
    found = problems(WRONG)
    assert [p.split(": ")[:2] for p in found] == [
        ["c.yaml:2", "engine.modle"],
        ["c.yaml:3", "engine.precision"],
        ["c.yaml:5", "publish.bind"],
        ["c.yaml:7", "defaults.ema"],
        ["c.yaml:10", "streams.gate.source"],
        ["c.yaml:12", "streams.yard.sorce"],
        ["c.yaml:13", "streams.yard.source.stall_after_s"],
    ]
    assert "did you mean 'model'?" in found[0]
    assert "${PASSWORD} is not set" in found[4]
    assert "did you mean 'source'?" in found[5]


@pytest.mark.parametrize(
    "text",
    [
        'streams: {gate: {source: {url: ["rtsp://user:secret@h/x"]}}}',
        'streams: {gate: {source: ["rtsp://user:pass@secret@h"]}}',
        'streams: {gate: {source: ["rtsp://user:a/secret@h"]}}',
        "streams: {gate: rtsp://user:secret@h}",
        "streams: {'rtsp://user:secret@h': {source: x}}",
        'publish: {bind: [{a: "http://h/?password=secret"}]}',
        'streams: {gate: {source: {url: x, transport: "${PASSWORD}"}}}',
        "streams: {gate: {source: rtsp://user:secret@h: x}}",
        "streams: {'rtsp://user:secret@h': {}}",
        "streams: {gate: {source: {url: x, password: [secret]}}}",
        "streams: {gate: {source: {url: x, password: {a: secret}}}}",
        "streams: {gate: {source: [{password: secret}]}}",
    ],
)
def test_no_password_in_an_error(text: str) -> None:
    assert "secret" not in "\n".join(problems(text, PASSWORD="secret"))  # noqa: S106  # it is the test


def test_a_mistake_in_the_defaults_is_told_once_and_a_streams_own_as_well() -> None:
    text = "defaults: {ema: 3}\nstreams:\n  a: {source: x}\n  b: {source: x}\n  c: {source: x, ema: 4}"
    assert [p.split(": ")[:2] for p in problems(text)] == [
        ["c.yaml:1", "defaults.ema"],
        ["c.yaml:5", "streams.c.ema"],
    ]


def test_a_variable_that_is_not_set_is_the_only_complaint_about_its_value() -> None:
    text = "defaults: {encoding: '${KIND}'}\nstreams: {a: {source: '${URL}'}}"
    assert problems(text) == [
        "c.yaml:1: defaults.encoding: ${KIND} is not set in the environment",
        "c.yaml:2: streams.a.source: ${URL} is not set in the environment",
    ]


def test_an_unknown_key_without_a_likeness_lists_the_known_ones() -> None:
    assert "known: engine, daemon, engines" in problems("xyzzy: 1\nstreams: {a: {source: x}}")[0]


def test_variables_come_from_the_environment() -> None:
    text = "streams: {gate: {source: 'rtsp://u:${PW}@h/${PATH_:-live}'}}"
    assert parse(text, "c", {"PW": "x"}).streams["gate"].source.url == "rtsp://u:x@h/live"


def test_defaults_hold_unless_the_stream_says_otherwise() -> None:
    text = "defaults: {temporal: ema}\nstreams:\n  a: {source: x}\n  b: {source: x, temporal: none}"
    streams = parse(text, "c", {}).streams
    assert streams["a"].temporal is TemporalMode.EMA
    assert streams["b"].temporal is TemporalMode.NONE


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("a: [1", "c.yaml:1: not valid YAML"),
        ("a: 1\nstreams: &x {a: *x}", "contains itself"),
        ("a: 1\nb: !!int x", "c.yaml:2: not a valid int"),
        ("a: 1\n---\nb: 1", "not valid YAML"),
        ("", "must hold sections"),
        ("- 1", "must hold sections"),
        ("{}", "streams: is required"),
        ("streams: {}", "streams: dictionary should have at least 1 item"),
        ("streams: 3", "streams: must hold keys of its own (got 3)"),
        ("streams: {gate: 3}", "streams.gate: must hold keys of its own (got 3)"),
        ("streams: {gate: }", "streams.gate: must hold keys of its own (got nothing)"),
        ("streams:\n  a: {source: x}\n  a: {source: y}", "c.yaml:3: streams.a: stands in line 2 already"),
        ("streams: {a: {source: x}, a/b: {source: x}}", "names are 1 to 64"),
        ("publish: {bind: [x, 3]}\nstreams: {a: {source: x}}", "publish.bind.1: must be text (got 3)"),
        ("defaults: [1]\nstreams: {a: {source: x}}", "defaults: must hold keys of its own"),
        ("streams: {a: {source: 3}}", "streams.a.source: must be a URL, a path, or keys of its own (got 3)"),
        ("streams: {gate: {}}", "streams.gate.source: is required"),
        (
            "streams: {a: {source: {url: x, max_fps: 3}}}",
            "max_fps: is not a known key — it stands beside source",
        ),
        ("engine: {}\nengines: {default: {}}\nstreams: {a: {source: x}}", "keep one of the two"),
        ("engine: 3\nstreams: {a: {source: x}}", "c.yaml:1: engine: must hold keys of its own (got 3)"),
        ("engines: {}\nstreams: {a: {source: x}}", "engines: dictionary should have at least 1 item"),
        ("engines:\n  big: {modle: x}\nstreams: {a: {source: x}}", "c.yaml:2: engines.big.modle: is not a"),
    ],
)
def test_what_is_wrong_is_said(text: str, said: str) -> None:
    assert said in "\n".join(problems(text))


def test_unreadable_files(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"missing.yaml: cannot be read: No such file"):
        load(tmp_path / "missing.yaml")
    (tmp_path / "latin").write_bytes(b"\xff\xfe\xfa")
    with pytest.raises(ConfigError, match="not UTF-8"):
        load(tmp_path / "latin")


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=8),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(["engine", "publish", "bind", "streams", "source", "url", "x"]), inner, max_size=3
        )
    ),
    max_leaves=12,
)


@given(
    st.dictionaries(st.sampled_from(["engine", "publish", "defaults", "streams", "daemon"]), JSON, max_size=4)
)
def test_any_document_gives_a_configuration_or_a_config_error(document: dict[str, object]) -> None:
    with contextlib.suppress(ConfigError):
        parse(yaml.safe_dump(document), "c", {})


def test_so_many_mistakes_are_told_and_no_more() -> None:
    text = "streams: {a: {source: x}}\n" + "".join(f"a: {i}\n" for i in range(2000))
    found = problems(text + "".join(f"k{i}: 1\nk{i}: 1\n" for i in range(3000)))
    assert len(found) == MAX_PROBLEMS + 1
    assert re.fullmatch(r"… and \d+ more problems", found[-1])


def test_mistakes_under_defaults_are_told_whatever_they_cost_each_stream() -> None:
    unknown = ", ".join(f"k{i}: 1" for i in range(150))
    streams = "".join(f"  s{i}: {{source: x}}\n" for i in range(300))
    found = problems(f"defaults: {{{unknown}}}\nstreams:\n{streams}")
    assert found[0].startswith("c.yaml:1: defaults.k0: is not a known key")
    assert not any("streams" in line for line in found)


def test_what_a_key_says_does_nothing_to_a_terminal() -> None:
    (found,) = problems('"a\\e[31m\\u202e": 1\nstreams: {a: {source: x}}')
    assert found.startswith(r"c.yaml:1: a\x1b[31m\u202e: is not a known key")


PIECES = [
    "streams",
    "a",
    "source",
    "defaults",
    "engine",
    ": ",
    "{",
    "}",
    "[",
    "]",
    ", ",
    "\n",
    "\n  ",
    "&a ",
    "*a",
    "<<",
    "x",
]
PIECES += [
    "${A}",
    "${A:-",
    "'",
    '"',
    "!!int ",
    "3",
    "://",
    "@",
    "\0",
    "password_file",
    "/dev/zero",
    "- ",
    "1e999",
    "\\e",
    "null",
]


@given(st.lists(st.sampled_from(PIECES), max_size=50).map("".join) | st.text(max_size=100))
def test_any_text_is_a_configuration_or_none_in_words(text: str) -> None:
    with contextlib.suppress(ConfigError):
        parse(text, "c.yaml", {"A": "x"})
